"""Cutting one scene: pieces are read, tiles put together and written, by several threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.classes import LandClass
from geosemimtl.progress import Track
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.assignment import SplitOf
from geosemimtl.tiling.layers import Layers, Piece, read_layers
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.pieces import PieceQueue, Settled, assemble, bands, reading_threads
from geosemimtl.tiling.statistics import StatisticsSum
from geosemimtl.tiling.targets import classes_of
from geosemimtl.tiling.tile_facts import facts_of
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

    @property
    def classes(self) -> dict[str, tuple[LandClass, ...]]:
        """Classes of each task, none where it has none."""
        return {task: classes_of(task, self.options) for task in self.tasks}

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


@dataclass(frozen=True, slots=True)
class _Band:
    """A run of tile columns that is cut from top to bottom.

    Attributes:
        tiles: Their numbers.
        left: First pixel column.
        right: The one after the last.
        owned: So many of its pixel columns are counted; the others belong to the next band.
    """

    tiles: range
    left: int
    right: int
    owned: int


class SceneCutter:
    """Cuts one scene, once.

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
        self._files = TileFiles(
            folder, target.layers, target.grid, target.tasks, target.layout.size_px
        )
        self._pool = pool
        self._sums = sums
        self._ahead = workers + 1
        self._shown: list[tuple[int, int]] = []

    def cut(self, track: Track, checks: Sequence[Callable[[], None]] = ()) -> SceneCut:
        """Write the tiles.

        Args:
            track: Shows progress.
            checks: Done first, by the pool, while it already reads ahead.

        Raises:
            SceneError: A file cannot be read.
            LabelError: Labels or heights hold what they may not, as a check found.
            OutputError: A tile cannot be written.
        """
        name, layout = self._target.layers.name, self._target.layout
        dropped: Counter[str] = Counter()
        rows = []
        with closing(self._outcomes(checks)) as outcomes:  # no thread writes on after an error
            for outcome in track(outcomes, f"tiles of {name}", len(layout)):
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

    def _outcomes(self, checks: Sequence[Callable[[], None]]) -> Generator[dict[str, Any] | str]:
        """Yield each tile's row of the index, or why it was dropped."""
        target = self._target
        with (
            reading_threads(partial(read_layers, target.layers, target.grid, target.tasks)) as read,
            Settled(self._pool) as pool,
        ):
            begun = [pool.submit(check) for check in checks]
            for band in self._bands():
                cols, rows = range(band.left, band.right), range(self._bottom)
                queue = PieceQueue(pool, read, cols, rows, self._ahead)
                # before any piece is looked at: what is wrong with a file is better said by these
                _require(begun)
                yield from self._cut_band(band, queue, pool)
            _require(begun)

    def _bands(self) -> Iterator[_Band]:
        offsets = self._target.layout.col_offsets if len(self._target.layout) else ()
        _, width = self._size
        runs = list(bands(offsets, width))
        for run, following in zip_longest(runs, runs[1:]):
            left = offsets[run.start]
            right = min(offsets[run.stop - 1] + width, self._target.grid.shape[1])
            owned = right if following is None else offsets[following.start]
            yield _Band(run, left, right, owned - left)

    @property
    def _bottom(self) -> int:
        """The row after the last that a tile shows."""
        return min(self._target.layout.row_offsets[-1] + self._size[0], self._target.grid.shape[0])

    def _cut_band(
        self, band: _Band, queue: PieceQueue, pool: Executor
    ) -> Iterator[dict[str, Any] | str]:
        # tiles of the band before may reach into this one
        height, width = self._size
        self._shown = [place for place in self._shown if place[1] + width > band.left]
        writing: list[Future[dict[str, Any] | str]] = []
        counting: list[Future[StatisticsSum]] = []
        for i, offset in enumerate(self._target.layout.row_offsets):
            pieces = queue.until(min(offset + height, self._bottom))
            places = [self._place(i, j) for j in band.tiles]
            begun = [pool.submit(self._cut_tile, place, pieces) for place in places]
            yield from self._finished(writing)
            # what no tile from here on shows is complete
            self._add(counting)
            counting = self._counted(queue.release(offset), band.owned, pool)
            writing = begun
        yield from self._finished(writing)
        self._add([*counting, *self._counted(queue.release(None), band.owned, pool)])

    def _finished(
        self, tiles: Sequence[Future[dict[str, Any] | str]]
    ) -> Iterator[dict[str, Any] | str]:
        for tile in tiles:
            outcome = tile.result()
            if not isinstance(outcome, str) and outcome["split"] == _COUNTED:
                layout = self._target.layout
                row, col = outcome["row"], outcome["column"]
                self._shown.append((layout.row_offsets[row], layout.col_offsets[col]))
            yield outcome

    def _add(self, counting: Sequence[Future[StatisticsSum]]) -> None:
        for sums in counting:
            self._sums.add(sums.result())

    def _counted(
        self, pieces: Sequence[Piece], width: int, pool: Executor
    ) -> list[Future[StatisticsSum]]:
        """Begin to count the first columns of pieces."""
        return [
            pool.submit(self._count, piece, self._mask(piece, width), width) for piece in pieces
        ]

    def _mask(self, piece: Piece, width: int) -> NDArray[np.bool_]:
        """Return which of a piece's first columns counted tiles show."""
        top, left = int(piece.window.row_off), int(piece.window.col_off)
        height, reach = self._size
        mask = np.zeros((int(piece.window.height), width), bool)
        for row, col in self._shown:
            mask[
                max(row - top, 0) : max(row - top + height, 0),
                max(col - left, 0) : max(col - left + reach, 0),
            ] = True
        return mask

    @property
    def _size(self) -> tuple[int, int]:
        return self._target.layout.size_px

    def _count(self, piece: Piece, mask: NDArray[np.bool_], width: int) -> StatisticsSum:
        sums = self._sums.empty()
        for top in range(0, len(mask), _COUNTED_ROWS):
            rows, cols = slice(top, top + _COUNTED_ROWS), slice(0, width)
            shown = mask[rows]
            counted = None if shown.all() else shown
            seen = piece.valid[rows, cols] & shown
            sums.add_image(piece.pixels[:, rows, cols], None if seen.all() else seen)
            labels = {task: each[..., rows, cols] for task, each in piece.targets.items()}
            sums.add_targets(labels, counted)
        return sums

    def _place(self, i: int, j: int) -> _Place:
        layout = self._target.layout
        row, col = layout.row_offsets[i], layout.col_offsets[j]
        split = self._target.split_of(row, col)
        height, width = self._size
        return _Place(i, j, Window(col, row, width, height), split)

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
        bottom = place.window.row_off + place.window.height
        right = place.window.col_off + place.window.width
        return {
            "tile": name,
            "scene": self._target.layers.name,
            "row": place.i,
            "column": place.j,
            "split": place.split,
            "valid_share": share,
            "padded": bool(bottom > rows or right > cols),
            **facts_of(tile.targets, self._target.classes),
        }


def _require(begun: list[Future[None]]) -> None:
    """Wait until all has been done, and forget it; raises the first error."""
    while begun:
        begun.pop(0).result()
