"""Writing cloud-optimised GeoTIFFs: first windows, as plain numbers; at the end the file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError, OutputError
from geosemimtl.files import write_all, write_text
from geosemimtl.raster.declared import CLASSES_TAG
from geosemimtl.raster.environment import unplaced
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.virtual import raw
from geosemimtl.raster.writing import FULL, RasterKind, disk_errors

#: Numbers that are read at once.
_CHUNK = 1 << 20
#: GDAL's options by the name of a compression; benchmarks/compress.py tells what each costs.
COMPRESSIONS: Mapping[str, Mapping[str, Any]] = {
    "zstd": {"COMPRESS": "ZSTD", "LEVEL": 1},
    "deflate": {"COMPRESS": "DEFLATE", "LEVEL": 6},
    "lzw": {"COMPRESS": "LZW"},
    "none": {"COMPRESS": "NONE"},
}


class RawRaster:
    """A raster that is being written: numbers in a file, which a COG is made of in the end.

    Windows may come in any order and more than once; what was written stays after a kill.

    Args:
        path: The file of numbers; a description of it is kept beside, for GDAL.
        grid: Of the raster.
        kind: What it holds.

    Attributes:
        kind: What it holds.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(self, path: Path, grid: PixelGrid, kind: RasterKind) -> None:
        self._path, self._grid, self.kind = path, grid, kind
        self._dtype = np.dtype(kind.dtype)
        with disk_errors(path):
            path.touch()
            self._file = path.open("r+b", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, columns)."""
        return (len(self.kind.band_names), *self._grid.shape)

    def write(self, row: int, pixels: NDArray[Any], col: int = 0) -> None:
        """Write a window (bands, rows, columns) whose first pixel is at a row and column.

        Raises:
            OutputError: The disk is full.
        """
        rows, cols = self._grid.shape
        with disk_errors(self._path):
            for band, values in enumerate(np.ascontiguousarray(pixels, self._dtype)):
                # full rows lie behind each other
                runs = [values] if values.shape[1] == cols else values
                for index, run in enumerate(runs):
                    place = (band * rows + row + index) * cols + col
                    self._write(place * self._dtype.itemsize, run)

    def _write(self, place: int, values: NDArray[Any]) -> None:
        self._file.seek(place)
        write_all(self._file, values.data)

    def sync(self) -> None:
        """Have the system write to the disk what it holds.

        Raises:
            OutputError: The disk is full.
        """
        with disk_errors(self._path):
            os.fsync(self._file.fileno())

    def copy(self, path: Path, compress: str = "zstd") -> None:
        """Write what there is as a COG; after an error nothing is left under its name.

        Raises:
            OutputError: The disk is full.
            ConfigError: There is no such compression.
        """
        if compress not in COMPRESSIONS:
            raise ConfigError(f"--compress {compress}: choose from {', '.join(COMPRESSIONS)}")
        with self.described() as described, whole_or_nothing(path), disk_errors(path):
            with unplaced():
                target = rasterio.open(described, "r+")
            with target:
                describe(target, self.kind)
            options = {**_cog_options(self.kind), **COMPRESSIONS[compress]}
            rasterio.shutil.copy(described, path, driver="COG", **options)
            _require_whole(path)

    @contextmanager
    def described(self) -> Iterator[Path]:
        """Keep a virtual raster of what there is beside it, for a while.

        Yields:
            Its path.

        Raises:
            OutputError: The disk is full.
        """
        self._complete()
        described = self._path.with_suffix(".vrt")
        write_text(described, raw(self._path, self._grid, str(self._dtype), self.shape[0]))
        try:
            yield described
        finally:
            described.unlink(missing_ok=True)

    def numbers(self) -> Iterator[NDArray[Any]]:
        """Yield what there is, band after band and row after row, some of it at a time.

        Raises:
            OutputError: The disk is full.
        """
        self._complete()
        self._file.seek(0)
        while len(numbers := np.fromfile(self._file, self._dtype, _CHUNK)):
            yield numbers

    def _complete(self) -> None:
        """Give the file its whole size: a last window may never have been written."""
        with disk_errors(self._path):
            self._file.truncate(prod(self.shape) * self._dtype.itemsize)


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[None]:
    """Remove after an error what GDAL has written of a file, and always what it left beside it."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    finally:
        for leftover in path.parent.glob(f"{_escaped(path)}.*tmp*"):
            leftover.unlink(missing_ok=True)


@contextmanager
def cog_writer(
    path: Path, grid: PixelGrid, kind: RasterKind, sidecars: Mapping[str, str] | None = None
) -> Iterator[RawRaster]:
    """Write a cloud-optimised GeoTIFF window by window; after an error nothing remains.

    Args:
        path: The raster, ``.tif``.
        grid: Its grid.
        kind: What it holds.
        sidecars: Text by suffix of files beside the raster, such as ``{".qml": "<qgis ..."}``.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """
    numbers, whole = (path.with_name(f".{path.stem}.{part}") for part in ("raw", "whole.tif"))
    with ExitStack() as stack:
        for leftover in (numbers, whole):
            stack.callback(leftover.unlink, missing_ok=True)
        with RawRaster(numbers, grid, kind) as target:
            yield target
            target.copy(whole)
        publish(whole, path, {**(sidecars or {}), **category_names(kind)})


def publish(whole: Path, path: Path, sidecars: Mapping[str, str]) -> None:
    """Give a finished file its name, after all that belongs beside it.

    Args:
        whole: The finished file.
        path: Its name.
        sidecars: Texts by suffix, which takes the place of the name's own.

    Raises:
        OutputError: It cannot be written.
    """
    with disk_errors(path):
        # QGIS and GDAL keep statistics beside a raster: they would be those of the one replaced
        path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
        for suffix, text in sidecars.items():
            write_text(path.with_name(path.stem + suffix), text)
        whole.replace(path)


def remove_raster(path: Path) -> None:
    """Remove a file that ``publish`` named, with what lies beside it.

    Raises:
        OutputError: It cannot be removed.
    """
    with disk_errors(path):
        path.unlink()
        path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
        if path.suffix == ".tif":  # of a picture beside a GeoTIFF the style is not its own
            path.with_suffix(".qml").unlink(missing_ok=True)


def describe(target: Any, kind: RasterKind) -> None:
    """Write what a raster's bands are into an open rasterio data set."""
    target.nodata = kind.nodata
    target.descriptions = kind.band_names
    if kind.unit is not None:
        target.units = kind.units
    if kind.scale is not None:
        target.scales = (kind.scale,) * target.count
    if kind.classes is not None:
        palette = {i: (*c.rgb, 255) for i, c in enumerate(kind.classes.entries)}
        target.write_colormap(1, palette)
        target.update_tags(**{CLASSES_TAG: kind.classes.model_dump_json()})
    target.update_tags(**kind.tags)


def _require_whole(path: Path) -> None:
    """Refuse a COG whose last block is not in the file: GDAL keeps a full disk to itself."""
    with unplaced():
        opened = rasterio.open(path)
    with opened as source:
        # the full image's last block is the last thing in a COG
        (height, width), (rows, cols) = source.block_shapes[-1], source.shape
        last = f"{(cols - 1) // width}_{(rows - 1) // height}"
        end = sum(
            int(source.get_tag_item(f"BLOCK_{what}_{last}", "TIFF", bidx=source.count) or 0)
            for what in ("OFFSET", "SIZE")
        )
    if not 0 < end <= path.stat().st_size:
        raise OutputError(f"{path.parent}: {FULL}")


def _escaped(path: Path) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path.name)


def _cog_options(kind: RasterKind) -> dict[str, Any]:
    return {
        "PREDICTOR": "YES" if np.dtype(kind.dtype).kind == "f" else "NO",
        "OVERVIEW_RESAMPLING": kind.overviews,
        "BIGTIFF": "IF_SAFER",
        "NUM_THREADS": "ALL_CPUS",
    }


def category_names(kind: RasterKind) -> dict[str, str]:
    """Return GDAL's PAM file with the class names by suffix: the one place GDAL reads them from."""
    if kind.classes is None:
        return {}
    dataset = ET.Element("PAMDataset")
    band = ET.SubElement(dataset, "PAMRasterBand", band="1")
    names = ET.SubElement(band, "CategoryNames")
    for name in kind.classes.names:
        ET.SubElement(names, "Category").text = name
    ET.indent(dataset)
    return {".tif.aux.xml": ET.tostring(dataset, encoding="unicode") + "\n"}
