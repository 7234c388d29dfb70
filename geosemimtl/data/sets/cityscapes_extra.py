"""Cityscapes' 19,998 further images (``train_extra``), of other cities, with disparities only.

Their labels (``gtCoarse``) are coarse polygons and are not read. All of them are to train on.
"""

from __future__ import annotations

from geosemimtl.data.sets.benchmark import Benchmark, Key, Variant
from geosemimtl.data.sets.cityscapes import (
    BANDS,
    LICENCE,
    REQUEST,
    WHOLE_IMAGE,
    frame_name,
    frames,
    stereo_targets,
    whole_stereo_targets,
)
from geosemimtl.tasks import DISPARITY
from geosemimtl.tiling.options import TileOptions


def _split(_key: Key) -> str:
    return "train"


_EXTRA = "train_extra"
_DISPARITY = frames("disparity", "disparity", _EXTRA, "disparity", "disparity_trainextra.zip")

BENCHMARK = Benchmark(
    name="cityscapes_extra",
    title="Cityscapes, train-extra",
    request=REQUEST,
    licence=LICENCE,
    options=TileOptions(value_range=(0, 255), resize=(512, 1024), name="cityscapes_extra"),
    variants={
        "left": Variant(
            frames("images", "leftimg8bit", _EXTRA, "leftimg8bit", "leftImg8bit_trainextra.zip"),
            BANDS,
        )
    },
    targets=stereo_targets(_DISPARITY),
    usual=(DISPARITY,),
    alternatives={WHOLE_IMAGE: whole_stereo_targets(_DISPARITY)},
    name_of=frame_name,
    split_of=_split,
    skipped={
        (_EXTRA, "troisdorf", "000000", "000073"): "it is black, and has no disparity",
    },
)
