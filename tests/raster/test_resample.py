"""Laws of separable resampling."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.raster.resample import StripResampler, axis_matrix

sizes = st.integers(1, 40)
steps = st.floats(0.1, 6)


def out_size(n_in: int, step: float) -> int:
    return max(1, int(np.ceil(n_in / step - 1e-6)))


def resampled(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    step: tuple[float, float],
    cuts: list[int],
) -> NDArray[np.float32]:
    """Resample in strips that end at the cuts; assert that rows come once, from the top."""
    rows, cols = valid.shape
    shape_out = (out_size(rows, step[0]), out_size(cols, step[1]))
    resampler = StripResampler((rows, cols), shape_out, step)
    parts: list[NDArray[np.float32]] = []
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < rows}), rows]
    for top, bottom in itertools.pairwise(edges):
        first, part = resampler.feed(values[:, top:bottom], valid[top:bottom])
        assert first == sum(each.shape[1] for each in parts)
        parts.append(part)
    whole = np.concatenate(parts, axis=1)
    assert whole.shape == (len(values), *shape_out)
    return whole


@given(n_in=sizes, step=steps)
def test_rows_sum_to_one(n_in: int, step: float) -> None:
    matrix = axis_matrix(n_in, out_size(n_in, step), step)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    assert matrix.data.min() > 0


@given(
    rows=sizes,
    cols=sizes,
    step=st.tuples(steps, steps),
    cuts=st.lists(st.integers(1, 39), max_size=6),
    seed=st.integers(0, 99),
)
def test_strips_equal_the_whole(
    rows: int, cols: int, step: tuple[float, float], cuts: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    values = random.random((2, rows, cols)).astype(np.float32)
    valid = random.random((rows, cols)) > 0.3
    whole = resampled(values, valid, step, [])
    np.testing.assert_array_equal(resampled(values, valid, step, cuts), whole)


@given(rows=sizes, cols=sizes, step=st.tuples(steps, steps), seed=st.integers(0, 99))
def test_constant_in_constant_out_whatever_is_invalid(
    rows: int, cols: int, step: tuple[float, float], seed: int
) -> None:
    valid = np.random.default_rng(seed).random((rows, cols)) > 0.5
    values = np.where(valid, 7.0, np.nan).astype(np.float32)[None]
    out = resampled(values, valid, step, [])
    assert np.all((np.abs(out - 7) < 1e-4) | (out == 0))
    if valid.all():
        np.testing.assert_allclose(out, 7, rtol=1e-6)


def test_area_by_hand() -> None:
    # 5 pixels into 2 of 2.5: (1 + 2 + 3/2) / 2.5 and (3/2 + 4 + 5) / 2.5
    matrix = axis_matrix(5, 2, 2.5)
    np.testing.assert_allclose(matrix @ np.arange(1.0, 6.0), [1.8, 4.2], rtol=1e-6)


def test_the_last_partial_pixel_averages_what_is_there() -> None:
    matrix = axis_matrix(5, 3, 2)
    np.testing.assert_allclose(matrix @ np.arange(1.0, 6.0), [1.5, 3.5, 5], rtol=1e-6)


def test_linear_by_hand() -> None:
    # halves of pixels: centres at -1/4, 1/4, 3/4, 5/4; the outermost value repeats
    matrix = axis_matrix(2, 4, 0.5)
    np.testing.assert_allclose(matrix @ np.array([0.0, 1.0]), [0, 0.25, 0.75, 1], atol=1e-6)


def test_step_one_is_identity() -> None:
    np.testing.assert_array_equal(axis_matrix(7, 7, 1.0).toarray(), np.eye(7))


def test_invalid_pixels_never_weigh() -> None:
    values = np.array([[[1, 1e30], [3, 5]]], np.float32)
    valid = np.array([[True, False], [True, True]])
    out = resampled(values, valid, (2, 2), [])
    assert out[0, 0, 0] == pytest.approx(3)


def test_where_nothing_is_valid_comes_zero() -> None:
    out = resampled(np.full((1, 4, 4), np.nan, np.float32), np.zeros((4, 4), bool), (2, 2), [2])
    np.testing.assert_array_equal(out, 0)
