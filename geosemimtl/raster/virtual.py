"""GDAL's virtual rasters: a file seen in another way, written as XML."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from operator import mul
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from geosemimtl.classes import IGNORE
from geosemimtl.raster.grid import PixelGrid

#: GDAL's names of numpy's pixel types.
_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}

#: So far from 0 and 255 a colour's values may lie to be rounded there: a count over all labels of
#: Potsdam and Vaihingen, one of them a lossy copy, found none within 40 of 127.
COLOUR_REACH = 87


def uncoloured(source: Any) -> str:
    """Return a file without its colour interpretation: no band is alpha by its colour.

    The warper takes any band that calls itself alpha for one; four-band false-colour files call
    near-infrared so. A mask that the file has besides is kept.

    Args:
        source: An open rasterio data set.
    """
    root = _document(source)
    for index, dtype in zip(source.indexes, source.dtypes, strict=True):
        _source(_band(root, index, _GDAL_TYPES[dtype]), "SimpleSource", source.name, str(index))
    flags = {flag.name for flag in source.mask_flag_enums[0]}
    if "per_dataset" in flags and "alpha" not in flags:
        mask = _band(ET.SubElement(root, "MaskBand"), None, "Byte")
        _source(mask, "SimpleSource", source.name, "mask,1")
    return ET.tostring(root, encoding="unicode")


def rescaled(source: Any, factor: float) -> str:
    """Return a file's values times a factor, as floats; NaN where they are not valid.

    Args:
        source: An open rasterio data set.
        factor: What the values are multiplied with.
    """
    return _through(source, "Float32", ("ScaleOffset", "0"), ("ScaleRatio", repr(factor)))


def as_bytes(
    source: Any,
    nodata: float | None,
    ends: tuple[float, float],
    levels: tuple[int, int],
    hole: int,
) -> str:
    """Return a file's values as bytes, evenly spread over a range.

    Args:
        source: An open rasterio data set.
        nodata: Value of its pixels without data.
        ends: Values that become the levels; those beyond become the nearer one.
        levels: Bytes.
        hole: What pixels without data become.
    """
    root = _document(source)
    for index in source.indexes:
        band = _band(root, index, "Byte")
        ET.SubElement(band, "NoDataValue").text = str(hole)
        element = _source(band, "ComplexSource", source.name, str(index))
        if nodata is not None:
            ET.SubElement(element, "NODATA").text = repr(nodata)
        steps = (f"{end!r}:{level}" for end, level in zip(ends, levels, strict=True))
        ET.SubElement(element, "LUT").text = ",".join(steps)
    return ET.tostring(root, encoding="unicode")


def rounded(source: Any) -> str:
    """Return a file of bytes with the values next to 0 and 255 moved there, others to 128.

    Args:
        source: An open rasterio data set of bytes.
    """
    low, high = COLOUR_REACH, 255 - COLOUR_REACH
    steps = {0: 0, low: 0, low + 1: 128, high - 1: 128, high: 255, 255: 255}
    return _through(source, "Byte", ("LUT", ",".join(f"{old}:{new}" for old, new in steps.items())))


def _through(source: Any, gdal_type: str, *how: tuple[str, str]) -> str:
    """Return all bands of a file, their valid values changed on the way."""
    root = _document(source)
    masked = "per_dataset" in {flag.name for flag in source.mask_flag_enums[0]}
    for index in source.indexes:
        band = _band(root, index, gdal_type)
        if gdal_type == "Float32":
            ET.SubElement(band, "NoDataValue").text = "nan"
        element = _source(band, "ComplexSource", source.name, str(index))
        if masked:
            ET.SubElement(element, "UseMaskBand").text = "true"
        for tag, text in how:
            ET.SubElement(element, tag).text = text
    if masked and gdal_type != "Float32":
        mask = _band(ET.SubElement(root, "MaskBand"), None, "Byte")
        _source(mask, "SimpleSource", source.name, "mask,1")
    return ET.tostring(root, encoding="unicode")


def recoded(source: Any, indexes: Sequence[int], table: Mapping[tuple[int, ...], int]) -> str:
    """Return one band that says what each pixel's values become, ``IGNORE`` for all others.

    Args:
        source: An open rasterio data set of whole numbers.
        indexes: 1-based bands that are looked at together.
        table: New values, 0 to 254, by the old values, one a band.

    Returns:
        A band of bytes; ``IGNORE`` also where pixels are not valid.
    """
    name, index, codes = source.name, indexes[0], {old[0]: new for old, new in table.items()}
    if len(indexes) > 1:
        digits = [_digits({old[place] for old in table}) for place in range(len(indexes))]
        name, index = _numbered(source, indexes, digits), 1
        codes = {_number(old, digits): new for old, new in table.items()}
    root = _document(source)
    band = _band(root, 1, "Byte")
    ET.SubElement(band, "NoDataValue").text = str(IGNORE)
    element = _source(band, "ComplexSource", name, str(index))
    ET.SubElement(element, "UseMaskBand").text = "true"
    _lookup(element, codes, IGNORE)
    return ET.tostring(root, encoding="unicode")


def _digits(values: set[int]) -> dict[int, int]:
    return {value: digit for digit, value in enumerate(sorted(values), 1)}


def _weights(digits: Sequence[Mapping[int, int]]) -> list[int]:
    """Return what a digit of each band counts; 0 is the digit of values not looked for."""
    bases = (len(one) + 1 for one in digits)
    return list(accumulate(bases, mul, initial=1))[:-1]


def _number(values: Sequence[int], digits: Sequence[Mapping[int, int]]) -> int:
    weights = _weights(digits)
    return sum(w * one[v] for w, one, v in zip(weights, digits, values, strict=True))


def _numbered(source: Any, indexes: Sequence[int], digits: Sequence[Mapping[int, int]]) -> str:
    """Return one band that numbers combinations of values: their digits, added up by GDAL."""
    root = _document(source)
    # bytes are quickest; single floats tell all numbers of three bytes apart
    highest = prod(len(one) + 1 for one in digits) - 1
    band = _band(root, 1, "Byte" if highest <= 255 else "Float32")
    band.set("subClass", "VRTDerivedRasterBand")
    ET.SubElement(band, "PixelFunctionType").text = "sum"
    flags = {flag.name for flags in source.mask_flag_enums for flag in flags}
    for index, weight, one in zip(indexes, _weights(digits), digits, strict=True):
        element = _source(band, "ComplexSource", source.name, str(index))
        if flags & {"per_dataset", "alpha"}:  # nodata counts only where every band has it
            ET.SubElement(element, "UseMaskBand").text = "true"
        _lookup(element, {value: weight * digit for value, digit in one.items()}, 0)
    return ET.tostring(root, encoding="unicode")


def raw(numbers: Path, grid: PixelGrid, dtype: str, count: int) -> str:
    """Return a file of plain numbers, band after band and row after row, as a raster.

    Args:
        numbers: The file; what is returned belongs in the same folder.
        grid: Of the raster.
        dtype: numpy name of the type.
        count: Number of bands.
    """
    # an image that lies nowhere says nothing of a place, not even that of its pixels
    place = Affine.identity() if grid.crs is None else grid.transform
    root = _header(grid.shape, grid.crs, place)
    rows, cols = grid.shape
    size = np.dtype(dtype).itemsize
    for index in range(count):
        band = _band(root, index + 1, _GDAL_TYPES[dtype])
        band.set("subClass", "VRTRawRasterBand")
        ET.SubElement(band, "SourceFilename", relativeToVRT="1").text = numbers.name
        ET.SubElement(band, "ImageOffset").text = str(index * rows * cols * size)
        ET.SubElement(band, "PixelOffset").text = str(size)
        ET.SubElement(band, "LineOffset").text = str(cols * size)
        ET.SubElement(band, "ByteOrder").text = "LSB" if sys.byteorder == "little" else "MSB"
    return ET.tostring(root, encoding="unicode")


def _lookup(element: ET.Element, table: Mapping[int, int], other: int) -> None:
    # GDAL interpolates between the entries: neighbours keep each entry to its own number
    around = {value + step: other for value in table for step in (-1, 1)}
    entries = sorted((around | dict(table)).items())
    ET.SubElement(element, "LUT").text = ",".join(f"{old}:{new}" for old, new in entries)


def _document(source: Any) -> ET.Element:
    return _header(source.shape, source.crs, source.transform)


def _header(shape: tuple[int, int], crs: CRS | None, transform: Affine) -> ET.Element:
    rows, cols = shape
    root = ET.Element("VRTDataset", rasterXSize=str(cols), rasterYSize=str(rows))
    if crs is not None:
        ET.SubElement(root, "SRS").text = crs.to_wkt()
    if not transform.is_identity:
        ET.SubElement(root, "GeoTransform").text = ", ".join(map(repr, transform.to_gdal()))
    return root


def _band(parent: ET.Element, index: int | None, gdal_type: str) -> ET.Element:
    band = ET.SubElement(parent, "VRTRasterBand", dataType=gdal_type)
    if index is not None:
        band.set("band", str(index))
    return band


def _source(band: ET.Element, kind: str, name: str, which: str) -> ET.Element:
    element = ET.SubElement(band, kind)
    ET.SubElement(element, "SourceFilename", relativeToVRT="0").text = name
    ET.SubElement(element, "SourceBand").text = which
    return element
