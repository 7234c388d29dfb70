"""The files of the scenes that an experiment scores."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from geosemimtl.classes import ClassMap
from geosemimtl.config import load_class_map
from geosemimtl.data.sets.benchmark import Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.errors import SceneError, TileSetError
from geosemimtl.experiments.config import SceneSection, resolved
from geosemimtl.files import on_disk
from geosemimtl.raster.scene import Georeference
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.splits import read_split_list
from geosemimtl.tiling.tileset import read_tileset
from geosemimtl.tiling.vectors import split_layer

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """Images to predict, and what is true of them, in one order.

    Attributes:
        images: Orthophotos.
        labels: True classes, or none.
        heights: True nDSMs, or none.
        bands: Names of the images' bands in file order, where the files do not tell.
        classes: How the labels write their classes, where not as the model does.
        places: What holds for images that do not say where they lie, one each, or none.
    """

    images: tuple[Path, ...]
    labels: tuple[Path, ...]
    heights: tuple[Path, ...]
    bands: tuple[str, ...] | None
    classes: ClassMap | None
    places: tuple[Georeference | None, ...] = ()


def scene_truth(section: SceneSection, data: Path) -> SceneTruth:
    """Find the files that a scene's section names, or those of a data set's split.

    Args:
        section: The section.
        data: What ``{data}`` stands for.

    Raises:
        ConfigError: The class map cannot be read, or the data set is unknown.
        TileSetError: A data set's folder lacks files; the message says which.
    """
    if section.dataset is not None:
        return _of_data_set(section, section.dataset, resolved(str(section.root), data))
    images, labels, heights = (
        tuple(resolved(path, data) for path in paths)
        for paths in (section.image, section.labels, section.height)
    )
    classes = load_class_map(resolved(section.classes, data)) if section.classes else None
    return SceneTruth(images, labels, heights, section.bands, classes)


def require_scenes(sections: Sequence[SceneSection]) -> None:
    """Look whether the scenes are there, before anything is trained for them.

    Raises:
        SceneError: A file is missing.
        ConfigError: As ``scene_truth``, and the next.
        TileSetError: As there.
    """
    for section in sections:
        if section.tiles is not None:
            read_tileset(Path(section.tiles))
            continue
        truth = scene_truth(section, Path())
        for path in (*truth.images, *truth.labels, *truth.heights):
            if not on_disk(split_layer(path).file)[0].exists():
                raise SceneError(f"{path}: is not there; check the files of scene {section.name}")


@cache  # every row and seed asks for the same, and its remarks are worth saying once
def _of_data_set(section: SceneSection, name: str, root: Path) -> SceneTruth:
    alternatives = ("no-boundary",) if section.no_boundary else ()
    found = find_data_set(name, root, Wanted(section.variant, alternatives=alternatives))
    found.require_sound()
    for remark in found.remarks:
        _LOG.warning("%s: %s", root, remark)
    splits = {scene.name: scene.split for scene in found.scenes}
    if found.options.split != "none":
        splits |= read_split_list(found.options.split).assign(list(splits))
    scenes = [scene for scene in found.scenes if splits[scene.name] == section.split]
    layers = {
        name: [scene.of(task) for scene in scenes]
        for name, task in (("labels", SEGMENTATION), ("heights", HEIGHT))
    }
    for layer, files in layers.items():
        without = [scene.name for scene, own in zip(scenes, files, strict=True) if not own]
        if without and len(without) < len(scenes):
            raise TileSetError(
                f"{root}: {len(without)} of {len(scenes)} scenes of the split {section.split} have "
                f"no {layer} ({', '.join(without)}): ask for them, or take the others away, too"
            )
    if not any(any(files) for files in layers.values()):
        raise TileSetError(
            f"{root}: {len(scenes)} scenes of the split {section.split} are there, without labels "
            f"and heights; see geosemimtl check --dataset {name} {root}"
        )
    images, labels, heights = (
        tuple(file for files in each for file in files)
        for each in ([scene.image for scene in scenes], *layers.values())
    )
    places = tuple(scene.georeference for scene in scenes)
    options = found.options
    return SceneTruth(images, labels, heights, options.bands, options.classes, places)
