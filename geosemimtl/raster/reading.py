"""A scene's pixels on any grid, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geosemimtl.classes import IGNORE
from geosemimtl.errors import SceneError
from geosemimtl.raster.aligned import AlignedPixels
from geosemimtl.raster.averaging import Alignment
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.recoding import recoder
from geosemimtl.raster.scene import DAMAGED, Scene
from geosemimtl.raster.values import filled
from geosemimtl.raster.virtual import recoded, uncoloured

#: GDAL's warper refuses exactly 0; at a millionth of a pixel windows agree with the whole.
WARP_TOLERANCE_PX = 1e-6
_ANY_CRS = CRS.from_wkt('LOCAL_CS["pixels of an image",UNIT["pixel",1]]')


class _Pixels(Protocol):
    """Gives the pixels of a window that lies inside the grid."""

    dtype: str
    bands: int

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return pixels (bands, rows, columns) and where they are valid (rows, columns)."""
        ...


class GridReader:
    """Reads one layer on a grid, window by window; made by ``read_on_grid``."""

    def __init__(self, path: Path, source: _Pixels, grid: PixelGrid) -> None:
        self.path = path
        self._source = source
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
        if (bottom - top, right - left) == shape:
            return self._read_inside(Window(left, top, right - left, bottom - top))
        pixels = np.zeros((self._source.bands, *shape), self._source.dtype)
        valid = np.zeros(shape, bool)
        if top < bottom and left < right:
            down = slice(top - int(window.row_off), bottom - int(window.row_off))
            across = slice(left - int(window.col_off), right - int(window.col_off))
            inside = Window(left, top, right - left, bottom - top)
            pixels[:, down, across], valid[down, across] = self._read_inside(inside)
        return pixels, valid

    def _read_inside(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        try:
            pixels, valid = self._source.read(window)
        except RasterioError as error:
            raise SceneError(f"{self.path}: {DAMAGED}") from error
        return pixels, valid


def _clipped(offset: float, length: float, limit: int) -> tuple[int, int]:
    return max(int(offset), 0), min(int(offset) + int(length), limit)


class _Warped:
    """Pixels as GDAL's warper places them."""

    def __init__(self, warped: Any, indexes: Sequence[int]) -> None:
        self._warped = warped
        self._indexes = list(indexes)
        # GDAL takes an alpha band for the mask only where two or four bands are bytes or uint16
        colours = warped.colorinterp
        self._alpha = [i + 1 for i, colour in enumerate(colours) if colour == ColorInterp.alpha]
        self.dtype, self.bands = warped.dtypes[0], len(indexes)

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        # in one call, or GDAL would warp once more for the validity
        read = self._warped.read([*self._indexes, *self._alpha], window=window)
        pixels = read[: len(self._indexes)]
        valid: NDArray[np.bool_]
        if self._alpha:
            valid = read[-1] > 0
        elif self._warped.nodata is not None:
            valid = (pixels != pixels.dtype.type(self._warped.nodata)).any(axis=0)
        else:
            valid = self._warped.dataset_mask(window=window) > 0
        if pixels.dtype.kind == "f":
            valid = valid & np.isfinite(pixels).all(axis=0)
        return filled(pixels, valid, 0), valid


def _placement(scene: Scene, grid: PixelGrid, resampling: Resampling) -> dict[str, Any]:
    """Return the warper's options about where pixels go and how."""
    options: dict[str, Any] = {
        # the warper wants any: from one to the same it transforms nothing
        "src_crs": scene.grid.crs or _ANY_CRS,
        "src_transform": scene.grid.transform,
        "crs": grid.crs or _ANY_CRS,
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
    recode: Mapping[tuple[int, ...], int] | None = None,
) -> Iterator[GridReader]:
    """Open a scene as if it lay on another grid; only valid pixels weigh.

    Windows read alone equal the same part of the whole. A scene on the very grid is read as it
    is, whatever the filter. Averages and most frequent classes between grids of parallel axes are
    computed here (``geosemimtl.raster.aligned``); all else is the warper's, where an infinite
    value makes every pixel that it touches invalid.

    Args:
        scene: What to read.
        grid: Where its pixels are wanted, in any CRS.
        resampling: GDAL's filter; see ``image_filter``, ``label_filter`` and
            ``height_filter``.
        bands: Names of the bands wanted; all by default.
        nodata: A value to treat as nodata in a scene that declares none.
        recode: For label rasters: what each pixel's values, one a band, become (0 to 254) before
            they are resampled; other values, and pixels that are not valid, weigh nothing.

    Raises:
        SceneError: The file cannot be read.
    """
    indexes = scene.indexes if bands is None else scene.indexes_of(bands)
    alignment = Alignment.between(scene.grid, grid)
    with ExitStack() as stack:
        source = stack.enter_context(scene.open())
        pixels: _Pixels
        exact = Resampling.average if recode is None else Resampling.mode
        if alignment and (resampling == exact or alignment.is_shift):
            recoding = None if recode is None else recoder(recode, scene.dtype)
            pixels = AlignedPixels(source, scene, indexes, alignment, nodata, recoding)
        else:
            options = _placement(scene, grid, resampling)
            options |= _validity(scene, nodata, recode is not None)
            try:
                if recode is not None:
                    text = recoded(source, indexes, recode)
                    source = stack.enter_context(rasterio.open(text))
                    indexes = (1,)
                elif ColorInterp.alpha in source.colorinterp:
                    source = stack.enter_context(rasterio.open(uncoloured(source)))
                warped = stack.enter_context(WarpedVRT(source, **options))
            except RasterioError as error:
                raise SceneError(f"{scene.path}: {DAMAGED}") from error
            pixels = _Warped(warped, indexes)
        yield GridReader(scene.path, pixels, grid)


def shrinks(scene: PixelGrid, grid: PixelGrid) -> bool:
    """Return whether pixels of the grid are larger than the scene's along either axis."""
    sizes = zip(grid.pixel_size, scene.pixel_size, strict=True)
    return any(target > own * 1.001 for target, own in sizes)


def image_filter(scene: PixelGrid, grid: PixelGrid) -> Resampling:
    """Return the filter of images: area average when shrinking, cubic when enlarging."""
    return Resampling.average if shrinks(scene, grid) else Resampling.cubic


def label_filter(scene: PixelGrid, grid: PixelGrid) -> Resampling:
    """Return the filter of class rasters: most frequent when shrinking, else nearest."""
    return Resampling.mode if shrinks(scene, grid) else Resampling.nearest


def height_filter(scene: PixelGrid, grid: PixelGrid) -> Resampling:
    """Return the filter of heights: area average when shrinking, else bilinear."""
    return Resampling.average if shrinks(scene, grid) else Resampling.bilinear
