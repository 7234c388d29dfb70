"""Laws of blending."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.stitching import blended_strips
from geosemimtl.tiling.weights import WINDOWS

Values = NDArray[np.float32]


def blend(
    layout: TileLayout,
    value: Callable[[int, int], Values],
    window: str,
    skipped: Collection[tuple[int, int]] = (),
) -> Values:
    """Blend whole, and assert that the strips come without gap, from the top."""
    tiles = ((i, j, value(i, j)) for i, j, _ in layout.tiles() if (i, j) not in skipped)
    parts: list[Values] = []
    for first, part in blended_strips(layout, 2, tiles, window):
        assert first == sum(each.shape[1] for each in parts)
        parts.append(part)
    whole = np.concatenate(parts, axis=1)
    assert whole.shape == (2, *layout.shape)
    return whole


@st.composite
def layouts(draw: st.DrawFn) -> TileLayout:
    """Draw layouts, scenes smaller than a tile and no overlap included."""
    size = draw(st.integers(1, 16))
    overlap = draw(st.integers(0, size - 1))
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    return TileLayout(shape, size, overlap)


windows = st.sampled_from(sorted(WINDOWS))


@given(layout=layouts(), window=windows)
def test_constant_in_constant_out(layout: TileLayout, window: str) -> None:
    tile = np.full((2, layout.size_px, layout.size_px), 12.5, np.float32)
    np.testing.assert_allclose(blend(layout, lambda *_: tile, window), 12.5, rtol=2e-6)


@given(layout=layouts(), window=windows, seed=st.integers(0, 50), data=st.data())
def test_equals_a_blend_of_the_whole(
    layout: TileLayout, window: str, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    size = layout.size_px
    values = {(i, j): random.random((2, size, size), np.float32) for i, j, _ in layout.tiles()}
    skipped = data.draw(st.sets(st.sampled_from(sorted(values)), max_size=4))
    shape = np.outer(WINDOWS[window](size), WINDOWS[window](size))
    rows, cols = layout.shape
    total, weight = np.zeros((2, rows + size, cols + size)), np.zeros((rows + size, cols + size))
    for i, j, at in layout.tiles():
        part = np.s_[at.row_off : at.row_off + size, at.col_off : at.col_off + size]
        weight[part] += shape
        if (i, j) not in skipped:
            total[:, *part] += values[i, j] * shape
    naive = total[:, :rows, :cols] / weight[:rows, :cols]
    blended = blend(layout, lambda i, j: values[i, j], window, skipped)
    np.testing.assert_allclose(blended, naive, atol=2e-6)


def test_without_overlap_tiles_stand_side_by_side() -> None:
    layout = TileLayout((4, 6), 2, 0)
    numbered = blend(layout, lambda i, j: np.full((2, 2, 2), 3 * i + j, np.float32), "hann")
    np.testing.assert_array_equal(numbered[0], np.kron([[0, 1, 2], [3, 4, 5]], np.ones((2, 2))))


def test_all_tiles_skipped_is_zero() -> None:
    layout = TileLayout((20, 30), 8, 4)
    everything = {(i, j) for i, j, _ in layout.tiles()}
    tile = np.ones((2, 8, 8), np.float32)
    assert not blend(layout, lambda *_: tile, "hann", everything).any()


def test_strips_are_not_touched_again() -> None:
    layout = TileLayout((40, 8), 8, 4)
    tiles = ((i, j, np.full((1, 8, 8), i, np.float32)) for i, j, _ in layout.tiles())
    kept = [(part, part.copy()) for _, part in blended_strips(layout, 1, tiles)]
    for part, copy in kept:
        np.testing.assert_array_equal(part, copy)


def test_tiles_out_of_order_are_refused() -> None:
    tile = np.ones((1, 4, 4), np.float32)
    strips = blended_strips(TileLayout((12, 4), 4, 0), 1, [(1, 0, tile), (0, 0, tile)])
    with pytest.raises(ValueError, match=r"tile \(0, 0\) comes after tiles of row 1"):
        list(strips)
