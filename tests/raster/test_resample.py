"""Laws of the weights that resample one axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.raster.resample import axis_taps, drawing, reach

Matrix = Callable[[int, int, float], NDArray[np.float64]]
sizes = st.integers(1, 40)
steps = st.floats(0.1, 6)


def out_size(n_in: int, step: float) -> int:
    return max(1, int(np.ceil(n_in / step - 1e-6)))


@given(n_in=sizes, step=steps)
def test_rows_sum_to_one(n_in: int, step: float, axis_matrix: Matrix) -> None:
    matrix = axis_matrix(n_in, out_size(n_in, step), step)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-12)
    assert matrix.min() >= 0


@given(n_in=sizes, step=steps)
def test_reach_is_where_weights_are(n_in: int, step: float, axis_matrix: Matrix) -> None:
    matrix = axis_matrix(n_in, out_size(n_in, step), step)
    first, end = reach(axis_taps(n_in, out_size(n_in, step), step))
    for row, low, high in zip(matrix, first, end, strict=True):
        assert not row[:low].any()
        assert not row[high:].any()
        assert row[high - 1] > 0 or high == low + 1
    assert (np.diff(first) >= 0).all()
    assert (np.diff(end) >= 0).all()


@given(n_in=sizes, step=steps, data=st.data())
def test_what_draws_on_a_run(
    n_in: int, step: float, data: st.DataObject, axis_matrix: Matrix
) -> None:
    begin = data.draw(st.integers(0, n_in - 1))
    length = data.draw(st.integers(1, n_in - begin))
    n_out = out_size(n_in, step)
    low, high = drawing(axis_taps(n_in, n_out, step), begin, length)
    matrix = axis_matrix(n_in, n_out, step)
    assert not matrix[:low, begin : begin + length].any()
    assert not matrix[high:, begin : begin + length].any()
    first, end = reach(axis_taps(n_in, n_out, step))
    assert ((end[low:high] > begin) & (first[low:high] < begin + length)).all()


def test_area_by_hand(axis_matrix: Matrix) -> None:
    # 5 pixels into 2 of 2.5: (1 + 2 + 3/2) / 2.5 and (3/2 + 4 + 5) / 2.5
    matrix = axis_matrix(5, 2, 2.5)
    np.testing.assert_allclose(matrix @ np.arange(1.0, 6.0), [1.8, 4.2], rtol=1e-6)


def test_the_last_partial_pixel_averages_what_is_there(axis_matrix: Matrix) -> None:
    matrix = axis_matrix(5, 3, 2)
    np.testing.assert_allclose(matrix @ np.arange(1.0, 6.0), [1.5, 3.5, 5], rtol=1e-6)


def test_linear_by_hand(axis_matrix: Matrix) -> None:
    # halves of pixels: centres at -1/4, 1/4, 3/4, 5/4; the outermost value repeats
    matrix = axis_matrix(2, 4, 0.5)
    np.testing.assert_allclose(matrix @ np.array([0.0, 1.0]), [0, 0.25, 0.75, 1], atol=1e-6)


def test_step_one_is_identity(axis_matrix: Matrix) -> None:
    np.testing.assert_array_equal(axis_matrix(7, 7, 1.0), np.eye(7))
