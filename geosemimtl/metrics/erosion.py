"""Which pixels lie away from the boundaries between true classes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geosemimtl.classes import IGNORE


def away_from_boundaries(truth: NDArray[np.uint8], radius_px: int) -> NDArray[np.bool_]:
    """Return where no pixel of another class lies within a disc around a labelled pixel.

    ISPRS made its references without boundaries so, with a disc of 3 px radius. Pixels without a
    label, and the rim of the array, are no class of their own: they make no boundary.

    Args:
        truth: (rows, columns) class indices, ``IGNORE`` where unlabelled.
        radius_px: Distance between the centres of two pixels up to which they touch; above 0.

    Returns:
        (rows, columns). Of a window of a scene it is that of the whole scene but for
        ``radius_px`` rows and columns at its rim.

    Raises:
        ValueError: The radius is not above 0.
    """
    if radius_px < 1:
        raise ValueError(f"a radius of {radius_px} px erodes nothing: give 1 or more")
    known = truth != IGNORE
    # unlabelled is never the largest, and never the smallest but where nothing else is
    lowered = np.where(known, truth, 0).astype(np.uint8)
    largest = _over_disc(lowered, radius_px, ndimage.maximum_filter1d, np.maximum, 0)
    smallest = _over_disc(truth, radius_px, ndimage.minimum_filter1d, np.minimum, IGNORE)
    alone: NDArray[np.bool_] = known & (largest == truth) & (smallest == truth)
    return alone


def _over_disc(
    values: NDArray[np.uint8],
    radius_px: int,
    along_rows: Callable[..., NDArray[np.uint8]],
    join: Callable[..., NDArray[np.uint8]],
    outside: int,
) -> NDArray[np.uint8]:
    """Return the extreme over the disc around each pixel, chord by chord."""
    rows = len(values)
    found = np.full_like(values, outside)
    for away in range(min(radius_px, rows - 1) + 1):
        half = math.isqrt(radius_px**2 - away**2)
        chord = along_rows(values, 2 * half + 1, axis=1, mode="constant", cval=outside)
        join(found[: rows - away], chord[away:], out=found[: rows - away])
        join(found[away:], chord[: rows - away], out=found[away:])
    return found
