"""Scores that take predictions piece by piece: arrays or tensors, tiles or whole scenes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.regression import HeightCounts


class _Summable:
    """Scores that ``sum()`` adds up: it starts from 0."""

    def __radd__(self, start: object) -> Self:
        return self if start == 0 else NotImplemented


class SegmentationScores(_Summable):
    """Pixel accuracy and mean IoU from one confusion matrix over everything seen.

    Objects of the same classes add up, over tiles as over processes.

    Args:
        classes: How many classes there are.
        ignore: Value of unlabelled pixels in targets.

    Raises:
        ValueError: There are no classes.

    Attributes:
        counts: What was counted; has more metrics, such as each class's IoU and F1.
    """

    def __init__(self, classes: int, ignore: int = IGNORE) -> None:
        if classes < 1:
            raise ValueError(f"{classes} classes: give at least 1")
        self.counts = ConfusionCounts.zeros(classes)
        self._ignore = ignore

    def update(self, prediction: Any, target: Any, valid: Any = None) -> None:
        """Count the pixels of class maps, arrays or tensors of one shape.

        Args:
            prediction: Class indices.
            target: Class indices, or ``ignore``.
            valid: Boolean: which pixels count; all by default.

        Raises:
            ValueError: The shapes differ, or a pixel that counts holds no class.
        """
        guess, truth = _array(prediction), _array(target)
        known = _mask(valid, truth) & (truth != self._ignore)
        classes = len(self.counts.matrix)
        self.counts = self.counts + ConfusionCounts.from_labels(guess, truth, known, classes)

    def compute(self) -> dict[str, float]:
        """Return ``pixel_accuracy`` (whatever the class) and ``mean_iou``, shares from 0 to 1.

        The mean is over the classes that are predicted or true anywhere; NaN for no pixel.
        """
        return {"pixel_accuracy": self.counts.pixel_accuracy, "mean_iou": self.counts.miou}

    def __add__(self, other: Self) -> Self:
        if not isinstance(other, SegmentationScores):
            return NotImplemented
        if self._ignore != other._ignore:
            raise ValueError("scores that ignore different values do not add up")
        both = type(self)(len(self.counts.matrix), self._ignore)
        both.counts = self.counts + other.counts
        return both


class DepthScores(_Summable):
    """Errors of depths or heights, pooled over every pixel seen.

    Objects of the same ``min_target`` add up, over tiles as over processes.

    Args:
        min_target: ``abs_rel`` and the deltas count targets above it: near-zero targets dominate
            them, so always print it beside them.

    Attributes:
        counts: What was counted; has more metrics, such as the bias.

    Raises:
        ValueError: ``min_target`` is negative.
    """

    def __init__(self, min_target: float = 0.0) -> None:
        if min_target < 0:
            raise ValueError(
                f"min_target {min_target}: ratios need targets above 0, give 0 or more"
            )
        self.counts = HeightCounts(eps=min_target)

    def update(self, prediction: Any, target: Any, valid: Any = None) -> None:
        """Count the pixels of maps, arrays or tensors of one shape, in one unit.

        Args:
            prediction: Depths or heights.
            target: Likewise; anything where not valid.
            valid: Boolean: which pixels count; all by default.

        Raises:
            ValueError: The shapes differ, or a value that counts is not finite.
        """
        guess, truth = _array(prediction), _array(target)
        known = _mask(valid, truth)
        self.counts = self.counts + HeightCounts.from_heights(
            guess, truth, known, eps=self.counts.eps
        )

    def compute(self) -> dict[str, float]:
        """Return ``rmse`` and ``mae`` in the unit given, and ``abs_rel`` and deltas as shares.

        ``delta1`` to ``delta3`` are the shares of pixels whose ratio to the target, either way
        round, is below 1.25, 1.25 squared and 1.25 cubed.
        """
        counts = self.counts
        deltas = {f"delta{power}": counts.delta(power) for power in (1, 2, 3)}
        return {
            "abs_rel": counts.abs_rel,
            "rmse": counts.rmse,
            "mae": counts.mae,
            **deltas,
        }

    def __add__(self, other: Self) -> Self:
        if not isinstance(other, DepthScores):
            return NotImplemented
        both = type(self)(self.counts.eps)
        both.counts = self.counts + other.counts
        return both


def _array(values: Any) -> NDArray[Any]:
    """Return an array of what may be a tensor, on any device and with a graph."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        narrow = values.is_floating_point() and values.itemsize < 4  # numpy has no bfloat16
        values = values.float() if narrow else values
    return np.asarray(values)


def _mask(valid: Any, like: NDArray[Any]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = (
        np.ones(like.shape, bool) if valid is None else _array(valid).astype(bool)
    )
    return mask
