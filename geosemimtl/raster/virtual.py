"""GDAL's virtual rasters: a file seen in another way, written as XML and never to disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from geosemimtl.tasks import IGNORE

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


def uncoloured(source: Any) -> str:
    """Return a file without its colour interpretation: no band is alpha by its colour.

    The warper takes any band that calls itself alpha for one; four-band false-colour files call
    near-infrared so. A mask that the file has besides is kept.

    Args:
        source: An open rasterio data set.
    """
    root = _document(source)
    for index, dtype in zip(source.indexes, source.dtypes, strict=True):
        _source(_band(root, index, _GDAL_TYPES[dtype]), "SimpleSource", source, str(index))
    flags = {flag.name for flag in source.mask_flag_enums[0]}
    if "per_dataset" in flags and "alpha" not in flags:
        mask = _band(ET.SubElement(root, "MaskBand"), None, "Byte")
        _source(mask, "SimpleSource", source, "mask,1")
    return ET.tostring(root, encoding="unicode")


def recoded(source: Any, index: int, table: Mapping[int, int]) -> str:
    """Return one band with its values replaced, ``IGNORE`` for other values and invalid pixels.

    Args:
        source: An open rasterio data set of whole numbers.
        index: 1-based band.
        table: New values, 0 to 254, by old value.
    """
    # GDAL interpolates between the entries: neighbours keep each entry to its own number
    around = {value + step: IGNORE for value in table for step in (-1, 1)}
    entries = sorted((around | dict(table)).items())
    root = _document(source)
    band = _band(root, 1, "Byte")
    ET.SubElement(band, "NoDataValue").text = str(IGNORE)
    element = _source(band, "ComplexSource", source, str(index))
    ET.SubElement(element, "UseMaskBand").text = "true"
    ET.SubElement(element, "LUT").text = ",".join(f"{old}:{new}" for old, new in entries)
    return ET.tostring(root, encoding="unicode")


def _document(source: Any) -> ET.Element:
    rows, cols = source.shape
    root = ET.Element("VRTDataset", rasterXSize=str(cols), rasterYSize=str(rows))
    if source.crs is not None:
        ET.SubElement(root, "SRS").text = source.crs.to_wkt()
    ET.SubElement(root, "GeoTransform").text = ", ".join(map(repr, source.transform.to_gdal()))
    return root


def _band(parent: ET.Element, index: int | None, gdal_type: str) -> ET.Element:
    band = ET.SubElement(parent, "VRTRasterBand", dataType=gdal_type)
    if index is not None:
        band.set("band", str(index))
    return band


def _source(band: ET.Element, kind: str, source: Any, which: str) -> ET.Element:
    element = ET.SubElement(band, kind)
    ET.SubElement(element, "SourceFilename", relativeToVRT="0").text = source.name
    ET.SubElement(element, "SourceBand").text = which
    return element
