"""Blending overlapping tiles into rows of the whole, one row of tiles at a time, on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.weights import axis_weights


class StripBlender:
    """Adds up weighted tiles and hands out the rows that no later tile touches.

    Memory holds one row of tiles, whatever the height of the grid. Weights are normalised per
    axis beforehand, so a constant comes out as that constant at every pixel. A tile may be left
    out where none of its pixels is wanted. Each pixel is a sum over its tiles in their order, so
    the same tiles give the same bits whichever row of tiles comes first.

    Args:
        layout: Where the tiles lie.
        channels: Channels of every tile: probabilities or metres, never labels or logits.
        cols: The columns of tiles that are blended; all by default.
        window: Blend window, see ``geosemimtl.tiling.weights``.
        device: Where the tiles are.

    Attributes:
        left: First column of the rows in the grid.
        width: Columns of the rows.

    Raises:
        ConfigError: The window's name is unknown.
    """

    def __init__(
        self,
        layout: TileLayout,
        channels: int,
        cols: range | None = None,
        window: str = "hann",
        device: torch.device | None = None,
    ) -> None:
        rows, width = layout.shape
        self._tops, self._lefts = layout.row_offsets, layout.col_offsets
        self._down, self._across = (
            [torch.from_numpy(each).to(device) for each in axis_weights(tops, size, length, window)]
            for tops, size, length in zip(
                (self._tops, self._lefts), layout.size_px, layout.shape, strict=True
            )
        )
        cols = range(len(self._lefts)) if cols is None else cols
        self.left = self._lefts[cols.start]
        self.width = min(self._lefts[cols.stop - 1] + layout.size_px[1], width) - self.left
        height = min(layout.size_px[0], rows)
        self._strip = torch.zeros(channels, height, self.width, device=device)
        self._next = torch.empty_like(self._strip)

    def add(self, i: int, j: int, values: Tensor) -> None:
        """Add a tile.

        Args:
            i: Its row; all tiles of a row come before ``finish`` of that row.
            j: Its column.
            values: (channels, rows, columns).
        """
        down, across = self._down[i], self._across[j]
        height, width = len(down), len(across)
        left = self._lefts[j] - self.left
        part = self._strip[:, :height, left : left + width]
        part.addcmul_(values[:, :height, :width], down[:, None] * across)

    def finish(self, i: int) -> tuple[int, Tensor]:
        """End a row of tiles.

        Returns:
            The first row of the grid that no later tile touches, and (channels, rows, columns)
            from there; zero where tiles were left out. They hold until the next row is ended.
        """
        top, strip = self._tops[i], self._strip
        if i + 1 == len(self._tops):
            return top, strip
        done = self._tops[i + 1] - top
        left = strip.shape[1] - done
        self._next[:, :left] = strip[:, done:]
        self._next[:, left:] = 0
        self._strip, self._next = self._next, strip
        return top, strip[:, :done]
