"""Where overlapping tiles lie on a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from rasterio.windows import Window

from geosemimtl.errors import ConfigError

#: What becomes of the last row and column of tiles: moved inwards, padded, or left out.
Edge = Literal["snap", "pad", "drop"]
EDGES: tuple[str, ...] = get_args(Edge)


def axis_offsets(
    length: int, size_px: int, overlap_px: int, edge: Edge = "snap"
) -> tuple[int, ...]:
    """Return the first pixel of each tile along one axis.

    Tiles advance by size minus overlap. The last one moves inwards so that it ends with the axis
    (``snap``), reaches beyond it (``pad``), or is left out where it would (``drop``). An axis
    shorter than a tile has one tile at 0, which reaches beyond it, or none (``drop``).

    Args:
        length: Pixels of the axis.
        size_px: Side of a tile.
        overlap_px: Pixels that neighbours share, at least; below ``size_px``.
        edge: What becomes of the last tile.

    Raises:
        ConfigError: The overlap does not suit the size.
    """
    if not 0 <= overlap_px < size_px:
        raise ConfigError(
            f"an overlap of {overlap_px} px does not suit tiles of {size_px} px: choose 0 or more, "
            "below the size"
        )
    step, last = size_px - overlap_px, length - size_px
    if edge == "drop":
        return tuple(range(0, last + 1, step))
    if last <= 0:
        return (0,)
    if edge == "pad":
        return tuple(step * index for index in range(math.ceil(last / step) + 1))
    return (*range(0, last, step), last)


@dataclass(frozen=True, slots=True)
class TileLayout:
    """Overlapping tiles on a grid; every pixel is in one, unless edges are dropped.

    Attributes:
        shape: (rows, columns) of the grid.
        size_px: (rows, columns) of a tile.
        overlap_px: Pixels that neighbours share, at least.
        edge: What becomes of the last row and column of tiles.
    """

    shape: tuple[int, int]
    size_px: tuple[int, int]
    overlap_px: int
    edge: Edge = "snap"

    @property
    def row_offsets(self) -> tuple[int, ...]:
        """First pixel row of each row of tiles."""
        return axis_offsets(self.shape[0], self.size_px[0], self.overlap_px, self.edge)

    @property
    def col_offsets(self) -> tuple[int, ...]:
        """First pixel column of each column of tiles."""
        return axis_offsets(self.shape[1], self.size_px[1], self.overlap_px, self.edge)

    def __len__(self) -> int:
        return len(self.row_offsets) * len(self.col_offsets)

    def tiles(self) -> Iterator[tuple[int, int, Window]]:
        """Yield tile row, tile column and window, row by row."""
        height, width = self.size_px
        for i, row in enumerate(self.row_offsets):
            for j, col in enumerate(self.col_offsets):
                yield i, j, Window(col, row, width, height)

    def window(self, i: int, j: int) -> Window:
        """Return the window of the tile in a row and column of tiles."""
        height, width = self.size_px
        return Window(self.col_offsets[j], self.row_offsets[i], width, height)
