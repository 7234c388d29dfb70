"""Segmentation metrics from one confusion matrix over everything that was evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class ConfusionCounts:
    """Counts of pixels by true and predicted class; adds up over tiles, scenes and processes.

    Attributes:
        matrix: int64 (C, C), row the true class, column the predicted one; read-only.
    """

    matrix: NDArray[np.int64]

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.int64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"a confusion matrix is square, not {matrix.shape}")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def zeros(cls, classes: int) -> ConfusionCounts:
        """Return the counts of nothing, where a sum starts."""
        return cls(np.zeros((classes, classes), dtype=np.int64))

    @classmethod
    def from_labels(
        cls,
        prediction: NDArray[np.integer],
        truth: NDArray[np.integer],
        valid: NDArray[np.bool_],
        classes: int,
    ) -> ConfusionCounts:
        """Count the valid pixels of label arrays of equal shape.

        Args:
            prediction: Class indices.
            truth: Class indices; anything where not valid.
            valid: Which pixels count.
            classes: How many classes there are.

        Raises:
            ValueError: The shapes differ, or a valid pixel holds no class.
        """
        if not prediction.shape == truth.shape == valid.shape:
            raise ValueError(
                f"prediction {prediction.shape}, truth {truth.shape} and valid {valid.shape} "
                "must have one shape"
            )
        rows, columns = truth[valid], prediction[valid]
        for name, labels in (("truth", rows), ("prediction", columns)):
            wrong = labels[~_are_classes(labels, classes)]
            if wrong.size:
                raise ValueError(
                    f"{name} holds {wrong[0]} where valid, but classes are 0 to {classes - 1}: "
                    "mask it out"
                )
        pairs = rows.astype(np.int64) * classes + columns.astype(np.int64)
        counts = np.bincount(pairs, minlength=classes * classes)
        return cls(counts.reshape(classes, classes))

    def __add__(self, other: ConfusionCounts) -> ConfusionCounts:
        if not isinstance(other, ConfusionCounts):
            return NotImplemented
        if self.matrix.shape != other.matrix.shape:
            raise ValueError("counts of different numbers of classes do not add up")
        return ConfusionCounts(self.matrix + other.matrix)

    @property
    def total(self) -> int:
        """Pixels counted."""
        return int(self.matrix.sum())

    @property
    def _hits(self) -> NDArray[np.int64]:
        return np.diagonal(self.matrix)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class; NaN for a class neither true nor predicted."""
        return _ratio(self._hits, self.matrix.sum(0) + self.matrix.sum(1) - self._hits)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Right pixels among those predicted, by class; NaN for a class never predicted."""
        return _ratio(self._hits, self.matrix.sum(0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Found pixels among the true ones, by class; NaN for a class that is not there."""
        return _ratio(self._hits, self.matrix.sum(1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall; NaN for a class neither true nor predicted."""
        return _ratio(2 * self._hits, self.matrix.sum(0) + self.matrix.sum(1))

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that are true or predicted anywhere; NaN for no pixel."""
        return _mean(self.iou)

    @property
    def pixel_accuracy(self) -> float:
        """Right pixels among all, whatever their class (the paper's pAcc); NaN for no pixel."""
        return int(self._hits.sum()) / self.total if self.total else float("nan")

    def miou_without(self, classes: Sequence[int]) -> float:
        """Return the mean IoU over the other classes.

        The pixels of the classes left out still count as the others' errors.

        Args:
            classes: Indices to leave out, such as clutter's.
        """
        return _mean(np.delete(self.iou, list(classes)))

    def mean_f1(self, without: Sequence[int] = ()) -> float:
        """Return the mean F1 over the classes that are true or predicted anywhere.

        Args:
            without: Indices of classes to leave out, as for ``miou_without``.
        """
        return _mean(np.delete(self.f1, list(without)))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _are_classes(labels: NDArray[Any], classes: int) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = (labels >= 0) & (labels < classes)
    return known & (labels == np.floor(labels)) if labels.dtype.kind == "f" else known
