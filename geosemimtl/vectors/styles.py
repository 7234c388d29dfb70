"""QGIS styles of polygons: classes in their colours, buildings raised in the 3D view."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from geosemimtl.classes import LandClass, Rgb

#: Of 255: what lies beneath shows through, as an orthophoto should.
_FILL_ALPHA = 110
_OUTLINE_MM = 0.35
_ROOF = "110,105,100,255"


def classes_style(entries: Sequence[LandClass]) -> str:
    """Return a style with one legend entry for each class and no other."""
    root = _document("Symbology")
    _add_classes(root, entries)
    return _text(root)


def extruded_style(entry: LandClass, height_field: str, metre: float) -> str:
    """Return a style that raises footprints in the 3D view.

    Args:
        entry: The class.
        height_field: The attribute that holds their heights in metres.
        metre: One metre in the unit of the map.
    """
    height = f'coalesce("{height_field}", 0)' + ("" if metre == 1 else f" * {metre!r}")
    root = _document("Symbology|Symbology3D")
    _add_symbol_3d(root, "relative", height)
    _add_classes(root, [entry])
    return _text(root)


def blocks_style(entry: LandClass) -> str:
    """Return a style for polygons that have their heights in their coordinates."""
    root = _document("Symbology|Symbology3D")
    _add_symbol_3d(root, "absolute", "")
    _add_classes(root, [entry])
    return _text(root)


def _document(categories: str) -> ET.Element:
    return ET.Element("qgis", version="3.22.0", styleCategories=categories)


def _add_classes(root: ET.Element, entries: Sequence[LandClass]) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr="class")
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, entry in enumerate(entries):
        ET.SubElement(
            categories,
            "category",
            value=entry.name,
            label=entry.name.replace("_", " "),
            symbol=str(number),
            render="true",
        )
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(number), alpha="1")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1"})
        _add_options(
            layer,
            {
                "color": _colour(entry.rgb, _FILL_ALPHA),
                "outline_color": _colour(_darker(entry.rgb), 255),
                "outline_width": str(_OUTLINE_MM),
                "outline_width_unit": "MM",
                "outline_style": "solid",
                "style": "solid",
            },
        )


def _add_symbol_3d(root: ET.Element, clamping: str, height: str) -> None:
    renderer = ET.SubElement(root, "renderer-3d", type="vector", layer="")
    symbol = ET.SubElement(renderer, "symbol", type="polygon", material_type="phong")
    ET.SubElement(
        symbol,
        "data",
        {
            "height": "0",
            "extrusion-height": "0",
            "alt-clamping": clamping,
            "alt-binding": "centroid",
            "culling-mode": "no-culling",
            "rendered-facade": "3",
        },
    )
    ET.SubElement(symbol, "material", diffuse=_ROOF, ambient="35,35,40,255", specular="0,0,0,255")
    if not height:
        return
    properties = ET.SubElement(symbol, "data-defined-properties")
    collection = _add_options(properties, {"name": ""})
    known = ET.SubElement(collection, "Option", name="properties", type="Map")
    raised = ET.SubElement(known, "Option", name="extrusionHeight", type="Map")
    ET.SubElement(raised, "Option", name="active", type="bool", value="true")
    ET.SubElement(raised, "Option", name="expression", type="QString", value=height)
    ET.SubElement(raised, "Option", name="type", type="int", value="3")
    ET.SubElement(collection, "Option", name="type", type="QString", value="collection")


def _add_options(parent: ET.Element, options: dict[str, str]) -> ET.Element:
    made = ET.SubElement(parent, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(made, "Option", name=name, type="QString", value=value)
    return made


def _colour(rgb: Rgb, alpha: int) -> str:
    return ",".join(map(str, (*rgb, alpha)))


def _darker(rgb: Rgb) -> Rgb:
    red, green, blue = (value // 2 for value in rgb)
    return red, green, blue


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
