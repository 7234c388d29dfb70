"""Height errors of groups: by hand, and that groups add up to the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.metrics.grouped import HeightGroups, height_bins
from geosemimtl.metrics.regression import HeightCounts


def test_groups_by_hand() -> None:
    truth, guess = np.array([[0.0, 2, 4, 8]]), np.array([[1.0, 2, 2, 4]])
    group, valid = np.array([[0, 0, 1, 255]]), np.array([[True, True, True, True]])
    low, high, none = HeightGroups.from_heights(guess, truth, valid, group, 3, eps=0.5).counts
    assert (low.n, low.mae, low.n_ratio, low.abs_rel) == (2, 0.5, 1, 0)
    assert (high.n, high.bias, high.abs_rel) == (1, -2, 0.5)
    assert none == HeightCounts(eps=0.5)  # and the pixel of group 255 is in no group


def test_an_edge_belongs_to_the_range_above() -> None:
    heights = np.array([[-3, 0, 0.99, 1, 2.9, 3, 25]])
    assert height_bins(heights, (1, 3, 20)).tolist() == [[0, 0, 0, 1, 1, 2, 3]]


@given(seed=st.integers(0, 999), cut=st.integers(0, 30))
def test_ranges_and_parts_add_up_to_the_whole(seed: int, cut: int) -> None:
    random = np.random.default_rng(seed)
    truth, guess = random.uniform(0, 30, (2, 30))
    valid, edges = random.random(30) < 0.7, (1.0, 3.0, 10.0, 20.0)

    def counted(part: slice) -> HeightGroups:
        ranges = height_bins(truth[part], edges)
        return HeightGroups.from_heights(guess[part], truth[part], valid[part], ranges, 5, eps=0.5)

    whole = HeightCounts.from_heights(guess, truth, valid, eps=0.5)
    total = (counted(slice(0, cut)) + counted(slice(cut, 30))).total
    assert (total.n, total.n_ratio, total.n_delta1) == (whole.n, whole.n_ratio, whole.n_delta1)
    assert total.sum_square == pytest.approx(whole.sum_square)
    assert total.sum_abs_rel == pytest.approx(whole.sum_abs_rel)


def test_what_does_not_fit() -> None:
    one = np.zeros((2, 2))
    with pytest.raises(ValueError, match="one shape"):
        HeightGroups.from_heights(one, one, one == 0, np.zeros(4, int), 2)
    with pytest.raises(ValueError, match="do not add up"):
        HeightGroups.zeros(2) + HeightGroups.zeros(3)
