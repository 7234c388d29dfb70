"""Lines between regions, by small examples and by laws of thinning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from scipy.ndimage import label

from geosemimtl.data.sets.outlines import edges_of, thinned

Mask = NDArray[np.bool_]
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))
DIAGONALS = np.ones((3, 3), int)


def drawn(*rows: str) -> Mask:
    """Return a mask that is drawn with # and dots."""
    return np.array([[sign == "#" for sign in row] for row in rows])


def test_a_straight_border_is_one_line() -> None:
    """The Laplacian is not 0 on both sides of it: columns 2 and 3, of which one stays."""
    labels = np.repeat([[1, 1, 1, 5, 5, 5]], 8, axis=0)
    lines = edges_of(labels)
    assert (lines.sum(axis=1)[1:-1] == 1).all()
    assert not lines[:, [0, 1, 4, 5]].any()


def test_one_region_has_no_lines() -> None:
    assert not edges_of(np.full((5, 4), 7, np.uint16)).any()


def test_a_pixel_alone_becomes_two() -> None:
    """The Laplacian makes a plus of it, of which the first turn takes all ends but the western."""
    labels = np.zeros((5, 5), np.uint16)
    labels[2, 2] = 40000
    wanted = drawn(".....", ".....", ".##..", ".....", ".....")
    assert_array_equal(edges_of(labels), wanted)


def test_labels_that_cancel_out_leave_a_gap() -> None:
    """4 x 2 = 1 + 3 + 2 + 2: the middle one of 1, 2, 3 has the Laplacian 0."""
    labels = np.repeat([[1, 1, 2, 3, 3]], 4, axis=0)
    assert not edges_of(labels)[:, 2].any()


def test_a_bar_becomes_its_middle() -> None:
    bar = drawn("........", ".######.", ".######.", ".######.", "........")
    line = thinned(bar)
    assert line[2, 3:6].all()
    assert not line[1, 3:6].any()
    assert not line[3, 3:6].any()


@pytest.mark.parametrize("line", [drawn("#####"), drawn("#..", ".#.", "..#"), drawn("#")])
def test_lines_stay(line: Mask) -> None:
    assert_array_equal(thinned(line), line)


@given(MASKS)
def test_thinning_breaks_nothing(mask: Mask) -> None:
    line = thinned(mask)
    assert not (line & ~mask).any()
    assert label(line, DIAGONALS)[1] == label(mask, DIAGONALS)[1]
    assert_array_equal(thinned(line), line)


@given(MASKS)
def test_thinning_opens_no_hole(mask: Mask) -> None:
    """The parts of the ground, joined by edges alone, are as many as before."""
    around, line = np.pad(~mask, 1, constant_values=True), thinned(mask)
    assert label(around)[1] == label(np.pad(~line, 1, constant_values=True))[1]
