"""Reading a scene in pieces that follow each other down a band, ahead of those who need them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from threading import Lock, local
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.tasks import form_of
from geosemimtl.tiling.layers import Piece

_T = TypeVar("_T")
#: Rows of a piece. Fixed, so that nothing depends on the tiles' size or the number of threads.
PIECE_ROWS = 256
#: Widest band of tiles that is cut at once: memory depends on it, not on the scene.
BAND_PX = 4096


class Settled(Executor):
    """Passes work to another executor, and is left when all of it is over, also after an error.

    Else threads would write tiles that were removed, or read from files that were closed.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._open: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Begin some work."""
        future = self._executor.submit(fn, *args, **kwargs)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  (Executor's signature)
        """Forget what was not begun, and wait for the rest."""
        for future in self._open.copy():
            future.cancel()
        wait_for(self._open.copy())


class Reader(Protocol):
    """Reads windows of a scene in one thread."""

    def read(self, window: Window) -> Piece:
        """Return a window."""
        ...


@contextmanager
def reading_threads(
    open_reader: Callable[[], AbstractContextManager[Reader]],
) -> Iterator[Callable[[Window], Piece]]:
    """Open a scene for many threads; GDAL's data sets belong to one thread each."""
    own, lock = local(), Lock()
    with ExitStack() as stack:

        def read(window: Window) -> Piece:
            if not hasattr(own, "reader"):
                with lock:
                    own.reader = stack.enter_context(open_reader())
            reader: Reader = own.reader
            return reader.read(window)

        yield read


def bands(offsets: Sequence[int], size_px: int) -> Iterator[range]:
    """Yield runs of tile columns whose tiles together are at most ``BAND_PX`` wide."""
    first = 0
    for index in range(1, len(offsets) + 1):
        if index == len(offsets) or offsets[index] + size_px - offsets[first] > BAND_PX:
            yield range(first, index)
            first = index


class PieceQueue:
    """Holds the pieces of a band that are needed now, and has the next ones read from the start.

    Args:
        executor: Reads them.
        read: Reads a window.
        cols: Columns of the band.
        rows: Rows of the band.
        part: Those of them that are read, all by default; the pieces are the same ones.
        ahead: How many pieces to read before they are needed.
    """

    def __init__(
        self,
        executor: Executor,
        read: Callable[[Window], Piece],
        cols: range,
        rows: range,
        ahead: int,
        part: range | None = None,
    ) -> None:
        part = rows if part is None else part
        self._submit = executor.submit
        self._read = read
        self._windows = deque(
            Window(cols.start, top, len(cols), min(PIECE_ROWS, rows.stop - top))
            for top in range(rows.start, rows.stop, PIECE_ROWS)
            if top < part.stop and top + PIECE_ROWS > part.start
        )
        self._ahead = ahead
        self._coming: deque[tuple[Window, Future[Piece]]] = deque()
        self._held: list[Piece] = []
        self._read_ahead(0)

    def until(self, row: int) -> tuple[Piece, ...]:
        """Return the pieces held, down to a row; waits for them."""
        needed = 0
        while True:
            self._read_ahead(needed)
            needed = sum(window.row_off < row for window, _ in self._coming)
            if not needed:
                return tuple(self._held)
            self._held.append(self._coming.popleft()[1].result())

    def _read_ahead(self, needed: int) -> None:
        while self._windows and len(self._coming) < self._ahead + needed:
            window = self._windows.popleft()
            self._coming.append((window, self._submit(self._read, window)))

    def release(self, row: int | None) -> tuple[Piece, ...]:
        """Let go of the pieces above a row, all with ``None``, and return them."""
        over = [p for p in self._held if row is None or p.window.row_off + p.window.height <= row]
        self._held = self._held[len(over) :]
        return tuple(over)


def assemble(pieces: Sequence[Piece], window: Window) -> Piece:
    """Return a window of a band; what lies beyond the pieces is padded and not valid."""
    top, left = int(window.row_off), int(window.col_off)
    height, width = int(window.height), int(window.width)
    parts = [part for piece in pieces if (part := _overlap(piece, window))]
    first = pieces[0]
    shape = (height, width)

    def joined(pick: Callable[[Piece], NDArray[Any]], fill: float) -> NDArray[Any]:
        sample = pick(first)
        if len(parts) == 1 and parts[0][2] == (slice(0, height), slice(0, width)):
            piece, source, _ = parts[0]
            return pick(piece)[..., source[0], source[1]]
        out = np.full((*sample.shape[:-2], *shape), fill, sample.dtype)
        for piece, source, target in parts:
            out[..., target[0], target[1]] = pick(piece)[..., source[0], source[1]]
        return out

    pixels, valid = joined(lambda p: p.pixels, 0), joined(lambda p: p.valid, 0)
    targets = {task: joined(partial(_labels, task), form_of(task).nodata) for task in first.targets}
    return Piece(Window(left, top, width, height), pixels, valid, targets)


def _labels(task: str, piece: Piece) -> NDArray[Any]:
    return piece.targets[task]


_Slices = tuple[slice, slice]


def _overlap(piece: Piece, window: Window) -> tuple[Piece, _Slices, _Slices] | None:
    """Return the part of a piece inside a window, in the piece's and in the window's pixels."""
    source, target = [], []
    for start, length, own_start, own_length in (
        (window.row_off, window.height, piece.window.row_off, piece.window.height),
        (window.col_off, window.width, piece.window.col_off, piece.window.width),
    ):
        begin, end = max(start, own_start), min(start + length, own_start + own_length)
        if begin >= end:
            return None
        source.append(slice(int(begin - own_start), int(end - own_start)))
        target.append(slice(int(begin - start), int(end - start)))
    return piece, (source[0], source[1]), (target[0], target[1])
