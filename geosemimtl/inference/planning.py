"""What is done in which order to predict a scene: bands of columns, and strips of rows in them.

Nothing here depends on how many processes work or where a run was interrupted, so that neither
does what they write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from rasterio.windows import Window

from geosemimtl.raster.averaging import AxisWeights
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.resample import axis_taps, reach
from geosemimtl.tiling.layout import TileLayout

#: Widest band, in pixels of the model's grid and of the output: memory depends on them.
BAND_PX = 8192
BAND_OUTPUT_PX = 16384


@dataclass(frozen=True, slots=True)
class Band:
    """Columns that are predicted together, from the top to the bottom.

    Attributes:
        index: Its place from the left.
        cols: Columns of the output, counted on the whole output grid.
        tiles: Columns of tiles that touch what these draw on.
        model_cols: Columns of the model's grid that the tiles show.
    """

    index: int
    cols: range
    tiles: range
    model_cols: range


@dataclass(frozen=True, slots=True)
class Strip:
    """Output rows that are determined when a row of tiles has been blended.

    Attributes:
        tile_row: That row of tiles.
        rows: The output rows, counted on the whole output grid.
        first_tile_row: The first row of tiles that touches what they draw on.
    """

    tile_row: int
    rows: range
    first_tile_row: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a scene is predicted.

    Attributes:
        grid: The model's grid over the whole scene.
        whole: The grid of the scene's pixels as they are wanted.
        layout: Where the tiles lie on the model's grid.
        window: What is wanted of the whole grid.
        down: How rows of the whole grid draw on rows of the model's.
        across: How columns do.
        bands: From left to right.
        strips: From top to bottom, the same in each band.
    """

    grid: PixelGrid
    whole: PixelGrid
    layout: TileLayout
    window: Window
    down: AxisWeights = field(repr=False)
    across: AxisWeights = field(repr=False)
    bands: tuple[Band, ...]
    strips: tuple[Strip, ...]

    @property
    def output(self) -> PixelGrid:
        """The grid of the outputs."""
        return self.whole.crop(self.window)


def tile_rows(strips: Sequence[Strip]) -> range:
    """Return the rows of tiles that some neighbouring strips need."""
    return range(strips[0].first_tile_row, strips[-1].tile_row + 1)


def strips_left(plan: Plan, sealed: set[tuple[int, int]]) -> list[tuple[Band, Strip]]:
    """Return what is still to be done.

    Args:
        plan: The scene's.
        sealed: Band and row of tiles of the strips that are done.
    """
    return [
        (band, strip)
        for band in plan.bands
        for strip in plan.strips
        if (band.index, strip.tile_row) not in sealed
    ]


def plan_scene(
    grid: PixelGrid, whole: PixelGrid, layout: TileLayout, window: Window | None = None
) -> Plan:
    """Return how a scene is predicted.

    Args:
        grid: The model's grid over it.
        whole: A grid of the same axes and origin on which the output is wanted.
        layout: Where the tiles lie on the model's grid.
        window: The part of ``whole`` that is wanted, all by default.
    """
    rows, cols = whole.shape
    window = window or Window(0, 0, cols, rows)
    scale = ~grid.transform @ whole.transform
    down = axis_taps(grid.shape[0], rows, float(scale.e))
    across = axis_taps(grid.shape[1], cols, float(scale.a))
    top, left = int(window.row_off), int(window.col_off)
    return Plan(
        grid,
        whole,
        layout,
        window,
        down,
        across,
        tuple(_bands(layout, across, range(left, left + int(window.width)))),
        tuple(_strips(layout, down, range(top, top + int(window.height)))),
    )


def _strips(layout: TileLayout, down: AxisWeights, rows: range) -> Iterator[Strip]:
    first, end = reach(down)
    tops, size = layout.row_offsets, layout.size_px[0]
    begin = rows.start
    for index in range(len(tops)):
        settled = tops[index + 1] if index + 1 < len(tops) else layout.shape[0]
        stop = min(int(np.searchsorted(end, settled, side="right")), rows.stop)
        if stop > begin:
            needed = int(first[begin])
            touching = next(i for i, top in enumerate(tops) if top + size > needed)
            yield Strip(index, range(begin, stop), touching)
            begin = stop


def _bands(layout: TileLayout, across: AxisWeights, cols: range) -> Iterator[Band]:
    first, end = reach(across)
    lefts, size = layout.col_offsets, layout.size_px[1]
    for index, part in enumerate(_cut(layout, across, cols)):
        low, high = int(first[part.start]), int(end[part.stop - 1])
        tiles = [j for j, left in enumerate(lefts) if left < high and left + size > low]
        right = min(lefts[tiles[-1]] + size, layout.shape[1])
        yield Band(index, part, range(tiles[0], tiles[-1] + 1), range(lefts[tiles[0]], right))


def _cut(layout: TileLayout, across: AxisWeights, cols: range) -> Iterator[range]:
    """Cut output columns where few tiles touch both sides: in the middle of a step."""
    first, _ = reach(across)
    lefts, size = layout.col_offsets, layout.size_px[1]
    half = (size - layout.overlap_px) // 2
    cuts = [int(np.searchsorted(first, left + half)) for left in lefts[1:]]
    begin, last = cols.start, cols.start
    for cut in [*(cut for cut in cuts if cols.start < cut < cols.stop), cols.stop]:
        width_px = int(first[cut - 1]) - int(first[begin]) + 2 * size
        if last > begin and (width_px > BAND_PX or cut - begin > BAND_OUTPUT_PX):
            yield range(begin, last)
            begin = last
        last = cut
    yield range(begin, cols.stop)
