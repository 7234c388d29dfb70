"""Height and depth metrics from sums over everything that was evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

#: Predictions below this are raised to it where a ratio or a logarithm divides by them.
MIN_PREDICTION = 1e-3
DELTA_BASE = 1.25


@dataclass(frozen=True, slots=True)
class HeightCounts:
    """Sums over valid pixels, with e = prediction - truth; adds up like a confusion matrix.

    Errors count every valid pixel. Relative errors, logarithms and deltas count those with
    truth > ``eps``: near-zero truths dominate them, so always print ``eps`` beside them.

    Attributes:
        eps: Smallest truth (not included) of the ratios, in the heights' unit.
        n: Valid pixels.
        sum_error: Sum of e.
        sum_abs: Sum of abs(e).
        sum_square: Sum of e squared.
        n_ratio: Valid pixels with truth > ``eps``.
        sum_abs_rel: Sum of abs(e) / truth over them.
        sum_square_rel: Sum of e squared / truth over them.
        sum_square_log: Sum of (ln prediction - ln truth) squared over them.
        n_delta1: Pixels of them with max(p / y, y / p) < 1.25.
        n_delta2: The same for 1.25 squared.
        n_delta3: The same for 1.25 cubed.
    """

    eps: float = 0.0
    n: int = 0
    sum_error: float = 0.0
    sum_abs: float = 0.0
    sum_square: float = 0.0
    n_ratio: int = 0
    sum_abs_rel: float = 0.0
    sum_square_rel: float = 0.0
    sum_square_log: float = 0.0
    n_delta1: int = 0
    n_delta2: int = 0
    n_delta3: int = 0

    @classmethod
    def from_heights(
        cls,
        prediction: NDArray[np.floating],
        truth: NDArray[np.floating],
        valid: NDArray[np.bool_],
        *,
        eps: float = 0.0,
    ) -> HeightCounts:
        """Count the valid pixels of height arrays of equal shape, in float64.

        Predictions are taken as they are (clamping at 0 is the caller's); only where a ratio or a
        logarithm needs it are they raised to 0.001.

        Args:
            prediction: Heights.
            truth: Heights in the same unit; anything where not valid.
            valid: Which pixels count.
            eps: Ratios count pixels with truth above it; not negative.

        Raises:
            ValueError: The shapes differ, ``eps`` is negative, or a valid value is not finite.
        """
        if not prediction.shape == truth.shape == valid.shape:
            raise ValueError(
                f"prediction {prediction.shape}, truth {truth.shape} and valid {valid.shape} "
                "must have one shape"
            )
        if eps < 0:
            raise ValueError(f"eps = {eps}: ratios need truths above 0, give 0 or more")
        p, y = prediction[valid].astype(np.float64), truth[valid].astype(np.float64)
        if not (np.isfinite(p).all() and np.isfinite(y).all()):
            raise ValueError("a valid height is not finite: mask it out")
        error = p - y
        high = y > eps
        y_high, error_high = y[high], error[high]
        p_high = np.maximum(p[high], MIN_PREDICTION)
        ratio = np.maximum(p_high / y_high, y_high / p_high)
        return cls(
            eps=eps,
            n=int(error.size),
            sum_error=float(error.sum()),
            sum_abs=float(np.abs(error).sum()),
            sum_square=float(np.square(error).sum()),
            n_ratio=int(y_high.size),
            sum_abs_rel=float((np.abs(error_high) / y_high).sum()),
            sum_square_rel=float((np.square(error_high) / y_high).sum()),
            sum_square_log=float(np.square(np.log(p_high / y_high)).sum()),
            n_delta1=int((ratio < DELTA_BASE).sum()),
            n_delta2=int((ratio < DELTA_BASE**2).sum()),
            n_delta3=int((ratio < DELTA_BASE**3).sum()),
        )

    def __add__(self, other: HeightCounts) -> HeightCounts:
        if not isinstance(other, HeightCounts):
            return NotImplemented
        if self.eps != other.eps:
            raise ValueError(f"counts for eps {self.eps} and {other.eps} do not add up")
        sums = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(self)
            if field.name != "eps"
        }
        return HeightCounts(eps=self.eps, **sums)

    @property
    def rmse(self) -> float:
        """Root of the mean squared error, pooled over all pixels."""
        return math.sqrt(_mean(self.sum_square, self.n))

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return _mean(self.sum_abs, self.n)

    @property
    def bias(self) -> float:
        """Mean error; above 0 where predictions are too high."""
        return _mean(self.sum_error, self.n)

    @property
    def abs_rel(self) -> float:
        """Mean of abs(e) / truth (the paper's AbR)."""
        return _mean(self.sum_abs_rel, self.n_ratio)

    @property
    def sq_rel(self) -> float:
        """Mean of e squared / truth."""
        return _mean(self.sum_square_rel, self.n_ratio)

    @property
    def rmse_log(self) -> float:
        """Root of the mean squared difference of natural logarithms."""
        return math.sqrt(_mean(self.sum_square_log, self.n_ratio))

    def delta(self, power: int) -> float:
        """Return the share (0 to 1) of pixels with max(p / y, y / p) < 1.25 ** power.

        Args:
            power: 1, 2 or 3.

        Raises:
            ValueError: Another power.
        """
        counts = {1: self.n_delta1, 2: self.n_delta2, 3: self.n_delta3}
        if power not in counts:
            raise ValueError(f"delta({power}) is not counted: choose 1, 2 or 3")
        return _mean(counts[power], self.n_ratio)


def _mean(total: float, count: int) -> float:
    return total / count if count else float("nan")
