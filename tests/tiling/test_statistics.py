"""Statistics are numpy's, however the pixels come."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.classes import LandClass
from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.statistics import StatisticsSum
from geosemimtl.tiling.tileset import BINS, IMAGE_BINS, PERCENTILES, ClassTarget, QuantityTarget

KINDS: dict[str, tuple[float, float]] = {
    "uint8": (0, 255),
    "uint16": (100, 9000),  # values beyond it are clipped
    "int16": (-500, 4000),
    "float32": (0, 1.5),
}
SHAPE = (2, 40, 50)
TASKS = (SEGMENTATION, HEIGHT)


def classes(count: int) -> tuple[LandClass, ...]:
    """Return so many classes."""
    return tuple(LandClass(name=f"class_{index}", color="#000000") for index in range(count))


def class_pixels(sums: StatisticsSum) -> tuple[int, ...]:
    """Return how many pixels are of each class."""
    found = sums.targets(TASKS)[SEGMENTATION]
    assert isinstance(found, ClassTarget)
    return found.pixels


def drawn(dtype: str, seed: int = 0) -> NDArray[Any]:
    """Draw pixels over a little more than the value range."""
    random = np.random.default_rng(seed)
    low, high = KINDS[dtype]
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "ui" else np.finfo(dtype)
    beyond = 0.05 * (high - low)
    values = random.uniform(max(low - beyond, limits.min), min(high + beyond, limits.max), SHAPE)
    return values.astype(dtype)


def filled(sums: StatisticsSum, dtype: str, seed: int = 0) -> StatisticsSum:
    """Add pixels, labels and heights."""
    random = np.random.default_rng(seed)
    sums.add_image(drawn(dtype, seed), random.random(SHAPE[1:]) < 0.8)
    labels = random.integers(0, 3, SHAPE[1:], dtype=np.uint8)
    heights = random.gamma(2, 3, SHAPE[1:]).astype(np.float32)
    sums.add_targets({SEGMENTATION: labels, HEIGHT: heights}, None)
    return sums


def results(sums: StatisticsSum) -> tuple[Any, ...]:
    """Return all that follows from the counts."""
    return sums.bands(), sums.targets(TASKS)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_images_as_numpy_has_them(dtype: str, masked: bool) -> None:  # noqa: FBT001  (a case)
    pixels = drawn(dtype)
    valid = np.random.default_rng(1).random(SHAPE[1:]) < 0.7
    sums = StatisticsSum(2, dtype, KINDS[dtype], {})
    sums.add_image(pixels, valid if masked else None)
    seen = pixels[:, valid] if masked else pixels.reshape(2, -1)
    unit = unit_values(seen, KINDS[dtype]).astype(np.float64)
    # wider types are counted in steps of 1/65536 of the range
    exact = dtype != "float32"
    step = 1e-9 if exact else 1 / 65536
    for band, statistics in zip(unit, sums.bands(), strict=True):
        assert statistics.mean == pytest.approx(band.mean(), abs=step)
        assert statistics.std == pytest.approx(band.std(), abs=step)
        wanted = np.quantile(band, np.array(PERCENTILES) / 100, method="inverted_cdf")
        np.testing.assert_allclose(statistics.percentiles, wanted, rtol=0, atol=step)
        counts, _ = np.histogram(band, IMAGE_BINS, (0, 1))
        assert sum(statistics.histogram) == band.size
        if exact:
            np.testing.assert_array_equal(statistics.histogram, counts)


def test_an_image_by_hand() -> None:
    sums = StatisticsSum(1, "uint8", (0, 200), {})
    sums.add_image(np.array([[[0, 100, 200, 250]]], np.uint8), np.array([[True, True, True, True]]))
    (band,) = sums.bands()
    assert band.mean == (0 + 0.5 + 1 + 1) / 4  # what lies outside is clipped
    assert band.percentiles == (0, 0, 0.5, 1, 1)
    assert (band.histogram[0], band.histogram[32], band.histogram[63]) == (1, 1, 2)


def test_labels_by_hand() -> None:
    sums = StatisticsSum(1, "uint8", (0, 255), {SEGMENTATION: classes(3)})
    labels = np.array([[0, 1, 1], [255, 2, 1]], np.uint8)
    sums.add_targets({SEGMENTATION: labels}, None)
    assert class_pixels(sums) == (1, 3, 1)
    counted = np.array([[True, False, True], [True, False, False]])
    sums.add_targets({SEGMENTATION: labels}, counted)
    assert class_pixels(sums) == (2, 4, 1)


def test_heights_by_hand() -> None:
    sums = StatisticsSum(1, "uint8", (0, 255), {HEIGHT: ()})
    assert HEIGHT not in sums.targets(TASKS)
    sums.add_targets({HEIGHT: np.full((2, 2), -9999, np.float32)}, None)
    assert HEIGHT not in sums.targets(TASKS)
    metres = np.array([[-1.0, 0.05, 2.56], [400, -9999, 100]], np.float32)
    counted = np.array([[True, True, True], [True, True, False]])
    sums.add_targets({HEIGHT: metres}, counted)
    found = sums.targets(TASKS)[HEIGHT]
    assert isinstance(found, QuantityTarget)
    assert (found.minimum, found.maximum) == (-1, 400)
    assert found.mean == pytest.approx((-1 + 0.05 + 2.56 + 400) / 4, abs=1e-3)
    bins = {index: count for index, count in enumerate(found.histogram) if count}
    assert bins == {0: 2, 25: 1, BINS - 1: 1}


def test_nothing_at_all_is_no_warning() -> None:
    sums = StatisticsSum(1, "float32", (0, 1), {SEGMENTATION: classes(2)})
    sums.add_image(np.ones((1, 3, 3), np.float32), np.zeros((3, 3), bool))
    (band,) = sums.bands()
    assert (band.mean, band.std, sum(band.histogram)) == (0, 0, 0)
    assert class_pixels(sums) == (0, 0)


@pytest.mark.parametrize("dtype", KINDS)
def test_counts_are_written_and_read(dtype: str) -> None:
    sums = filled(
        StatisticsSum(2, dtype, KINDS[dtype], {SEGMENTATION: classes(3), HEIGHT: ()}), dtype
    )
    document = json.loads(json.dumps(sums.document()))
    other = filled(sums.empty(), dtype, seed=5)  # what it held before is forgotten
    other.restore(document)
    assert results(other) == results(sums)
    other.add(sums)
    sums.add(sums)
    assert results(other) == results(sums)
    bare = sums.empty()
    bare.restore(json.loads(json.dumps(sums.empty().document())))
    assert results(bare) == results(sums.empty())
    bare.add(sums)
    assert results(bare) == results(sums)


@given(cuts=st.lists(st.integers(1, SHAPE[1] - 1), max_size=4, unique=True), data=st.randoms())
def test_parts_add_up_in_any_order(cuts: list[int], data: Any) -> None:
    pixels, heights = drawn("float32"), drawn("float32")[0] * 30
    labels = (heights % 4).astype(np.uint8)
    whole = StatisticsSum(2, "float32", KINDS["float32"], {SEGMENTATION: classes(4), HEIGHT: ()})
    whole.add_image(pixels, None)
    whole.add_targets({SEGMENTATION: labels, HEIGHT: heights}, None)
    lines = [0, *sorted(cuts), SHAPE[1]]
    parts = list(pairwise(lines))
    data.shuffle(parts)
    total = whole.empty()
    for start, stop in parts:
        part = whole.empty()
        part.add_image(pixels[:, start:stop], None)
        own = {SEGMENTATION: labels[start:stop], HEIGHT: heights[start:stop]}
        part.add_targets(own, None)
        total.add(part)
    assert results(total) == results(whole)
