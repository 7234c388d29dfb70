"""Synscapes: 25,000 rendered street images, each of another scene, with classes and depths.

What is known of the files, from the data set's own description of them and public code:

- ``img/{rgb,rgb-2k,class,depth,instance}/{number}`` and ``meta/{number}.json``, from 1 to 25000.
- Images are of 1440 x 720 px, as classes and depths are; ``rgb-2k`` holds them enlarged to
  2048 x 1024, before the sensor's noise was added.
- Classes are Cityscapes' numbers in PNGs of one band.
- Depths are metres along the optical axis, in OpenEXR; the channel is Z by public code. What they
  say of the sky is not told, so that the class says where it is.
- It has no split of its own; SemiMTL takes the first 20,000 images to train, the next 1000 to
  validate and the last 4000 to test, which is taken to mean by number.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Target, Variant
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS, SKY
from geosemimtl.errors import SceneError
from geosemimtl.raster.arrays import read_exr, read_png8
from geosemimtl.stereo import CITYSCAPES
from geosemimtl.tasks import (
    DEPTH,
    DISPARITY,
    INVERSE_DEPTH,
    SEGMENTATION,
)
from geosemimtl.tiling.options import TileOptions

_LAST_TRAIN, _LAST_VAL = 20_000, 21_000
_BANDS = ("red", "green", "blue")
_SOURCE = "the folder img/{}"


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in metres (rows, cols), NaN in the sky and where they are not above 0.

    Args:
        path: ``depth/{number}.exr``; the sky is that of ``class/{number}.png`` beside its folder.

    Raises:
        SceneError: One of the two files is missing or damaged, or their sizes differ.
    """
    depth_m, is_sky = _depth_and_sky(path)
    known = np.isfinite(depth_m) & (depth_m > 0) & ~is_sky
    return np.where(known, depth_m, np.float32(np.nan))


def read_inverse_depth(path: Path) -> NDArray[np.float32]:
    """Read inverse depths in 1/m as ``read_depth``, 0 in the sky, which is infinitely far."""
    depth_m, is_sky = _depth_and_sky(path)
    known = (depth_m > 0) & ~is_sky  # of an infinite depth, the inverse is 0
    inverse = 1 / np.where(known, depth_m, np.float32(np.nan))
    return np.where(is_sky, np.float32(0), inverse)


def read_disparity(path: Path) -> NDArray[np.float32]:
    """Read the disparities that Cityscapes' stereo camera would see, in px of its full image.

    One product of focal length and baseline for both data sets, 473.6 px m, gives one scale; it
    is not Synscapes' own camera, of which only the focal length (1590.8 px of 1440) is told.
    """
    return CITYSCAPES.disparity_of_inverse(read_inverse_depth(path))


def _depth_and_sky(path: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    depth_m = read_exr(path)
    labels = path.parent.parent / "class" / f"{path.stem}.png"
    try:
        classes = read_png8(labels)
    except SceneError as error:
        raise SceneError(f"{path}: its classes say where the sky is; {error}") from error
    if classes.shape != depth_m.shape:
        rows, cols = classes.shape
        raise SceneError(
            f"{path}: is {depth_m.shape[1]} x {depth_m.shape[0]} px, its classes {cols} x {rows}; "
            "copy both again"
        )
    return depth_m, classes == SKY


def _split(key: Key) -> str:
    number = int(key[0])
    return "train" if number <= _LAST_TRAIN else "val" if number <= _LAST_VAL else "test"


def _kind(name: str, folder: str, suffix: str) -> Kind:
    pattern = rf"(?:.*/)?img/{folder}/(\d+)\.{suffix}"
    return Kind(name, pattern, _SOURCE.format(folder))


_DEPTH = _kind("depth", "depth", "exr")

BENCHMARK = Benchmark(
    name="synscapes",
    title="Synscapes",
    request="https://synscapes.on.liu.se",
    licence="its own terms: read them where it is offered",
    options=TileOptions(value_range=(0, 255), resize=(512, 1024), name="synscapes"),
    variants={
        "rgb": Variant(_kind("images", "rgb", "png"), _BANDS),
        "rgb-2k": Variant(_kind("images of 2048 px", "rgb-2k", "png"), _BANDS),
    },
    targets={
        SEGMENTATION: Target(_kind("classes", "class", "png"), "classes"),
        INVERSE_DEPTH: Target(_DEPTH, "1/m", read_inverse_depth),
        DEPTH: Target(_DEPTH, "m", read_depth),
        DISPARITY: Target(_DEPTH, "px of Cityscapes' full image", read_disparity),
    },
    usual=(SEGMENTATION, DISPARITY),
    class_maps=CLASS_MAPS,
    split_of=_split,
)
