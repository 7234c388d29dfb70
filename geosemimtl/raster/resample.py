"""How the pixels of a scene's grid draw on those of a model's, along one axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.averaging import AxisWeights


def axis_taps(n_in: int, n_out: int, step: float) -> AxisWeights:
    """Return the weights that resample one axis; at every output pixel they sum to one.

    Both axes start at the same edge. Where output pixels are smaller than input pixels (``step``
    up to 1) the weights interpolate linearly between pixel centres and repeat the outermost
    value; where they are larger, the weights are the shares of the input pixels they cover.

    Args:
        n_in: Input pixels.
        n_out: Output pixels.
        step: Size of an output pixel in input pixels.
    """
    if step > 1:
        covered = AxisWeights.of(0, n_out, step, 0.0, n_in)
        return AxisWeights(covered.first, covered.weights / covered.weights.sum(axis=0))
    centre = np.clip((np.arange(n_out) + 0.5) * step - 0.5, 0, n_in - 1)
    low = np.minimum(np.floor(centre).astype(np.int64), max(n_in - 2, 0))
    share = centre - low
    return AxisWeights(low, np.stack([1 - share, share]))


def reach(taps: AxisWeights) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first input pixel of each output pixel, and the one after its last; both rise."""
    places = np.arange(1, len(taps.weights) + 1)[:, None]
    used = np.where(taps.weights > 0, places, 1).max(axis=0)
    return taps.first, taps.first + used


def drawing(taps: AxisWeights, begin: int, length: int) -> tuple[int, int]:
    """Return the first output pixel that draws on a run of input pixels, and the one after."""
    first, end = reach(taps)
    low, high = np.searchsorted(end, begin, side="right"), np.searchsorted(first, begin + length)
    return int(low), int(high)
