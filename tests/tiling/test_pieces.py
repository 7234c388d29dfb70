"""Pieces that follow each other down a band, and the windows put together of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling import pieces
from geosemimtl.tiling.layers import Piece
from geosemimtl.tiling.layout import EDGES, axis_offsets
from geosemimtl.tiling.pieces import Inline, PieceQueue, Settled, assemble, bands, in_order

ROWS, COLS = 40, 30
IMAGE = np.arange(1, 2 * ROWS * COLS + 1, dtype=np.uint16).reshape(2, ROWS, COLS)
VALID = IMAGE[0] % 7 > 0
INDICES = (IMAGE[0] % 6).astype(np.uint8)
HEIGHTS = IMAGE[0].astype(np.float32)


def read(window: Window) -> Piece:
    """Read a window of the scene above."""
    part = np.s_[
        window.row_off : window.row_off + window.height,
        window.col_off : window.col_off + window.width,
    ]
    return Piece(
        window, IMAGE[:, *part], VALID[part], {SEGMENTATION: INDICES[part], HEIGHT: HEIGHTS[part]}
    )


@given(
    length=st.integers(1, 3000),
    size=st.integers(1, 300),
    share=st.floats(0, 0.95),
    edge=st.sampled_from(EDGES),
)
def test_bands_take_every_column_once(length: int, size: int, share: float, edge: str) -> None:
    offsets = axis_offsets(length, size, int(share * size), edge)  # type: ignore[arg-type]  # one of them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "BAND_PX", 400)
        runs = list(bands(offsets, size))
    assert [index for run in runs for index in run] == list(range(len(offsets)))
    for run in runs:
        assert offsets[run[-1]] + size - offsets[run[0]] <= 400
    for one, other in pairwise(runs):
        # no band could have been wider
        assert offsets[other[0]] + size - offsets[one[0]] > 400


def test_a_tile_wider_than_a_band_is_a_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BAND_PX", 10)
    assert list(bands((0, 20, 40), 40)) == [range(1), range(1, 2), range(2, 3)]
    assert list(bands((), 40)) == []


@given(
    piece_rows=st.integers(1, 45),
    top=st.integers(0, ROWS - 1),
    left=st.integers(0, COLS - 1),
    size=st.integers(1, 50),
)
def test_windows_are_put_together(piece_rows: int, top: int, left: int, size: int) -> None:
    held = [
        read(Window(0, row, COLS, min(piece_rows, ROWS - row)))
        for row in range(0, ROWS, piece_rows)
    ]
    # pieces further up are gone when a tile further down is put together
    held = [p for p in held if p.window.row_off + p.window.height > top]
    tile = assemble(held, Window(left, top, size, size))
    inside = np.s_[: min(size, ROWS - top), : min(size, COLS - left)]
    for made, whole, fill in (
        (tile.pixels[0], IMAGE[0], 0),
        (tile.pixels[1], IMAGE[1], 0),
        (tile.valid, VALID, False),
        (tile.targets[SEGMENTATION], INDICES, 255),
        (tile.targets[HEIGHT], HEIGHTS, -9999),
    ):
        expected = np.full((size, size), fill, whole.dtype)
        expected[inside] = whole[top : top + size, left : left + size]
        np.testing.assert_array_equal(made, expected)
        assert made.dtype == whole.dtype


def test_tasks_that_are_none_stay_none() -> None:
    bare = [
        Piece(p.window, p.pixels, p.valid, {})
        for p in (read(Window(0, 0, COLS, 10)), read(Window(0, 10, COLS, 10)))
    ]
    tile = assemble(bare, Window(0, 5, 10, 10))
    assert tile.targets == {}


def spans(held: Sequence[Piece]) -> list[tuple[int, int]]:
    """Return first row and end of each piece."""
    return [(p.window.row_off, p.window.row_off + p.window.height) for p in held]


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_a_queue_holds_what_is_needed(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 16)
    asked: list[int] = []

    def noted(window: Window) -> Piece:
        asked.append(window.row_off)
        return read(window)

    with ThreadPoolExecutor(1) as pool:
        queue = PieceQueue(pool, noted, range(5, 25), range(37), ahead)
        assert spans(queue.until(16)) == [(0, 16)]
        assert spans(queue.until(17)) == [(0, 16), (16, 32)]
        assert spans(queue.until(17)) == [(0, 16), (16, 32)]
        assert queue.release(15) == ()
        assert spans(queue.release(16)) == [(0, 16)]
        held = queue.until(37)
        assert spans(held) == [(16, 32), (32, 37)]
        assert {(p.window.col_off, p.window.width) for p in held} == {(5, 20)}
        assert spans(queue.release(None)) == [(16, 32), (32, 37)]
    assert asked == [0, 16, 32], "read in order, and once"


def test_work_is_over_when_it_is_left() -> None:
    begun, done = threading.Event(), []

    def work(number: int) -> None:
        begun.set()
        time.sleep(0.05)
        done.append(number)

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="stop"), Settled(pool) as own:  # noqa: PT012  (the error comes from within)
            for number in range(5):
                own.submit(work, number)
            begun.wait()
            raise ValueError("stop")
        after = list(done)
        assert 0 in after, "what was begun is waited for"
        assert len(after) < 5, "what was not is forgotten"
        assert pool.submit(int).result() == 0, "the pool itself goes on"
        assert done == after


def test_work_side_by_side_comes_in_order() -> None:
    """Whatever takes longest; no more is begun ahead than was asked for."""
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    with ThreadPoolExecutor(3) as pool:
        coming = in_order(pool, work, range(20), ahead=4)
        assert next(coming).result() == 0
        assert max(begun) <= 4
        assert [each.result() for each in coming] == [number**2 for number in range(1, 20)]
        assert sorted(begun) == list(range(20))
        assert list(in_order(pool, work, [], ahead=4)) == []


def test_work_that_is_done_at_once() -> None:
    """In the thread that brings it; what goes wrong is told to who asks."""

    def fail() -> None:
        raise ValueError("no")

    with Inline() as executor:
        assert executor.submit(threading.current_thread).result() is threading.current_thread()
        done = executor.submit(fail)
        assert done.done()
        with pytest.raises(ValueError, match="no"):
            done.result()
