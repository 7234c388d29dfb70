"""Scenes on disk: what bands they have, what is valid, and their pixels on any grid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pydantic import ValidationError
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from geosemimtl.errors import BandError, GridError, SceneError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.virtual import recoded, uncoloured
from geosemimtl.tasks import IGNORE, Classes

#: The tag in which class rasters of this project name their classes.
CLASSES_TAG = "GEOSEMIMTL_CLASSES"
#: GDAL's warper refuses exactly 0; at a millionth of a pixel windows agree with the whole.
WARP_TOLERANCE_PX = 1e-6
#: Once around, and half of it for scenes across the date line; grads stay below, too.
_MOST_DEGREES = 600
_DAMAGED = "cannot be read; it is damaged or incomplete: copy or make it again"


@dataclass(frozen=True, slots=True)
class Scene:
    """A raster file that was looked at; no file is held open.

    Attributes:
        path: The file.
        grid: Its pixel grid, with the assumed CRS where the file has none.
        bands: Names of its bands in file order, alpha left out; ``band_1`` ... when unknown.
        indexes: The file's 1-based index of each band.
        named_by: Who named the bands: ``user``, ``file`` (descriptions), ``colour`` (the colour
            interpretation red, green, blue) or ``nobody``.
        alpha: 1-based index of the alpha band, or ``None``.
        dtype: numpy name of the pixel type.
        nodata: The file's nodata value, NaN for floating-point files without one.
        mask: Where validity comes from: ``alpha``, ``mask``, ``nodata`` or ``none``.
    """

    path: Path
    grid: PixelGrid
    bands: tuple[str, ...]
    indexes: tuple[int, ...]
    named_by: str
    alpha: int | None
    dtype: str
    nodata: float | None
    mask: str

    def indexes_of(self, wanted: Sequence[str]) -> tuple[int, ...]:
        """Return the file's indexes of the wanted bands, in their order.

        Raises:
            BandError: A band is missing; the message says what to pass.
        """
        missing = [name for name in wanted if name not in self.bands]
        if missing and len(self.bands) < len(wanted):
            raise BandError(
                f"{self.path}: has {len(self.bands)} band(s), too few for the {len(wanted)} wanted "
                f"({', '.join(wanted)}): name another scene, or another model"
            )
        if missing and self.named_by == "user":
            raise BandError(
                f"{self.path}: has {', '.join(self.bands)} by --bands, wanted "
                f"{', '.join(wanted)}: name another scene, or another model"
            )
        if missing:
            have = ", ".join(self.bands) if self.named_by != "nobody" else "unnamed"
            raise BandError(
                f"{self.path}: has {len(self.bands)} band(s) ({have}), wanted "
                f"{', '.join(wanted)}: name the file's bands in file order, such as "
                f"--bands {','.join(wanted)}"
            )
        return tuple(self.indexes[self.bands.index(name)] for name in wanted)


def open_scene(
    path: Path,
    bands: Sequence[str] | None = None,
    *,
    alpha: int | str = "auto",
    assume_crs: str | None = None,
) -> Scene:
    """Look at a raster file.

    Args:
        path: Any raster that GDAL reads.
        bands: Names of the file's bands in file order; overrides what the file says.
        alpha: 1-based index of the alpha band, ``none``, or ``auto`` to believe the file unless
            ``bands`` names every band.
        assume_crs: CRS of files that carry none.

    Raises:
        SceneError: The file is missing or no raster.
        GridError: It has no CRS or no geotransform.
        BandError: The number of names does not fit.
    """
    with _opened(path) as source:
        return _describe(source, path, bands, alpha, assume_crs)


def _opened(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # a scene without georeference is refused with a remedy, once it is looked at
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(path)
    except RasterioError as error:
        reason = "not a raster that GDAL reads" if path.is_file() else "no such file"
        reason = "is a folder, not a raster" if path.is_dir() else reason
        raise SceneError(f"{path}: {reason}; check the path") from error


def _describe(
    source: Any, path: Path, bands: Sequence[str] | None, alpha: int | str, assume_crs: str | None
) -> Scene:
    alpha_index = _alpha_index(source, path, bands, alpha)
    indexes = tuple(index for index in source.indexes if index != alpha_index)
    names, named_by = _band_names(source, path, indexes, bands)
    dtype = np.dtype(source.dtypes[0])
    nodata = _nodata(source, dtype)
    mask = "none"
    if alpha_index is not None:
        mask = "alpha"
    elif nodata is not None:
        mask = "nodata"
    elif [flag.name for flag in source.mask_flag_enums[0]] == ["per_dataset"]:
        mask = "mask"
    grid = PixelGrid(source.transform, source.shape, _crs(source, path, assume_crs))
    if grid.crs.is_geographic and max(map(abs, grid.bounds)) > _MOST_DEGREES:
        raise GridError(
            f"{path}: its CRS {grid.crs.to_string()} counts degrees, its coordinates reach "
            f"{max(map(abs, grid.bounds)):.0f}; name the right CRS: gdal_edit.py -a_srs EPSG:25832"
        )
    return Scene(path, grid, names, indexes, named_by, alpha_index, str(dtype), nodata, mask)


def _nodata(source: Any, dtype: np.dtype[Any]) -> float | None:
    if source.nodata is None:
        return float("nan") if dtype.kind == "f" else None
    nodata = float(source.nodata)
    if dtype.kind == "f":
        return nodata
    # some programs declare -9999 for bytes: no pixel can have it
    limits = np.iinfo(dtype)
    return nodata if limits.min <= nodata <= limits.max else None


def _crs(source: Any, path: Path, assume_crs: str | None) -> CRS:
    if source.transform.is_identity or source.transform.is_degenerate:
        raise GridError(
            f"{path}: has no georeference; add a world file, or its corners with "
            "gdal_translate -a_ullr"
        )
    if source.crs is not None:
        return source.crs
    if assume_crs is None:
        raise GridError(f"{path}: has no CRS; name it, such as --assume-crs EPSG:25832")
    try:
        return CRS.from_user_input(assume_crs)
    except CRSError as error:
        raise GridError(f"--assume-crs {assume_crs}: unknown CRS; write EPSG:25832, say") from error


def _alpha_index(
    source: Any, path: Path, bands: Sequence[str] | None, alpha: int | str
) -> int | None:
    if isinstance(alpha, int):
        if alpha not in source.indexes:
            raise BandError(f"{path}: --alpha {alpha}, but it has {source.count} band(s)")
        return alpha
    claimed = [i for i in source.indexes if source.colorinterp[i - 1] == ColorInterp.alpha]
    named_all = bands is not None and len(bands) == source.count
    return claimed[0] if claimed and alpha == "auto" and not named_all else None


def _band_names(
    source: Any, path: Path, indexes: Sequence[int], bands: Sequence[str] | None
) -> tuple[tuple[str, ...], str]:
    if bands is not None:
        if len(bands) != len(indexes) or len(set(bands)) != len(bands):
            raise BandError(
                f"{path}: has {len(indexes)} band(s) besides alpha, --bands names {len(bands)} "
                f"({','.join(bands)}): name each band of the file once, in file order"
            )
        return tuple(name.lower() for name in bands), "user"
    described = [source.descriptions[i - 1] for i in indexes]
    if all(described) and len(set(described)) == len(described):
        return tuple(name.lower() for name in described), "file"
    colours = [source.colorinterp[i - 1].name for i in indexes]
    if set(colours) == {"red", "green", "blue"} and len(colours) == 3:
        return tuple(colours), "colour"
    return tuple(f"band_{index}" for index in indexes), "nobody"


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
            raise SceneError(f"{self._path}: {_DAMAGED}") from error
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
        source = stack.enter_context(_opened(scene.path))
        try:
            if recode is not None:
                text = recoded(source, indexes[0], recode)
                source = stack.enter_context(rasterio.open(text))
                indexes = (1,)
            elif ColorInterp.alpha in source.colorinterp:
                source = stack.enter_context(rasterio.open(uncoloured(source)))
            warped = stack.enter_context(WarpedVRT(source, **options))
        except RasterioError as error:
            raise SceneError(f"{scene.path}: {_DAMAGED}") from error
        yield GridReader(scene.path, warped, grid, indexes)


def declared_classes(scene: Scene) -> Classes | None:
    """Return the classes that a class raster of this project names, ``None`` for other rasters.

    Raises:
        SceneError: The file cannot be read, or what it says of its classes is damaged.
    """
    with _opened(scene.path) as source:
        text = source.tags().get(CLASSES_TAG)
    try:
        return None if text is None else Classes.model_validate_json(text)
    except ValidationError as error:
        raise SceneError(
            f"{scene.path}: its tag {CLASSES_TAG} is damaged; predict again"
        ) from error


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


def overlap(layer: PixelGrid, grid: PixelGrid) -> bool:
    """Return whether a layer's bounds, in the grid's CRS, meet the grid's bounds."""
    left, bottom, right, top = transform_bounds(layer.crs, grid.crs, *layer.bounds)
    own_left, own_bottom, own_right, own_top = grid.bounds
    return bool(left < own_right and right > own_left and bottom < own_top and top > own_bottom)
