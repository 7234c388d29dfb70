"""Cutting one scene: pieces are read, tiles put together and written, by several threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.progress import Track
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tasks import HEIGHT_NODATA
from geosemimtl.tiling.assignment import SplitOf
from geosemimtl.tiling.layers import Layers, Piece
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.pieces import PieceQueue, Settled, assemble, bands, reading_threads
from geosemimtl.tiling.statistics import StatisticsSum
from geosemimtl.tiling.tile_files import TileFiles

#: The split from which the statistics are.
_COUNTED = "train"
#: So many rows are counted at once: numpy keeps Python's lock while it counts, and its copies of
#: them stay in the processor's cache.
_COUNTED_ROWS = 32


class SceneCut(NamedTuple):
    """A scene that was cut.

    Attributes:
        rows: The index's row of each tile, by rows and columns.
        dropped: Number of tiles left out, by reason.
    """

    rows: tuple[dict[str, Any], ...]
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to become of a scene.

    Attributes:
        layers: The scene.
        grid: The grid on which it is cut.
        layout: The tiles on it.
        split_of: Tells a tile's split.
        options: How to cut.
        tasks: Tasks that get a tile each, labelled or not.
    """

    layers: Layers
    grid: PixelGrid
    layout: TileLayout
    split_of: SplitOf
    options: TileOptions
    tasks: tuple[str, ...]

    def tile_grid(self, row: Mapping[str, Any]) -> PixelGrid:
        """Return the grid of the tile that a row of the index is about."""
        return self.grid.crop(self.layout.window(row["row"], row["column"]))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tile lies: its row and column among the tiles, its pixels, and its split."""

    i: int
    j: int
    window: Window
    split: str | None


class SceneCutter:
    """Cuts one scene.

    Args:
        target: What is to become of it.
        folder: Of the tiles.
        pool: Reads and writes; this thread only puts in order.
        sums: Takes the statistics.
        workers: How many threads the pool has.
    """

    def __init__(
        self, target: Target, folder: Path, pool: Executor, sums: StatisticsSum, workers: int
    ) -> None:
        self._target = target
        self._files = TileFiles(folder, target.layers, target.grid, target.layout.size_px)
        self._executor = self._pool = pool
        self._sums = sums
        self._ahead = workers + 1
        self._shown: list[tuple[int, int]] = []
        self._checks: list[Future[None]] = []

    def cut(self, track: Track, checks: Sequence[Callable[[], None]] = ()) -> SceneCut:
        """Write the tiles.

        Args:
            track: Shows progress.
            checks: Done by the pool first; no row is counted before all have passed.

        Raises:
            SceneError: A file cannot be read.
            LabelError: Labels or heights hold what they may not, as a check found.
            OutputError: A tile cannot be written.
        """
        name, layout = self._target.layers.name, self._target.layout
        outcomes = track(self._outcomes(checks), f"tiles of {name}", len(layout))
        dropped: Counter[str] = Counter()
        rows = []
        for outcome in outcomes:
            if isinstance(outcome, str):
                dropped[outcome] += 1
            else:
                rows.append(outcome)
        rows.sort(key=lambda row: (row["row"], row["column"]))
        return SceneCut(tuple(rows), dict(sorted(dropped.items())))

    def remove(self) -> None:
        """Remove the tiles that were written, after an error."""
        layout = self._target.layout
        for i in range(len(layout.row_offsets)):
            for j in range(len(layout.col_offsets)):
                self._files.remove(i, j)

    def _outcomes(self, checks: Sequence[Callable[[], None]]) -> Iterator[dict[str, Any] | str]:
        """Yield each tile's row of the index, or why it was dropped."""
        target, size_px = self._target, self._target.layout.size_px
        offsets = target.layout.col_offsets
        if not len(target.layout):
            return
        with (
            reading_threads(target.layers, target.grid, target.tasks) as read,
            Settled(self._executor) as self._pool,
        ):
            self._checks = [self._pool.submit(check) for check in checks]
            runs = list(bands(offsets, size_px))
            for run, following in zip(runs, [*runs[1:], None], strict=True):
                left = offsets[run.start]
                right = min(offsets[run.stop - 1] + size_px, target.grid.shape[1])
                owned = right if following is None else offsets[following.start]
                yield from self._band(run, read, (left, right), owned)

    def _band(
        self, run: range, read: Callable[[Window], Piece], cols: tuple[int, int], owned: int
    ) -> Iterator[dict[str, Any] | str]:
        target, size_px = self._target, self._target.layout.size_px
        offsets = target.layout.row_offsets
        bottom = min(offsets[-1] + size_px, target.grid.shape[0])
        queue = PieceQueue(self._pool, read, cols, bottom, self._ahead)
        writing: list[Future[dict[str, Any] | str]] = []
        counting: list[Future[StatisticsSum]] = []
        for i, offset in enumerate(offsets):
            pieces = queue.until(min(offset + size_px, bottom))
            places = [self._place(i, j) for j in run]
            begun = [self._pool.submit(self._cut_tile, place, pieces) for place in places]
            yield from self._finished(writing)
            # what no tile from here on shows is complete
            counting = self._counted(counting, queue.release(offset), cols[0], owned)
            writing = begun
        yield from self._finished(writing)
        self._counted(self._counted(counting, queue.release(None), cols[0], owned), (), 0, 0)

    def _finished(
        self, tiles: Sequence[Future[dict[str, Any] | str]]
    ) -> Iterator[dict[str, Any] | str]:
        for check in self._checks:
            check.result()
        self._checks = []
        for tile in tiles:
            outcome = tile.result()
            if not isinstance(outcome, str) and outcome["split"] == _COUNTED:
                layout = self._target.layout
                row, col = outcome["row"], outcome["column"]
                self._shown.append((layout.row_offsets[row], layout.col_offsets[col]))
            yield outcome

    def _counted(
        self,
        earlier: Sequence[Future[StatisticsSum]],
        pieces: Sequence[Piece],
        left: int,
        owned: int,
    ) -> list[Future[StatisticsSum]]:
        """Take the counts of earlier pieces, and begin to count further ones."""
        for sums in earlier:
            self._sums.add(sums.result())
        width = owned - left
        return [
            self._pool.submit(self._count, piece, self._mask(piece, width), width)
            for piece in pieces
        ]

    def _mask(self, piece: Piece, width: int) -> NDArray[np.bool_]:
        """Return which of a piece's first columns counted tiles show."""
        top, left, size = int(piece.window.row_off), int(piece.window.col_off), self._size
        mask = np.zeros((int(piece.window.height), width), bool)
        for row, col in self._shown:
            mask[
                max(row - top, 0) : max(row - top + size, 0),
                max(col - left, 0) : max(col - left + size, 0),
            ] = True
        return mask

    @property
    def _size(self) -> int:
        return self._target.layout.size_px

    def _count(self, piece: Piece, mask: NDArray[np.bool_], width: int) -> StatisticsSum:
        sums = self._sums.empty()
        for top in range(0, len(mask), _COUNTED_ROWS):
            rows, cols = slice(top, top + _COUNTED_ROWS), slice(0, width)
            shown = mask[rows]
            counted = None if shown.all() else shown
            seen = piece.valid[rows, cols] & shown
            sums.add_image(piece.pixels[:, rows, cols], None if seen.all() else seen)
            if piece.indices is not None:
                sums.add_labels(piece.indices[rows, cols], counted)
            if piece.heights_m is not None:
                sums.add_heights(piece.heights_m[rows, cols], counted)
        return sums

    def _place(self, i: int, j: int) -> _Place:
        layout = self._target.layout
        row, col = layout.row_offsets[i], layout.col_offsets[j]
        split = self._target.split_of(row, col)
        return _Place(i, j, Window(col, row, self._size, self._size), split)

    def _cut_tile(self, place: _Place, pieces: Sequence[Piece]) -> dict[str, Any] | str:
        """Write a tile; return its row of the index, or why it is dropped."""
        if place.split is None:
            return "astride"
        tile = assemble(pieces, place.window)
        share = float(np.count_nonzero(tile.valid) / tile.valid.size)
        if share == 0:
            return "empty"
        if share < self._target.options.min_valid:
            return "min_valid"
        name = self._files.write(place.i, place.j, tile)
        rows, cols = self._target.grid.shape
        bottom, right = place.window.row_off + self._size, place.window.col_off + self._size
        return {
            "tile": name,
            "scene": self._target.layers.name,
            "row": place.i,
            "column": place.j,
            "split": place.split,
            "valid_share": share,
            "padded": bool(bottom > rows or right > cols),
            **_class_shares(tile.indices, self._target.options.classes.classes.names),
            **_height_range(tile.heights_m),
        }


def _class_shares(indices: NDArray[np.uint8] | None, names: Sequence[str]) -> dict[str, float]:
    if indices is None:
        return {}
    counts = (int(np.count_nonzero(indices == index)) for index in range(len(names)))
    return {
        f"share_{name}": count / indices.size for name, count in zip(names, counts, strict=True)
    }


def _height_range(heights_m: NDArray[np.float32] | None) -> dict[str, float | None]:
    if heights_m is None:
        return {}
    known = heights_m[heights_m != HEIGHT_NODATA]
    return {
        "height_min_m": float(known.min()) if known.size else None,
        "height_max_m": float(known.max()) if known.size else None,
    }
