"""Laws of overlapping tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.errors import ConfigError
from geosemimtl.tiling.layout import EDGES, Edge, TileLayout, axis_offsets

EVERY_EDGE: st.SearchStrategy[Edge] = st.sampled_from(("snap", "pad", "drop"))


@st.composite
def layouts(draw: st.DrawFn) -> TileLayout:
    """Draw layouts small enough to count every pixel."""
    size = draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    overlap = draw(st.integers(0, min(size) - 1))
    shape = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    return TileLayout(shape, size, overlap, draw(EVERY_EDGE))


@given(
    length=st.integers(1, 5000),
    size=st.integers(1, 600),
    share=st.floats(0, 1, exclude_max=True),
    edge=EVERY_EDGE,
)
def test_tiles_advance_by_size_less_overlap(
    length: int, size: int, share: float, edge: Edge
) -> None:
    overlap = min(int(share * size), size - 1)
    offsets = axis_offsets(length, size, overlap, edge)
    gaps = np.diff(offsets)
    assert offsets[:1] in {(0,), ()}
    assert (gaps > 0).all()
    assert (gaps[:-1] == size - overlap).all()
    assert gaps[-1:].sum() <= size - overlap
    if edge != "snap":
        assert (gaps == size - overlap).all()


@given(length=st.integers(1, 400), size=st.integers(1, 90), overlap=st.integers(0, 89))
def test_where_the_last_tile_ends(length: int, size: int, overlap: int) -> None:
    overlap = min(overlap, size - 1)
    snap, pad, drop = (axis_offsets(length, size, overlap, edge) for edge in EDGES)  # type: ignore[arg-type]  # its members
    assert snap[-1] == max(length - size, 0)
    # none too many: without the last tile something would be missing
    assert pad[-1] + size >= length
    assert len(pad) == 1 or pad[-2] + size < length
    assert len(snap) == len(pad)
    assert drop == tuple(offset for offset in pad if offset + size <= length)


@given(layout=layouts())
def test_every_pixel_is_in_a_tile_unless_edges_are_dropped(layout: TileLayout) -> None:
    seen = np.zeros(np.add(layout.shape, layout.size_px), int)
    height, width = layout.size_px
    for _, _, window in layout.tiles():
        seen[window.row_off :, window.col_off :][:height, :width] += 1
    rows, cols = layout.shape
    beyond = seen.sum() - seen[:rows, :cols].sum()
    if layout.edge == "drop":
        assert beyond == 0
    else:
        assert (seen[:rows, :cols] > 0).all()
    if layout.edge == "snap" and rows >= height and cols >= width:
        assert beyond == 0


@given(layout=layouts())
def test_tiles_come_row_by_row(layout: TileLayout) -> None:
    tiles = list(layout.tiles())
    assert len(tiles) == len(layout)
    assert [(i, j) for i, j, _ in tiles] == sorted((i, j) for i, j, _ in tiles)
    for i, j, window in tiles:
        assert layout.window(i, j) == window
        assert (window.row_off, window.col_off) == (layout.row_offsets[i], layout.col_offsets[j])
        assert (window.height, window.width) == layout.size_px


@pytest.mark.parametrize(
    ("length", "overlap_px", "snap", "pad", "drop"),
    [
        (1000, 256, (0, 256, 488), (0, 256, 512), (0, 256)),
        (1024, 0, (0, 512), (0, 512), (0, 512)),
        (1025, 0, (0, 512, 513), (0, 512, 1024), (0, 512)),
        (512, 0, (0,), (0,), (0,)),
        (100, 256, (0,), (0,), ()),
    ],
)
def test_edges_by_hand(
    length: int,
    overlap_px: int,
    snap: tuple[int, ...],
    pad: tuple[int, ...],
    drop: tuple[int, ...],
) -> None:
    assert axis_offsets(length, 512, overlap_px) == snap  # the default
    assert axis_offsets(length, 512, overlap_px, "pad") == pad
    assert axis_offsets(length, 512, overlap_px, "drop") == drop


@pytest.mark.parametrize("overlap_px", [-1, 8, 9])
def test_an_overlap_that_does_not_suit(overlap_px: int) -> None:
    with pytest.raises(ConfigError, match=f"overlap of {overlap_px} px does not suit tiles of 8"):
        axis_offsets(100, 8, overlap_px)
