"""From a fine surface to the lowest level in each coarse cell, and back to fine pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.grid import PixelGrid

#: Pixels this close above a cell's lowest count as its level, so that noise averages out.
_BAND_M = 0.5


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Coarse cells of whole pixels over a fine grid; the last row and column may be partial.

    Attributes:
        shape: (rows, columns) of cells.
        pixels: (rows, columns) of pixels in a cell.
        cell_m: (rows, columns) size of a cell in metres.
    """

    shape: tuple[int, int]
    pixels: tuple[int, int]
    cell_m: tuple[float, float]

    @classmethod
    def over(cls, grid: PixelGrid, cell_m: float) -> CellGrid:
        """Return the cells over a grid, as near as whole pixels come to ``cell_m``."""
        across_m, down_m = grid.gsd_m
        pixels = max(1, round(cell_m / down_m)), max(1, round(cell_m / across_m))
        rows, cols = (-(-n // k) for n, k in zip(grid.shape, pixels, strict=True))
        return cls((rows, cols), pixels, (pixels[0] * down_m, pixels[1] * across_m))


def lowest_levels(
    surface_m: NDArray[np.floating], valid: NDArray[np.bool_], pixels: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the lowest level in each cell: the mean of what is within 0.5 m of its lowest pixel.

    On a slope that is the height at the cell's centre, which the plain minimum is not.

    Args:
        surface_m: (rows, columns), metres.
        valid: Same shape.
        pixels: (rows, columns) of pixels in a cell.

    Returns:
        (cells down, cells across), NaN where no pixel is valid.
    """
    down, across = pixels
    rows, cols = surface_m.shape
    missing = (-rows % down, -cols % across)
    padded = np.pad(
        np.where(valid, surface_m, np.inf),
        ((0, missing[0]), (0, missing[1])),
        constant_values=np.inf,
    )
    cells = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)
    lowest = cells.min(axis=(1, 3), keepdims=True)
    low = (cells <= lowest + _BAND_M) & np.isfinite(cells)
    above = np.where(low, cells - np.where(np.isfinite(lowest), lowest, 0), 0)
    count = low.sum(axis=(1, 3))
    mean = above.sum(axis=(1, 3), dtype=np.float64) / np.maximum(count, 1)
    return np.where(count > 0, lowest[:, 0, :, 0] + mean, np.nan)


def fine_rows(
    coarse: NDArray[np.floating], pixels: tuple[int, int], top: int, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return rows of fine pixels, bilinear between the cells' centres and straight on beyond.

    Args:
        coarse: (cells down, cells across).
        pixels: (rows, columns) of pixels in a cell.
        top: First fine row.
        shape: Fine (rows, columns) wanted.
    """
    above, below, down = _neighbours(top, shape[0], pixels[0], coarse.shape[0])
    left, right, across = _neighbours(0, shape[1], pixels[1], coarse.shape[1])
    first = int(above[0])
    needed = coarse[first : int(below[-1]) + 1]
    wide = (needed[:, left] * (1 - across) + needed[:, right] * across).astype(np.float32)
    share = down[:, None].astype(np.float32)
    return wide[above - first] * (1 - share) + wide[below - first] * share


def _neighbours(
    first: int, count: int, pixels: int, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the two cells about each pixel's centre and the second one's weight."""
    place = (first + np.arange(count) + 0.5) / pixels - 0.5
    low = np.clip(np.floor(place), 0, max(cells - 2, 0)).astype(np.int64)
    return low, np.minimum(low + 1, cells - 1), place - low
