"""PASCAL-Context for five tasks, in the folders of PASCAL_MT (Maninis et al., ASTMT).

What is known of the files, from public code that reads them:

- ``ImageSets/Context`` lists 4998 images to train on and 5105 to validate on, which MTPSL tests on.
- ``semseg`` holds 21 classes as indices, 255 at objects' borders, in ``VOC12`` where PASCAL VOC has
  them and else in ``pascal-context``.
- ``human_parts`` holds PASCAL-Part's annotation of every object as MATLAB's structures.
- ``pascal-context/trainval`` holds PASCAL-Context's 459 classes as MATLAB's ``LabelMap``.
- ``normals_distill`` and ``sal_distill`` are what other networks predicted, as 8-bit PNGs. Normals
  count only where the class occurs indoors, as the network had learned from NYUv2; the axes are
  said nowhere, see ``camera_normals`` for what is taken.
- Edges are the lines between PASCAL-Context's classes; odsF, the usual measure, needs a program of
  its own (SEISM).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from geosemimtl.classes import IGNORE, ClassMap, MappedClass
from geosemimtl.data.sets.benchmark import Benchmark, Kind, Target, Variant
from geosemimtl.data.sets.decoding import camera_normals
from geosemimtl.data.sets.outlines import edges_of
from geosemimtl.errors import LabelError, SceneError
from geosemimtl.files import on_disk
from geosemimtl.raster.arrays import read_bands, read_png8
from geosemimtl.tasks import (
    EDGES,
    HUMAN_PARTS,
    NORMALS,
    SALIENCY,
    SEGMENTATION,
)
from geosemimtl.tiling.options import TileOptions

_PERSON: Final = 15
_WHITE: Final = 255

#: PASCAL VOC's names, in its order and colours.
_CLASSES: Final = (
    ("background", "#000000"),
    ("aeroplane", "#800000"),
    ("bicycle", "#008000"),
    ("bird", "#808000"),
    ("boat", "#000080"),
    ("bottle", "#800080"),
    ("bus", "#008080"),
    ("car", "#808080"),
    ("cat", "#400000"),
    ("chair", "#c00000"),
    ("cow", "#408000"),
    ("dining_table", "#c08000"),
    ("dog", "#400080"),
    ("horse", "#c00080"),
    ("motorbike", "#408080"),
    ("person", "#c08080"),
    ("potted_plant", "#004000"),
    ("sheep", "#804000"),
    ("sofa", "#00c000"),
    ("train", "#80c000"),
    ("tv_monitor", "#004080"),
)
CLASS_MAP: Final = ClassMap(
    entries=tuple(
        MappedClass(name=name, color=color, written=(index,))
        for index, (name, color) in enumerate(_CLASSES)
    ),
    ignore=(IGNORE,),
)

#: PASCAL-Part's names by the six parts, from 1: head, torso, upper and lower arm and leg.
_PARTS: Final = (
    ("hair", "head", "lear", "rear", "lebrow", "rebrow", "leye", "reye", "mouth", "nose"),
    ("torso", "neck"),
    ("luarm", "ruarm"),
    ("llarm", "rlarm", "lhand", "rhand"),
    ("luleg", "ruleg"),
    ("llleg", "rlleg", "lfoot", "rfoot"),
)
_PART_OF: Final = {name: index for index, names in enumerate(_PARTS, 1) for name in names}

#: PASCAL-Context's numbers of the classes whose names NYUv2 has, too, and of ``tvmonitor``.
_INDOORS: Final = (
    *(3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39, 41, 43, 46, 49),
    *(50, 51, 53, 55, 56, 59, 61, 62, 65, 66, 68, 69, 72, 73, 78, 83, 84, 85, 87, 88, 95, 96),
    *(101, 104, 105, 107, 111, 113, 115, 122, 124, 135, 141, 142, 143, 146, 150, 154, 157, 158),
    *(159, 165, 172, 174, 181, 183, 184, 191, 193, 195, 197, 199, 202, 213, 215, 216, 219, 220),
    *(223, 225, 228, 230, 232, 233, 238, 239, 242, 243, 246, 250, 251, 252, 255, 260, 261, 263),
    *(269, 272, 273, 275, 281, 283, 284, 285, 286, 287, 288, 290, 291, 292, 293, 295, 304, 307),
    *(309, 310, 314, 315, 319, 323, 329, 330, 331, 336, 342, 345, 349, 350, 351, 352, 355, 357),
    *(368, 370, 371, 374, 379, 380, 383, 384, 397, 401, 403, 405, 407, 408, 411, 412, 413, 414),
    *(417, 419, 421, 423, 427, 429, 430, 432, 440, 441, 442, 443, 444, 446, 454, 457),
)


def read_human_parts(path: Path) -> NDArray[np.uint8]:
    """Read the parts of people: background and, from 1, head, torso, upper and lower arm and leg.

    Args:
        path: A .mat of ``human_parts``.

    Returns:
        (rows, cols), 255 everywhere if no person of the image has parts: public code leaves such
        images out. People without parts beside others are background, as there.

    Raises:
        SceneError: It is missing, damaged or no annotation of PASCAL-Part.
        LabelError: A person has a part that is not known.
    """
    objects = _objects(path)
    if not len(objects):
        raise SceneError(f"{path}: has no objects, so no size; take the file as it was shipped")
    parts: NDArray[np.uint8] = np.zeros(objects[0]["mask"].shape, np.uint8)
    is_empty = True
    for person in (each for each in objects if int(each["class_ind"].item()) == _PERSON):
        for part in person["parts"].ravel():
            name = str(part["part_name"].item())
            if name not in _PART_OF:
                raise LabelError(
                    f"{path}: a person has the part {name}; known: {', '.join(_PART_OF)}"
                )
            parts[part["mask"].astype(bool)] = _PART_OF[name]
            is_empty = False
    return np.full_like(parts, IGNORE) if is_empty else parts


def read_normals(path: Path) -> NDArray[np.float32]:
    """Read normals: unit vectors, x to the right, y down, z away from the camera.

    Args:
        path: A PNG of ``normals_distill``; the labels that say where it counts are
            ``pascal-context/trainval/<name>.mat`` beside the file's folder.

    Returns:
        (3, rows, cols), NaN where there is none.

    Raises:
        SceneError: One of the files is missing, damaged or of another kind, or of another size.
    """
    colours = read_bands(path, bands=(3,), dtype="uint8")
    labels = path.parent.parent / "pascal-context" / "trainval" / f"{path.stem}.mat"
    classes = _label_map(labels)
    if classes.shape != colours.shape[1:]:
        raise SceneError(
            f"{path}: is {_size(colours[0])} px, its labels ({labels}) are {_size(classes)} px; "
            "take both as they were shipped"
        )
    return camera_normals(colours / 127.5 - 1, np.isin(classes, _INDOORS))


def read_saliency(path: Path) -> NDArray[np.uint8]:
    """Read what is salient: 1 where it is more than half certain.

    Args:
        path: An 8-bit PNG of ``sal_distill``.

    Returns:
        (rows, cols).

    Raises:
        SceneError: It is missing, damaged or of another kind.
    """
    certain = read_png8(path)
    salient: NDArray[np.uint8] = (certain > _WHITE / 2).astype(np.uint8)
    return salient


def read_edges(path: Path) -> NDArray[np.uint8]:
    """Read where classes meet: 1 on lines one pixel wide between them.

    Args:
        path: A .mat of ``pascal-context/trainval``.

    Returns:
        (rows, cols).

    Raises:
        SceneError: It is missing, damaged or has no labels.
    """
    return edges_of(_label_map(path)).astype(np.uint8)


def _label_map(path: Path) -> NDArray[np.integer]:
    labels: NDArray[np.integer] = _variable(path, "LabelMap")
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or min(labels.shape) < 2:
        raise SceneError(
            f"{path}: LabelMap is {labels.dtype} of shape {labels.shape}, not whole numbers of "
            "rows and columns; take the file as it was shipped"
        )
    return labels


def _objects(path: Path) -> NDArray[Any]:
    """Return PASCAL-Part's objects, records with ``class_ind``, ``mask`` and ``parts``."""
    anno = _variable(path, "anno")
    try:
        objects: NDArray[Any] = anno[0, 0]["objects"].ravel()
        if len(objects):
            _ = objects[0]["class_ind"], objects[0]["mask"], objects[0]["parts"]
    except (IndexError, ValueError, TypeError, KeyError) as error:
        raise SceneError(
            f"{path}: is no annotation of PASCAL-Part ({error}); take the file as it was shipped"
        ) from error
    return objects


def _variable(path: Path, name: str) -> Any:
    if on_disk(path)[1]:
        raise SceneError(f"{path}: MATLAB's files are not read inside of a zip; unpack it")
    if not path.is_file():
        raise SceneError(f"{path}: no such file; check the path")
    try:
        held = loadmat(path, variable_names=[name])
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise SceneError(f"{path}: is no file of MATLAB ({error}); copy it again") from error
    if name not in held:
        raise SceneError(f"{path}: holds no {name}; take the file as it was shipped")
    return held[name]


def _size(image: NDArray[Any]) -> str:
    rows, cols = image.shape
    return f"{cols} x {rows}"


_ARCHIVE = "PASCAL_MT.tgz"


def _kind(name: str, folder: str, suffix: str) -> Kind:
    return Kind(name, rf"(?:.*/)?{folder}/([^/]+)\.{suffix}", _ARCHIVE)


def _list(split: str) -> Kind:
    return Kind(f"list {split}.txt", rf"(?:.*/)?imagesets/context/{split}\.txt", _ARCHIVE)


BENCHMARK = Benchmark(
    name="pascal_context",
    title="PASCAL-Context for five tasks (PASCAL_MT)",
    request="https://github.com/facebookresearch/astmt",
    licence="PASCAL VOC's images are Flickr's, under its terms; of the rest, none was found",
    options=TileOptions(value_range=(0, 255), resize=(512, 512), name="pascal_context"),
    variants={"rgb": Variant(_kind("images", "jpegimages", "jpe?g"), ("red", "green", "blue"))},
    targets={
        # VOC12 comes first, as capitals do
        SEGMENTATION: Target(_kind("labels", "semseg/(?:voc12|pascal-context)", "png"), "classes"),
        HUMAN_PARTS: Target(_kind("parts", "human_parts", "mat"), "classes", read_human_parts),
        NORMALS: Target(_kind("normals", "normals_distill", "png"), "unit vectors", read_normals),
        SALIENCY: Target(_kind("saliency", "sal_distill", "png"), "0 or 1", read_saliency),
        EDGES: Target(_kind("edges", "pascal-context/trainval", "mat"), "0 or 1", read_edges),
    },
    class_maps={"voc21": CLASS_MAP},
    lists={"train": _list("train"), "val": _list("val")},
)
