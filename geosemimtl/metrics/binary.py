"""Saliency and edges: probabilities of yes, judged at every threshold of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The 15 thresholds at which PASCAL-Context's saliency is judged: 0.2, 0.25, ..., 0.9.
THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(15))
#: Beta squared of saliency's F since Achanta et al. (CVPR 2009): precision counts for more.
SALIENCY_BETA_SQUARED = 0.3


@dataclass(frozen=True, eq=False, slots=True)
class BinaryCounts:
    """Valid pixels said to be yes, by threshold; adds up like a confusion matrix.

    A pixel is said to be yes where its probability is above the threshold. An array of scores has
    one value a threshold, NaN where it is 0 / 0.

    Attributes:
        thresholds: Rising.
        hits: int64, one a threshold: pixels said to be yes that are.
        alarms: The same of pixels said to be yes that are not.
        positives: Pixels that are yes.
        negatives: Pixels that are not.
    """

    thresholds: tuple[float, ...]
    hits: NDArray[np.int64]
    alarms: NDArray[np.int64]
    positives: int = 0
    negatives: int = 0

    @classmethod
    def zeros(cls, thresholds: Sequence[float] = THRESHOLDS) -> BinaryCounts:
        """Return the counts of nothing, where a sum starts."""
        none = np.zeros(len(thresholds), np.int64)
        return cls(tuple(thresholds), none, none)

    @classmethod
    def from_probability(
        cls,
        probability: NDArray[np.floating],
        truth: NDArray[np.bool_],
        valid: NDArray[np.bool_],
        *,
        thresholds: Sequence[float] = THRESHOLDS,
    ) -> BinaryCounts:
        """Count the valid pixels of arrays of equal shape.

        Args:
            probability: Of yes, 0 to 1.
            truth: Boolean, or numbers that are not 0 for yes; anything where not valid.
            valid: Which pixels count.
            thresholds: Rising, at least one.

        Raises:
            ValueError: The shapes differ, the thresholds do not rise, or a valid probability is
                not from 0 to 1.
        """
        if not probability.shape == truth.shape == valid.shape:
            raise ValueError(
                f"probability {probability.shape}, truth {truth.shape} and valid {valid.shape} "
                "must have one shape"
            )
        limits = np.asarray(thresholds, np.float64)
        if not limits.size or not (np.diff(limits) > 0).all():
            raise ValueError(f"thresholds {tuple(thresholds)}: give at least one, in rising order")
        p, yes = probability[valid].astype(np.float64), truth[valid].astype(bool)
        if not ((p >= 0) & (p <= 1)).all():  # nor NaN
            raise ValueError("a valid probability is not from 0 to 1: give sigmoids, not logits")
        passed = np.searchsorted(limits, p, side="left")  # how many thresholds it is above
        hits, alarms = (_at_least(passed[each], limits.size) for each in (yes, ~yes))
        return cls(tuple(thresholds), hits, alarms, int(yes.sum()), int((~yes).sum()))

    def __add__(self, other: BinaryCounts) -> BinaryCounts:
        if not isinstance(other, BinaryCounts):
            return NotImplemented
        _require_same(self.thresholds, other.thresholds)
        return BinaryCounts(
            self.thresholds,
            self.hits + other.hits,
            self.alarms + other.alarms,
            self.positives + other.positives,
            self.negatives + other.negatives,
        )

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the pixels said to be yes that are."""
        return _ratio(self.hits, self.hits + self.alarms)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of the pixels that are yes that are said to be."""
        return _ratio(self.hits, np.full_like(self.hits, self.positives))

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of the pixels that are yes; the others' is not looked at."""
        return _ratio(self.hits, self.alarms + self.positives)

    @property
    def max_iou(self) -> float:
        """IoU at the best threshold for everything counted; NaN for no pixel of yes at all."""
        return _best(self.iou)

    def f(self, beta_squared: float = SALIENCY_BETA_SQUARED) -> NDArray[np.float64]:
        """Return (1 + b) P R / (b P + R) of precision P and recall R, b being beta squared.

        Args:
            beta_squared: What recall weighs, above 0; 1 for the harmonic mean.

        Raises:
            ValueError: It is not above 0.
        """
        _require_weight(beta_squared)
        said = self.hits + self.alarms
        return _ratio((1 + beta_squared) * self.hits, said + beta_squared * self.positives)

    def max_f(self, beta_squared: float = SALIENCY_BETA_SQUARED) -> float:
        """Return F at the best threshold for everything counted (maxF); see ``f``."""
        return _best(self.f(beta_squared))

    @property
    def pixel_f(self) -> float:
        """Harmonic mean of precision and recall at the best threshold, pixel on pixel.

        For edges. It is not odsF, the F-measure of the BSDS benchmark, which thins edges and
        forgives a shift of some pixels: of the same edges, pixel F is far lower. Never print one
        beside the other.
        """
        return self.max_f(1.0)


@dataclass(frozen=True, eq=False, slots=True)
class BinaryMeans:
    """Scores of images by threshold, summed up, so that every image counts the same.

    This is how MTPSL's saliency is judged (mIoU of PASCAL-Context): averaged over images, then
    the best threshold is taken.

    Attributes:
        thresholds: Rising.
        images: How many images were counted.
        sum_iou: float64, one a threshold: sum of the images' IoU of yes.
        sum_precision: The same of precision.
        sum_recall: The same of recall.
    """

    thresholds: tuple[float, ...]
    images: int
    sum_iou: NDArray[np.float64]
    sum_precision: NDArray[np.float64]
    sum_recall: NDArray[np.float64]

    @classmethod
    def zeros(cls, thresholds: Sequence[float] = THRESHOLDS) -> BinaryMeans:
        """Return the sums of nothing, where a sum starts."""
        none = np.zeros(len(thresholds))
        return cls(tuple(thresholds), 0, none, none, none)

    @classmethod
    def from_image(cls, counts: BinaryCounts) -> BinaryMeans:
        """Return one image's scores; an image without a valid pixel does not count.

        Where there is neither a pixel of yes nor one said to be, IoU is 1; precision and recall
        are 0 where they are 0 / 0: as in the evaluation that MTPSL took over.

        Args:
            counts: Of the image.
        """
        if not counts.positives + counts.negatives:
            return cls.zeros(counts.thresholds)
        precision, recall = (np.nan_to_num(each) for each in (counts.precision, counts.recall))
        iou = np.nan_to_num(counts.iou, nan=1.0)
        return cls(counts.thresholds, 1, iou, precision, recall)

    def __add__(self, other: BinaryMeans) -> BinaryMeans:
        if not isinstance(other, BinaryMeans):
            return NotImplemented
        _require_same(self.thresholds, other.thresholds)
        return BinaryMeans(
            self.thresholds,
            self.images + other.images,
            self.sum_iou + other.sum_iou,
            self.sum_precision + other.sum_precision,
            self.sum_recall + other.sum_recall,
        )

    @property
    def max_iou(self) -> float:
        """Mean of the images' IoU at the best threshold for all of them; NaN for no image."""
        return float(self.sum_iou.max()) / self.images if self.images else float("nan")

    def max_f(self, beta_squared: float = SALIENCY_BETA_SQUARED) -> float:
        """Return F of mean precision and mean recall at the best threshold; NaN for no image.

        Args:
            beta_squared: What recall weighs, above 0; the code behind MTPSL takes 1.

        Raises:
            ValueError: It is not above 0.
        """
        _require_weight(beta_squared)
        if not self.images:
            return float("nan")
        p, r = self.sum_precision / self.images, self.sum_recall / self.images
        scores = _ratio((1 + beta_squared) * p * r, beta_squared * p + r)
        return float(np.nan_to_num(scores).max())


def _at_least(passed: NDArray[np.intp], thresholds: int) -> NDArray[np.int64]:
    """Return, for each threshold, how many pixels are above it."""
    by_count = np.bincount(passed, minlength=thresholds + 1)
    above: NDArray[np.int64] = by_count[::-1].cumsum()[::-1][1:]
    return above


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _best(scores: NDArray[np.float64]) -> float:
    known = scores[~np.isnan(scores)]
    return float(known.max()) if known.size else float("nan")


def _require_same(first: Sequence[float], second: Sequence[float]) -> None:
    if first != second:
        raise ValueError("counts at different thresholds do not add up")


def _require_weight(beta_squared: float) -> None:
    if not beta_squared > 0:
        raise ValueError(f"beta_squared {beta_squared}: give more than 0")
