"""The 3D view of a QGIS project."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from geosemimtl.publish.project.parts import ProjectLayer, crs_element
from geosemimtl.raster.grid import PixelGrid

_NAME = "3D"
#: Pixels of the screen that the docked view takes at least.
_SIDE_PX = 560
#: The camera looks down by so many degrees from the vertical, and sees so many across.
_PITCH, _FIELD = 50, 45


def view_in_space(layers: Sequence[ProjectLayer], view: PixelGrid) -> ET.Element:
    """Return the element of a project that opens a 3D view beside the map.

    Args:
        layers: What is in it: polygons with a 3D style are raised, all others lie on the ground.
        view: What the camera sees.
    """
    left, bottom, right, top = view.bounds
    docks = ET.Element("mapViewDocks3D")
    # QGIS 3.22 opens every view, later ones those that say so
    dock = ET.SubElement(docks, "view", name=_NAME, isOpen="1", floating="0", area="2")
    for name, value in {"x": 0, "y": 0, "width": _SIDE_PX, "height": _SIDE_PX}.items():
        dock.set(name, str(value))
    scene = ET.SubElement(dock, "qgis3d")
    middle = {"x": repr((left + right) / 2), "y": repr((bottom + top) / 2), "z": "0"}
    ET.SubElement(scene, "origin", middle)
    lens = {"field-of-view": str(_FIELD), "projection-type": "1"}
    ET.SubElement(scene, "camera", lens | {"camera-navigation-mode": "terrain-based-navigation"})
    scene.append(crs_element("crs", view.crs))
    lights = ET.SubElement(scene, "directional-lights")
    sun = {"x": "0.5", "y": "-0.7", "z": "-0.5", "color": "255,255,255,255", "intensity": "1"}
    ET.SubElement(lights, "directional-light", sun)
    terrain = ET.SubElement(scene, "terrain", {"exaggeration": "1", "texture-size": "1024"})
    terrain.set("terrain-rendering-enabled", "1")
    held = ET.SubElement(terrain, "layers")
    for layer in layers:
        ET.SubElement(held, "layer", id=layer.identifier)
    ground = ET.SubElement(terrain, "generator", type="flat")
    extent = {"xmin": left, "ymin": bottom, "xmax": right, "ymax": top}
    ET.SubElement(ground, "extent", {name: repr(value) for name, value in extent.items()})
    distance = math.hypot(right - left, top - bottom)
    pose = {"x": 0, "y": 0, "elev": 0, "dist": round(distance, 3), "pitch": _PITCH, "yaw": 0}
    ET.SubElement(dock, "camera", {name: str(value) for name, value in pose.items()})
    return docks
