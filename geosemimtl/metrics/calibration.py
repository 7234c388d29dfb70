"""Whether a model is right as often as it says: accuracy by confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Confidence is counted by whole per cent, 0 to 100.
LEVELS = 101
#: Ranges of a calibration curve: 0 to 10 %, ..., 90 to 100 %.
BINS = 10


class ConfidenceBin(NamedTuple):
    """Pixels of a range of confidence; shares are from 0 to 1, NaN where there is no pixel.

    Attributes:
        low: Where the range begins.
        high: Where it ends; not included, but for 1.
        pixels: How many pixels have it.
        confidence: Their mean confidence.
        accuracy: Share of them that are right.
    """

    low: float
    high: float
    pixels: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False, slots=True)
class CalibrationCounts:
    """Pixels by confidence, and how many of them are right; adds up like a confusion matrix.

    Attributes:
        pixels: int64 (101,), by per cent of confidence.
        right: The same of the pixels whose class is right.
    """

    pixels: NDArray[np.int64]
    right: NDArray[np.int64]

    @classmethod
    def zeros(cls) -> CalibrationCounts:
        """Return the counts of nothing, where a sum starts."""
        return cls(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))

    @classmethod
    def from_confidence(
        cls, percent: NDArray[np.uint8], right: NDArray[np.bool_], valid: NDArray[np.bool_]
    ) -> CalibrationCounts:
        """Count the valid pixels of arrays of equal shape.

        Args:
            percent: Confidence, 0 to 100; anything where not valid.
            right: Where the class is right.
            valid: Which pixels count.

        Raises:
            ValueError: The shapes differ, or a valid pixel has more than 100 %.
        """
        if not percent.shape == right.shape == valid.shape:
            raise ValueError(
                f"confidence {percent.shape}, right {right.shape} and valid {valid.shape} must "
                "have one shape"
            )
        own = percent[valid]
        if own.size and own.max() >= LEVELS:
            raise ValueError(f"a confidence of {own.max()} % where valid: it is 0 to 100")
        counts = (np.bincount(each, minlength=LEVELS) for each in (own, percent[valid & right]))
        return cls(*counts)

    def __add__(self, other: CalibrationCounts) -> CalibrationCounts:
        if not isinstance(other, CalibrationCounts):
            return NotImplemented
        return CalibrationCounts(self.pixels + other.pixels, self.right + other.right)

    @property
    def total(self) -> int:
        """Pixels counted."""
        return int(self.pixels.sum())

    @property
    def bins(self) -> tuple[ConfidenceBin, ...]:
        """The calibration curve, in ranges of ten per cent."""
        width = (LEVELS - 1) // BINS
        levels = np.arange(LEVELS)
        places = np.minimum(levels // width, BINS - 1)
        found = []
        for place in range(BINS):
            own = places == place
            n, right = int(self.pixels[own].sum()), int(self.right[own].sum())
            said = int((self.pixels[own] * levels[own]).sum()) / (LEVELS - 1)
            shares = (said / n, right / n) if n else (math.nan, math.nan)
            found.append(ConfidenceBin(place / BINS, (place + 1) / BINS, n, *shares))
        return tuple(found)

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over the pixels.

        Of ten ranges (Guo et al. 2017, arXiv:1706.04599, Eq. 5); NaN for no pixel.
        """
        if not self.total:
            return math.nan
        known = [each for each in self.bins if each.pixels]
        return sum(b.pixels * abs(b.accuracy - b.confidence) for b in known) / self.total
