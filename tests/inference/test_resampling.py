"""Laws of separable resampling."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.inference.resampling import StripResampler
from geosemimtl.raster.resample import axis_taps, reach

CPU = torch.device("cpu")
Matrix = Callable[[int, int, float], NDArray[np.float64]]
sizes = st.integers(1, 40)
steps = st.floats(0.1, 6)


def out_size(n_in: int, step: float) -> int:
    return max(1, int(np.ceil(n_in / step - 1e-6)))


def resampled(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_] | None,
    step: tuple[float, float],
    cuts: list[int],
    first: int = 0,
) -> NDArray[np.float32]:
    """Resample in strips that end at the cuts; assert that rows come once, from ``first`` on."""
    rows, cols = values.shape[1:]
    shape_out = (out_size(rows, step[0]), out_size(cols, step[1]))
    down, across = axis_taps(rows, shape_out[0], step[0]), axis_taps(cols, shape_out[1], step[1])
    resampler = StripResampler(down, across, range(shape_out[1]), 0, CPU)
    _, ends = reach(down)
    parts: list[NDArray[np.float32]] = []
    done, edges = first, [0, *sorted({cut for cut in cuts if 0 < cut < rows}), rows]
    for top, bottom in itertools.pairwise(edges):
        mask = None if valid is None else torch.from_numpy(valid[top:bottom])
        resampler.feed(top, torch.from_numpy(values[:, top:bottom]), mask)
        out = range(done, max(done, int(np.searchsorted(ends, bottom, side="right"))))
        for block, part, known in resampler.take(out, weighed=valid is not None):
            assert (known is None) == (valid is None)
            assert block.start == done
            parts.append(part.numpy())
            done = block.stop
    whole = np.concatenate(parts, axis=1)
    assert whole.shape == (len(values), shape_out[0] - first, shape_out[1])
    return whole


@given(
    rows=sizes,
    cols=sizes,
    step=st.tuples(steps, steps),
    cuts=st.lists(st.integers(1, 39), max_size=6),
    seed=st.integers(0, 99),
)
def test_strips_equal_the_whole(
    rows: int, cols: int, step: tuple[float, float], cuts: list[int], seed: int, axis_matrix: Matrix
) -> None:
    random = np.random.default_rng(seed)
    values = random.random((2, rows, cols)).astype(np.float32)
    valid = random.random((rows, cols)) > 0.3
    whole = resampled(values, valid, step, [])
    np.testing.assert_allclose(resampled(values, valid, step, cuts), whole, atol=1e-6)
    dense = [axis_matrix(n, out_size(n, s), s) for n, s in zip((rows, cols), step, strict=True)]
    share = dense[0] @ valid @ dense[1].T
    expected = dense[0] @ np.where(valid, values, 0) @ dense[1].T / np.maximum(share, 1e-12)
    np.testing.assert_allclose(whole, np.where(share > 1e-6, expected, 0), atol=1e-4)


@given(
    rows=sizes,
    cols=sizes,
    step=st.tuples(steps, steps),
    cuts=st.lists(st.integers(1, 39), max_size=6),
    data=st.data(),
)
def test_begun_later_it_gives_the_same_bits(
    rows: int, cols: int, step: tuple[float, float], cuts: list[int], data: st.DataObject
) -> None:
    values = np.random.default_rng(1).random((3, rows, cols)).astype(np.float32)
    whole = resampled(values, None, step, cuts)
    _, ends = reach(axis_taps(rows, out_size(rows, step[0]), step[0]))
    # where a strip begins in the undisturbed run
    starts = [0, *(int(np.searchsorted(ends, cut, side="right")) for cut in cuts if cut < rows)]
    first = data.draw(st.sampled_from([start for start in starts if start < whole.shape[1]]))
    part = resampled(values, None, step, cuts, first)
    np.testing.assert_array_equal(part, whole[:, first:])


@given(rows=sizes, cols=sizes, step=st.tuples(steps, steps), seed=st.integers(0, 99))
def test_constant_in_constant_out_whatever_is_invalid(
    rows: int, cols: int, step: tuple[float, float], seed: int
) -> None:
    valid = np.random.default_rng(seed).random((rows, cols)) > 0.5
    values = np.where(valid, 7.0, 1e9).astype(np.float32)[None]
    out = resampled(values, valid, step, [])
    assert np.all((np.abs(out - 7) < 1e-4) | (out == 0))
    if valid.all():
        np.testing.assert_allclose(out, 7, rtol=1e-6)


def test_invalid_pixels_never_weigh() -> None:
    values = np.array([[[1, 1e30], [3, 5]]], np.float32)
    valid = np.array([[True, False], [True, True]])
    out = resampled(values, valid, (2, 2), [])
    assert out[0, 0, 0] == pytest.approx(3)


def test_where_nothing_is_valid_comes_zero() -> None:
    out = resampled(np.full((1, 4, 4), np.nan, np.float32), np.zeros((4, 4), bool), (2, 2), [2])
    np.testing.assert_array_equal(out, 0)
