"""Laws of overlapping tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.errors import ConfigError
from geosemimtl.tiling.layout import TileLayout, axis_offsets


@st.composite
def layouts(draw: st.DrawFn) -> TileLayout:
    """Draw layouts small enough to count every pixel."""
    size = draw(st.integers(1, 30))
    overlap = draw(st.integers(0, size - 1))
    shape = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    return TileLayout(shape, size, overlap)


@given(
    length=st.integers(1, 5000), size=st.integers(1, 600), share=st.floats(0, 1, exclude_max=True)
)
def test_an_axis_is_covered_in_order(length: int, size: int, share: float) -> None:
    overlap = min(int(share * size), size - 1)
    offsets = axis_offsets(length, size, overlap)
    assert offsets[0] == 0
    assert offsets[-1] == max(length - size, 0)
    gaps = np.diff(offsets)
    assert (gaps > 0).all()
    assert (gaps <= size - overlap).all()
    assert (gaps[:-1] == size - overlap).all()


@given(layout=layouts())
def test_fresh_parts_count_each_pixel_once(layout: TileLayout) -> None:
    seen = np.zeros(np.add(layout.shape, layout.size_px), int)
    for i, j, window in layout.tiles():
        down, across = layout.fresh(i, j)
        part = seen[window.row_off :, window.col_off :][: layout.size_px, : layout.size_px]
        part[down, across] += 1
    rows, cols = layout.shape
    assert (seen[:rows, :cols] == 1).all()
    assert seen.sum() == rows * cols


@given(layout=layouts())
def test_tiles_come_row_by_row(layout: TileLayout) -> None:
    tiles = list(layout.tiles())
    assert len(tiles) == len(layout)
    assert [(i, j) for i, j, _ in tiles] == sorted((i, j) for i, j, _ in tiles)
    for i, j, window in tiles:
        assert (window.row_off, window.col_off) == (layout.row_offsets[i], layout.col_offsets[j])
        assert (window.height, window.width) == (layout.size_px, layout.size_px)


def test_the_last_tile_moves_inwards() -> None:
    assert axis_offsets(1000, 512, 256) == (0, 256, 488)
    assert axis_offsets(1024, 512, 0) == (0, 512)
    assert axis_offsets(512, 512, 0) == (0,)
    assert axis_offsets(100, 512, 256) == (0,)


@pytest.mark.parametrize("overlap_px", [-1, 8, 9])
def test_an_overlap_that_does_not_suit(overlap_px: int) -> None:
    with pytest.raises(ConfigError, match=f"overlap of {overlap_px} px does not suit tiles of 8"):
        axis_offsets(100, 8, overlap_px)
