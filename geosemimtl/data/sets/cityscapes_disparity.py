"""Cityscapes' disparities, and what follows from them by the geometry of its stereo camera.

A 16-bit PNG holds p: 0 where nothing was matched, otherwise a disparity of (p - 1) / 256 px of
the full image (2048 x 1024). The disparities are those of semi-global matching, not of a laser:
the left 5 % of an image, which the right camera does not see, and the bottom 15 %, the bonnet,
are noise, so they are unknown here, as in SemiMTL (supplement). The functions of names that end in
``whole`` keep them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.arrays import read_png16
from geosemimtl.stereo import CITYSCAPES

_STEPS_PX = 256
_LEFT, _BOTTOM = 0.05, 0.15


def read_disparity(path: Path) -> NDArray[np.float32]:
    """Read disparities in pixels of the full image (rows, cols), NaN where unknown.

    A pixel is in the left 5 % or bottom 15 % if its centre is.

    Raises:
        SceneError: The file is missing, damaged or not of 16 bits.
    """
    disparity_px = read_disparity_whole(path)
    rows, cols = disparity_px.shape
    left = np.arange(cols) + 0.5 < _LEFT * cols
    bottom = np.arange(rows) + 0.5 > (1 - _BOTTOM) * rows
    disparity_px[bottom[:, None] | left] = np.nan
    return disparity_px


def read_disparity_whole(path: Path) -> NDArray[np.float32]:
    """Read disparities as ``read_disparity``, to the image's edges."""
    raw = read_png16(path)
    disparity_px = (raw.astype(np.float32) - 1) / _STEPS_PX
    return np.where(raw == 0, np.float32(np.nan), disparity_px)


def read_inverse_depth(path: Path) -> NDArray[np.float32]:
    """Read inverse depths in 1/m, d / (f B), as ``read_disparity``; 0 is infinitely far."""
    return CITYSCAPES.inverse_depth(read_disparity(path))


def read_inverse_depth_whole(path: Path) -> NDArray[np.float32]:
    """Read inverse depths as ``read_inverse_depth``, to the image's edges."""
    return CITYSCAPES.inverse_depth(read_disparity_whole(path))


def read_depth(path: Path) -> NDArray[np.float32]:
    """Read depths in m, f B / d, as ``read_disparity``; unknown where the disparity is 0."""
    return _depth_m(read_disparity(path))


def read_depth_whole(path: Path) -> NDArray[np.float32]:
    """Read depths as ``read_depth``, to the image's edges."""
    return _depth_m(read_disparity_whole(path))


def _depth_m(disparity_px: NDArray[np.float32]) -> NDArray[np.float32]:
    depth_m = CITYSCAPES.depth_m(disparity_px)
    return np.where(np.isfinite(depth_m), depth_m, np.float32(np.nan))
