"""The most frequent class between two grids whose axes are parallel.

As with averages (``geosemimtl.raster.averaging``), which source pixels an output pixel meets
depends on its row and its column alone. Most output pixels meet one class only, which minimum and
maximum show; only at the others' votes are counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.raster.averaging import AxisWeights
from geosemimtl.raster.values import filled

#: So many counters at once, one a class and a pixel with several classes.
_COUNTERS = 1 << 22


def majority(indices: NDArray[np.uint8], rows: AxisWeights, cols: AxisWeights) -> NDArray[np.uint8]:
    """Return the class of most of the source pixels that each output pixel meets.

    Each labelled source pixel that is met has one vote, however much of it is met; among classes
    of equal votes, the one that had them first wins, in the order of rows and columns. Both are
    gdalwarp's rules.

    Args:
        indices: Classes (rows, columns) of the source, ``IGNORE`` where unlabelled.
        rows: Weights of the output rows.
        cols: Weights of the output columns.

    Returns:
        Classes (rows, columns), ``IGNORE`` where no labelled pixel is met.
    """
    down, across = _places(rows, indices.shape[0]), _places(cols, indices.shape[1])
    lowest, highest = _extremes(indices, down, across)
    covered = np.outer(rows.weights.sum(axis=0) > 0, cols.weights.sum(axis=0) > 0)
    mixed = np.nonzero(covered & (lowest != highest))
    out = filled(lowest, covered, IGNORE)
    classes = int(indices[indices != IGNORE].max(initial=0)) + 1
    step = max(1, _COUNTERS // classes)
    for begin in range(0, len(mixed[0]), step):
        at = tuple(axis[begin : begin + step] for axis in mixed)
        out[at] = _elected(indices, (down[:, at[0]], across[:, at[1]]), (rows, cols), at, classes)
    return out


def _places(axis: AxisWeights, length: int) -> NDArray[np.int64]:
    """Return the source pixels (taps, output pixels) met; what is not met repeats the first."""
    places = axis.first + np.arange(len(axis.weights))[:, None]
    return np.minimum(np.where(axis.weights > 0, places, axis.first), length - 1)


def _extremes(
    indices: NDArray[np.uint8], down: NDArray[np.int64], across: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    lowest = highest = indices[down[0]]
    for places in down[1:]:
        rows = indices[places]
        lowest, highest = np.minimum(lowest, rows), np.maximum(highest, rows)
    # "clip" for its speed: no place lies outside
    low, high = (np.take(of, across[0], axis=1, mode="clip") for of in (lowest, highest))
    for places in across[1:]:
        np.minimum(low, np.take(lowest, places, axis=1, mode="clip"), out=low)
        np.maximum(high, np.take(highest, places, axis=1, mode="clip"), out=high)
    return low, high


def _elected(
    indices: NDArray[np.uint8],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    axes: tuple[AxisWeights, AxisWeights],
    at: tuple[NDArray[np.int64], ...],
    classes: int,
) -> NDArray[np.uint8]:
    """Count the votes for some output pixels."""
    counters = np.zeros((len(at[0]), classes), np.uint16)
    best = np.zeros(len(at[0]), np.uint16)
    elected = np.full(len(at[0]), IGNORE, np.uint8)
    own = np.arange(len(at[0]))
    meets = [axis.weights[:, place] > 0 for axis, place in zip(axes, at, strict=True)]
    for row, row_meets in zip(places[0], meets[0], strict=True):
        for col, col_meets in zip(places[1], meets[1], strict=True):
            votes = indices[row, col]
            counted = np.nonzero(row_meets & col_meets & (votes != IGNORE))[0]
            who, votes = own[counted], votes[counted]
            now = counters[who, votes] + np.uint16(1)
            counters[who, votes] = now
            leads = now > best[who]
            best[who[leads]] = now[leads]
            elected[who[leads]] = votes[leads]
    return elected
