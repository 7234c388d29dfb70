"""Area averages between two grids whose axes are parallel: exact, and fast.

GDAL's warper transforms every pixel on its own, which parallel grids do not need: the pixels of a
row or column that an output pixel covers, and how much of each, are the same all along it. So
rows are averaged first, then columns, with a handful of weights each. Sums are exact enough in 64
bit that halves round up, whatever the window, where GDAL's sums fall to either side
(benchmarks/exactness.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.raster.grid import TOLERANCE_PX, PixelGrid, same_crs
from geosemimtl.raster.values import filled

#: An output pixel's edge closer than this to a source pixel's edge lies on it.
_SNAP_PX = 1e-6
#: What 64-bit sums of exact halves can fall short by.
_HALF = 0.5 + 1e-9
#: Rows are averaged in blocks whose sums stay in the processor's cache.
_BLOCK_VALUES = 1 << 17


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a grid lies on a source grid of parallel axes, in source pixels.

    Attributes:
        step: (row, column) size of a grid pixel.
        offset: (row, column) of the grid's upper-left corner.
    """

    step: tuple[float, float]
    offset: tuple[float, float]

    @classmethod
    def between(cls, source: PixelGrid, grid: PixelGrid) -> Self | None:
        """Return the alignment, or ``None`` where axes are not parallel or the CRS differ."""
        if not same_crs(source.crs, grid.crs):
            return None
        # from the difference of the origins: world coordinates are large, pixels small
        inverse = ~Affine(*_linear(source.transform), 0)
        a, b, _, d, e, _ = tuple(inverse @ Affine(*_linear(grid.transform), 0))[:6]
        origin = (grid.transform.c - source.transform.c, grid.transform.f - source.transform.f)
        column, row = inverse @ origin
        rows, cols = grid.shape
        if max(abs(b) * rows, abs(d) * cols) > TOLERANCE_PX or a <= 0 or e <= 0:
            return None
        whole = (float(round(row)), float(round(column)))
        drift = max(
            abs(e - 1) * rows + abs(row - whole[0]), abs(a - 1) * cols + abs(column - whole[1])
        )
        return cls((1.0, 1.0), whole) if drift < TOLERANCE_PX else cls((e, a), (row, column))

    @property
    def is_shift(self) -> bool:
        """Whether grid pixels are source pixels."""
        return self.step == (1.0, 1.0) and all(offset.is_integer() for offset in self.offset)


def _linear(transform: Affine) -> tuple[float, float, float, float, float]:
    return transform.a, transform.b, 0.0, transform.d, transform.e


@dataclass(frozen=True, slots=True)
class AxisWeights:
    """Which source pixels each output pixel of one axis covers, and how much of each.

    Attributes:
        first: First source pixel of each output pixel.
        weights: (taps, output pixels); tap t is the share of source pixel ``first + t`` covered.
    """

    first: NDArray[np.int64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, begin: int, end: int, step: float, offset: float, length: int) -> Self:
        """Return the weights of output pixels ``begin`` to ``end`` on a source axis.

        They depend on the pixel's place alone, so windows agree with the whole.
        """
        edges = offset + np.arange(begin, end + 1, dtype=np.float64) * step
        nearest = np.rint(edges)
        edges = np.clip(np.where(np.abs(edges - nearest) < _SNAP_PX, nearest, edges), 0, length)
        low, high = edges[:-1], edges[1:]
        # what lies beyond the source draws on its last pixel, with no weight
        first = np.minimum(np.floor(low).astype(np.int64), length - 1)
        taps = max(int((np.ceil(high).astype(np.int64) - first).max()), 1)
        places = first + np.arange(taps)[:, None]
        cover = np.minimum(high, places + 1) - np.maximum(low, places)
        return cls(first, np.maximum(cover, 0.0))

    @property
    def needs(self) -> tuple[int, int]:
        """First source pixel, and the one after the last, that weigh."""
        used = np.nonzero(self.weights.any(axis=1))[0]
        taps = int(used[-1]) + 1 if used.size else 1
        return int(self.first.min()), int(self.first.max()) + taps

    def places(self, length: int) -> NDArray[np.int64]:
        """Return the source pixels (taps, output pixels) of an axis that is so long."""
        places: NDArray[np.int64] = self.first + np.arange(len(self.weights))[:, None]
        return np.minimum(places, length - 1)

    def shifted(self, source_begin: int) -> Self:
        """Return the weights for a source that was read from ``source_begin`` on."""
        return type(self)(self.first - source_begin, self.weights)


def average(
    pixels: NDArray[np.generic],
    valid: NDArray[np.bool_] | None,
    rows: AxisWeights,
    cols: AxisWeights,
) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Average the valid source pixels that each output pixel covers, by the area covered.

    Args:
        pixels: (bands, rows, columns) of the source.
        valid: Where they are valid, of the same shape or (1, rows, columns); ``None``: all are.
        rows: Weights of the output rows.
        cols: Weights of the output columns.

    Returns:
        (bands, rows, columns) of the source's type, whole numbers rounded half up, 0 where
        nothing valid is covered; and where any band is valid (rows, columns).
    """
    if valid is not None:
        pixels = filled(pixels, valid, 0)
    out = np.empty((len(pixels), len(rows.first), len(cols.first)), pixels.dtype)
    known = np.ones(out.shape[1:], bool)
    block = max(1, _BLOCK_VALUES // (pixels.shape[0] * pixels.shape[2]))
    sums = _Sums(pixels, rows, cols, block)
    covered = _FullShares(rows, cols) if valid is None else _Sums(valid, rows, cols, block)
    for top in range(0, out.shape[1], block):
        part = slice(top, top + block)
        means, shares = sums.of(part), covered.of(part)
        if shares.all():
            means /= shares
        else:
            seen = shares > 0
            means /= np.where(seen, shares, 1)
            means *= seen  # not valid is 0
            known[part] = seen.any(axis=0)
        if pixels.dtype.kind in "ui":
            means += _HALF
            np.floor(means, out=means)
        else:
            means += 0.0  # no -0: how often a weight of 0 is added depends on the window
        out[:, part] = means
    return out, known


class _Sums:
    """Weighted sums of some output rows at a time.

    Threads wait for each other at each call of numpy, so that there are few, and buffers are used
    again.
    """

    def __init__(
        self, pixels: NDArray[np.generic], rows: AxisWeights, cols: AxisWeights, block: int
    ) -> None:
        bands, height, width = pixels.shape
        self._pixels = pixels
        self._rows = list(zip(rows.places(height), rows.weights[..., None], strict=True))
        self._cols = list(zip(cols.places(width), cols.weights, strict=True))
        self._down = np.empty((2, bands, block, width))
        self._across = np.empty((2, bands, block, len(cols.first)))

    def of(self, part: slice) -> NDArray[np.float64]:
        """Return (bands, rows, columns), to be used before the next are asked for."""
        down, across = self._down, self._across
        for tap, (places, weights) in enumerate(self._rows):
            rows = places[part]
            into = down[min(tap, 1), :, : len(rows)]
            into[:] = self._pixels[:, rows]
            into *= weights[part]
            if tap:
                down[0, :, : len(rows)] += into
        summed = down[0, :, : len(rows)]
        for tap, (places, weights) in enumerate(self._cols):
            into = across[min(tap, 1), :, : len(rows)]
            np.take(summed, places, axis=2, mode="clip", out=into)  # "clip" for its speed
            into *= weights
            if tap:
                across[0, :, : len(rows)] += into
        return across[0, :, : len(rows)]


class _FullShares:
    """What ``_Sums`` gives for a source that is valid everywhere, to the last bit."""

    def __init__(self, rows: AxisWeights, cols: AxisWeights) -> None:
        down, self._kind = np.unique(reduce(np.add, rows.weights), return_inverse=True)
        self._shares: NDArray[np.float64] = reduce(
            np.add, (down[:, None] * weights for weights in cols.weights)
        )

    def of(self, part: slice) -> NDArray[np.float64]:
        """Return (1, rows, columns)."""
        shares = self._shares[self._kind[part]]
        return shares[None]
