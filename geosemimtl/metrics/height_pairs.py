"""How many pixels have which true and which predicted height, for a picture of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Heights are counted in cells from here on; those beyond are in the first and the last cell.
LOWEST_M, CELL_M, CELLS = -10.0, 0.25, 640


class HeightTable(NamedTuple):
    """A square part of the counts, its cells merged.

    Attributes:
        counts: int64 (N, N), row the true height, column the predicted one.
        low_m: Where the first row and column begin.
        cell_m: Their width.
        outside: Pixels that lie beyond.
    """

    counts: NDArray[np.int64]
    low_m: float
    cell_m: float
    outside: int


@dataclass(frozen=True, eq=False, slots=True)
class PairCounts:
    """Pixels by true and predicted height in metres; adds up like a confusion matrix.

    Attributes:
        cells: int64 (640, 640), row the true height, column the predicted one: 0.25 m each from
            -10 m to 150 m, lower and higher ones in the first and the last cell.
    """

    cells: NDArray[np.int64]

    @classmethod
    def zeros(cls) -> PairCounts:
        """Return the counts of nothing, where a sum starts."""
        return cls(np.zeros((CELLS, CELLS), np.int64))

    @classmethod
    def from_heights(
        cls,
        prediction: NDArray[np.floating],
        truth: NDArray[np.floating],
        valid: NDArray[np.bool_],
    ) -> PairCounts:
        """Count the valid pixels of height arrays of equal shape.

        Args:
            prediction: Metres.
            truth: Metres; anything where not valid.
            valid: Which pixels count.

        Raises:
            ValueError: The shapes differ.
        """
        if not prediction.shape == truth.shape == valid.shape:
            raise ValueError(
                f"prediction {prediction.shape}, truth {truth.shape} and valid {valid.shape} "
                "must have one shape"
            )
        places = _cells_of(truth[valid]) * CELLS + _cells_of(prediction[valid])
        return cls(np.bincount(places, minlength=CELLS**2).reshape(CELLS, CELLS))

    def __add__(self, other: PairCounts) -> PairCounts:
        if not isinstance(other, PairCounts):
            return NotImplemented
        return PairCounts(self.cells + other.cells)

    @property
    def total(self) -> int:
        """Pixels counted."""
        return int(self.cells.sum())

    def part(self, share: float, most: int) -> HeightTable:
        """Return the square that leaves out little of either side's tails, in few cells.

        Args:
            share: Of the pixels, that may lie beyond at each end of truth and of prediction.
            most: Cells a side at most; they are merged by powers of 2 until so few are left.

        Raises:
            ValueError: Nothing was counted.
        """
        if not self.total:
            raise ValueError("no height was counted: there is no part to show")
        first, last = CELLS - 1, 0
        for sums in (self.cells.sum(axis=0), self.cells.sum(axis=1)):
            below = np.cumsum(sums)
            first = min(first, int(np.searchsorted(below, share * self.total, side="right")))
            last = max(last, int(np.searchsorted(below, (1 - share) * self.total)))
        merged = 1
        while math.ceil((last + 1) / merged) - first // merged > most:
            merged *= 2
        low, high = first // merged, math.ceil((last + 1) / merged)
        size = math.ceil(CELLS / merged)
        whole = np.zeros((size * merged,) * 2, np.int64)
        whole[:CELLS, :CELLS] = self.cells
        counts = whole.reshape(size, merged, size, merged).sum(axis=(1, 3))[low:high, low:high]
        cell_m = CELL_M * merged
        return HeightTable(counts, LOWEST_M + low * cell_m, cell_m, self.total - int(counts.sum()))


def _cells_of(metres: NDArray[np.floating]) -> NDArray[np.int64]:
    places = np.floor((metres.astype(np.float64) - LOWEST_M) / CELL_M)
    return np.clip(places, 0, CELLS - 1).astype(np.int64)
