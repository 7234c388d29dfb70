"""Blend weights: how much each of several overlapping tiles counts at a pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError


def hann(size_px: int) -> NDArray[np.float64]:
    """Return a raised cosine sampled at pixel centres, so that it is nowhere zero."""
    return np.sin(np.pi * (np.arange(size_px) + 0.5) / size_px) ** 2


def linear(size_px: int) -> NDArray[np.float64]:
    """Return the distance to the nearer end of the tile, in pixels."""
    index = np.arange(size_px)
    return np.minimum(index, size_px - 1 - index) + 0.5


def flat(size_px: int) -> NDArray[np.float64]:
    """Return the same weight everywhere."""
    return np.ones(size_px)


#: At each pixel the tile alone counts whose centre is nearest; equally near ones share it.
CENTRE = "centre"
#: Blend windows by name.
WINDOWS: Mapping[str, Callable[[int], NDArray[np.float64]]] = {
    "hann": hann,
    "linear": linear,
    "flat": flat,
    CENTRE: linear,
}


def axis_weights(
    offsets: Sequence[int], size_px: int, length: int, window: str = "hann"
) -> list[NDArray[np.float32]]:
    """Return each tile's weights along one axis; at every pixel they sum to one.

    The window is divided by the sum of all tiles' windows at each pixel of the axis, so the ends
    of the axis, a last tile moved inwards and an axis shorter than a tile need no exception. The
    weight of a tile in two dimensions is the product of its axes' weights.

    Args:
        offsets: First pixel of each tile.
        size_px: Side of a tile.
        length: Pixels of the axis; a tile's weights end with it.
        window: A name in ``WINDOWS``.

    Raises:
        ConfigError: The window's name is unknown.
    """
    if window not in WINDOWS:
        raise ConfigError(f"blend window {window}: choose one of {', '.join(sorted(WINDOWS))}")
    places = [slice(offset, min(offset + size_px, length)) for offset in offsets]
    shapes = [WINDOWS[window](size_px)[: place.stop - place.start] for place in places]
    if window == CENTRE:
        most = np.zeros(length)
        for place, shape in zip(places, shapes, strict=True):
            np.maximum(most[place], shape, out=most[place])
        shapes = [
            (shape == most[place]).astype(np.float64)
            for place, shape in zip(places, shapes, strict=True)
        ]
    total = np.zeros(length)
    for place, shape in zip(places, shapes, strict=True):
        total[place] += shape
    return [
        (shape / total[place]).astype(np.float32)
        for place, shape in zip(places, shapes, strict=True)
    ]
