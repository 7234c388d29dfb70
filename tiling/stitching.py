"""Blending overlapping tiles into rows of the whole, one strip at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.weights import axis_weights


def blended_strips(
    layout: TileLayout,
    channels: int,
    tiles: Iterable[tuple[int, int, NDArray[np.float32]]],
    window: str = "hann",
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Blend tiles and yield the rows that no later tile touches.

    Memory holds one row of tiles, whatever the height of the grid. Weights are normalised per
    axis beforehand, so a constant comes out as that constant at every pixel.

    Args:
        layout: Where the tiles lie.
        channels: Channels of every tile: probabilities or metres, never labels or logits.
        tiles: (tile row, tile column, values (channels, size, size)) in the layout's order. A
            tile may be left out where none of its pixels is wanted: they come out as zero.
        window: Blend window, see :mod:`geosemimtl.tiling.weights`.

    Yields:
        First row, and values (channels, rows, columns); together every row once, from the top.

    Raises:
        ConfigError: The window's name is unknown.
        ValueError: Tiles are out of order.
    """
    rows, cols = layout.shape
    size = layout.size_px
    down = axis_weights(layout.row_offsets, size, rows, window)
    across = axis_weights(layout.col_offsets, size, cols, window)
    strip = np.zeros((channels, min(size, rows), cols), np.float32)
    current = 0
    for i, j, values in itertools.chain(tiles, [(len(down) - 1, -1, None)]):
        if i < current:
            raise ValueError(f"tile ({i}, {j}) comes after tiles of row {current}: keep the order")
        while current < i:  # a tile of a later row: the rows above it are done
            done = layout.row_offsets[current + 1] - layout.row_offsets[current]
            yield layout.row_offsets[current], strip[:, :done].copy()
            strip[:, :-done] = strip[:, done:]
            strip[:, -done:] = 0
            current += 1
        if values is not None:
            weight = down[i][:, None] * across[j][None, :]
            left = layout.col_offsets[j]
            height, width = weight.shape
            strip[:, :height, left : left + width] += values[:, :height, :width] * weight
    yield layout.row_offsets[-1], strip
