"""Small maps of what is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.grid import PixelGrid

#: Scenes of which maps are kept: the first ones.
MOST_SCENES = 4


@dataclass(frozen=True, eq=False, slots=True)
class ClassView:
    """Maps of a scene's classes, each pixel the mean of some of the scene's.

    Attributes:
        name: The scene's.
        grid: Of the maps; the last row and column may reach beyond the scene.
        step: Pixels of the scene along a side of one of the maps'.
        true: uint8 (rows, columns, 4): the classes' colours mixed, and how much is labelled.
        predicted: The same of what is predicted.
        wrong: float32 (rows, columns): share of wrong pixels among those that count, else NaN.
    """

    name: str
    grid: PixelGrid
    step: int
    true: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    wrong: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class HeightView:
    """Maps of a scene's heights in metres, each pixel the mean of some of the scene's.

    Attributes:
        name: The scene's.
        grid: As of ``ClassView``.
        step: Likewise.
        true: float32 (rows, columns); NaN where nothing is known.
        predicted: The same of what is predicted.
        error: Predicted less true, of the pixels that count.
    """

    name: str
    grid: PixelGrid
    step: int
    true: NDArray[np.float32]
    predicted: NDArray[np.float32]
    error: NDArray[np.float32]
