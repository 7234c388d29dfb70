"""Separable resampling between a model's and a scene's grid: sparse matrices, strip by strip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


def axis_matrix(n_in: int, n_out: int, step: float) -> csr_array:
    """Return the weights that resample one axis, rows summing to one.

    Both axes start at the same edge. Where output pixels are smaller than input pixels (``step``
    up to 1) the weights interpolate linearly between pixel centres and repeat the outermost
    value; where they are larger, the weights are the shares of the input pixels they cover.

    Args:
        n_in: Input pixels.
        n_out: Output pixels.
        step: Size of an output pixel in input pixels.
    """
    index = np.arange(n_out, dtype=np.float64)
    if step > 1:
        return _area_matrix(n_in, index * step, np.minimum((index + 1) * step, n_in))
    centre = np.clip((index + 0.5) * step - 0.5, 0, n_in - 1)
    low = np.minimum(np.floor(centre).astype(np.int64), max(n_in - 2, 0))
    high = np.minimum(low + 1, n_in - 1)
    share = (centre - low).astype(np.float32)
    rows = np.tile(np.arange(n_out), 2)
    values = np.concatenate([1 - share, share])
    matrix = csr_array((values, (rows, np.concatenate([low, high]))), shape=(n_out, n_in))
    matrix.eliminate_zeros()
    return matrix


def _area_matrix(n_in: int, start: NDArray[np.float64], stop: NDArray[np.float64]) -> csr_array:
    first = np.floor(start).astype(np.int64)
    span = int(np.ceil(stop - start).max()) + 1
    columns = first[:, None] + np.arange(span)
    cover = np.minimum(stop[:, None], columns + 1) - np.maximum(start[:, None], columns)
    keep = (cover > 1e-9) & (columns < n_in)
    rows = np.broadcast_to(np.arange(len(start))[:, None], columns.shape)
    values = (cover / np.where(keep, cover, 0).sum(axis=1, keepdims=True)).astype(np.float32)
    return csr_array((values[keep], (rows[keep], columns[keep])), shape=(len(start), n_in))


class StripResampler:
    """Turns strips of one grid into strips of another, as if the whole had been resampled at once.

    Only valid pixels weigh: values are divided by the share of valid weight.

    Args:
        shape_in: (rows, columns) of the grid that strips come from.
        shape_out: (rows, columns) of the grid wanted.
        step: (row, column) size of an output pixel in input pixels.
    """

    def __init__(
        self, shape_in: tuple[int, int], shape_out: tuple[int, int], step: tuple[float, float]
    ) -> None:
        self._down = axis_matrix(shape_in[0], shape_out[0], step[0])
        self._across = axis_matrix(shape_in[1], shape_out[1], step[1])
        # the last input row that each output row needs; both grow with the row
        self._needs = np.maximum.reduceat(self._down.indices, self._down.indptr[:-1])
        self._first = np.minimum.reduceat(self._down.indices, self._down.indptr[:-1])
        self._rows: NDArray[np.float32] | None = None
        self._top = 0
        self._next = 0

    def feed(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> tuple[int, NDArray[np.float32]]:
        """Take the next input rows; return the output rows that are now determined.

        Args:
            values: (channels, rows, columns), the rows that follow those fed before.
            valid: (rows, columns) of bool.

        Returns:
            The first output row, and (channels, rows, columns); pixels with no valid input are 0.
        """
        weighted = np.concatenate([np.where(valid, values, 0), valid[None]]).astype(np.float32)
        across = np.stack([(self._across @ channel.T).T for channel in weighted])
        self._rows = across if self._rows is None else np.concatenate([self._rows, across], axis=1)
        bottom = self._top + self._rows.shape[1]
        begin, end = self._next, int(np.searchsorted(self._needs, bottom))
        weights = self._down[begin:end, self._top : bottom]
        out = np.stack([weights @ channel for channel in self._rows])
        self._next = end
        if end < len(self._first):
            keep = int(self._first[end])
            self._rows, self._top = self._rows[:, keep - self._top :], keep
        share = out[-1]
        return begin, np.divide(out[:-1], share, out=np.zeros_like(out[:-1]), where=share > 1e-6)
