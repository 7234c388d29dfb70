"""The most frequent class: by hand, by brute force, and whatever the window."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.raster import voting
from geosemimtl.raster.averaging import AxisWeights
from geosemimtl.raster.voting import majority


def vote(indices: NDArray[np.uint8], step: float, shape: tuple[int, int]) -> NDArray[np.uint8]:
    axes = [
        AxisWeights.of(0, count, step, 0.0, length)
        for count, length in zip(shape, indices.shape, strict=True)
    ]
    return majority(indices, axes[0], axes[1])


def brute(indices: NDArray[np.uint8], step: float, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Count every pixel that is met, one output pixel after the other."""
    out = np.full(shape, IGNORE, np.uint8)
    rows, cols = indices.shape
    for i, j in np.ndindex(*shape):
        down = range(int(i * step + 1e-6), min(int(np.ceil((i + 1) * step - 1e-6)), rows))
        across = range(int(j * step + 1e-6), min(int(np.ceil((j + 1) * step - 1e-6)), cols))
        votes = Counter[int]()
        for row in down:
            for col in across:
                if indices[row, col] != IGNORE:
                    votes[int(indices[row, col])] += 1
                    if votes[int(indices[row, col])] > votes[int(out[i, j])]:
                        out[i, j] = indices[row, col]
    return out


def test_by_hand() -> None:
    indices = np.array(
        [[1, 1, 2, 255], [0, 1, 2, 255], [3, 4, 255, 255], [4, 3, 255, 255]], np.uint8
    )
    # 1 has three of four votes; 2 both that are cast; 4 and 3 two each, 4 first; nobody votes
    expected = [[1, 2], [4, IGNORE]]
    np.testing.assert_array_equal(vote(indices, 2.0, (2, 2)), expected)


@given(
    seed=st.integers(0, 9),
    step=st.sampled_from([1.0, 1.2, 1.5, 1.8, 2.0, 3.3]),
    classes=st.integers(1, 5),
)
def test_as_counted_one_by_one(seed: int, step: float, classes: int) -> None:
    random = np.random.default_rng(seed)
    indices = random.integers(0, classes, (13, 17)).astype(np.uint8)
    indices[random.random(indices.shape) < 0.2] = IGNORE
    shape = (int(np.ceil(13 / step)), int(np.ceil(17 / step)))
    np.testing.assert_array_equal(vote(indices, step, shape), brute(indices, step, shape))


def test_few_counters_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    indices = np.random.default_rng(1).integers(0, 200, (40, 40)).astype(np.uint8)
    whole = vote(indices, 1.8, (22, 22))
    monkeypatch.setattr(voting, "_COUNTERS", 500)
    np.testing.assert_array_equal(vote(indices, 1.8, (22, 22)), whole)


def test_beyond_the_labels_nothing_is_labelled() -> None:
    indices = np.zeros((4, 4), np.uint8)
    axis = AxisWeights.of(0, 4, 2.0, 0.0, 4)
    expected = np.full((4, 4), IGNORE)
    expected[:2, :2] = 0
    np.testing.assert_array_equal(majority(indices, axis, axis), expected)
