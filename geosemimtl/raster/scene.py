"""Scenes on disk: what bands they have, what is valid, and their pixels on any grid."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform_bounds

from geosemimtl.errors import BandError, GridError, SceneError
from geosemimtl.files import on_disk
from geosemimtl.raster.decoding import decoded
from geosemimtl.raster.environment import unplaced
from geosemimtl.raster.grid import PixelGrid, same_crs, shown_whole
from geosemimtl.raster.mosaic import joined, joined_grid
from geosemimtl.raster.virtual import rescaled, rounded

_LOG = logging.getLogger(__name__)
#: Once around, and half of it for scenes across the date line; grads stay below, too.
_MOST_DEGREES = 600
DAMAGED = "cannot be read; it is damaged or incomplete: copy or make it again"


@dataclass(frozen=True, slots=True)
class Georeference:
    """Where files lie that do not say so themselves.

    Attributes:
        crs: Of files without a CRS.
        transform: Of files without a geotransform; ``None`` refuses them.
        shape: (rows, columns) that a file needs for the geotransform, to one pixel; ``None`` lets
            any have it.
        nowhere: Whether all files are images that lie nowhere on the ground, whatever they say.
    """

    crs: CRS | None = None
    transform: Affine | None = None
    shape: tuple[int, int] | None = None
    nowhere: bool = False

    @classmethod
    def of(cls, grid: PixelGrid) -> Georeference:
        """Return that of the layers of an image: pixel on pixel where they say nothing else."""
        return cls(grid.crs, grid.transform, grid.shape, nowhere=grid.crs is None)


#: Of images that lie nowhere on the ground.
NOWHERE = Georeference(transform=Affine.identity(), nowhere=True)
#: Decodes a file that is no plain raster, or whose numbers mean something else: returns (bands,
#: rows, columns) or (rows, columns); floats are NaN where nothing is known.
Reader = Callable[[Path], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A raster that was looked at; no file is held open.

    Attributes:
        path: The file; the first of several.
        source: What GDAL opens: the file, or the virtual raster that joins several.
        files: All files named, the first one first.
        read_from: All files that GDAL reads for them, masks and the parts of virtual rasters too.
        grid: Its pixel grid, with the assumed CRS where the file has none.
        bands: Names of its bands in file order, alpha left out; ``band_1`` ... when unknown.
        indexes: The file's 1-based index of each band.
        named_by: Who named the bands: ``user``, ``file`` (descriptions), ``colour`` (the colour
            interpretation red, green, blue) or ``nobody``.
        alpha: 1-based index of the alpha band, or ``None``.
        dtype: numpy name of the pixel type.
        nodata: The file's nodata value, NaN for floating-point files without one.
        mask: Where validity comes from: ``alpha``, ``mask``, ``nodata`` or ``none``.
        reader: Decodes the file, where GDAL alone does not.
    """

    path: Path
    source: str
    files: tuple[Path, ...]
    read_from: tuple[Path, ...]
    grid: PixelGrid
    bands: tuple[str, ...]
    indexes: tuple[int, ...]
    named_by: str
    alpha: int | None
    dtype: str
    nodata: float | None
    mask: str
    reader: Reader | None = None

    def open(self) -> Any:
        """Open it as a raster; the caller closes it.

        Raises:
            SceneError: It is missing or no raster.
        """
        return opened(self.source if self.reader is None else self.path, self.reader)

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
    path: Path | Sequence[Path],
    bands: Sequence[str] | None = None,
    *,
    alpha: int | str = "auto",
    assume_crs: str | None = None,
    fallback: Georeference | None = None,
    reader: Reader | None = None,
) -> Scene:
    """Look at a raster file, or at several that form one scene.

    Where several overlap, the later one wins where it is valid; gaps between them are not valid.

    Args:
        path: Any raster that GDAL reads, or several on one pixel grid.
        bands: Names of the file's bands in file order; overrides what the file says.
        alpha: 1-based index of the alpha band, ``none``, or ``auto`` to believe the file unless
            ``bands`` names every band.
        assume_crs: CRS of files that carry none, as the user named it; others are warned about.
        fallback: What else holds for files that do not say where they lie, such as the image's
            place for its labels.
        reader: Decodes each file, which must be one.

    Raises:
        SceneError: The file is missing or no raster.
        GridError: It has no CRS or no geotransform, or the files are not on one pixel grid.
        BandError: The number of names does not fit, or the files' bands differ.
    """
    files = (path,) if isinstance(path, Path) else tuple(path)
    assumed = _named_crs(assume_crs)
    known = fallback or Georeference()
    scenes, placed = [], False
    for file in files:
        with opened(file, reader) as source:
            transform = _transform(source, file, known)
            crs = _crs(source, file, assumed, known)
            grid = PixelGrid(transform, source.shape, crs)
            scenes.append(_describe(source, file, bands, alpha, grid))
            placed |= transform != source.transform  # which only a virtual raster can say to GDAL
    twofold = _is_float(scenes[0]) and scenes[0].mask in {"alpha", "mask"}
    if reader is not None:  # which read it from the file, not from memory
        return replace(scenes[0], reader=reader, read_from=files)
    if len(scenes) == 1 and not twofold and not placed:
        return scenes[0]
    return _join(scenes)  # one such file, too: the warper heeds either its mask or its NaN


def _join(scenes: Sequence[Scene]) -> Scene:
    """Return the scene that several files form; its validity is NaN for floats, else a mask."""
    first, grid = scenes[0], joined_grid(scenes)
    nodata = next((scene.nodata for scene in scenes if scene.nodata is not None), None)
    return replace(
        first,
        source=joined(scenes, grid),
        files=tuple(scene.path for scene in scenes),
        read_from=tuple(file for scene in scenes for file in scene.read_from),
        grid=grid,
        indexes=tuple(range(1, len(first.bands) + 1)),
        alpha=None,
        nodata=float("nan") if _is_float(first) else nodata,
        mask="nodata" if _is_float(first) else "mask",
    )


def in_metres(scene: Scene, unit_m: float) -> Scene:
    """Return heights as metres.

    Args:
        scene: One band of heights.
        unit_m: Metres that the value 1 stands for.

    Raises:
        SceneError: The file cannot be read.
    """
    if unit_m == 1:
        return scene
    whole = _join([scene])  # says in one way what is valid
    with opened(whole.source) as source:
        text = rescaled(source, unit_m)
    return replace(whole, source=text, dtype="float32", nodata=float("nan"), mask="nodata")


def in_pure_colours(scene: Scene) -> Scene:
    """Return a colour raster with values next to 0 and 255 moved there, all others to 128.

    Raises:
        SceneError: The file cannot be read.
    """
    whole = _join([scene])
    with opened(whole.source) as source:
        return replace(whole, source=rounded(source))


def _is_float(scene: Scene) -> bool:
    return np.dtype(scene.dtype).kind == "f"


def opened(source: Path | str, reader: Reader | None = None) -> Any:
    """Open a raster by its path or by a scene's ``source``; the caller closes it.

    Args:
        source: The path or source.
        reader: Decodes the file; what it returns is a raster in memory from then on.

    Raises:
        SceneError: It is missing or no raster.
    """
    if reader is not None:
        return decoded(reader, Path(source))
    try:
        with unplaced():
            # as a path: rasterio would take a ? or # in a name for part of an address
            is_virtual = isinstance(source, str) and source.startswith("<VRTDataset")
            return rasterio.open(source if is_virtual else Path(source))
    except RasterioError as error:
        path = Path(source)
        reason = "not a raster that GDAL reads" if on_disk(path)[0].is_file() else "no such file"
        reason = "is a folder, not a raster" if path.is_dir() else reason
        raise SceneError(f"{path}: {reason}; check the path") from error


def _describe(
    source: Any, path: Path, bands: Sequence[str] | None, alpha: int | str, grid: PixelGrid
) -> Scene:
    alpha_index = _alpha_index(source, path, bands, alpha)
    indexes = tuple(index for index in source.indexes if index != alpha_index)
    names, named_by = _band_names(source, path, indexes, bands)
    dtype = _dtype(source, path)
    nodata = _nodata(source, dtype)
    has_mask = [flag.name for flag in source.mask_flag_enums[0]] == ["per_dataset"]
    mask = "none"
    if alpha_index is not None:
        mask = "alpha"
    elif has_mask and (nodata is None or source.nodata is None):
        mask = "mask"
    elif nodata is not None:
        mask = "nodata"
    if grid.crs and grid.crs.is_geographic and max(map(abs, grid.bounds)) > _MOST_DEGREES:
        raise GridError(
            f"{path}: its CRS {grid.crs.to_string()} counts degrees, its coordinates reach "
            f"{max(map(abs, grid.bounds)):.0f}; name the right CRS: gdal_edit.py -a_srs EPSG:25832"
        )
    return Scene(
        path,
        str(path),
        (path,),
        (path, *(Path(file) for file in source.files if Path(file) != path)),
        grid,
        names,
        indexes,
        named_by,
        alpha_index,
        str(dtype),
        nodata,
        mask,
    )


def _dtype(source: Any, path: Path) -> np.dtype[Any]:
    kinds = sorted(set(source.dtypes))
    if len(kinds) > 1 or kinds[0].startswith("complex"):
        raise BandError(
            f"{path}: its bands are of {', '.join(kinds)}; bands of one type of real numbers are "
            "needed: gdal_translate -ot Float32, say"
        )
    dtype: np.dtype[Any] = np.dtype(kinds[0])
    return dtype


def _nodata(source: Any, dtype: np.dtype[Any]) -> float | None:
    if source.nodata is None:
        return float("nan") if dtype.kind == "f" else None
    nodata = float(source.nodata)
    if dtype.kind == "f":
        return nodata
    # some programs declare -9999 for bytes: no pixel can have it
    limits = np.iinfo(dtype)
    return nodata if limits.min <= nodata <= limits.max else None


def _named_crs(assume_crs: str | None) -> CRS | None:
    try:
        with rasterio.Env():  # without, GDAL prints a line of its own
            return None if assume_crs is None else CRS.from_user_input(assume_crs)
    except CRSError as error:
        raise GridError(f"--assume-crs {assume_crs}: unknown CRS; write EPSG:25832, say") from error


def _transform(source: Any, path: Path, known: Georeference) -> Affine:
    transform: Affine = source.transform
    if known.nowhere:
        return shown_whole(source.shape, known.shape or source.shape, path)
    if not (transform.is_identity or transform.is_degenerate):
        return transform
    if known.transform is None:
        raise GridError(
            f"{path}: has no georeference; add a world file, or its corners with "
            "gdal_translate -a_ullr; images that lie nowhere on the ground are cut with --resize"
        )
    if known.shape and max(abs(a - b) for a, b in zip(source.shape, known.shape, strict=True)) > 1:
        raise GridError(
            f"{path}: has no georeference, and {source.shape[0]} x {source.shape[1]} px where its "
            f"image has {known.shape[0]} x {known.shape[1]}; add a world file"
        )
    return known.transform


def _crs(source: Any, path: Path, assumed: CRS | None, known: Georeference) -> CRS | None:
    if known.nowhere:
        return None
    if source.crs is None:
        if (crs := assumed or known.crs) is None:
            raise GridError(
                f"{path}: has no CRS; name it, such as --assume-crs EPSG:25832, or write it into "
                "the file by gdal_edit.py -a_srs"
            )
        return crs
    if assumed is not None and not same_crs(source.crs, assumed):
        _LOG.warning(
            "%s: has a CRS of its own, %s; --assume-crs is not used", path, source.crs.to_string()
        )
    return source.crs


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


def overlap(layer: PixelGrid, grid: PixelGrid) -> bool:
    """Return whether a layer's bounds, in the grid's CRS, meet the grid's bounds."""
    left, bottom, right, top = layer.bounds
    if not same_crs(layer.crs, grid.crs):
        left, bottom, right, top = transform_bounds(layer.crs, grid.crs, *layer.bounds)
    own_left, own_bottom, own_right, own_top = grid.bounds
    return bool(left < own_right and right > own_left and bottom < own_top and top > own_bottom)
