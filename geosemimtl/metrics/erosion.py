"""Which pixels lie away from the boundaries between true classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geosemimtl.tasks import IGNORE


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
    steps = np.arange(-radius_px, radius_px + 1)
    disc = steps[:, None] ** 2 + steps**2 <= radius_px**2
    # unlabelled is never the largest, and never the smallest but where nothing else is
    known = truth != IGNORE
    lowered = np.where(known, truth, 0).astype(np.uint8)
    largest = ndimage.maximum_filter(lowered, footprint=disc, mode="constant", cval=0)
    smallest = ndimage.minimum_filter(truth, footprint=disc, mode="constant", cval=IGNORE)
    alone: NDArray[np.bool_] = known & (largest == truth) & (smallest == truth)
    return alone
