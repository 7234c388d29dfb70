"""Where overlapping tiles lie on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rasterio.windows import Window

from geosemimtl.errors import ConfigError


def axis_offsets(length: int, size_px: int, overlap_px: int) -> tuple[int, ...]:
    """Return the first pixel of each tile along one axis.

    Tiles advance by size minus overlap; the last moves inwards so that it ends with the axis. An
    axis shorter than a tile has one tile at 0, which reaches beyond it.

    Args:
        length: Pixels of the axis.
        size_px: Side of a tile.
        overlap_px: Pixels that neighbours share, at least; below ``size_px``.

    Raises:
        ConfigError: The overlap does not suit the size.
    """
    if not 0 <= overlap_px < size_px:
        raise ConfigError(
            f"an overlap of {overlap_px} px does not suit tiles of {size_px} px: choose 0 or more, "
            "below the size"
        )
    if length <= size_px:
        return (0,)
    step = size_px - overlap_px
    last = length - size_px
    return (*range(0, last, step), last)


@dataclass(frozen=True, slots=True)
class TileLayout:
    """Square overlapping tiles that cover every pixel of a grid.

    Attributes:
        shape: (rows, columns) of the grid.
        size_px: Side of a tile.
        overlap_px: Pixels that neighbours share, at least.
    """

    shape: tuple[int, int]
    size_px: int
    overlap_px: int

    @property
    def row_offsets(self) -> tuple[int, ...]:
        """First pixel row of each row of tiles."""
        return axis_offsets(self.shape[0], self.size_px, self.overlap_px)

    @property
    def col_offsets(self) -> tuple[int, ...]:
        """First pixel column of each column of tiles."""
        return axis_offsets(self.shape[1], self.size_px, self.overlap_px)

    def __len__(self) -> int:
        return len(self.row_offsets) * len(self.col_offsets)

    def tiles(self) -> Iterator[tuple[int, int, Window]]:
        """Yield tile row, tile column and window, row by row."""
        for i, row in enumerate(self.row_offsets):
            for j, col in enumerate(self.col_offsets):
                yield i, j, Window(col, row, self.size_px, self.size_px)

    def fresh(self, i: int, j: int) -> tuple[slice, slice]:
        """Return the part of a tile, in its own pixels, that no earlier tile shows.

        Counting only these counts every pixel of the grid once.
        """
        return (
            _fresh(self.row_offsets, i, self.size_px, self.shape[0]),
            _fresh(self.col_offsets, j, self.size_px, self.shape[1]),
        )


def _fresh(offsets: tuple[int, ...], index: int, size_px: int, length: int) -> slice:
    seen = offsets[index - 1] + size_px if index else 0
    return slice(seen - offsets[index], min(size_px, length - offsets[index]))
