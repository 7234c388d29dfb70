"""Cityscapes: 5000 street images of 2048 x 1024 px of 50 cities, with labels and disparities.

What is known of the files, from the data set's own scripts and public code that reads them:

- ``{kind}/{split}/{city}/{city}_{sequence}_{frame}_{kind}.png``; the folders of all kinds lie
  beside each other, and each kind comes in a zip of its own.
- The labels of the split ``test`` (1525 images) are kept back: its files are dummies that hold
  no class. They are not used, so that only training (2975) and validation (500) have labels.
- Disparities are of all three splits.
"""

from __future__ import annotations

from geosemimtl.data.sets import cityscapes_disparity as stereo
from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Target, Variant
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS
from geosemimtl.tasks import DEPTH, DISPARITY, INVERSE_DEPTH, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

REQUEST = "https://www.cityscapes-dataset.com"
LICENCE = (
    "its own licence, after registration: free for research and other uses that are not "
    "commercial; nobody else may hand it on"
)
#: Alternative targets: disparity, depth and inverse depth to the image's edges.
WHOLE_IMAGE = "whole-image"
BANDS = ("red", "green", "blue")

_FRAME = r"([a-z-]+)_(\d{6})_(\d{6})"


def frames(name: str, folder: str, splits: str, suffix: str, source: str) -> Kind:
    """Return a kind of file of the splits that a pattern names."""
    return Kind(name, rf"(?:.*/)?{folder}/({splits})/[^/]+/{_FRAME}_{suffix}\.png", source)


def stereo_targets(kind: Kind) -> dict[str, Target]:
    """Return what follows from disparities, without the noisy edges of the image."""
    return {
        DISPARITY: Target(kind, "px of the full image", stereo.read_disparity),
        DEPTH: Target(kind, "m", stereo.read_depth),
        INVERSE_DEPTH: Target(kind, "1/m", stereo.read_inverse_depth),
    }


def whole_stereo_targets(kind: Kind) -> dict[str, Target]:
    """Return what follows from disparities, to the edges of the image."""
    return {
        DISPARITY: Target(kind, "px of the full image", stereo.read_disparity_whole),
        DEPTH: Target(kind, "m", stereo.read_depth_whole),
        INVERSE_DEPTH: Target(kind, "1/m", stereo.read_inverse_depth_whole),
    }


def frame_name(key: Key) -> str:
    """Return a frame's name without its split: no city is in two."""
    return "_".join(key[1:])


def _split(key: Key) -> str:
    return key[0]


_ALL = "train|val|test"
_DISPARITY = frames("disparity", "disparity", _ALL, "disparity", "disparity_trainvaltest.zip")

BENCHMARK = Benchmark(
    name="cityscapes",
    title="Cityscapes",
    request=REQUEST,
    licence=LICENCE,
    options=TileOptions(value_range=(0, 255), resize=(512, 1024), name="cityscapes"),
    variants={
        "left": Variant(
            frames("images", "leftimg8bit", _ALL, "leftimg8bit", "leftImg8bit_trainvaltest.zip"),
            BANDS,
        )
    },
    targets={
        SEGMENTATION: Target(
            frames("labels", "gtfine", "train|val", "gtfine_labelids", "gtFine_trainvaltest.zip"),
            "classes",
            splits=("train", "val"),
        ),
        **stereo_targets(_DISPARITY),
    },
    usual=(SEGMENTATION, DISPARITY),
    alternatives={WHOLE_IMAGE: whole_stereo_targets(_DISPARITY)},
    class_maps=CLASS_MAPS,
    name_of=frame_name,
    split_of=_split,
)
