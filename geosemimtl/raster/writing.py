"""Writing rasters: under a temporary name, renamed when whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.io import MemoryFile

from geosemimtl.classes import Classes
from geosemimtl.errors import GridError, OutputError
from geosemimtl.files import REMEDY
from geosemimtl.raster.grid import PixelGrid

#: Room on the disk beyond a file's own, for what else is written meanwhile.
_SPARE_BYTES = 1 << 20
FULL = f"cannot be written, the disk is full; {REMEDY}"


@dataclass(frozen=True, slots=True)
class RasterKind:
    """What a raster holds, apart from its pixels.

    Attributes:
        dtype: numpy name of the pixel type.
        nodata: Value of pixels without data.
        band_names: One a band.
        unit: Of the values, such as ``m``; of each band, if it is several.
        classes: Written as palette, category names and tag.
        overviews: How overviews are made: GDAL's ``MODE``, ``AVERAGE`` or ``NEAREST``.
        tags: Metadata of the file.
        scale: What a value times it means, such as a share.
    """

    dtype: str
    nodata: float | None = None
    band_names: tuple[str, ...] = ("band_1",)
    unit: str | tuple[str, ...] | None = None
    classes: Classes | None = None
    overviews: str = "AVERAGE"
    tags: Mapping[str, str] = field(default_factory=dict)
    scale: float | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each band; empty without units."""
        if isinstance(self.unit, tuple):
            return self.unit
        return () if self.unit is None else (self.unit,) * len(self.band_names)


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
        with disk_errors(path):
            if shutil.disk_usage(path.parent).free < array.nbytes + _SPARE_BYTES:
                raise OutputError(f"{path.parent}: {FULL}")
            with _opened(part, profile) as target:
                _describe_bands(target, kind)  # first, or the directory would be written twice
                target.write(array)
                if valid is not None:
                    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                        target.write_mask(valid)
            # GDAL tells nobody that it could not finish a file on closing it
            if not compress and part.stat().st_size < array.nbytes:
                raise OutputError(f"{path.parent}: {FULL}")
            part.replace(path)
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
    """Return what ``write_raster`` writes, uncompressed and without a mask.

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
    if grid.crs is None:
        return data
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
    # an image that lies nowhere says nothing of a place, not even that of its pixels
    place = {} if grid.crs is None else {"crs": grid.crs, "transform": grid.transform}
    return {
        "driver": "GTiff",
        "dtype": kind.dtype,
        "count": count,
        "height": grid.shape[0],
        "width": grid.shape[1],
        **place,
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
def disk_errors(path: Path) -> Iterator[None]:
    """Turn GDAL's and the system's complaints while writing into one a user can act on."""
    try:
        yield
    except (rasterio.errors.RasterioError, CPLE_BaseError) as error:
        raise OutputError(f"{path.parent}: cannot be written, disk full? {REMEDY}") from error
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"{path.parent}: cannot be written ({error.strerror}); {REMEDY}"
        ) from error


def _describe_bands(target: Any, kind: RasterKind) -> None:
    if kind.band_names:
        target.descriptions = kind.band_names
