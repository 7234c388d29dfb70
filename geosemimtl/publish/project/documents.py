"""A QGIS project as a file: layers in a group, themes that show some of them, relative paths."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

from geosemimtl.files import write_bytes
from geosemimtl.publish.project.parts import ProjectLayer, crs_element
from geosemimtl.publish.project.space import view_in_space
from geosemimtl.raster.grid import PixelGrid

#: The oldest QGIS whose way of writing this is.
_VERSION = "3.22.0"
#: Zips want a date; a fixed one keeps equal input equal output.
_FIXED_DATE = (2000, 1, 1, 0, 0, 0)
_PROVIDERS = {"raster": "gdal", "vector": "ogr"}


def write_project(
    path: Path,
    group: str,
    layers: Sequence[ProjectLayer],
    themes: Mapping[str, Sequence[ProjectLayer]],
    view: PixelGrid,
    in_space: Sequence[ProjectLayer] = (),
) -> None:
    """Write a project whose layers form one group.

    Args:
        path: The ``.qgz``.
        group: Name of the group.
        layers: From the top down.
        themes: By name the layers that a choice in QGIS shows; the first holds to begin with.
        view: What is in view; its CRS is the project's.
        in_space: Layers of a 3D view that opens beside the map; none for no such view.

    Raises:
        OutputError: It cannot be written.
    """
    shown = next(iter(themes.values()))
    root = ET.Element("qgis", projectname=group, version=_VERSION)
    ET.SubElement(root, "title").text = group
    root.append(crs_element("projectCrs", view.crs))
    tree = ET.SubElement(root, "layer-tree-group")
    inner = ET.SubElement(tree, "layer-tree-group", name=group, expanded="1", checked="Qt::Checked")
    for layer in layers:
        ET.SubElement(
            inner,
            "layer-tree-layer",
            id=layer.identifier,
            name=layer.title,
            providerKey=_PROVIDERS[layer.kind],
            source=_source(layer, path.parent),
            checked="Qt::Checked" if layer in shown else "Qt::Unchecked",
            expanded="1" if layer in shown else "0",
        )
    _add_canvas(root, view)
    held = ET.SubElement(root, "projectlayers")
    for layer in layers:
        held.append(_map_layer(layer, path.parent))
    presets = ET.SubElement(root, "visibility-presets")
    for name, members in themes.items():
        preset = ET.SubElement(presets, "visibility-preset", name=name)
        for layer in members:
            ET.SubElement(preset, "layer", id=layer.identifier, style="default", visible="1")
    if in_space:
        root.append(view_in_space(in_space, view))
    _add_properties(root)
    ET.indent(root)
    write_bytes(path, _zipped(f"{path.stem}.qgs", ET.tostring(root, encoding="utf-8")))


def _map_layer(layer: ProjectLayer, folder: Path) -> ET.Element:
    made = ET.Element("maplayer", type=layer.kind)
    if layer.kind == "vector":
        made.set("geometry", "Polygon")
    ET.SubElement(made, "id").text = layer.identifier
    ET.SubElement(made, "datasource").text = _source(layer, folder)
    ET.SubElement(made, "layername").text = layer.title
    made.append(crs_element("srs", layer.crs))
    provider = ET.SubElement(made, "provider")
    provider.text = _PROVIDERS[layer.kind]
    if layer.kind == "vector":
        provider.set("encoding", "UTF-8")
    styles = ET.SubElement(made, "map-layer-style-manager", current="default")
    ET.SubElement(styles, "map-layer-style", name="default")
    for part in ET.fromstring(layer.style) if layer.style else ():  # noqa: S314  (our own)
        if part.tag != "blendMode":
            made.append(part)
    for renderer in made.iter("rasterrenderer"):
        renderer.set("opacity", f"{layer.opacity:g}")
    ET.SubElement(made, "blendMode").text = str(layer.blend)
    return made


def _source(layer: ProjectLayer, folder: Path) -> str:
    """Return a layer's file as seen from the project's folder."""
    text = str(layer.path)
    if not text.startswith("/vsi"):
        try:
            text = os.path.relpath(layer.path, folder)
        except ValueError:  # Windows: on another drive
            text = str(layer.path.absolute())
        text = Path(text).as_posix()
        if not (text.startswith("../") or Path(text).is_absolute()):
            text = f"./{text}"
    return f"{text}|layername={layer.sublayer}" if layer.sublayer else text


def _add_canvas(root: ET.Element, view: PixelGrid) -> None:
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas")
    extent = ET.SubElement(canvas, "extent")
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), view.bounds, strict=True):
        ET.SubElement(extent, name).text = repr(float(value))
    ET.SubElement(canvas, "rotation").text = "0"
    canvas.append(crs_element("destinationsrs", view.crs))


def _add_properties(root: ET.Element) -> None:
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    # without it QGIS does not read the project's CRS
    system = ET.SubElement(properties, "SpatialRefSys")
    ET.SubElement(system, "ProjectionsEnabled", type="int").text = "1"


def _zipped(name: str, data: bytes) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, _FIXED_DATE), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()
