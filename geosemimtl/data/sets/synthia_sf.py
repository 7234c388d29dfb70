"""SYNTHIA-SF: 2224 rendered street images of 1920 x 1080 px in six sequences.

What is known of the files, from public code that reads them:

- ``GTLeft`` holds the class in the first of three or four bands; ``GTLeftDebug`` shows its colour.
- ``DepthLeft`` holds depth in three bytes, as CARLA does.
- The focal length is 847.630211643 px (the data set's readme, as quoted there). The baseline of
  the pairs was found nowhere, so there is no disparity.
- AT/DT trains on the sequences 2, 4, 5 and 6 (1766 images), validates on 3 (201) and tests on 1
  (257).

Lane markings are a class of their own here; elsewhere they are road, and so they become.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import ClassMap, MappedClass
from geosemimtl.data.sets.atdt import FARTHEST_M, atdt_map
from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Target, Variant
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS
from geosemimtl.data.sets.decoding import depth_of_24_bit, indices_of, within
from geosemimtl.raster.arrays import read_bands
from geosemimtl.tasks import DEPTH, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

FOCAL_PX: Final = 847.630211643
#: Of the sequences that AT/DT does not train on.
_HELD_OUT: Final = {"1": "test", "3": "val"}

#: Nothing, other things, road works.
_IGNORED: Final = (0, 21, 22)

_LANE_MARKINGS: Final = 20

#: Cityscapes' 19 classes, numbered from 1 in its order; lane markings are road.
CITYSCAPES_MAP: Final = ClassMap(
    entries=tuple(
        MappedClass(
            name=entry.name,
            color=entry.color,
            written=(number, _LANE_MARKINGS) if entry.name == "road" else (number,),
        )
        for number, entry in enumerate(CLASS_MAPS["cityscapes19"].entries, 1)
    ),
    ignore=_IGNORED,
)
#: AT/DT's eleven; terrain, riders, trucks, buses, trains and bicycles are ignored, as in its code.
ATDT_MAP: Final = atdt_map(
    {
        "road": (1, _LANE_MARKINGS),
        "sidewalk": (2,),
        "building": (3,),
        "wall": (4,),
        "fence": (5,),
        "pole": (6,),
        "traffic_sign": (7, 8),
        "vegetation": (9,),
        "sky": (11,),
        "person": (12,),
        "vehicle": (14, 18),
    },
    ignore=(*_IGNORED, 10, 13, 15, 16, 17, 19),
)


def read_classes(path: Path) -> NDArray[np.uint8]:
    """Read Cityscapes' 19 classes, as ``CITYSCAPES_MAP`` orders them.

    Args:
        path: An 8-bit PNG of ``GTLeft``.

    Returns:
        (rows, cols), 255 where there is none.

    Raises:
        SceneError: It is missing, damaged or of another kind.
        LabelError: It has a label that the data set has not.
    """
    return indices_of(_labels(path), CITYSCAPES_MAP, path)


def read_atdt_classes(path: Path) -> NDArray[np.uint8]:
    """Read AT/DT's eleven classes, as ``ATDT_MAP`` orders them; otherwise as ``read_classes``."""
    return indices_of(_labels(path), ATDT_MAP, path)


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in metres.

    Args:
        path: An 8-bit PNG of ``DepthLeft``.

    Returns:
        (rows, cols), NaN beyond the 100 m of AT/DT, which the sky is.

    Raises:
        SceneError: It is missing, damaged or of another kind.
    """
    return within(depth_of_24_bit(read_bands(path, bands=(3, 4), dtype="uint8")), FARTHEST_M)


def _labels(path: Path) -> NDArray[np.uint8]:
    labels: NDArray[np.uint8] = read_bands(path, bands=(1, 3, 4), dtype="uint8")[0]
    return labels


def _kind(name: str, folder: str) -> Kind:
    return Kind(name, rf"(?:.*/)?seq(\d)/{folder}/(\d+)\.png", "SYNTHIA-SF.zip")


def _named(key: Key) -> str:
    return f"seq{key[0]}_{key[1]}"


def _split(key: Key) -> str:
    return _HELD_OUT.get(key[0], "train")


_LABELS = _kind("labels", "gtleft")

BENCHMARK = Benchmark(
    name="synthia_sf",
    title="SYNTHIA-SF",
    request="https://synthia-dataset.net/downloads/",
    licence="CC BY-NC-SA 3.0 as far as known; its page says what holds",
    options=TileOptions(value_range=(0, 255), resize=(576, 1024), name="synthia_sf"),
    variants={"left": Variant(_kind("images", "rgbleft"), ("red", "green", "blue"))},
    targets={
        SEGMENTATION: Target(_LABELS, "classes", read_classes),
        DEPTH: Target(_kind("depths", "depthleft"), "m", read_depth),
    },
    class_maps={"cityscapes19": CITYSCAPES_MAP, "atdt11": ATDT_MAP},
    by_classes={"atdt11": {SEGMENTATION: Target(_LABELS, "classes", read_atdt_classes)}},
    name_of=_named,
    split_of=_split,
)
