"""Height errors of groups of pixels, such as those of a class or of a range of heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from geosemimtl.metrics.regression import HeightCounts


@dataclass(frozen=True, slots=True)
class HeightGroups:
    """Counts of each group; adds up over tiles, scenes and processes.

    Attributes:
        counts: One a group, in the groups' order, all of one ``eps``.
    """

    counts: tuple[HeightCounts, ...]

    @classmethod
    def zeros(cls, groups: int, *, eps: float = 0.0) -> HeightGroups:
        """Return the counts of nothing, where a sum starts."""
        return cls((HeightCounts(eps=eps),) * groups)

    @classmethod
    def from_heights(
        cls,
        prediction: NDArray[np.floating],
        truth: NDArray[np.floating],
        valid: NDArray[np.bool_],
        group: NDArray[np.integer],
        groups: int,
        *,
        eps: float = 0.0,
    ) -> HeightGroups:
        """Count the valid pixels of height arrays of equal shape, each in its group.

        Args:
            prediction: As for ``HeightCounts.from_heights``.
            truth: Likewise.
            valid: Likewise.
            group: Each pixel's group from 0; pixels of other numbers are in none.
            groups: How many there are.
            eps: As for ``HeightCounts.from_heights``.

        Raises:
            ValueError: As there.
        """
        if not prediction.shape == truth.shape == valid.shape == group.shape:
            raise ValueError(
                f"prediction {prediction.shape}, truth {truth.shape}, valid {valid.shape} and "
                f"group {group.shape} must have one shape"
            )
        p, y, own = prediction[valid], truth[valid], group[valid]
        return cls(
            tuple(HeightCounts.from_heights(p, y, own == index, eps=eps) for index in range(groups))
        )

    def __add__(self, other: HeightGroups) -> HeightGroups:
        if not isinstance(other, HeightGroups):
            return NotImplemented
        if len(self.counts) != len(other.counts):
            raise ValueError("counts of different numbers of groups do not add up")
        return HeightGroups(tuple(map(add, self.counts, other.counts)))

    @property
    def total(self) -> HeightCounts:
        """Counts of the pixels of all groups together."""
        return reduce(add, self.counts)


def height_bins(truth: NDArray[np.floating], edges_m: Sequence[float]) -> NDArray[np.intp]:
    """Return each pixel's range of true heights: 0 below the first edge, 1 from there on, ...

    Args:
        truth: Heights.
        edges_m: In the same unit, rising; an edge belongs to the range above it.
    """
    bins: NDArray[np.intp] = np.digitize(truth, edges_m)
    return bins
