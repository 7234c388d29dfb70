"""Cityscapes as MTAN prepared it: 3475 street images of 128 x 256 px, as NumPy's arrays.

What is known of the files, from public code that reads them and from its author's answers:

- ``train`` has 2975 images and ``val`` 500, which MTAN and MTPSL test on; names are numbers. There
  is a download of 256 x 512 px, too.
- Images and depths are (rows, cols, channels), labels (rows, cols). Public code reads ``label_7``
  and ``label_19``; -1 is unlabelled.
- The 7 classes are taken to be Cityscapes' categories without void, in their order, and the 19 its
  training ids; no list of them was found.
- ``depth`` is called inverse depth, and its author says that it is Cityscapes' disparity as it was
  shipped. Values end at 0.4922 where the shipped ones end at 32257, and 32257 / 65535 = 0.4922: so
  it seems to be the 16-bit number divided by 65535. Its unit is not 1/m.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import ClassMap
from geosemimtl.data.sets import mtan
from geosemimtl.data.sets.benchmark import Benchmark, Target, Variant
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS
from geosemimtl.data.sets.decoding import indices_of
from geosemimtl.tasks import DISPARITY, INVERSE_DEPTH, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

_MOST_16_BIT: Final = 65535
_STEPS_A_PIXEL: Final = 256


def _by_index(name: str) -> ClassMap:
    return mtan.class_map_of({entry.name: entry.color for entry in CLASS_MAPS[name].entries})


CLASS_MAP_7: Final = _by_index("mtpsl7")
CLASS_MAP_19: Final = _by_index("cityscapes19")


def read_classes_7(path: Path) -> NDArray[np.uint8]:
    """Read the 7 classes, as ``CLASS_MAP_7`` orders them.

    Args:
        path: A .npy of ``label_7``.

    Returns:
        (rows, cols), 255 where there is none.

    Raises:
        SceneError: It is missing, damaged or of another shape.
        LabelError: It has another label.
    """
    return indices_of(mtan.single(path), CLASS_MAP_7, path)


def read_classes_19(path: Path) -> NDArray[np.uint8]:
    """Read the 19 classes of ``label_19``; otherwise as ``read_classes_7``."""
    return indices_of(mtan.single(path), CLASS_MAP_19, path)


def read_inverse_depth(path: Path) -> NDArray[np.float32]:
    """Read what MTAN calls inverse depth as it is stored, in its own unit and not in 1/m.

    The errors in the papers of MTAN and MTPSL are in this unit.

    Args:
        path: A .npy of ``depth``.

    Returns:
        (rows, cols), NaN where there is none, which is stored as 0.

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    return mtan.above_zero(path)


def read_disparity(path: Path) -> NDArray[np.float32]:
    """Read the same as disparities in pixels of Cityscapes' full image of 2048 columns.

    (65535 v - 1) / 256 for what is stored as v, if that is Cityscapes' 16-bit number divided by
    65535; nobody says so (see above), and where images were averaged it holds only nearly.

    Args:
        path: A .npy of ``depth``.

    Returns:
        (rows, cols), NaN where there is none.

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    stored = read_inverse_depth(path)
    disparity_px = (stored * _MOST_16_BIT - 1) / _STEPS_A_PIXEL
    return np.maximum(disparity_px, 0).astype(np.float32)


_ZIP = "cityscapes2.zip"
_DEPTH = mtan.arrays("inverse depths", "depth", _ZIP)

BENCHMARK = Benchmark(
    name="cityscapes_mtan",
    title="Cityscapes, as MTAN prepared it",
    request=mtan.REQUEST,
    licence="Cityscapes' own, free for research and other uses that are not commercial",
    options=TileOptions(value_range=(0, 1), resize=(128, 256), name="cityscapes_mtan"),
    variants={"rgb": Variant(mtan.arrays("images", "image", _ZIP), mtan.BANDS, mtan.read_image)},
    targets={
        SEGMENTATION: Target(
            mtan.arrays("labels of 7 classes", "label_7", _ZIP), "classes", read_classes_7
        ),
        INVERSE_DEPTH: Target(_DEPTH, "a unit of its own, not 1/m", read_inverse_depth),
        DISPARITY: Target(_DEPTH, "px of the full image, as far as known", read_disparity),
    },
    usual=(SEGMENTATION, INVERSE_DEPTH),
    class_maps={"mtpsl7": CLASS_MAP_7, "cityscapes19": CLASS_MAP_19},
    by_classes={
        "cityscapes19": {
            SEGMENTATION: Target(
                mtan.arrays("labels of 19 classes", "label_19", _ZIP), "classes", read_classes_19
            )
        }
    },
    split_of=mtan.split_of,
)
