"""Separable resampling from a model's grid to a scene's, strip by strip, on any device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from geosemimtl.raster.averaging import AxisWeights
from geosemimtl.raster.resample import reach

#: Output columns that one product of matrices gives; fewer cost more calls, more cost more zeros.
_COLUMNS = 128
#: Values of a block of output rows: it stays in the processor's cache until classes are decided.
_BLOCK_VALUES = 1 << 20
#: Rows of a block at most; more cost more zeros.
_ROWS = 16
#: Pixels whose neighbours are valid for a smaller share have no value.
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True)
class _Block:
    """Some neighbouring output pixels of an axis, and the input pixels they draw on."""

    out: slice
    into: slice
    weights: Tensor


def _blocks(taps: AxisWeights, out: range, most: int, device: torch.device) -> list[_Block]:
    """Return the blocks of a run of output pixels; weights are (output, input) pixels."""
    made = []
    for begin in range(out.start, out.stop, most):
        part = slice(begin, min(begin + most, out.stop))
        own = AxisWeights(taps.first[part], taps.weights[:, part])
        first, end = reach(own)
        low, high = int(first.min()), int(end.max())
        dense = np.zeros((len(own.first), high - low), np.float32)
        index = np.arange(len(own.first))
        for tap, weights in enumerate(own.weights):
            inside = weights > 0
            dense[index[inside], own.first[inside] + tap - low] += weights[inside]
        made.append(_Block(part, slice(low, high), torch.from_numpy(dense).to(device)))
    return made


class StripResampler:
    """Turns strips of one grid into blocks of rows of another, as if all were done at once.

    The same strips give the same bits wherever the first one begins. Only valid pixels weigh:
    values are divided by the share of valid weight.

    Args:
        down: Weights of the rows, see ``geosemimtl.raster.resample.axis_taps``.
        across: Weights of the columns.
        cols: The output columns wanted.
        left: The input column at which the strips begin.
        device: Where the strips are.
    """

    def __init__(
        self, down: AxisWeights, across: AxisWeights, cols: range, left: int, device: torch.device
    ) -> None:
        self._down, self._device, self._cols = down, device, cols
        moved = across.shifted(left)
        self._across = _blocks(moved, cols, _COLUMNS, device)
        # what was fed last, and before it the rows that are still drawn on; the first one's number
        self._rows: Tensor | None = None
        self._carry = torch.empty(0)
        self._top = 0
        # rows that nothing draws on any more
        self._over = 0

    def feed(self, top: int, values: Tensor, valid: Tensor | None) -> None:
        """Take the input rows that follow those fed before.

        Args:
            top: The first of them.
            values: (channels, rows, columns).
            valid: Bool (rows, columns), for all strips or for none of them.
        """
        if valid is not None:
            values = torch.cat([values.masked_fill(~valid, 0), valid[None].to(values)])
        channels, rows, width = values.shape
        flat = values.reshape(channels * rows, width)
        made = torch.empty(channels * rows, len(self._cols), device=self._device)
        for block in self._across:
            out = slice(block.out.start - self._cols.start, block.out.stop - self._cols.start)
            torch.mm(flat[:, block.into], block.weights.T, out=made[:, out])
        made = made.view(channels, rows, -1)
        if self._rows is None:
            self._carry, self._top = made[:, :0], top
        else:
            # rows of the strip above that are still drawn on; a copy, a view would keep them all
            held = slice(self._over, self._carry.shape[1] + self._rows.shape[1])
            self._carry = self._between(held).clone()
            self._top += self._over
        self._rows, self._over = made, 0

    def take(self, out: range, *, weighed: bool) -> Iterator[tuple[range, Tensor, Tensor | None]]:
        """Yield blocks of output rows, whose input rows have been fed; forget what is above them.

        Args:
            out: The output rows; the next ones begin behind them.
            weighed: Whether the strips came with their valid pixels.

        Yields:
            Output rows, values (channels, rows, columns), and where they are known, bool (rows,
            columns); 0 elsewhere. ``None`` is everywhere.
        """
        assert self._rows is not None  # noqa: S101  (fed before, or nothing could be taken)
        most = max(1, min(_ROWS, _BLOCK_VALUES // (len(self._rows) * len(self._cols))))
        for block in _blocks(self._down.shifted(self._top), out, most, self._device):
            values = torch.matmul(block.weights, self._between(block.into))
            rows = range(block.out.start, block.out.stop)
            if not weighed:
                yield rows, values, None
                continue
            share = values[-1]
            known = share > _LEAST_SHARE
            yield rows, (values[:-1] / share).masked_fill(~known, 0), known
        self.forget(out.stop)

    def forget(self, row: int) -> None:
        """Forget what only output rows above a row draw on."""
        if self._rows is not None and row < len(self._down.first):
            held = self._carry.shape[1] + self._rows.shape[1]
            self._over = min(int(self._down.first[row]) - self._top, held)

    def _between(self, rows: slice) -> Tensor:
        """Return rows of what is carried over and of the last strip, counted from ``_top``."""
        assert self._rows is not None  # noqa: S101  (as above)
        held = self._carry.shape[1]
        own = self._rows[:, max(rows.start - held, 0) : max(rows.stop - held, 0)]
        if rows.start >= held:
            return own
        return torch.cat([self._carry[:, rows.start : rows.stop], own], dim=1)
