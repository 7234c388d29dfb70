"""A predicted scene's polygons, and the project that shows all there is of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from geosemimtl.errors import GridError, LabelError
from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.companions import Companion
from geosemimtl.inference.outputs import CONFIDENCE, TITLES, Outputs
from geosemimtl.inference.sampling import sample_scene
from geosemimtl.progress import Track
from geosemimtl.publish.project.documents import write_project
from geosemimtl.publish.project.parts import MULTIPLY, ProjectLayer
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import Scene, open_scene
from geosemimtl.raster.styles import hillshade_style, image_style, shown_bands
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Segmentation
from geosemimtl.vectors.geopackage import styles_in
from geosemimtl.vectors.layers import BLOCKS, BUILDING, BUILDINGS
from geosemimtl.vectors.vectorization import vectorize

_LOG = logging.getLogger(__name__)
_POLYGONS, _PROJECT = "_polygons.gpkg", ".qgz"
#: How the layers are called, from the top down.
_VECTORS = {BUILDINGS: "Buildings", BLOCKS: "Buildings as blocks"}
_HILLSHADE, _IMAGE = "Hillshade", "Image"
#: Of the classes' colours over the image, which stays bright enough to be read.
_TINT = 0.6
#: Values below and above these per cent are shown darkest and brightest, unless pixels are bytes.
_STRETCH = (2, 98)


def _polygons(chosen: Chosen, path: Path, track: Track) -> None:
    rasters = chosen.paths
    try:
        vectorize(
            rasters[SEGMENTATION],
            path,
            heights=rasters.get(HEIGHT),
            confidence=rasters.get(CONFIDENCE),
            track=track,
        )
    except LabelError as error:
        _LOG.warning("no polygons: %s", error)


def _has_buildings(outputs: Outputs) -> bool:
    return any(
        isinstance(task, Segmentation) and BUILDING in task.classes.names for task in outputs.tasks
    )


def _project(chosen: Chosen, path: Path, track: Track) -> None:
    del track  # it takes no time
    images = _image_layers(chosen.pixels.scene)
    layers = [*_vector_layers(chosen), *_raster_layers(chosen), *images]

    def titled(*titles: str) -> list[ProjectLayer]:
        return [layer for layer in layers if layer.title in titles]

    land, buildings = titled(TITLES[SEGMENTATION]), titled(_VECTORS[BUILDINGS])
    themes = {
        "Land cover": land and [*land, *images],
        "Buildings": buildings and [*buildings, *images],
        "Heights": titled(_HILLSHADE, TITLES[HEIGHT]),
        "Image": images,
    }
    shown = {name: members for name, members in themes.items() if members}
    view = chosen.plan.output
    flat = view.crs.is_geographic or HEIGHT not in chosen.paths
    in_space = [] if flat or not buildings else [*buildings, *images]
    write_project(path, chosen.stem.name, layers, shown, view, in_space)


def _vector_layers(chosen: Chosen) -> Iterator[ProjectLayer]:
    path, crs = POLYGONS.path(chosen), chosen.plan.output.crs
    if path.exists():
        for name, style in styles_in(path).items():
            title = _VECTORS.get(name, name.replace("_", " ").capitalize())
            yield ProjectLayer(title, "vector", path, style, crs, sublayer=name)


def _raster_layers(chosen: Chosen) -> Iterator[ProjectLayer]:
    crs = chosen.plan.output.crs
    for kind, title in TITLES.items():
        if kind in chosen.paths:
            path = chosen.paths[kind]
            style = path.with_suffix(".qml").read_text(encoding="utf-8")
            layer = ProjectLayer(title, "raster", path, style, crs)
            if kind == HEIGHT:
                shaded = hillshade_style(_metre_on_ground(chosen.plan.output))
                yield replace(layer, title=_HILLSHADE, style=shaded, blend=MULTIPLY)
            if kind == SEGMENTATION:
                layer = replace(layer, blend=MULTIPLY, opacity=_TINT)
            yield layer


def _metre_on_ground(grid: PixelGrid) -> float:
    """Return a metre on the ground in the unit of a grid's CRS, degrees too."""
    a, _, _, d, *_ = grid.transform
    return math.hypot(a, d) / grid.gsd_m[0]


def _image_layers(scene: Scene) -> list[ProjectLayer]:
    """Return a layer for each file of the scene that says where it lies."""
    style, layers = _image_style(scene), []
    for file in scene.files:
        try:
            open_scene(file, assume_crs=scene.grid.ground_crs.to_wkt())
        except GridError:
            _LOG.warning("%s: does not say where it lies, so it is not in the project", file)
            continue
        title = _IMAGE if len(scene.files) == 1 else f"{_IMAGE} {file.stem}"
        layers.append(ProjectLayer(title, "raster", file, style, scene.grid.crs))
    return layers


def _image_style(scene: Scene) -> str:
    places = [scene.bands.index(name) for name in shown_bands(scene.bands)]
    ranges = []
    values = sample_scene(scene).values[places] if scene.dtype != "uint8" else np.zeros((0, 0))
    if values.size:
        low, high = np.percentile(values.astype(np.float64), _STRETCH, axis=1)
        ranges = list(zip(low.tolist(), high.tolist(), strict=True))
    return image_style([scene.indexes[place] for place in places], ranges)


#: The buildings' polygons, and a QGIS project of all there is of a scene.
POLYGONS = Companion(_POLYGONS, _has_buildings, _polygons)
PROJECT = Companion(_PROJECT, lambda _: True, _project)
