"""Pixels by true and predicted height, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.metrics.height_pairs import CELL_M, CELLS, LOWEST_M, PairCounts


def counts_of(truth: list[float], guess: list[float]) -> PairCounts:
    every = np.ones(len(truth), bool)
    return PairCounts.from_heights(np.array(guess), np.array(truth), every)


def test_cells_by_hand() -> None:
    guess = np.array([0.0, 0.24, 0.25, np.nan, 500.0])
    truth = np.array([0.0, 0.0, -20.0, 3.0, 149.9])
    cells = PairCounts.from_heights(guess, truth, np.array([True, True, True, False, True])).cells
    zero = 40  # 10 m in cells of 0.25 m
    assert cells[zero, zero] == 2
    assert cells[0, zero + 1] == 1  # lower than the lowest is in the first row
    assert cells[CELLS - 1, CELLS - 1] == 1
    assert cells.sum() == 4


def test_counts_add_up() -> None:
    both = counts_of([0, 1, 5], [1, 1, 4])
    sums = counts_of([0], [1]) + counts_of([1, 5], [1, 4])
    np.testing.assert_array_equal(sums.cells, both.cells)
    assert sums.total == 3


def test_the_part_shown_by_hand() -> None:
    """From 0 to 3 m there are 13 cells, merged by two to at most 7."""
    table = counts_of([0, 0, 3, 1], [0, 0.6, 3, 2]).part(0.0, 7)
    assert (table.low_m, table.cell_m, table.outside) == (0.0, 0.5, 0)
    assert table.counts.shape == (7, 7)
    expected = np.zeros((7, 7), int)
    expected[0, 0] = expected[0, 1] = expected[6, 6] = expected[2, 4] = 1
    np.testing.assert_array_equal(table.counts, expected)


def test_tails_are_left_out() -> None:
    counts = counts_of([*[1.0] * 999, 120.0], [1.0] * 1000)
    assert counts.part(0.01, 80).counts.shape == (1, 1)
    assert counts.part(0.01, 80).outside == 1
    assert counts.part(0.0, 10**3).outside == 0


@given(
    pairs=st.lists(st.tuples(st.floats(-30, 200), st.floats(-30, 200)), min_size=1, max_size=30),
    most=st.integers(1, 90),
)
def test_a_part_with_all_tails_holds_all(pairs: list[tuple[float, float]], most: int) -> None:
    table = counts_of([a for a, _ in pairs], [b for _, b in pairs]).part(0.0, most)
    assert len(table.counts) <= most
    assert table.counts.sum() + table.outside == len(pairs)
    assert table.outside == 0
    assert (table.low_m - LOWEST_M) / CELL_M == int((table.low_m - LOWEST_M) / CELL_M)


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="no part to show"):
        PairCounts.zeros().part(0.0, 10)
    with pytest.raises(ValueError, match="one shape"):
        PairCounts.from_heights(np.zeros(2), np.zeros(3), np.ones(3, bool))
