"""What values a scene holds, seen in a sample of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.raster.reading import GridReader, read_on_grid
from geosemimtl.raster.registration import spread_windows
from geosemimtl.raster.scene import Scene

#: Percentiles that are reported.
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
#: Up to this many pixels a scene is read whole; beyond, in windows of 512 px.
_WHOLE_PX = 2**24
_WINDOW_PX = 512
_WINDOWS = 24
#: Pixels kept for percentiles.
_KEPT_PX = 2**20
#: Pieces of its left and right side that are looked at.
_PIECES = 4
#: Depth of the frame in which a border without image is looked for.
_FRAME_PX = 8


@dataclass(frozen=True, slots=True)
class BandValues:
    """The values of a band where it is valid.

    Attributes:
        minimum: Smallest seen.
        maximum: Largest seen.
        percentiles: At ``PERCENTILES``.
    """

    minimum: float
    maximum: float
    percentiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a scene's pixels.

    Attributes:
        values: (bands, pixels): valid pixels, evenly spread over what was read.
        bands: One entry a band; empty where no pixel is valid.
        valid_share: Share of the pixels read that are valid.
        is_whole: Whether every pixel was read.
        black_share: Share of the scene's frame that is solid and 0 in all bands, though valid.
        white_share: Likewise at the type's largest value; 0 for floating-point numbers.
    """

    values: NDArray[Any]
    bands: tuple[BandValues, ...]
    valid_share: float
    is_whole: bool
    black_share: float
    white_share: float


def sample_scene(scene: Scene) -> Sample:
    """Read a scene of moderate size whole, a larger one in 24 windows spread over it.

    Raises:
        SceneError: The pixels cannot be read.
    """
    rows, cols = scene.grid.shape
    is_whole = rows * cols <= _WHOLE_PX
    if is_whole:
        height = max(1, _KEPT_PX // cols)
        tops = range(0, rows, height)
        windows = [Window(0, top, cols, min(height, rows - top)) for top in tops]
    else:
        windows = spread_windows(scene.grid.shape, _WINDOW_PX, _WINDOWS)
    read = sum(int(window.width * window.height) for window in windows)
    step = -(-read // _KEPT_PX)
    kept, extremes, valid_px = [], [], 0
    with read_on_grid(scene, scene.grid, Resampling.nearest) as reader:
        for window in windows:
            pixels, valid = reader.read(window)
            seen = pixels[:, valid]
            valid_px += seen.shape[1]
            if seen.size:
                kept.append(seen[:, ::step])
                extremes.append((seen.min(axis=1), seen.max(axis=1)))
        black, white = _solid_frame(reader, np.dtype(scene.dtype))
    values = np.concatenate(kept, axis=1) if kept else np.zeros((len(scene.bands), 0), scene.dtype)
    return Sample(values, _described(values, extremes), valid_px / read, is_whole, black, white)


def _described(
    values: NDArray[Any], extremes: list[tuple[NDArray[Any], NDArray[Any]]]
) -> tuple[BandValues, ...]:
    if not extremes:
        return ()
    low = np.min([least for least, _ in extremes], axis=0)
    high = np.max([most for _, most in extremes], axis=0)
    between = np.percentile(values.astype(np.float64), PERCENTILES, axis=1).T
    return tuple(
        BandValues(float(least), float(most), tuple(row))
        for least, most, row in zip(low, high, between.tolist(), strict=True)
    )


def _solid_frame(reader: GridReader, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the shares of the frame that are black and white all the way through.

    Scenes that were turned or clipped without a mask have borders of one value. A dark pixel at
    the rim is no border; eight in a row, all bands at the very end of the type, are.
    """
    rows, cols = reader.grid.shape
    depth = min(_FRAME_PX, rows, cols)
    black = white = length = 0
    # at the left and right in pieces: strips of pixels run across, and each costs a row
    height = min(rows, _WINDOW_PX)
    tops = np.linspace(0, rows - height, min(-(-rows // height), _PIECES)).astype(int).tolist()
    sides = [
        (Window(0, 0, cols, depth), 0),
        (Window(0, rows - depth, cols, depth), 0),
        *((Window(left, top, depth, height), 1) for top in tops for left in (0, cols - depth)),
    ]
    for window, through in sides:
        pixels, valid = reader.read(window)
        length += valid.shape[1 - through]
        black += int(((pixels == 0).all(axis=0) & valid).all(axis=through).sum())
        if dtype.kind in "ui":
            full = (pixels == np.iinfo(dtype).max).all(axis=0) & valid
            white += int(full.all(axis=through).sum())
    return black / length, white / length
