"""KITTI 2012: 194 street images with sparse disparities, and 195 without.

What is known of the files, from the development kit and public code that reads them:

- The reference images are the left ones of frame 10, ``image_0`` (grey) or ``colored_0``.
- Disparities belong to the left grey camera, camera 0, so depth comes from P0 and P1. Public code
  takes the colour images for the same pixels; whether these are those of camera 0 is not said.
- ``_occ`` has what was measured, ``_noc`` only what the right image shows, too.
- AT/DT speaks of 200 images for depth; the benchmark's training set has 194.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.sets import kitti
from geosemimtl.data.sets.benchmark import Benchmark, Kind, Target, Variant
from geosemimtl.data.sets.kitti import camera_of, depth_m_of, read_disparity
from geosemimtl.tasks import DEPTH, DISPARITY
from geosemimtl.tiling.options import TileOptions

__all__ = ["BENCHMARK", "read_depth", "read_disparity"]

_ZIP = "data_stereo_flow.zip"


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in metres, by the calibration in ``calib`` beside the file's folder.

    Args:
        path: A disparity map, such as ``training/disp_occ/000000_10.png``; its calibration is
            ``training/calib/000000.txt``.

    Returns:
        (rows, cols), NaN where there is none.

    Raises:
        SceneError: One of the files is missing, damaged or of another kind.
    """
    calibration = path.parent.parent / "calib" / f"{path.stem.partition('_')[0]}.txt"
    return depth_m_of(read_disparity(path), *camera_of(calibration, "P0", "P1"))


def _targets(kind: Kind) -> dict[str, Target]:
    return {
        DISPARITY: Target(kind, "px of the full image", read_disparity, splits=("train",)),
        DEPTH: Target(kind, "m", read_depth, splits=("train",)),
    }


def _images(name: str, folder: str) -> Kind:
    return kitti.frames(name, folder, "training|testing", _ZIP)


BENCHMARK = Benchmark(
    name="kitti2012",
    title="KITTI stereo 2012",
    request=kitti.REQUEST,
    licence=kitti.LICENCE,
    options=TileOptions(value_range=(0, 255), resize=kitti.RESIZE, name="kitti2012"),
    variants={
        "colour": Variant(_images("colour images", "colored_0"), ("red", "green", "blue")),
        "grey": Variant(_images("grey images", "image_0"), ("grey",)),
    },
    targets=_targets(kitti.frames("disparities", "disp_occ", "training", _ZIP)),
    usual=(DISPARITY,),
    alternatives={
        kitti.NON_OCCLUDED: _targets(
            kitti.frames("disparities seen twice", "disp_noc", "training", _ZIP)
        )
    },
    split_of=kitti.split_of,
)
