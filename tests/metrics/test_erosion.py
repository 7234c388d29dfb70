"""Pixels away from boundaries: by hand, against the definition, and window by window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.metrics.erosion import away_from_boundaries

N = IGNORE


def drawn(seed: int, rows: int, cols: int) -> NDArray[np.uint8]:
    """Return labels in blocks of 4 px, so that some pixels lie far from boundaries."""
    random = np.random.default_rng(seed)
    coarse = random.choice([0, 1, 2, 2, 2, 253, N], (-(-rows // 4), -(-cols // 4)))
    return coarse.repeat(4, 0).repeat(4, 1)[:rows, :cols].astype(np.uint8)


def test_three_pixels_go_on_each_side_as_in_isprs() -> None:
    truth = np.array([[0] * 6 + [1] * 6], np.uint8)
    kept = [True] * 3 + [False] * 6 + [True] * 3
    assert away_from_boundaries(truth, 3).tolist() == [kept]


def test_the_disc_is_round() -> None:
    truth = np.zeros((9, 9), np.uint8)
    truth[4, 4] = 1
    left_out = ~away_from_boundaries(truth, 3)
    wide = np.array([0, 1, 5, 5, 7, 5, 5, 1, 0])
    assert left_out.sum(axis=1).tolist() == wide.tolist()
    assert left_out.sum(axis=0).tolist() == wide.tolist()


def test_neither_the_rim_nor_unlabelled_pixels_make_a_boundary() -> None:
    truth = np.array([[5, 5, N, 5, 5]], np.uint8)
    assert away_from_boundaries(truth, 2).tolist() == [[True, True, False, True, True]]
    assert not away_from_boundaries(np.full((3, 3), N, np.uint8), 1).any()


def test_a_radius_larger_than_the_scene() -> None:
    truth = np.zeros((3, 5), np.uint8)
    assert away_from_boundaries(truth, 5000).all()
    truth[0, 0] = 1
    assert not away_from_boundaries(truth, 5000).any()


@given(seed=st.integers(0, 999), radius=st.integers(1, 16))
def test_it_is_what_the_definition_says(seed: int, radius: int) -> None:
    truth = drawn(seed, 13, 11)
    places = np.indices(truth.shape).reshape(2, -1)
    far = ((places[:, :, None] - places[:, None]) ** 2).sum(axis=0) > radius**2
    flat = truth.ravel()
    alike = (flat[:, None] == flat) | (flat == N)
    expected = (far | alike).all(axis=1) & (flat != N)
    np.testing.assert_array_equal(away_from_boundaries(truth, radius).ravel(), expected)


@given(
    seed=st.integers(0, 999),
    radius=st.integers(1, 4),
    top=st.integers(0, 20),
    height=st.integers(1, 20),
)
def test_rows_with_others_around_give_what_the_whole_gives(
    seed: int, radius: int, top: int, height: int
) -> None:
    truth = drawn(seed, 40, 12)
    whole = away_from_boundaries(truth, radius)[top : top + height]
    first, last = max(0, top - radius), top + height + radius
    part = away_from_boundaries(truth[first:last], radius)
    np.testing.assert_array_equal(part[top - first :][:height], whole)


def test_a_radius_of_nothing() -> None:
    with pytest.raises(ValueError, match="radius of 0 px"):
        away_from_boundaries(np.zeros((2, 2), np.uint8), 0)
