"""KITTI 2015: 200 street images with sparse disparities and classes, and 200 without.

What is known of the files, from the development kit and public code that reads them:

- The reference images are the left ones of frame 10, in ``image_2``, by colour camera 2.
- Disparities of the first frame are ``disp_occ_0`` and ``disp_noc_0``; ``_1`` is the next frame's.
- Classes are another download (``data_semantics.zip``), on the same images: ``semantic`` holds
  Cityscapes' label ids.
- The calibration is another one (``data_scene_flow_calib.zip``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.sets import kitti
from geosemimtl.data.sets.benchmark import Benchmark, Kind, Target, Variant
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS
from geosemimtl.data.sets.kitti import camera_of, depth_m_of, read_disparity
from geosemimtl.tasks import DEPTH, DISPARITY, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

__all__ = ["BENCHMARK", "read_depth", "read_disparity"]

_ZIP = "data_scene_flow.zip"


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in metres, by the calibration in ``calib_cam_to_cam`` beside the file's folder.

    Args:
        path: A disparity map, such as ``training/disp_occ_0/000000_10.png``; its calibration is
            ``training/calib_cam_to_cam/000000.txt``.

    Returns:
        (rows, cols), NaN where there is none.

    Raises:
        SceneError: One of the files is missing, damaged or of another kind.
    """
    calibration = path.parent.parent / "calib_cam_to_cam" / f"{path.stem.partition('_')[0]}.txt"
    return depth_m_of(read_disparity(path), *camera_of(calibration, "P_rect_02", "P_rect_03"))


def _targets(kind: Kind) -> dict[str, Target]:
    return {
        DISPARITY: Target(kind, "px of the full image", read_disparity, splits=("train",)),
        DEPTH: Target(kind, "m", read_depth, splits=("train",)),
    }


BENCHMARK = Benchmark(
    name="kitti2015",
    title="KITTI stereo and semantics 2015",
    request=kitti.REQUEST,
    licence=kitti.LICENCE,
    options=TileOptions(value_range=(0, 255), resize=kitti.RESIZE, name="kitti2015"),
    variants={
        "left": Variant(
            kitti.frames("images", "image_2", "training|testing", _ZIP), ("red", "green", "blue")
        )
    },
    targets={
        SEGMENTATION: Target(
            kitti.frames("labels", "semantic", "training", "data_semantics.zip"),
            "classes",
            splits=("train",),
        ),
        **_targets(kitti.frames("disparities", "disp_occ_0", "training", _ZIP)),
    },
    usual=(SEGMENTATION, DISPARITY),
    alternatives={
        kitti.NON_OCCLUDED: _targets(
            kitti.frames("disparities seen twice", "disp_noc_0", "training", _ZIP)
        )
    },
    class_maps=CLASS_MAPS,
    split_of=kitti.split_of,
)
