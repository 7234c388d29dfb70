"""Counts over labels of each kind, by hand; and that they add up, and come back from JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.classes import Classes, LandClass
from geosemimtl.tasks import NODATA, TASK_NAMES, UNITS, Kind, form_of, kind_of
from geosemimtl.tiling.target_sums import TargetSum, sparse, target_sum
from geosemimtl.tiling.tileset import (
    BINS,
    STEPS,
    BinaryTarget,
    ClassTarget,
    DirectionTarget,
    QuantityTarget,
)

CLASSES = tuple(LandClass(name=name, color="#00ff00") for name in ("a", "b", "c"))
COUNTED = np.array([[True, False, True], [True, True, True]])


def counted(task: str, labels: NDArray[Any], mask: NDArray[np.bool_] | None = COUNTED) -> TargetSum:
    """Count the labels of a task."""
    sums = target_sum(task, CLASSES if kind_of(task) is Kind.CLASSES else ())
    sums.add_labels(labels, mask)
    return sums


def drawn(task: str, seed: int, shape: tuple[int, int] = (2, 3)) -> NDArray[Any]:
    """Draw labels in a task's form, some of them unknown."""
    random, form = np.random.default_rng(seed), form_of(task)
    known = random.random(shape) < 0.7
    values: NDArray[Any]
    if form.dtype == "uint8":
        values = random.integers(0, 2, shape)
    else:
        values = random.uniform(0, 20, (form.channels, *shape) if form.channels > 1 else shape)
    return np.where(known, values, form.nodata).astype(form.dtype)


@pytest.mark.parametrize("task", ["segmentation", "human_parts"])
def test_classes(task: str) -> None:
    labels = np.array([[0, 1, 2], [255, 2, 2]], np.uint8)
    assert counted(task, labels).target() == ClassTarget(
        classes=Classes(entries=CLASSES), pixels=(1, 0, 3)
    )
    everywhere = counted(task, labels, None).target()
    assert isinstance(everywhere, ClassTarget)
    assert (everywhere.pixels, everywhere.labelled) == ((1, 1, 3), 5)


@pytest.mark.parametrize("task", ["saliency", "edges"])
def test_no_and_yes(task: str) -> None:
    labels = np.array([[0, 1, 1], [255, 1, 0]], np.uint8)
    assert counted(task, labels).target() == BinaryTarget(pixels=(2, 2))


@pytest.mark.parametrize("task", UNITS)
def test_numbers(task: str) -> None:
    """A whole and a half step of the histogram, beyond its end, and below 0."""
    step = STEPS[UNITS[task]].bin
    labels = np.array([[2.5 * step, 7 * step, -step], [NODATA, 0, (BINS + 50) * step]], np.float32)
    found = counted(task, labels).target()
    assert isinstance(found, QuantityTarget)
    assert (found.unit, found.bin, found.labelled) == (UNITS[task], step, 4)
    assert {k: n for k, n in enumerate(found.histogram) if n} == {0: 2, 2: 1, BINS - 1: 1}
    seen = labels[COUNTED & (labels != NODATA)]
    assert (found.minimum, found.maximum) == (seen.min(), seen.max())
    assert found.mean == pytest.approx(seen.mean(), abs=1 / STEPS[UNITS[task]].whole)


def test_small_numbers_keep_their_mean() -> None:
    """Inverse depths of far away are below a thousandth of what depths are counted in."""
    found = counted("inverse_depth", np.full((2, 3), 0.00321, np.float32), None).target()
    assert isinstance(found, QuantityTarget)
    assert found.mean == pytest.approx(0.00321, rel=1e-6)


def test_vectors() -> None:
    labels = np.full((3, 2, 3), 0.6, np.float32)
    labels[:, 0, 1:] = NODATA
    assert counted("normals", labels).target() == DirectionTarget(labelled=4)
    assert counted("normals", labels, None).target() == DirectionTarget(labelled=4)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_nothing_that_is_known(task: str) -> None:
    """Of numbers nothing can be said then; counts of the others are 0."""
    target = counted(task, drawn(task, 0), np.zeros((2, 3), bool)).target()
    if kind_of(task) is Kind.QUANTITY:
        assert target is None
    else:
        assert target is not None
        assert target.labelled == 0


@pytest.mark.parametrize("task", TASK_NAMES)
def test_counts_come_back(task: str) -> None:
    sums = counted(task, drawn(task, 1), None)
    other = counted(task, drawn(task, 2), None)  # what it held before is forgotten
    other.restore(json.loads(json.dumps(sums.document())))
    assert other.target() == sums.target()
    empty = target_sum(task, CLASSES if kind_of(task) is Kind.CLASSES else ())
    other.restore(json.loads(json.dumps(empty.document())))
    assert other.target() == empty.target()
    other.add(sums)
    assert other.target() == sums.target()


@given(task=st.sampled_from(TASK_NAMES), seed=st.integers(0, 99), cut=st.integers(0, 40))
def test_parts_add_up(task: str, seed: int, cut: int) -> None:
    labels = drawn(task, seed, (40, 5))
    whole = counted(task, labels, None)
    total = counted(task, labels[..., cut:, :], None)
    total.add(counted(task, labels[..., :cut, :], None))
    assert total.target() == whole.target()


def test_sparse() -> None:
    assert sparse(np.array([0, 3, 0, 1])) == ([1, 3], [3, 1])
