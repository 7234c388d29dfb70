"""What cutting a scene will cost, from cutting a corner of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rasterio.windows import Window

from geosemimtl.progress import silent
from geosemimtl.raster.aligned import SOURCE_VALUES
from geosemimtl.raster.environment import CACHE_MB, gdal_environment, gdal_threads
from geosemimtl.tasks import form_of
from geosemimtl.tiling.pieces import BAND_PX, PIECE_ROWS
from geosemimtl.tiling.scene_cutting import SceneCutter, Target
from geosemimtl.tiling.statistics import StatisticsSum

#: Tiles along a side of what is tried.
_TRIED = 4
#: The program and its libraries before any scene: 120 MB on Linux with Python 3.11.
_PROGRAM_BYTES = 120_000_000
#: Pieces that exist at once with one job, each with what it is made of: read ahead, held, counted.
_PIECES = 8
#: Bytes that a source value takes while it is read and averaged.
_BYTES_A_SOURCE_VALUE = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """What cutting will cost, about.

    Attributes:
        bytes_on_disk: Of the tile set.
        minutes: With one job, the look at the values of labels and heights left out.
        memory_bytes: At its peak, with one job.
    """

    bytes_on_disk: int
    minutes: float
    memory_bytes: int


def estimate_cost(target: Target, value_range: tuple[float, float]) -> Cost:
    """Cut some tiles from the middle into a temporary folder and scale what that took.

    Args:
        target: How the whole scene would be cut.
        value_range: The pixel values that map to 0 and 1.

    Raises:
        SceneError: A layer cannot be read.
        OutputError: The temporary folder cannot be written.
    """
    total = len(target.layout)
    if not total:
        return Cost(0, 0.0, _PROGRAM_BYTES)
    tried = _middle(target)
    image = target.layers.image
    sums = StatisticsSum(len(image.bands), image.dtype, value_range, target.classes)
    with (
        TemporaryDirectory(prefix="geosemimtl-") as name,
        gdal_environment(),
        gdal_threads(1) as pool,
    ):
        folder = Path(name)
        for kind in ("image", *target.tasks):
            (folder / kind).mkdir()
        started = time.perf_counter()
        SceneCutter(tried, folder, pool, sums, 1).cut(silent)
        seconds = time.perf_counter() - started
        written = sum(path.stat().st_size for path in folder.rglob("*.tif"))
    share = total / len(tried.layout)
    return Cost(round(written * share), seconds * share / 60, _memory(target))


def _middle(target: Target) -> Target:
    """Return the same for a part of the scene from its middle."""
    layout = target.layout
    sides = (size + (_TRIED - 1) * (size - layout.overlap_px) for size in layout.size_px)
    rows, cols = (min(side, length) for side, length in zip(sides, layout.shape, strict=True))
    corner = ((layout.shape[0] - rows) // 2, (layout.shape[1] - cols) // 2)
    grid = target.grid.crop(Window(corner[1], corner[0], cols, rows))
    return replace(
        target,
        grid=grid,
        layout=replace(layout, shape=(rows, cols)),
        split_of=lambda _row, _col: "train",
    )


def _memory(target: Target) -> int:
    depth = np.dtype(target.layers.image.dtype).itemsize * len(target.layers.image.bands) + 1
    forms = [form_of(task) for task in target.tasks]
    depth += sum(np.dtype(form.dtype).itemsize * form.channels for form in forms)
    rows, cols = target.layout.shape
    piece = min(rows, PIECE_ROWS) * min(cols, BAND_PX) * depth
    scene = depth * math.prod(target.layers.image.grid.shape)
    cache, source = (
        min(CACHE_MB * 1_000_000, scene),
        min(_BYTES_A_SOURCE_VALUE * SOURCE_VALUES, scene),
    )
    return _PROGRAM_BYTES + cache + source + _PIECES * piece
