"""From the values of a label raster's pixels to class indices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE

Recode = Callable[[NDArray[Any]], NDArray[np.uint8]]


def recoder(table: Mapping[tuple[int, ...], int], dtype: str) -> Recode:
    """Return a function from pixels (bands, rows, columns) to class indices (rows, columns).

    Args:
        table: The class index of a pixel's values, one a band; other pixels become ``IGNORE``.
        dtype: numpy name of the pixels' type, whole numbers.
    """
    bands = len(next(iter(table), ((),)))
    digits = [sorted({values[band] for values in table}) for band in range(bands)]
    bases = [len(own) + 1 for own in digits]  # the last digit is any other value
    classes = np.full(bases, IGNORE, np.uint8)
    for values, index in table.items():
        classes[tuple(own.index(value) for own, value in zip(digits, values, strict=True))] = index
    find = [_finder(own, np.dtype(dtype)) for own in digits]
    if bands == 1:
        return lambda pixels: classes[find[0](pixels[0])]
    return lambda pixels: classes[tuple(one(band) for one, band in zip(find, pixels, strict=True))]


def _finder(
    values: list[int], dtype: np.dtype[Any]
) -> Callable[[NDArray[Any]], NDArray[np.integer[Any]]]:
    """Return a function from values to their places in the list, its length for any other."""
    if dtype.itemsize <= 2:
        bits = 8 * dtype.itemsize
        places = np.full(1 << bits, len(values), np.uint16)
        for place, value in enumerate(values):
            places[value % (1 << bits)] = place  # negative ones as their bits are
        unsigned = np.dtype(f"uint{bits}")
        return lambda band: places[band.view(unsigned)]
    known = np.array(values, dtype)

    def find(band: NDArray[Any]) -> NDArray[np.integer[Any]]:
        place = np.minimum(np.searchsorted(known, band), len(known) - 1)
        return np.where(known[place] == band, place, len(known))

    return find
