"""What the encodings of several data sets have in common: from a file to an array, nothing else.

All raise an error that names the file, what it holds and the remedy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import ClassMap
from geosemimtl.errors import LabelError, SceneError

#: Shorter vectors say nothing of a direction; 8-bit grey 127 or 128 in all bands is 0.007 long.
_SHORTEST: Final = 0.01
_FARTHEST_24_BIT_M: Final = 1000.0


def channels_first(array: NDArray[Any], channels: int, path: Path) -> NDArray[Any]:
    """Return an array (channels, rows, cols), given that or (rows, cols, channels).

    One channel may have no axis. Where both would do, the last axis is taken.

    Raises:
        SceneError: It has neither form.
    """
    if array.ndim == 2 and channels == 1:
        return array[None]
    if array.ndim == 3 and array.shape[-1] == channels:
        return np.moveaxis(array, -1, 0)
    if array.ndim == 3 and array.shape[0] == channels:
        return array
    shape = " x ".join(map(str, array.shape))
    raise SceneError(
        f"{path}: is {shape}; {channels} channel(s) of rows and columns are expected: take the "
        "file as it was shipped"
    )


def indices_of(ids: NDArray[Any], classes: ClassMap, path: Path) -> NDArray[np.uint8]:
    """Return the class of each pixel.

    Args:
        ids: Whole numbers (rows, cols) of any type, as the file writes classes.
        classes: What they stand for.
        path: For messages.

    Returns:
        Indices of the class map's entries (rows, cols), 255 where it ignores.

    Raises:
        LabelError: A number is not whole, or not in the class map.
    """
    known = classes.numbers
    values, places = np.unique(ids, return_inverse=True)
    strange = [value for value in values.tolist() if value not in known]
    if strange:
        raise LabelError(
            f"{path}: has the label {strange[0]:g}, which stands for nothing "
            f"({classes.declared()}); give another class map or ignore it there"
        )
    table = np.array([known[int(value)] for value in values], dtype=np.uint8)
    return table[places].reshape(ids.shape)


def depth_of_24_bit(bands: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return metres of a depth in three bytes, as CARLA and SYNTHIA write it.

    (R + 256 G + 65536 B) / (2**24 - 1) * 1000 m; all 255 is 1000 m or beyond, such as the sky.

    Args:
        bands: Red, green, blue (3, rows, cols), or more, which are passed over.
    """
    red, green, blue = bands[:3].astype(np.float64)
    whole = (red + 256 * green + 65536 * blue) / (2**24 - 1)
    depth_m: NDArray[np.float32] = (whole * _FARTHEST_24_BIT_M).astype(np.float32)
    return depth_m


def within(depth_m: NDArray[np.float32], farthest_m: float) -> NDArray[np.float32]:
    """Return depths with NaN where there is none (0) and beyond a distance."""
    is_known = (depth_m > 0) & (depth_m <= farthest_m)
    return np.where(is_known, depth_m, np.float32(np.nan))


def camera_normals(stored: NDArray[Any], observed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return unit vectors in the camera's axes, x to the right, y down, z away from the camera.

    The stored axes are taken to be x to the right and y down. Where z points is known without
    being told: what is seen faces the camera, so z of its normals is below 0. If most of it is
    not, the stored z points to the camera, and is turned.

    Args:
        stored: (3, rows, cols) of any length.
        observed: Where there is a normal (rows, cols).

    Returns:
        (3, rows, cols), NaN where nothing is observed or the vector has no length.
    """
    vectors = stored.astype(np.float64)
    length = np.linalg.norm(vectors, axis=0)
    known = observed & (length > _SHORTEST)
    unit = np.where(known, vectors / np.where(known, length, 1), np.nan)
    if known.any() and np.nanmean(unit[2]) > 0:
        unit[2] *= -1
    return unit.astype(np.float32)
