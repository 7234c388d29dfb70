"""What rasters are written as: GeoTIFFs, or pictures and arrays, which say of no place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import rasterio.shutil

from geosemimtl.classes import IGNORE, Classes
from geosemimtl.errors import ConfigError, OutputError
from geosemimtl.files import whole_file, write_all, write_text
from geosemimtl.raster.cog import RawRaster, category_names, whole_or_nothing
from geosemimtl.raster.declared import CLASSES_TAG
from geosemimtl.raster.environment import unplaced
from geosemimtl.raster.styles import Composite, Ramp, Style, qgis_style
from geosemimtl.raster.virtual import as_bytes
from geosemimtl.raster.writing import FULL, RasterKind, disk_errors

GEOTIFF = "tif"
PLAIN = "png"
#: Of a picture of numbers: not to be mistaken for them.
PREVIEW_ENDING = "_preview.png"

#: Ends a whole PNG.
_LAST_CHUNK = b"\x00\x00\x00\x00IEND\xaeB`\x82"
#: What is no colour of a unit vector, so that it can mean no data.
_BLACK = {"NODATA_VALUES": "0 0 0"}
#: Byte values that have a colour; the next, 255, is nodata.
_LEVELS = range(IGNORE)


class FileForm(NamedTuple):
    """A file that is made of a raster's numbers.

    Attributes:
        ending: Of its name.
        write: Writes it whole or not at all, given the numbers, how they are shown, the path and
            the compression of GeoTIFFs.
        texts: Returns what belongs beside it, by suffix of its name, given the same.
    """

    ending: str
    write: Callable[[RawRaster, Style, Path, str], None]
    texts: Callable[[RasterKind, Style], Mapping[str, str]] = lambda *_: {}


def file_forms(file_format: str, kind: RasterKind, style: Style) -> tuple[FileForm, ...]:
    """Return the files of a raster in a format, in the order they get their names: its data last.

    Args:
        file_format: A key of ``FORMATS``.
        kind: What the raster holds.
        style: How it is shown.

    Raises:
        ConfigError: There is no such format.
    """
    if file_format not in FORMATS:
        raise ConfigError(f"--format {file_format}: choose from {', '.join(FORMATS)}")
    return FORMATS[file_format](kind, style)


def preview_of(path: Path) -> Path:
    """Return where the picture of an array would lie."""
    return path.with_name(path.stem + PREVIEW_ENDING)


def write_png(raw: RawRaster, style: Style, path: Path, _: str = "") -> None:
    """Write one band of bytes as a PNG of a palette, whose indices are the band's values.

    Its text chunks are the raster's tags. 255 is transparent.

    Raises:
        OutputError: The disk is full.
    """
    with raw.described() as described:
        _dress(described, raw.kind, _palette(style, _LEVELS))
        _copy(described, path)


def write_preview(raw: RawRaster, style: Style, path: Path, _: str = "") -> None:
    """Write real numbers as a PNG to look at, in 255 colours, or three bands as red, green, blue.

    Values beyond the style's ends have the colours of the ends; nodata is transparent.

    Raises:
        OutputError: The disk is full.
    """
    if isinstance(style, Classes):
        raise TypeError("real numbers have no classes")  # a mistake in the program
    single = isinstance(style, Ramp)
    with raw.described() as described:
        scaled = described.with_suffix(".bytes.vrt")
        try:
            with unplaced():
                opened = rasterio.open(described)
            with opened as source:
                levels, hole = ((0, IGNORE - 1), IGNORE) if single else ((0, 255), 0)
                text = as_bytes(source, raw.kind.nodata, style.ends, levels, hole)
            write_text(scaled, text)
            palette = _palette(style, np.linspace(*style.ends, len(_LEVELS)).tolist())
            _dress(scaled, raw.kind, palette if single else None)
            _copy(scaled, path)
        finally:
            scaled.unlink(missing_ok=True)


def write_npy(raw: RawRaster, _: Style, path: Path, __: str = "") -> None:
    """Write numbers as numpy reads them: (rows, columns), or (bands, rows, columns) of several.

    Real numbers are not a number (NaN) where there is no data; bytes stay as they are.

    Raises:
        OutputError: The disk is full.
    """
    kind, shape = raw.kind, raw.shape
    dtype = np.dtype(kind.dtype)
    head = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape[1:] if shape[0] == 1 else shape,
    }
    with whole_file(path) as file:
        np.lib.format.write_array_header_1_0(file, head)
        for numbers in raw.numbers():
            if dtype.kind == "f":
                numbers[numbers == kind.nodata] = np.nan
            write_all(file, numbers.data)


def _geotiff(_: RasterKind, __: Style) -> tuple[FileForm, ...]:
    return (FileForm(".tif", _write_geotiff, _geotiff_texts),)


def _write_geotiff(raw: RawRaster, _: Style, path: Path, compress: str) -> None:
    raw.copy(path, compress)


def _geotiff_texts(kind: RasterKind, style: Style) -> dict[str, str]:
    return {".qml": qgis_style(style), **category_names(kind)}


def _plain(kind: RasterKind, style: Style) -> tuple[FileForm, ...]:
    bands = len(kind.band_names)
    if kind.dtype == "uint8" and bands == 1:
        return (FileForm(".png", write_png),)
    shown = 3 if isinstance(style, Composite) else 1
    preview = (FileForm(PREVIEW_ENDING, write_preview),) if bands == shown else ()
    return (*preview, FileForm(".npy", write_npy))


#: The files of a raster by the name of a format.
FORMATS: Mapping[str, Callable[[RasterKind, Style], tuple[FileForm, ...]]] = {
    GEOTIFF: _geotiff,
    PLAIN: _plain,
}
#: Endings of the files of any raster, by the name of a format.
ENDINGS: Mapping[str, tuple[str, ...]] = {
    GEOTIFF: (".tif",),
    PLAIN: (PREVIEW_ENDING, ".png", ".npy"),
}


def _palette(style: Style, values: Sequence[float]) -> dict[int, tuple[int, int, int, int]]:
    """Return colours and opacity by index; those of no class are black, nodata is transparent."""
    colours = dict.fromkeys(_LEVELS, (0, 0, 0))
    if isinstance(style, Classes):
        colours |= {index: entry.rgb for index, entry in enumerate(style.entries)}
    elif isinstance(style, Ramp):
        colours |= dict(enumerate(style.colours(values)))
    return {index: (*rgb, 255) for index, rgb in colours.items()} | {IGNORE: (0, 0, 0, 0)}


def _dress(
    described: Path, kind: RasterKind, palette: dict[int, tuple[int, int, int, int]] | None
) -> None:
    """Write a palette and what a PNG says in its text chunks into a virtual raster."""
    tags = dict(kind.tags)
    if kind.classes is not None:
        tags[CLASSES_TAG] = kind.classes.model_dump_json()
    with unplaced():
        target = rasterio.open(described, "r+")
    with target:
        if palette is None:
            tags |= _BLACK
        else:
            target.nodata = IGNORE
            target.write_colormap(1, palette)
        target.update_tags(**tags)


def _copy(described: Path, path: Path) -> None:
    """Make a PNG of a virtual raster, row by row."""
    with (
        whole_or_nothing(path),
        disk_errors(path),
        # what PNG cannot hold would lie beside it as XML
        rasterio.Env(GDAL_PAM_ENABLED=False),
    ):
        rasterio.shutil.copy(described, path, driver="PNG", WRITE_METADATA_AS_TEXT="YES")
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - len(_LAST_CHUNK)))
            if file.read() != _LAST_CHUNK:  # GDAL keeps a full disk to itself
                raise OutputError(f"{path.parent}: {FULL}")
