"""Scores of a task, whatever its kind: one way to count predictions of any of them."""

from __future__ import annotations

import math
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from geosemimtl.metrics.angles import LIMITS_DEG, AngleCounts
from geosemimtl.metrics.binary import THRESHOLDS, BinaryCounts, BinaryMeans
from geosemimtl.metrics.depth import DepthMeans, known_depth_counts
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.metrics.scores import DepthScores, SegmentationScores, as_array
from geosemimtl.tasks import (
    DEPTH,
    EDGES,
    HEIGHT,
    SEGMENTATION,
    Binary,
    Quantity,
    Segmentation,
    Task,
)

#: Deviation of true numbers over their scale up to which they are all alike, but for rounding.
_ALIKE: Final = 1e-4
#: Thresholds of edges: their probabilities crowd near 1.
_EDGE_THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(1, 20))
#: An error of normals that says nothing: that of a right angle.
_WORST_DEG: Final = 90.0


class TaskScores(Protocol):
    """What is counted of a task, over everything seen."""

    def update(self, said: Any, truth: Any, valid: Any) -> None:
        """Count images of a task.

        Args:
            said: As predicted: class indices, numbers, or the probability of yes (B, H, W), or
                unit vectors (B, 3, H, W); an array or a tensor.
            truth: Likewise.
            valid: Boolean (B, H, W): which pixels count.
        """
        ...

    @property
    def n(self) -> int:
        """Pixels counted."""
        ...

    @property
    def main(self) -> tuple[str, float]:
        """The score that the papers compare by: its name, and what it is."""
        ...

    @property
    def skill(self) -> float | None:
        """The main score as a figure whose best is 1; 0 says nothing. ``None``: tells nothing."""
        ...

    @property
    def reference(self) -> float | None:
        """What the main score is of one who says the same everywhere; ``None`` if it is nothing."""
        ...

    def named(self) -> dict[str, float]:
        """Return all scores by name, the main one first."""
        ...


def scores_of(task: Task) -> TaskScores:
    """Return the scores of a task, of nothing yet."""
    if isinstance(task, Segmentation):
        return _ClassScores(task)
    if isinstance(task, Quantity):
        return _NumberScores(task)
    return _YesScores(task) if isinstance(task, Binary) else _NormalScores()


def prefixed(task: str, name: str) -> str:
    """Return a score's name where several tasks' stand together; land cover and heights go bare."""
    return name if task in (SEGMENTATION, HEIGHT) else f"{task}_{name}"


class _ClassScores:
    def __init__(self, task: Segmentation) -> None:
        self._scores = SegmentationScores(len(task.classes))
        self._names = task.classes.names

    def update(self, said: Any, truth: Any, valid: Any) -> None:
        self._scores.update(said, truth, valid)

    @property
    def n(self) -> int:
        return self._scores.counts.total

    @property
    def main(self) -> tuple[str, float]:
        return "mean_iou", self._scores.counts.miou

    @property
    def skill(self) -> float:
        return self._scores.counts.miou

    @property
    def reference(self) -> float | None:
        """That of the most common class: its share of the pixels, over the classes there are."""
        truth = self._scores.counts.matrix.sum(axis=1)
        return float(truth.max() / truth.sum() / np.count_nonzero(truth)) if truth.any() else None

    def named(self) -> dict[str, float]:
        counts = self._scores.counts
        each = zip(self._names, counts.iou.tolist(), strict=True)
        return {
            "mean_iou": counts.miou,
            "pixel_accuracy": counts.pixel_accuracy,
            **{f"iou_{name}": share for name, share in each},
        }


class _NumberScores:
    """Errors in the task's unit; of depths also those that AT/DT averages over images."""

    def __init__(self, task: Quantity) -> None:
        self._task = task
        self._unit = task.unit.replace("1/", "per_")
        self._errors, self._zero = DepthScores(), DepthScores()
        self._known = HeightCounts()
        self._images = DepthMeans()

    def update(self, said: Any, truth: Any, valid: Any) -> None:
        guess, true, known = (as_array(each) for each in (said, truth, valid))
        self._errors.update(guess, true, known)
        self._zero.update(np.zeros_like(true), true, known)
        self._known = self._known + known_depth_counts(guess, true, known)
        if self._task.name == DEPTH:
            for one in zip(guess, true, known, strict=True):
                self._images = self._images + DepthMeans.from_image(*one)

    @property
    def n(self) -> int:
        return self._errors.counts.n

    @property
    def main(self) -> tuple[str, float]:
        return f"rmse_{self._unit}", self._errors.counts.rmse

    @property
    def skill(self) -> float | None:
        """1 - RMSE / deviation of the truth, which is the error of who always says its mean."""
        spread = self.reference
        if not spread > _ALIKE * self._task.scale:
            return None
        return 1 - self._errors.counts.rmse / spread

    @property
    def reference(self) -> float:
        """That of the mean: the deviation of the truth."""
        zero = self._zero.counts
        return math.sqrt(max(zero.rmse**2 - zero.bias**2, 0))

    def named(self) -> dict[str, float]:
        found = self._errors.compute()
        named = {
            f"rmse_{self._unit}": found["rmse"],
            f"mae_{self._unit}": found["mae"],
            f"abs_error_{self._unit}": self._known.mae,
            "abs_rel": found["abs_rel"],
            **{f"delta{power}": found[f"delta{power}"] for power in (1, 2, 3)},
        }
        means = self._images.means if self._images.images else {}
        return named | {f"images_{name}": value for name, value in means.items()}


class _NormalScores:
    def __init__(self) -> None:
        self._counts = AngleCounts.zeros()

    def update(self, said: Any, truth: Any, valid: Any) -> None:
        guess, true, known = (as_array(each) for each in (said, truth, valid))
        self._counts = self._counts + AngleCounts.from_normals(guess, true, known)

    @property
    def n(self) -> int:
        return self._counts.n

    @property
    def main(self) -> tuple[str, float]:
        return "mean_error_deg", self._counts.mean_deg

    @property
    def skill(self) -> float:
        return 1 - self._counts.mean_deg / _WORST_DEG

    @property
    def reference(self) -> None:
        return None

    def named(self) -> dict[str, float]:
        shares = {f"within_{limit:g}_deg": self._counts.within(limit) for limit in LIMITS_DEG}
        return {
            "mean_error_deg": self._counts.mean_deg,
            "median_error_deg": self._counts.median_deg,
            **shares,
        }


class _YesScores:
    """Saliency image by image, as MTPSL's is judged; edges over all pixels."""

    def __init__(self, task: Binary) -> None:
        self._is_edges = task.name == EDGES
        self._pooled = BinaryCounts.zeros(_EDGE_THRESHOLDS if self._is_edges else THRESHOLDS)
        self._images = BinaryMeans.zeros(self._pooled.thresholds)

    def update(self, said: Any, truth: Any, valid: Any) -> None:
        arrays: list[NDArray[Any]] = [as_array(each) for each in (said, truth, valid)]
        for guess, true, known in zip(*arrays, strict=True):
            limits = self._pooled.thresholds
            counts = BinaryCounts.from_probability(guess, true > 0, known, thresholds=limits)
            self._pooled = self._pooled + counts
            self._images = self._images + BinaryMeans.from_image(counts)

    @property
    def n(self) -> int:
        return self._pooled.positives + self._pooled.negatives

    @property
    def main(self) -> tuple[str, float]:
        if self._is_edges:
            return "pixel_f", self._pooled.pixel_f
        return "max_iou", self._images.max_iou

    @property
    def skill(self) -> float | None:
        _, value = self.main
        return None if math.isnan(value) else value

    @property
    def reference(self) -> None:
        return None

    def named(self) -> dict[str, float]:
        if self._is_edges:
            return {"pixel_f": self._pooled.pixel_f}
        return {
            "max_iou": self._images.max_iou,
            "max_f": self._images.max_f(),
            "pooled_max_f": self._pooled.max_f(),
        }
