"""Counts over the labels of a task, each kind in its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import Classes, LandClass
from geosemimtl.tasks import NODATA, UNITS, Kind, kind_of
from geosemimtl.tiling.tileset import (
    BINS,
    STEPS,
    BinaryTarget,
    ClassTarget,
    DirectionTarget,
    QuantityTarget,
    Target,
)


class TargetSum(Protocol):
    """Whole numbers that add up the same in any order."""

    def add_labels(self, labels: NDArray[Any], counted: NDArray[np.bool_] | None) -> None:
        """Add labels in the task's form, of pixels (rows, columns) that are counted."""
        ...

    def add(self, other: Any) -> None:
        """Add the counts of other pixels."""
        ...

    def document(self) -> Any:
        """Return the counts as JSON's types."""
        ...

    def restore(self, document: Any) -> None:
        """Take the counts that ``document`` returned."""
        ...

    def target(self) -> Target | None:
        """Return what is known of the labels; ``None`` if numbers are wanted and there are none."""
        ...


def target_sum(task: str, classes: Sequence[LandClass]) -> TargetSum:
    """Return empty counts for a task's labels."""
    kind = kind_of(task)
    if kind is Kind.QUANTITY:
        return _QuantitySum(UNITS[task])
    if kind is Kind.DIRECTION:
        return _DirectionSum()
    return _IndexSum(tuple(classes))


def sparse(counts: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return where counts are not 0, and those."""
    places = np.nonzero(counts)[0]
    return places.tolist(), counts[places].tolist()


class _IndexSum:
    """Of classes by their index, or of no and yes."""

    def __init__(self, classes: tuple[LandClass, ...]) -> None:
        self._classes = classes
        self._counts = np.zeros(len(classes) or 2, np.int64)

    def add_labels(self, labels: NDArray[Any], counted: NDArray[np.bool_] | None) -> None:
        seen = labels.ravel() if counted is None else labels[counted]
        self._counts += np.bincount(seen, minlength=256)[: len(self._counts)]

    def add(self, other: _IndexSum) -> None:
        self._counts += other._counts

    def document(self) -> list[int]:
        counts: list[int] = self._counts.tolist()
        return counts

    def restore(self, document: Sequence[int]) -> None:
        self._counts[:] = document

    def target(self) -> Target:
        if self._classes:
            classes = Classes(entries=self._classes)
            return ClassTarget(classes=classes, pixels=tuple(self._counts.tolist()))
        no, yes = self._counts.tolist()
        return BinaryTarget(pixels=(no, yes))


class _QuantitySum:
    """Of real numbers, in bins and in small parts of their unit."""

    def __init__(self, unit: str) -> None:
        self._unit, self._steps = unit, STEPS[unit]
        self._bins = np.zeros(BINS, np.int64)
        self._parts = 0
        self._range = (np.inf, -np.inf)

    def add_labels(self, labels: NDArray[Any], counted: NDArray[np.bool_] | None) -> None:
        known = labels != NODATA
        values = labels[known if counted is None else known & counted]
        if not values.size:
            return
        bins = np.clip(values / self._steps.bin, 0, BINS - 1).astype(np.int64)
        self._bins += np.bincount(bins, minlength=BINS)
        self._parts += int(np.rint(values.astype(np.float64) * self._steps.whole).sum())
        low, high = self._range
        self._range = (min(low, float(values.min())), max(high, float(values.max())))

    def add(self, other: _QuantitySum) -> None:
        self._bins += other._bins
        self._parts += other._parts
        (low, high), (theirs, most) = self._range, other._range
        self._range = (min(low, theirs), max(high, most))

    def document(self) -> dict[str, Any]:
        known = self._range if self._bins.any() else None
        return {"bins": sparse(self._bins), "parts": self._parts, "range": known}

    def restore(self, document: Mapping[str, Any]) -> None:
        places, counts = document["bins"]
        self._bins[:] = 0
        self._bins[places] = counts
        self._parts = document["parts"]
        low, high = document["range"] or (np.inf, -np.inf)
        self._range = (low, high)

    def target(self) -> Target | None:
        total = int(self._bins.sum())
        if not total:
            return None
        return QuantityTarget(
            unit=self._unit,
            minimum=self._range[0],
            maximum=self._range[1],
            mean=self._parts / self._steps.whole / total,
            bin=self._steps.bin,
            histogram=tuple(self._bins.tolist()),
        )


class _DirectionSum:
    """Of unit vectors: only how many there are."""

    def __init__(self) -> None:
        self._count = 0

    def add_labels(self, labels: NDArray[Any], counted: NDArray[np.bool_] | None) -> None:
        known = labels[0] != NODATA
        self._count += int(np.count_nonzero(known if counted is None else known & counted))

    def add(self, other: _DirectionSum) -> None:
        self._count += other._count

    def document(self) -> int:
        return self._count

    def restore(self, document: int) -> None:
        self._count = document

    def target(self) -> Target:
        return DirectionTarget(labelled=self._count)
