"""NYUv2 as MTAN prepared it: 1449 indoor images of 288 x 384 px, as NumPy's arrays.

What is known of the files, from public code that reads them:

- ``train`` has 795 scenes and ``val`` 654, which MTAN and MTPSL test on; names are numbers.
- Images, depths and normals are (rows, cols, channels), labels (rows, cols); images lie in 0 to 1.
- Labels are -1 where nothing is known and otherwise 0 to 12, the 13 classes of SceneNet's table.
- Depth is in metres, 0 where there is none; normals are 0 there.
- Channel 0 of the normals is horizontal: public code negates it where it flips images. Its sign,
  and those of the others, are said nowhere; see ``camera_normals`` for what is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.sets import mtan
from geosemimtl.data.sets.benchmark import Benchmark, Target, Variant
from geosemimtl.data.sets.decoding import (
    camera_normals,
    channels_first,
    indices_of,
)
from geosemimtl.raster.arrays import read_npy
from geosemimtl.tasks import DEPTH, NORMALS, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

#: SceneNet's names and colours of the 13 classes, in its order; its ``painting`` is ``picture``.
_COLOURS: Final = {
    "bed": "#0000ff",
    "books": "#e95930",
    "ceiling": "#00da00",
    "chair": "#9500f0",
    "floor": "#def118",
    "furniture": "#ffcece",
    "objects": "#00e0e5",
    "picture": "#6a88cc",
    "sofa": "#751d29",
    "table": "#f023eb",
    "tv": "#00a79c",
    "wall": "#f98b00",
    "window": "#e1e5c2",
}
CLASS_MAP: Final = mtan.class_map_of(_COLOURS)


def read_classes(path: Path) -> NDArray[np.uint8]:
    """Read the 13 classes, as ``CLASS_MAP`` orders them.

    Args:
        path: A .npy of ``label``.

    Returns:
        (rows, cols), 255 where there is none.

    Raises:
        SceneError: It is missing, damaged or of another shape.
        LabelError: It has another label.
    """
    return indices_of(mtan.single(path), CLASS_MAP, path)


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in metres.

    Args:
        path: A .npy of ``depth``.

    Returns:
        (rows, cols), NaN where there is none.

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    return mtan.above_zero(path)


def read_normals(path: Path) -> NDArray[np.float32]:
    """Read normals: unit vectors, x to the right, y down, z away from the camera.

    Args:
        path: A .npy of ``normal``.

    Returns:
        (3, rows, cols), NaN where there is none. Vectors are made of unit length; MTAN's are
        shorter where images were resized.

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    stored = channels_first(read_npy(path), 3, path)
    return camera_normals(stored, np.isfinite(stored).all(axis=0))


_ZIP = "nyuv2.zip"

BENCHMARK = Benchmark(
    name="nyuv2_mtan",
    title="NYUv2, as MTAN prepared it",
    request=mtan.REQUEST,
    licence="none was found; ask the authors of NYUv2 and of MTAN",
    options=TileOptions(value_range=(0, 1), resize=(288, 384), name="nyuv2_mtan"),
    variants={"rgb": Variant(mtan.arrays("images", "image", _ZIP), mtan.BANDS, mtan.read_image)},
    targets={
        SEGMENTATION: Target(mtan.arrays("labels", "label", _ZIP), "classes", read_classes),
        DEPTH: Target(mtan.arrays("depths", "depth", _ZIP), "m", read_depth),
        NORMALS: Target(mtan.arrays("normals", "normal", _ZIP), "unit vectors", read_normals),
    },
    class_maps={"nyu13": CLASS_MAP},
    split_of=mtan.split_of,
)
