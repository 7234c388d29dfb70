"""Numbers of what there is in arrays, many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def between(first: Indices, last: Indices) -> tuple[Indices, Indices]:
    """Return all numbers from a first to a last, one range after another, and each one's range."""
    sizes = last - first + 1
    which = np.repeat(np.arange(len(first)), sizes)
    begin = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return np.arange(len(which)) - begin[which] + first[which], which


def places(mask: NDArray[np.bool_]) -> Indices:
    """Return (places, 2) row and column of what is true; many times faster than numpy's own."""
    return np.column_stack(np.divmod(np.flatnonzero(mask), mask.shape[1]))


def by_column(places: Indices) -> Indices:
    """Return places that go from row to row in an order that goes from column to column."""
    return np.argsort(places[:, 1], kind="stable")
