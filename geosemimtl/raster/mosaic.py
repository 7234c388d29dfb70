"""Several files that form one scene: a virtual raster over them, as XML in memory.

Where files overlap, the later one wins where it is valid; what is not valid in it hides nothing.
Gaps between files are not valid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

import numpy as np
from affine import Affine
from rasterio.dtypes import dtype_rev, typename_fwd

from geosemimtl.errors import BandError, GridError
from geosemimtl.raster.grid import PixelGrid, same_crs

#: So far a file may lie beside the others' pixels; it is shown on them, unmoved. World files with
#: coordinates in millimetres are off by as much at 5 cm: half a millimetre each way, twice.
SHIFT_PX = 0.02
#: GDAL counts rows and columns in 32 bits.
_MOST_PX = 2**31 - 1


class Part(Protocol):
    """What must be known of a file; ``geosemimtl.raster.scene.Scene`` tells it."""

    @property
    def path(self) -> Path: ...  # noqa: D102  (as in Scene, like all below)
    @property
    def grid(self) -> PixelGrid: ...  # noqa: D102
    @property
    def bands(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def indexes(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def alpha(self) -> int | None: ...  # noqa: D102
    @property
    def dtype(self) -> str: ...  # noqa: D102
    @property
    def nodata(self) -> float | None: ...  # noqa: D102
    @property
    def mask(self) -> str: ...  # noqa: D102


def joined_grid(parts: Sequence[Part]) -> PixelGrid:
    """Return the smallest grid that holds all parts, on the first one's pixels.

    Raises:
        BandError: A part has other bands or another type than the first.
        GridError: A part has another CRS, other pixels, or lies between the first one's pixels.
    """
    first = parts[0]
    for part in parts:
        _require_alike(part, first)
    corners = [_corner(part.grid, first.grid) for part in parts]
    ends = [
        (row + part.grid.shape[0], col + part.grid.shape[1])
        for part, (row, col) in zip(parts, corners, strict=True)
    ]
    top, left = (min(values) for values in zip(*corners, strict=True))
    bottom, right = (max(values) for values in zip(*ends, strict=True))
    shape = (bottom - top, right - left)
    if max(shape) > _MOST_PX:
        raise GridError(
            f"{first.path}: its scene would have {shape[0]} x {shape[1]} px; its files lie too far "
            "apart: check their coordinates, or cut them apart"
        )
    for part, corner in zip(parts, corners, strict=True):
        if corner == (top, left):  # as the file says it: adding pixels up would round it
            return PixelGrid(part.grid.transform, shape, first.grid.crs)
    transform = first.grid.transform @ Affine.translation(left, top)
    return PixelGrid(transform, shape, first.grid.crs)


def joined(parts: Sequence[Part], grid: PixelGrid) -> str:
    """Return the parts as one virtual raster: XML that GDAL opens like a file.

    Its bands are the parts' bands without alpha. What is not valid is NaN where the type has it;
    else a mask tells.

    Args:
        parts: The files, later ones in front.
        grid: As ``joined_grid`` gives it.
    """
    root = _document(grid.shape)
    if grid.crs is not None:
        ET.SubElement(root, "SRS").text = grid.crs.to_wkt()
    ET.SubElement(root, "GeoTransform").text = ", ".join(map(repr, grid.transform.to_gdal()))
    is_float = _is_float(parts[0])
    numbers = range(1, len(parts[0].bands) + 1)
    bands = [_band(root, parts[0].dtype, number, nan=is_float) for number in numbers]
    mask = None if is_float else _band(ET.SubElement(root, "MaskBand"), "uint8")
    for part in parts:
        window = (*_corner(part.grid, grid), *part.grid.shape)
        hides = is_float or part.mask != "none"
        seen = _text(_masked(part)) if hides else str(part.path)
        for band, number, index in zip(bands, numbers, part.indexes, strict=True):
            _source(band, seen, number if hides else index, window, masked=hides)
        if mask is not None:
            covered = seen if hides else _text(_blank(part))
            _source(mask, covered, "mask,1", window, without=0)
    return _text(root)


def _require_alike(part: Part, first: Part) -> None:
    if (part.bands, part.dtype) != (first.bands, first.dtype):
        raise BandError(
            f"{part.path}: has {', '.join(part.bands)} of {part.dtype}, {first.path} has "
            f"{', '.join(first.bands)} of {first.dtype}; only files alike form one scene: convert "
            "it with gdal_translate, or cut it apart"
        )
    remedy = "bring all onto one grid with gdalwarp first, or cut it as a scene of its own"
    if not same_crs(part.grid.crs, first.grid.crs):
        raise GridError(
            f"{part.path}: lies in {part.grid.ground_crs.to_string()}, {first.path} in "
            f"{first.grid.ground_crs.to_string()}; {remedy}"
        )
    row, col = _corner(part.grid, first.grid)
    rows, cols = part.grid.shape
    places = ((col, row), (col + cols, row), (col + cols, row + rows), (col, row + rows))
    inverse = ~first.grid.transform
    shift_px = max(
        math.dist(inverse @ corner, place)
        for corner, place in zip(part.grid.corners, places, strict=True)
    )
    if shift_px > SHIFT_PX:
        raise GridError(
            f"{part.path}: its pixels are not those of {first.path} (up to {shift_px:.2g} px "
            f"beside them); {remedy}"
        )


def _corner(grid: PixelGrid, base: PixelGrid) -> tuple[int, int]:
    """Return the row and column of the base's pixel in which a grid begins."""
    col, row = ~base.transform @ (grid.transform.c, grid.transform.f)
    return round(row), round(col)


def _is_float(part: Part) -> bool:
    return np.dtype(part.dtype).kind == "f"


def _masked(part: Part) -> ET.Element:
    """Return a file without alpha, with a mask of what is valid in it in every way.

    GDAL's own masks do not do: it believes bands that call themselves alpha, looks at nodata band
    by band, and at NaN only where it is declared.
    """
    root = _document(part.grid.shape)
    path, numbers = str(part.path), range(1, len(part.bands) + 1)
    for number, index in zip(numbers, part.indexes, strict=True):
        _source(_band(root, part.dtype, number), path, index)
    mask = _band(ET.SubElement(root, "MaskBand"), "uint8")
    declares = part.mask == "nodata" and part.nodata is not None and not math.isnan(part.nodata)
    if part.alpha is not None:
        # a wide or floating alpha would not survive in bytes: all above 0 becomes 255
        _source(mask, path, part.alpha, scale=(0, 255))
    elif part.mask == "mask":
        _source(mask, path, "mask,1")
    elif declares and _is_float(part):
        _source(mask, _text(_any_valid(part)), 1)
    elif declares:
        _add_where_valid(mask, part, part.nodata)
    if _is_float(part):
        _add_where_valid(mask, part, math.nan)
    if _is_float(part) and len(mask) > 1:  # valid in every way; else the sources add up
        mask.set("subClass", "VRTDerivedRasterBand")
        mask.insert(0, _element("PixelFunctionType", "mul"))
    return root


def _any_valid(part: Part) -> ET.Element:
    """Return a band that is above 0 where any of a file's bands is not nodata."""
    root = _document(part.grid.shape)
    _add_where_valid(_band(root, "uint8", 1), part, part.nodata)
    return root


def _add_where_valid(band: ET.Element, part: Part, nodata: float | None) -> None:
    """Add a source for each of a file's bands: 255, but nothing where it has a value."""
    for index in part.indexes:
        _source(band, str(part.path), index, without=nodata, scale=(255, 0))


def _blank(part: Part) -> ET.Element:
    """Return a raster of a file's size without content: all of it is valid, and nothing is read."""
    root = _document(part.grid.shape)
    _band(root, "uint8", 1)
    return root


def _document(shape: tuple[int, int]) -> ET.Element:
    return ET.Element("VRTDataset", rasterXSize=str(shape[1]), rasterYSize=str(shape[0]))


def _band(
    parent: ET.Element, dtype: str, number: int | None = None, *, nan: bool = False
) -> ET.Element:
    band = ET.SubElement(parent, "VRTRasterBand", dataType=typename_fwd[dtype_rev[dtype]])
    if number is not None:
        band.set("band", str(number))
    if nan:
        ET.SubElement(band, "NoDataValue").text = "nan"
    return band


def _source(
    band: ET.Element,
    name: str,
    which: int | str,
    window: tuple[int, int, int, int] | None = None,
    *,
    masked: bool = False,
    without: float | None = None,
    scale: tuple[int, int] | None = None,
) -> None:
    """Add a file's band to a band of a virtual raster.

    Args:
        band: The virtual raster's.
        name: The file.
        which: Its band.
        window: The row, column, rows and columns that it fills; all by default.
        masked: Leave out what is not valid.
        without: Leave out a value.
        scale: Offset and factor.
    """
    is_plain = not masked and without is None and scale is None
    element = ET.SubElement(band, "SimpleSource" if is_plain else "ComplexSource")
    ET.SubElement(element, "SourceFilename", relativeToVRT="0").text = name
    ET.SubElement(element, "SourceBand").text = str(which)
    if window is not None:
        row, col, rows, cols = map(str, window)
        ET.SubElement(element, "SrcRect", xOff="0", yOff="0", xSize=cols, ySize=rows)
        ET.SubElement(element, "DstRect", xOff=col, yOff=row, xSize=cols, ySize=rows)
    if masked:
        element.append(_element("UseMaskBand", "true"))
    if without is not None:
        element.append(_element("NODATA", repr(without)))
    if scale is not None:
        element.append(_element("ScaleOffset", str(scale[0])))
        element.append(_element("ScaleRatio", str(scale[1])))


def _element(tag: str, text: str) -> ET.Element:
    element = ET.Element(tag)
    element.text = text
    return element


def _text(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")
