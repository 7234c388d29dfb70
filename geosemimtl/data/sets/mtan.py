"""What the data sets that MTAN prepared have in common: NumPy's arrays, by number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import ClassMap, MappedClass
from geosemimtl.data.sets.benchmark import Key, Kind
from geosemimtl.data.sets.decoding import channels_first
from geosemimtl.raster.arrays import read_npy

REQUEST = "https://github.com/lorenmt/mtan"
BANDS = ("red", "green", "blue")


def class_map_of(colours: Mapping[str, str]) -> ClassMap:
    """Return classes that are written as their indices, and as -1 where there is none.

    Args:
        colours: By the classes' names, in their order.
    """
    return ClassMap(
        entries=tuple(
            MappedClass(name=name, color=color, written=(index,))
            for index, (name, color) in enumerate(colours.items())
        ),
        ignore=(-1,),
    )


def arrays(name: str, folder: str, source: str) -> Kind:
    """Return a kind of file in both splits."""
    return Kind(name, rf"(?:.*/)?(train|val)/{folder}/(\d+)\.npy", source)


def split_of(key: Key) -> str:
    """Return the split, which is the first part of a key."""
    return key[0]


def read_image(path: Path) -> NDArray[np.float32]:
    """Read an image as it is stored, which is from 0 to 1.

    Args:
        path: A .npy of ``image``.

    Returns:
        Red, green, blue (3, rows, cols).

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    return channels_first(read_npy(path), 3, path).astype(np.float32)


def single(path: Path) -> NDArray[Any]:
    """Read what has one number a pixel, (rows, cols), in whatever type it is stored.

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    stored: NDArray[Any] = channels_first(read_npy(path), 1, path)[0]
    return stored


def above_zero(path: Path) -> NDArray[np.float32]:
    """Read numbers that are stored as 0 where there is none, (rows, cols), NaN there.

    Raises:
        SceneError: It is missing, damaged or of another shape.
    """
    stored = single(path).astype(np.float32)
    return np.where(stored > 0, stored, np.float32(np.nan))
