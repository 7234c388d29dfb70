"""Depths as MTPSL and AT/DT count them, with the errors of ``HeightCounts``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import add

import numpy as np
from numpy.typing import NDArray

from geosemimtl.metrics.regression import HeightCounts

#: Depths that AT/DT looks at, in metres, and clips predictions to (its code; Eigen et al. 2014).
NEAREST_M, FARTHEST_M = 1e-3, 100.0
#: Smallest prediction in the code of MTAN and MTPSL, in the depths' unit.
_LEAST = 1e-9

#: What ``DepthMeans`` averages: as in ``HeightCounts``, deltas as shares from 0 to 1.
SCORES = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")


def known_depth_counts(
    prediction: NDArray[np.floating],
    truth: NDArray[np.floating],
    valid: NDArray[np.bool_],
) -> HeightCounts:
    """Count depths or inverse depths as MTPSL and MTAN do; ``mae`` is their aErr.

    A truth of 0 says that nothing is known, and a prediction is at least 1e-9. Errors are pooled
    over the pixels of all images.

    Args:
        prediction: Of any unit.
        truth: In the same unit; anything where not valid.
        valid: Which pixels count if their truth is not 0.

    Raises:
        ValueError: The shapes differ, or a value that counts is not finite.
    """
    least = np.maximum(prediction, np.asarray(_LEAST, prediction.dtype))
    return HeightCounts.from_heights(least, truth, valid & (truth != 0))


@dataclass(frozen=True, slots=True)
class DepthMeans:
    """Scores of images summed up, so that every image counts the same: AT/DT's depth metrics.

    The mean of images' RMSE is not the RMSE of all their pixels, which ``HeightCounts`` has:
    never print one beside the other.

    Attributes:
        images: How many images were counted.
        sums: Of the images' scores, in the order of ``SCORES``.
    """

    images: int = 0
    sums: tuple[float, ...] = (0.0,) * len(SCORES)

    @classmethod
    def from_image(
        cls,
        prediction: NDArray[np.floating],
        truth: NDArray[np.floating],
        valid: NDArray[np.bool_],
        *,
        nearest_m: float = NEAREST_M,
        farthest_m: float = FARTHEST_M,
    ) -> DepthMeans:
        """Return the scores of one image; one without a pixel that counts does not count.

        Args:
            prediction: Depths in metres, clipped here to what is looked at.
            truth: Likewise, not clipped; anything where not valid.
            valid: Which pixels count if their truth is between the limits, not at them.
            nearest_m: The lower limit, 0.001 or more.
            farthest_m: The upper limit.

        Raises:
            ValueError: The shapes differ, the limits are no range, or a value that counts is not
                finite.
        """
        if not NEAREST_M <= nearest_m < farthest_m:
            raise ValueError(
                f"depths from {nearest_m} to {farthest_m} m: give a range from {NEAREST_M} m on"
            )
        seen = valid & (truth > nearest_m) & (truth < farthest_m)
        clipped = np.clip(prediction, nearest_m, farthest_m)
        counts = HeightCounts.from_heights(clipped, truth, seen)
        if not counts.n:
            return cls()
        deltas = (counts.delta(power) for power in (1, 2, 3))
        return cls(1, (counts.abs_rel, counts.sq_rel, counts.rmse, counts.rmse_log, *deltas))

    def __add__(self, other: DepthMeans) -> DepthMeans:
        if not isinstance(other, DepthMeans):
            return NotImplemented
        return DepthMeans(self.images + other.images, tuple(map(add, self.sums, other.sums)))

    @property
    def means(self) -> dict[str, float]:
        """The images' mean of each score, by the names in ``SCORES``; NaN for no image."""
        n = self.images
        return {
            name: total / n if n else math.nan
            for name, total in zip(SCORES, self.sums, strict=True)
        }
