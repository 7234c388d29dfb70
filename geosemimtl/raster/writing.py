"""Writing rasters: under a temporary name, renamed when whole."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.windows import Window

from geosemimtl.errors import GridError, OutputError
from geosemimtl.files import REMEDY, write_text
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import CLASSES_TAG
from geosemimtl.tasks import Classes

#: Room on the disk beyond a file's own, for what else is written meanwhile.
_SPARE_BYTES = 1 << 20
_FULL = f"cannot be written, the disk is full; {REMEDY}"


@dataclass(frozen=True, slots=True)
class RasterKind:
    """What a raster holds, apart from its pixels.

    Attributes:
        dtype: numpy name of the pixel type.
        nodata: Value of pixels without data.
        band_names: One a band.
        unit: Of the values, such as ``m``.
        classes: Written as palette, category names and tag.
        overviews: How overviews are made: GDAL's ``MODE``, ``AVERAGE`` or ``NEAREST``.
    """

    dtype: str
    nodata: float | None = None
    band_names: tuple[str, ...] = ("band_1",)
    unit: str | None = None
    classes: Classes | None = None
    overviews: str = "AVERAGE"
    tags: Mapping[str, str] = field(default_factory=dict)


class StripWriter:
    """Takes the rows of a raster from top to bottom; made by :func:`cog_writer`."""

    def __init__(self, target: Any, path: Path) -> None:
        self._target = target
        self._path = path

    def write(self, row: int, pixels: NDArray[Any]) -> None:
        """Write full rows (bands, rows, columns), the first of them at ``row``."""
        rows, cols = pixels.shape[1:]
        with _disk_errors(self._path):
            self._target.write(pixels, window=Window(0, row, cols, rows))


@contextmanager
def cog_writer(
    path: Path, grid: PixelGrid, kind: RasterKind, sidecars: Mapping[str, str] | None = None
) -> Iterator[StripWriter]:
    """Write a cloud-optimised GeoTIFF strip by strip.

    The rows go to a temporary file beside the target; when all are written it becomes a COG, the
    sidecars are renamed into place, and the raster last. After an error nothing remains.

    Args:
        path: The raster, ``.tif``.
        grid: Its grid.
        kind: What it holds.
        sidecars: Text by suffix of files beside the raster, such as ``{".qml": "<qgis ..."}``.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """
    strips, whole = (path.with_name(f".{path.stem}.{part}.tif") for part in ("strips", "whole"))
    profile = _profile(grid, kind, count=len(kind.band_names))
    profile |= {
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "ZSTD",
        "zstd_level": 1,
    }
    try:
        with _opened(strips, profile) as target:
            _describe_bands(target, kind)
            yield StripWriter(target, path)
        with _disk_errors(path):
            rasterio.shutil.copy(strips, whole, driver="COG", **_cog_options(kind))
            _forget_statistics(path)
            for suffix, text in _all_sidecars(kind, sidecars or {}).items():
                write_text(path.with_name(path.stem + suffix), text)
            whole.replace(path)
    finally:
        for leftover in (strips, whole):
            for file in leftover.parent.glob(glob.escape(leftover.name) + "*"):
                file.unlink()


def write_raster(
    path: Path,
    array: NDArray[Any],
    grid: PixelGrid,
    *,
    nodata: float | None = None,
    band_names: Sequence[str] = (),
    valid: NDArray[np.bool_] | None = None,
    compress: bool = True,
) -> None:
    """Write a small raster at once, as a plain GeoTIFF.

    Args:
        path: The raster, ``.tif``.
        array: Pixels (bands, rows, columns).
        grid: Its grid.
        nodata: Value of pixels without data.
        band_names: Band descriptions.
        valid: Written as an internal mask (rows, columns); none is everywhere.
        compress: Whether its size matters more than the time to read it.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """
    kind = RasterKind(str(array.dtype), nodata, tuple(band_names))
    part = path.with_name(f".{path.name}.part")
    profile = _plain_profile(grid, kind, len(array))
    if compress:
        profile |= {"compress": "DEFLATE", "zlevel": 1}
    try:
        if shutil.disk_usage(path.parent).free < array.nbytes + _SPARE_BYTES:
            raise OutputError(f"{path.parent}: {_FULL}")
        with _disk_errors(path), _opened(part, profile) as target:
            _describe_bands(target, kind)  # first, or the directory would be written twice
            target.write(array)
            if valid is not None:
                with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                    target.write_mask(valid)
        # GDAL tells nobody that it could not finish a file on closing it
        if not compress and part.stat().st_size < array.nbytes:
            raise OutputError(f"{path.parent}: {_FULL}")
        part.replace(path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: cannot be written to ({error.strerror}); {REMEDY}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def raster_bytes(
    array: NDArray[Any],
    grid: PixelGrid,
    *,
    nodata: float | None = None,
    band_names: Sequence[str] = (),
) -> bytes:
    """Return what :func:`write_raster` writes, uncompressed and without a mask.

    Raises:
        GridError: GeoTIFF has no words for the grid's CRS, such as a rotated pole.
    """
    kind = RasterKind(str(array.dtype), nodata, tuple(band_names))
    with MemoryFile() as file:
        with file.open(**_plain_profile(grid, kind, len(array))) as target:
            _describe_bands(target, kind)
            target.write(array)
        data = bytes(file.getbuffer())
    # as another file: GDAL keeps beside the first one what GeoTIFF cannot hold
    with MemoryFile(data) as file, file.open() as source:
        if source.crs is None:
            raise GridError(
                f"{grid.crs.to_string()[:60]} ...: GeoTIFF cannot hold this CRS; cut in another, "
                "such as --crs auto"
            )
    return data


def _plain_profile(grid: PixelGrid, kind: RasterKind, count: int) -> dict[str, Any]:
    return _profile(grid, kind, count) | {"INTERLEAVE": "BAND"}


def _profile(grid: PixelGrid, kind: RasterKind, count: int) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "dtype": kind.dtype,
        "count": count,
        "height": grid.shape[0],
        "width": grid.shape[1],
        "crs": grid.crs,
        "transform": grid.transform,
        "nodata": kind.nodata,
        "BIGTIFF": "IF_SAFER",
        # bands have names: GDAL would call any third one blue and a fourth alpha
        "PHOTOMETRIC": "MINISBLACK",
        "ALPHA": "NO",
    }


@contextmanager
def _opened(path: Path, profile: Mapping[str, Any]) -> Iterator[Any]:
    try:
        target = rasterio.open(path, "w", **profile)
    except rasterio.errors.RasterioIOError as error:
        raise OutputError(f"{path.parent}: cannot be written to; choose another with -o") from error
    with target:
        yield target


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn GDAL's and the system's complaints while writing into one a user can act on."""
    try:
        yield
    except rasterio.errors.RasterioError as error:
        raise OutputError(f"{path}: cannot be written; is the disk full?") from error


def _forget_statistics(path: Path) -> None:
    # QGIS and GDAL keep a raster's statistics beside it: they would be those of the file replaced
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)


def _describe_bands(target: Any, kind: RasterKind) -> None:
    if kind.band_names:
        target.descriptions = kind.band_names
    if kind.unit is not None:
        target.units = (kind.unit,) * target.count
    if kind.classes is not None:
        palette = {i: (*c.rgb, 255) for i, c in enumerate(kind.classes.entries)}
        target.write_colormap(1, palette)
        target.update_tags(**{CLASSES_TAG: kind.classes.model_dump_json()})
    target.update_tags(**kind.tags)


def _cog_options(kind: RasterKind) -> dict[str, Any]:
    predictor = "YES" if np.dtype(kind.dtype).kind == "f" else "NO"
    return {
        "COMPRESS": "ZSTD",
        "LEVEL": 1,
        "PREDICTOR": predictor,
        "OVERVIEW_RESAMPLING": kind.overviews,
        "BIGTIFF": "IF_SAFER",
        "NUM_THREADS": "ALL_CPUS",
    }


def _all_sidecars(kind: RasterKind, sidecars: Mapping[str, str]) -> dict[str, str]:
    if kind.classes is None:
        return dict(sidecars)
    return {**sidecars, ".tif.aux.xml": _category_names(kind.classes)}


def _category_names(classes: Classes) -> str:
    """Return GDAL's PAM file with the class names: the one place GDAL reads them from."""
    dataset = ET.Element("PAMDataset")
    band = ET.SubElement(dataset, "PAMRasterBand", band="1")
    names = ET.SubElement(band, "CategoryNames")
    for name in classes.names:
        ET.SubElement(names, "Category").text = name
    ET.indent(dataset)
    return ET.tostring(dataset, encoding="unicode") + "\n"
