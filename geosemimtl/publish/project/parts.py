"""What the parts of a QGIS project share: its layers, and how a CRS is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from rasterio.crs import CRS

#: QGIS's numbers of how a layer goes over what lies below.
NORMAL, MULTIPLY = 0, 6


@dataclass(frozen=True, slots=True)
class ProjectLayer:
    """A layer of a project.

    Attributes:
        title: In the list of layers; no two have the same.
        kind: What QGIS calls it.
        path: The file.
        style: QML that the project holds a copy of; empty lets QGIS choose.
        crs: Its CRS.
        sublayer: Name of a layer in the file, if it has several.
        blend: ``NORMAL`` or ``MULTIPLY``.
        opacity: Of a raster.
    """

    title: str
    kind: Literal["raster", "vector"]
    path: Path
    style: str
    crs: CRS
    sublayer: str = ""
    blend: int = NORMAL
    opacity: float = 1.0

    @property
    def identifier(self) -> str:
        """By which a project's parts name it; QGIS keeps none below eleven signs."""
        return "geosemimtl_" + "".join(sign if sign.isalnum() else "_" for sign in self.title)


def crs_element(name: str, crs: CRS) -> ET.Element:
    """Return a CRS as text, whose code QGIS finds by itself."""
    made = ET.Element(name)
    system = ET.SubElement(made, "spatialrefsys", nativeFormat="Wkt")
    ET.SubElement(system, "wkt").text = crs.to_wkt()
    return made
