"""Lines between regions of labels, as PASCAL-Context's edges are made of its labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def edges_of(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return the lines between regions, thinned: where the Laplacian of the labels is not 0.

    The Laplacian is 4 times a pixel less its neighbours above, below and beside; beyond the border
    is what lies inside of it. Where labels happen to cancel out, the line has a gap.

    Args:
        labels: (rows, cols), at least 2 x 2.

    Returns:
        (rows, cols), lines one pixel wide.
    """
    around = np.pad(labels.astype(np.int64), 1, mode="reflect")
    beside = around[1:-1, :-2] + around[1:-1, 2:] + around[:-2, 1:-1] + around[2:, 1:-1]
    return thinned(beside != 4 * around[1:-1, 1:-1])


def thinned(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask whose parts are worn down to lines, without being broken or shortened.

    Guo and Hall, Parallel thinning with two-subiteration algorithms, CACM 1989 (their A1): until
    nothing changes, pixels are taken away that neither connect others nor end a line, in turns
    from the north-east and from the south-west.

    Args:
        mask: (rows, cols).
    """
    kept = mask.copy()
    while True:
        before = np.count_nonzero(kept)
        for is_first in (True, False):
            kept &= ~_removable(kept, is_first=is_first)
        if np.count_nonzero(kept) == before:
            return kept


def _removable(mask: NDArray[np.bool_], *, is_first: bool) -> NDArray[np.bool_]:
    """Return the pixels that one turn takes away."""
    near = np.pad(mask, 1)
    rows, cols = mask.shape
    # counter-clockwise from the east: east, north-east, north, ..., south-east
    steps = ((1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2))
    x = [near[row : row + rows, col : col + cols] for row, col in steps]
    zeros = np.zeros(mask.shape, np.uint8)
    crossings, first, second = zeros.copy(), zeros.copy(), zeros.copy()
    for place in range(0, 8, 2):
        following = x[(place + 2) % 8]
        crossings += ~x[place] & (x[place + 1] | following)
        first += x[place] | x[place + 1]
        second += x[place + 1] | following
    fewest = np.minimum(first, second)
    corner = (x[1] | x[2] | ~x[7]) & x[0] if is_first else (x[5] | x[6] | ~x[3]) & x[4]
    removable: NDArray[np.bool_] = (crossings == 1) & (fewest >= 2) & (fewest <= 3) & ~corner
    return removable & mask
