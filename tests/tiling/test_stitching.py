"""Laws of blending."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.stitching import StripBlender
from geosemimtl.tiling.weights import WINDOWS, axis_weights

Values = NDArray[np.float32]


def blend(
    layout: TileLayout,
    value: Callable[[int, int], Values],
    window: str,
    skipped: Collection[tuple[int, int]] = (),
    cols: range | None = None,
    first: int = 0,
) -> Values:
    """Blend from a row of tiles on, and assert that the strips come without gap."""
    blender = StripBlender(layout, 2, cols, window)
    parts: list[Values] = []
    for i in range(first, len(layout.row_offsets)):
        for j in cols or range(len(layout.col_offsets)):
            if (i, j) not in skipped:
                blender.add(i, j, torch.from_numpy(value(i, j)))
        top, part = blender.finish(i)
        assert top == layout.row_offsets[first] + sum(each.shape[1] for each in parts)
        parts.append(part.numpy().copy())
    whole = np.concatenate(parts, axis=1)
    assert whole.shape == (2, layout.shape[0] - layout.row_offsets[first], blender.width)
    return whole


@st.composite
def layouts(draw: st.DrawFn) -> TileLayout:
    """Draw layouts, scenes smaller than a tile and no overlap included."""
    size = draw(st.tuples(st.integers(1, 16), st.integers(1, 16)))
    overlap = draw(st.integers(0, min(size) - 1))
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    return TileLayout(shape, size, overlap)


windows = st.sampled_from(sorted(WINDOWS))


@given(layout=layouts(), window=windows)
def test_constant_in_constant_out(layout: TileLayout, window: str) -> None:
    tile = np.full((2, *layout.size_px), 12.5, np.float32)
    np.testing.assert_allclose(blend(layout, lambda *_: tile, window), 12.5, rtol=2e-6)


@given(layout=layouts(), window=windows, seed=st.integers(0, 50), data=st.data())
def test_equals_a_blend_of_the_whole(
    layout: TileLayout, window: str, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    size = layout.size_px
    values = {(i, j): random.random((2, *size), np.float32) for i, j, _ in layout.tiles()}
    skipped = data.draw(st.sets(st.sampled_from(sorted(values)), max_size=4))
    rows, cols = layout.shape
    down = axis_weights(layout.row_offsets, size[0], rows, window)
    across = axis_weights(layout.col_offsets, size[1], cols, window)
    naive = np.zeros((2, rows, cols))
    for i, j, at in layout.tiles():
        if (i, j) not in skipped:
            weight = np.outer(down[i].astype(np.float64), across[j])
            part = np.s_[at.row_off : at.row_off + size[0], at.col_off : at.col_off + size[1]]
            naive[:, *part] += values[i, j][:, : len(down[i]), : len(across[j])] * weight
    blended = blend(layout, lambda i, j: values[i, j], window, skipped)
    np.testing.assert_allclose(blended, naive, atol=2e-6)


@given(layout=layouts(), window=windows, seed=st.integers(0, 50), data=st.data())
def test_a_part_has_the_bits_of_the_whole(
    layout: TileLayout, window: str, seed: int, data: st.DataObject
) -> None:
    """From a row of tiles on, and some columns: where no other tile reaches, it is the same."""
    random = np.random.default_rng(seed)
    size, (rows, cols) = layout.size_px, (layout.row_offsets, layout.col_offsets)
    values = {(i, j): random.random((2, *size), np.float32) for i, j, _ in layout.tiles()}
    whole = blend(layout, lambda i, j: values[i, j], window)
    first = data.draw(st.integers(0, len(rows) - 1))
    part = blend(layout, lambda i, j: values[i, j], window, first=first)
    settled = rows[first - 1] + size[0] if first else 0
    np.testing.assert_array_equal(part[:, max(settled - rows[first], 0) :], whole[:, settled:])
    low = data.draw(st.integers(0, len(cols) - 1))
    high = data.draw(st.integers(low, len(cols) - 1))
    part = blend(layout, lambda i, j: values[i, j], window, cols=range(low, high + 1))
    begin = cols[low - 1] + size[1] if low else 0
    end = cols[high + 1] if high + 1 < len(cols) else layout.shape[1]
    if begin < end:
        np.testing.assert_array_equal(
            part[:, :, begin - cols[low] : end - cols[low]], whole[:, :, begin:end]
        )


def test_without_overlap_tiles_stand_side_by_side() -> None:
    layout = TileLayout((4, 6), (2, 2), 0)
    numbered = blend(layout, lambda i, j: np.full((2, 2, 2), 3 * i + j, np.float32), "hann")
    np.testing.assert_array_equal(numbered[0], np.kron([[0, 1, 2], [3, 4, 5]], np.ones((2, 2))))


def test_all_tiles_skipped_is_zero() -> None:
    layout = TileLayout((20, 30), (8, 8), 4)
    everything = {(i, j) for i, j, _ in layout.tiles()}
    tile = np.ones((2, 8, 8), np.float32)
    assert not blend(layout, lambda *_: tile, "hann", everything).any()
