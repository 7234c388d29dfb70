"""A scene's pixels on any grid, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geosemimtl.errors import SceneError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import DAMAGED, Scene, opened
from geosemimtl.raster.virtual import recoded, uncoloured
from geosemimtl.tasks import IGNORE

#: GDAL's warper refuses exactly 0; at a millionth of a pixel windows agree with the whole.
WARP_TOLERANCE_PX = 1e-6


class GridReader:
    """Reads one layer on a grid, window by window; made by :func:`read_on_grid`."""

    def __init__(self, path: Path, source: Any, grid: PixelGrid, indexes: Sequence[int]) -> None:
        self._path = path
        self._source = source
        self._indexes = list(indexes)
        self.grid = grid

    def read(self, window: Window | None = None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window; what reaches beyond the grid is zero and not valid.

        Args:
            window: In pixels of the grid; the whole of it by default.

        Returns:
            Pixels (bands, rows, columns) in the file's type, 0 where not valid, and where they
            are valid (rows, columns): where alpha or mask say so, where any band has another
            value than nodata (as gdalwarp does), and where all bands are finite.

        Raises:
            SceneError: The pixels cannot be read.
        """
        rows, cols = self.grid.shape
        window = window or Window(0, 0, cols, rows)
        top, bottom = _clipped(window.row_off, window.height, rows)
        left, right = _clipped(window.col_off, window.width, cols)
        shape = (int(window.height), int(window.width))
        pixels = np.zeros((len(self._indexes), *shape), self._source.dtypes[0])
        valid = np.zeros(shape, bool)
        if top < bottom and left < right:
            down = slice(top - int(window.row_off), bottom - int(window.row_off))
            across = slice(left - int(window.col_off), right - int(window.col_off))
            inside = Window(left, top, right - left, bottom - top)
            pixels[:, down, across], valid[down, across] = self._read_inside(inside)
        return pixels, valid

    def _read_inside(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        try:
            pixels = self._source.read(self._indexes, window=window)
            valid = self._mask(window) > 0
        except RasterioError as error:
            raise SceneError(f"{self._path}: {DAMAGED}") from error
        if pixels.dtype.kind == "f":
            valid = valid & np.isfinite(pixels).all(axis=0)
        return np.where(valid, pixels, pixels.dtype.type(0)), valid

    def _mask(self, window: Window) -> NDArray[Any]:
        # GDAL takes an alpha band for the mask only where two or four bands are bytes or uint16
        if ColorInterp.alpha in self._source.colorinterp:
            alpha = self._source.colorinterp.index(ColorInterp.alpha) + 1
            return np.asarray(self._source.read(alpha, window=window))
        return np.asarray(self._source.dataset_mask(window=window))


def _clipped(offset: float, length: float, limit: int) -> tuple[int, int]:
    return max(int(offset), 0), min(int(offset) + int(length), limit)


def _placement(scene: Scene, grid: PixelGrid, resampling: Resampling) -> dict[str, Any]:
    """Return the warper's options about where pixels go and how."""
    options: dict[str, Any] = {
        "src_crs": scene.grid.crs,
        "crs": grid.crs,
        "transform": grid.transform,
        "height": grid.shape[0],
        "width": grid.shape[1],
        "resampling": Resampling.nearest if scene.grid.matches(grid) else resampling,
        "tolerance": WARP_TOLERANCE_PX,
    }
    if not shrinks(scene.grid, grid):
        # GDAL would guess the ratio of the pixel sizes chunk by chunk, and blur across CRS
        options |= {"XSCALE": "1", "YSCALE": "1"}
    return options


def _validity(scene: Scene, nodata: float | None, is_recoded: bool) -> dict[str, Any]:  # noqa: FBT001  (one of three sources)
    """Return the warper's options about which pixels weigh."""
    declared = scene.nodata if scene.mask == "nodata" else nodata
    if is_recoded:
        return {"src_nodata": IGNORE, "nodata": IGNORE}
    if scene.alpha is not None:
        return {"src_alpha": scene.alpha, "add_alpha": True}
    if declared is not None and np.dtype(scene.dtype).kind == "f":
        return {"src_nodata": declared, "nodata": declared}  # GDAL makes no alpha from NaN
    # validity as a band of its own: GDAL moves valid values that equal nodata to the next one
    return {"src_nodata": declared, "add_alpha": True}


@contextmanager
def read_on_grid(
    scene: Scene,
    grid: PixelGrid,
    resampling: Resampling,
    bands: Sequence[str] | None = None,
    *,
    nodata: float | None = None,
    recode: Mapping[int, int] | None = None,
) -> Iterator[GridReader]:
    """Open a scene as if it lay on another grid; only valid pixels weigh.

    Windows read alone equal the same part of the whole. A scene on the very grid is read as it
    is, whatever the filter. An infinite value makes every pixel that it touches invalid.

    Args:
        scene: What to read.
        grid: Where its pixels are wanted, in any CRS.
        resampling: GDAL's filter; see :func:`image_filter`, :func:`label_filter` and
            :func:`height_filter`.
        bands: Names of the bands wanted; all by default.
        nodata: A value to treat as nodata in a scene that declares none.
        recode: For a label raster of one band: what each of its values becomes (0 to 254) before
            it is resampled; other values, and pixels that are not valid, weigh nothing.

    Raises:
        SceneError: The file cannot be read.
    """
    indexes = scene.indexes if bands is None else scene.indexes_of(bands)
    options = _placement(scene, grid, resampling) | _validity(scene, nodata, recode is not None)
    with ExitStack() as stack:
        source = stack.enter_context(opened(scene.path))
        try:
            if recode is not None:
                text = recoded(source, indexes[0], recode)
                source = stack.enter_context(rasterio.open(text))
                indexes = (1,)
            elif ColorInterp.alpha in source.colorinterp:
                source = stack.enter_context(rasterio.open(uncoloured(source)))
            warped = stack.enter_context(WarpedVRT(source, **options))
        except RasterioError as error:
            raise SceneError(f"{scene.path}: {DAMAGED}") from error
        yield GridReader(scene.path, warped, grid, indexes)


def shrinks(scene: PixelGrid, grid: PixelGrid) -> bool:
    """Return whether pixels of the grid are larger than the scene's along either axis."""
    return any(target > own * 1.001 for target, own in zip(grid.gsd_m, scene.gsd_m, strict=True))


def image_filter(scene: PixelGrid, grid: PixelGrid) -> Resampling:
    """Return the filter of images: area average when shrinking, cubic when enlarging."""
    return Resampling.average if shrinks(scene, grid) else Resampling.cubic


def label_filter(scene: PixelGrid, grid: PixelGrid) -> Resampling:
    """Return the filter of class rasters: most frequent when shrinking, else nearest."""
    return Resampling.mode if shrinks(scene, grid) else Resampling.nearest


def height_filter(scene: PixelGrid, grid: PixelGrid) -> Resampling:
    """Return the filter of heights: area average when shrinking, else bilinear."""
    return Resampling.average if shrinks(scene, grid) else Resampling.bilinear
