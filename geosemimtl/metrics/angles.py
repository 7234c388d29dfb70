"""Errors of surface normals in degrees, from counts over everything that was evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Errors are counted in cells of 1/16 of a degree: 11.25, 22.5 and 30 are whole numbers of them.
CELLS_PER_DEGREE = 16
CELLS = 180 * CELLS_PER_DEGREE
#: The limits that the literature prints shares for (Eigen and Fergus, arXiv:1411.4734, Table 3).
LIMITS_DEG = (11.25, 22.5, 30.0)
#: What an error is where the prediction has no direction.
_UNDIRECTED_DEG = 90.0


@dataclass(frozen=True, eq=False, slots=True)
class AngleCounts:
    """Valid pixels by their angle between prediction and truth; adds up like a confusion matrix.

    Attributes:
        cells: int64 (2880,), by error in cells of 1/16 degree; 180 degrees is in the last.
        sum_deg: Sum of the errors themselves.
    """

    cells: NDArray[np.int64]
    sum_deg: float = 0.0

    @classmethod
    def zeros(cls) -> AngleCounts:
        """Return the counts of nothing, where a sum starts."""
        return cls(np.zeros(CELLS, np.int64))

    @classmethod
    def from_normals(
        cls,
        prediction: NDArray[np.floating],
        truth: NDArray[np.floating],
        valid: NDArray[np.bool_],
    ) -> AngleCounts:
        """Count the valid pixels of maps of normals, in float64.

        Vectors may have any length: the angle is atan2(|p x y|, p . y), exact also where the arc
        cosine is not, near 0 and 180 degrees. A prediction of length 0 has an error of 90.

        Args:
            prediction: (..., 3, rows, columns).
            truth: Likewise; anything where not valid.
            valid: (..., rows, columns): which pixels count.

        Raises:
            ValueError: The shapes do not fit, or a valid pixel has a vector that is not finite,
                or a truth of length 0.
        """
        shape = prediction.shape
        if shape != truth.shape or shape[-3:-2] != (3,) or valid.shape != shape[:-3] + shape[-2:]:
            raise ValueError(
                f"prediction {shape}, truth {truth.shape} and valid {valid.shape}: give "
                "(..., 3, rows, columns) twice and (..., rows, columns)"
            )
        p, y = (_vectors(each, valid) for each in (prediction, truth))
        if not (np.isfinite(p).all() and np.isfinite(y).all()):
            raise ValueError("a valid normal is not finite: mask it out")
        if not y.any(axis=1).all():
            raise ValueError("a valid true normal has no length: mask it out")
        sine = np.linalg.norm(np.cross(p, y), axis=1)
        error = np.degrees(np.arctan2(sine, (p * y).sum(axis=1)))
        error[~p.any(axis=1)] = _UNDIRECTED_DEG
        places = np.minimum(error * CELLS_PER_DEGREE, CELLS - 1).astype(np.int64)
        return cls(np.bincount(places, minlength=CELLS), float(error.sum()))

    def __add__(self, other: AngleCounts) -> AngleCounts:
        if not isinstance(other, AngleCounts):
            return NotImplemented
        return AngleCounts(self.cells + other.cells, self.sum_deg + other.sum_deg)

    @property
    def n(self) -> int:
        """Pixels counted."""
        return int(self.cells.sum())

    @property
    def mean_deg(self) -> float:
        """Mean error in degrees, pooled over all pixels (mErr of MTPSL); NaN for no pixel."""
        return self.sum_deg / self.n if self.n else math.nan

    @property
    def median_deg(self) -> float:
        """Median error in degrees, within 1/16 of a degree; NaN for no pixel."""
        if not self.n:
            return math.nan
        below = np.cumsum(self.cells)
        place = int(np.searchsorted(below, self.n / 2))
        share = (self.n / 2 - (below[place] - self.cells[place])) / self.cells[place]
        return float(place + share) / CELLS_PER_DEGREE

    def within(self, limit_deg: float) -> float:
        """Return the share (0 to 1) of pixels whose error is below a limit, or 180; NaN for none.

        Args:
            limit_deg: A multiple of 1/16 of a degree, 0 to 180, such as one of ``LIMITS_DEG``.

        Raises:
            ValueError: It is none.
        """
        place = limit_deg * CELLS_PER_DEGREE
        if place not in range(CELLS + 1):
            raise ValueError(f"within {limit_deg} degrees: give a multiple of 1/16, 0 to 180")
        return int(self.cells[: int(place)].sum()) / self.n if self.n else math.nan


def _vectors(maps: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the valid pixels' vectors, (pixels, 3)."""
    vectors: NDArray[np.float64] = np.moveaxis(maps, -3, -1)[valid].astype(np.float64)
    return vectors
