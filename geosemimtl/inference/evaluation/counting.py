"""Counting blocks of pixels that were predicted and are known, strips or tiles alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE, Classes
from geosemimtl.inference.evaluation.scoring import (
    RATIO_EPS_M,
    ErodedCounts,
    HeightResult,
    ScoreOptions,
    SegmentationResult,
)
from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.grouped import HeightGroups, height_bins
from geosemimtl.metrics.height_pairs import PairCounts
from geosemimtl.metrics.regression import HeightCounts


class ClassBlock(NamedTuple):
    """Class indices, (rows, columns) each.

    Attributes:
        guess: Predicted, ``IGNORE`` where nothing is.
        truth: True, in the same order of classes; ``IGNORE`` where unlabelled.
        valid: Which pixels count.
        inner: Which of them lie away from boundaries; ``None`` where nobody asks.
        confidence: Of the prediction in per cent, ``IGNORE`` where unknown; ``None`` where nobody
            asks.
    """

    guess: NDArray[Any]
    truth: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    inner: NDArray[np.bool_] | None
    confidence: NDArray[np.uint8] | None = None


class HeightBlock(NamedTuple):
    """Heights in metres, (rows, columns) each.

    Attributes:
        guess: Predicted; not finite where nothing is.
        truth: True; likewise.
        valid: Which pixels count.
        classes: True class indices, ``IGNORE`` where unlabelled; ``None`` where nobody asks.
    """

    guess: NDArray[Any]
    truth: NDArray[np.float64]
    valid: NDArray[np.bool_]
    classes: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True)
class ClassSums:
    """What was counted of class blocks; adds up."""

    full: ConfusionCounts
    inner: ConfusionCounts
    calibration: CalibrationCounts

    @classmethod
    def zeros(cls, classes: int) -> ClassSums:
        """Return the counts of nothing."""
        none = ConfusionCounts.zeros(classes)
        return cls(none, none, CalibrationCounts.zeros())

    @classmethod
    def of(cls, block: ClassBlock, classes: int) -> ClassSums:
        """Count a block."""
        guess, truth, valid, inner, confidence = block
        sums = cls.zeros(classes)
        full = ConfusionCounts.from_labels(guess, truth, valid, classes)
        within, calibration = sums.inner, sums.calibration
        if inner is not None:
            within = ConfusionCounts.from_labels(guess, truth, valid & inner, classes)
        if confidence is not None:
            sure = valid & (confidence != IGNORE)
            calibration = CalibrationCounts.from_confidence(confidence, guess == truth, sure)
        return cls(full, within, calibration)

    def __add__(self, other: ClassSums) -> ClassSums:
        return ClassSums(
            self.full + other.full,
            self.inner + other.inner,
            self.calibration + other.calibration,
        )

    def result(self, classes: Classes, options: ScoreOptions) -> SegmentationResult:
        """Return the scores."""
        eroded = None if options.erode_px is None else ErodedCounts(options.erode_px, self.inner)
        return SegmentationResult(
            classes,
            self.full,
            _most_common(self.full),
            options.left_out(classes),
            eroded,
            self.calibration if self.calibration.total else None,
        )


def _most_common(counts: ConfusionCounts) -> ConfusionCounts:
    per_class = counts.matrix.sum(axis=1)
    matrix = np.zeros_like(counts.matrix)
    matrix[:, per_class.argmax()] = per_class
    return ConfusionCounts(matrix)


class TruthMean(NamedTuple):
    """Sum and number of the true heights that count; the mean must be known to be scored."""

    total_m: float = 0.0
    pixels: int = 0

    def and_of(self, truth: NDArray[np.floating], valid: NDArray[np.bool_]) -> TruthMean:
        """Return this and the valid pixels of a block."""
        total_m = self.total_m + float(truth[valid].sum(dtype=np.float64))
        return TruthMean(total_m, self.pixels + int(valid.sum()))

    @property
    def metres(self) -> float:
        """The mean."""
        return self.total_m / self.pixels


@dataclass(frozen=True, slots=True)
class HeightSums:
    """What was counted of height blocks; adds up."""

    bins: HeightGroups
    classes: HeightGroups
    positive: HeightCounts
    mean: HeightCounts
    zero: HeightCounts
    pairs: PairCounts | None

    @classmethod
    def zeros(cls, options: ScoreOptions, classes: int) -> HeightSums:
        """Return the counts of nothing."""
        none = HeightCounts(eps=RATIO_EPS_M)
        return cls(
            HeightGroups.zeros(len(options.height_bins_m) + 1, eps=RATIO_EPS_M),
            HeightGroups.zeros(classes, eps=RATIO_EPS_M),
            HeightCounts(),
            none,
            none,
            PairCounts.zeros() if options.report else None,
        )

    @classmethod
    def of(
        cls, block: HeightBlock, options: ScoreOptions, classes: int, mean_m: float
    ) -> HeightSums:
        """Count a block.

        Args:
            block: The block.
            options: Has the ranges of heights, and whether pairs of heights are counted.
            classes: How many classes there are.
            mean_m: The truth's mean over all blocks.
        """
        guess, truth, valid, indices = block
        eps, edges_m = RATIO_EPS_M, options.height_bins_m
        by_class = HeightGroups.zeros(classes, eps=eps)
        if indices is not None:
            by_class = HeightGroups.from_heights(guess, truth, valid, indices, classes, eps=eps)
        ranges, groups = height_bins(truth, edges_m), len(edges_m) + 1
        return cls(
            HeightGroups.from_heights(guess, truth, valid, ranges, groups, eps=eps),
            by_class,
            HeightCounts.from_heights(guess, truth, valid),
            HeightCounts.from_heights(np.full_like(truth, mean_m), truth, valid, eps=eps),
            HeightCounts.from_heights(np.zeros_like(truth), truth, valid, eps=eps),
            PairCounts.from_heights(guess, truth, valid) if options.report else None,
        )

    def __add__(self, other: HeightSums) -> HeightSums:
        return HeightSums(
            self.bins + other.bins,
            self.classes + other.classes,
            self.positive + other.positive,
            self.mean + other.mean,
            self.zero + other.zero,
            self.pairs + other.pairs if self.pairs and other.pairs else None,
        )

    def result(self, options: ScoreOptions, names: tuple[str, ...]) -> HeightResult:
        """Return the scores.

        Args:
            options: As counted.
            names: Of the classes as counted; none where true classes were not given.
        """
        return HeightResult(
            counts=self.bins.total,
            mean=self.mean,
            zero=self.zero,
            positive=self.positive,
            edges_m=options.height_bins_m,
            bins=self.bins,
            by_class=dict(zip(names, self.classes.counts, strict=True)),
            pairs=self.pairs,
        )
