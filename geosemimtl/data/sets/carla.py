"""Street images rendered by CARLA, in the folders of AT/DT.

What is known of the files, from AT/DT's lists and code and from CARLA's documentation:

- An episode's folder ``MyCamera_L`` holds the images, and in it ``Depth`` and ``Semantic`` those of
  the same names. AT/DT's own images were not published; its lists name every fifth frame.
- AT/DT trains on the episodes 0 to 34 (3500 images), validates on 35 to 39 and tests on 40 to 49.
- Depth is in three bytes (METHODS, X5), the least significant in the red band.
- AT/DT's labels are read as its eleven classes' indices. CARLA's own are tags in the red band,
  whose numbers were changed in 0.9.14; the tags here are those before. Before 0.9.10, the sky has
  no tag: it is what is untagged and as far as can be said, as AT/DT defines it.
- The focal length is 859.238022326 px in AT/DT's code; the size of its images and the baseline are
  not known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.data.sets.atdt import ATDT_MAP, FARTHEST_M, atdt_map
from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Target, Variant
from geosemimtl.data.sets.decoding import depth_of_24_bit, indices_of, within
from geosemimtl.errors import SceneError
from geosemimtl.raster.arrays import read_bands
from geosemimtl.tasks import DEPTH, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

FOCAL_PX: Final = 859.238022326
#: The first episodes that AT/DT validates and tests on.
_FIRST_VAL, _FIRST_TEST = 35, 40

#: CARLA's tags before 0.9.14; lane markings are road, the ground under it all and rails are not.
TAG_MAP: Final = atdt_map(
    {
        "building": (1,),
        "fence": (2,),
        "person": (4,),
        "pole": (5,),
        "road": (6, 7),
        "sidewalk": (8,),
        "vegetation": (9,),
        "vehicle": (10,),
        "wall": (11,),
        "traffic_sign": (12, 18),
        "sky": (13,),
    },
    ignore=(0, 3, *range(14, 18), *range(19, 23), IGNORE),
)
_UNTAGGED: Final = 0
_SKY: Final = 13
#: Within a hundredth of the farthest that can be said; nothing that is built stands there.
_INFINITE_M: Final = 990.0


def read_classes(path: Path) -> NDArray[np.uint8]:
    """Read AT/DT's eleven classes from label files that hold their indices.

    Args:
        path: An 8-bit PNG of AT/DT's ``Semantic``.

    Returns:
        (rows, cols), 255 where there is none.

    Raises:
        SceneError: It is missing, damaged or of another kind.
    """
    return indices_of(_labels(path), ATDT_MAP, path)


def read_tags(path: Path) -> NDArray[np.uint8]:
    """Read AT/DT's eleven classes from CARLA's own tags, before CARLA 0.9.14.

    What is untagged and at infinite depth in the file of the same name in ``Depth`` beside the
    file's folder is sky; without such a file it is ignored.

    Args:
        path: An 8-bit PNG of tags.

    Returns:
        (rows, cols), 255 where there is none.

    Raises:
        SceneError: One of the files is missing, damaged or of another kind, or of another size.
        LabelError: It has a tag that CARLA had not.
    """
    tags = _labels(path)
    depth = path.parent.parent / "Depth" / path.name
    if _SKY not in tags and depth.exists():
        infinite = _depth(depth) >= _INFINITE_M
        if infinite.shape != tags.shape:
            raise SceneError(
                f"{depth}: is {_size(infinite)} px, the tags are {_size(tags)} px; render both "
                "with one size"
            )
        tags = np.where((tags == _UNTAGGED) & infinite, np.uint8(_SKY), tags)
    return indices_of(tags, TAG_MAP, path)


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in metres.

    Args:
        path: An 8-bit PNG of ``Depth``.

    Returns:
        (rows, cols), NaN beyond the 100 m of AT/DT, whose code masks them; its paper clips.

    Raises:
        SceneError: It is missing, damaged or of another kind.
    """
    return within(_depth(path), FARTHEST_M)


def _depth(path: Path) -> NDArray[np.float32]:
    return depth_of_24_bit(read_bands(path, bands=(3, 4), dtype="uint8"))


def _size(image: NDArray[Any]) -> str:
    rows, cols = image.shape
    return f"{cols} x {rows}"


def _labels(path: Path) -> NDArray[np.uint8]:
    labels: NDArray[np.uint8] = read_bands(path, bands=(1, 3, 4), dtype="uint8")[0]
    return labels


def _kind(name: str, folder: str) -> Kind:
    return Kind(name, rf"(?:.*/)?episode_(\d+)/mycamera_l/{folder}(\d+)\.png", "an episode")


def _named(key: Key) -> str:
    return f"episode_{key[0]}_{key[1]}"


def _split(key: Key) -> str:
    episode = int(key[0])
    return "train" if episode < _FIRST_VAL else "val" if episode < _FIRST_TEST else "test"


_LABELS = _kind("labels", "semantic/")

BENCHMARK = Benchmark(
    name="carla",
    title="CARLA, as AT/DT lays it out",
    request="https://carla.org",
    licence="what you render is yours; CARLA's assets are CC BY 4.0",
    options=TileOptions(value_range=(0, 255), resize=(512, 1024), name="carla"),
    variants={"left": Variant(_kind("images", ""), ("red", "green", "blue"))},
    targets={
        SEGMENTATION: Target(_LABELS, "classes", read_classes),
        DEPTH: Target(_kind("depths", "depth/"), "m", read_depth),
    },
    class_maps={"atdt11": ATDT_MAP, "tags": TAG_MAP},
    by_classes={"tags": {SEGMENTATION: Target(_LABELS, "classes", read_tags)}},
    name_of=_named,
    split_of=_split,
)
