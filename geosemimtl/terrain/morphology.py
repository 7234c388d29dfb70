"""What stands above its surroundings: grey openings with square windows in metres."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geosemimtl.terrain.filtering import GroundFilter

Float = NDArray[np.float64]
#: Each window is this much larger than the one before.
_GROWTH = 1.3
#: Rise that is no ground at any window, so that low, wide buildings are found.
_MOST_M = 2.0
#: Pits: deeper than this below nearly all blocks of this size within half a building's width.
_PIT_M = 1.0
_PIT_BLOCK_M = 8.0
_PIT_RANK = 3


def opened(surface_m: Float, radius: tuple[int, int]) -> Float:
    """Return the grey opening with a window of ``2 radius + 1`` cells; NaN weighs nothing.

    Squares are taken in place of disks: they cost the same at every size, and none fits into a
    building, however it is turned, that the disk of the same radius does not fit into.
    """
    sizes = [2 * r + 1 for r in radius]
    missing = np.isnan(surface_m)
    eroded = np.where(missing, np.inf, surface_m)
    for axis, size in enumerate(sizes):
        eroded = ndimage.minimum_filter1d(eroded, size, axis, mode="constant", cval=np.inf)
    made = np.where(np.isinf(eroded), -np.inf, eroded)
    for axis, size in enumerate(sizes):
        made = ndimage.maximum_filter1d(made, size, axis, mode="constant", cval=-np.inf)
    return np.where(missing, np.nan, made)


def radii_m(cell_m: float, width_m: float) -> list[float]:
    """Return growing radii, from a cell to more than half of the largest building's width."""
    last = width_m / 2 + cell_m / 2
    radii = [cell_m]
    while radii[-1] * _GROWTH < last:
        radii.append(max(radii[-1] + cell_m, radii[-1] * _GROWTH))
    return [*(radius for radius in radii if radius < last), last]


def raised(
    surface_m: Float,
    cell_m: tuple[float, float],
    ground: GroundFilter,
    slope: float,
    unevenness_m: Float | float = 0.0,
) -> NDArray[np.bool_]:
    """Return where a surface stands above its surroundings, as SMRF finds objects.

    Window by window, a cell is an object where opening lowers it by more than the elevation
    threshold plus slope times radius. Other than in SMRF (Pingel, Clarke, McBride 2013) that
    product ends at 2 m, which is the largest threshold of the older progressive filter (Zhang et
    al. 2003).

    Args:
        surface_m: (cells down, cells across), metres; NaN is no data.
        cell_m: (rows, columns) size of a cell.
        ground: Elevation threshold and largest width.
        slope: Slope threshold of this pass.
        unevenness_m: Added to the elevation threshold.
    """
    last, found = surface_m, np.zeros(surface_m.shape, bool)
    for radius in radii_m(min(cell_m), ground.width_m):
        now = opened(last, _cells(radius, cell_m))
        least = ground.elevation_m + min(slope * radius, _MOST_M)
        found |= last - now > least + unevenness_m
        last = now
    return found


def pits(surface_m: Float, cell_m: tuple[float, float], width_m: float) -> NDArray[np.bool_]:
    """Return where a surface is below nearly all that is near: matching errors, light wells.

    A cell is a pit where it is more than 1 m below the third-lowest block of 8 m within half of
    the largest building's width. A gap in a canopy is none: other gaps are about as low.
    """
    rows, cols = (max(1, round(_PIT_BLOCK_M / size)) for size in cell_m)
    low = np.where(np.isnan(surface_m), np.inf, surface_m)
    shape = low.shape
    low = np.pad(low, ((0, -shape[0] % rows), (0, -shape[1] % cols)), constant_values=np.inf)
    blocks = low.reshape(low.shape[0] // rows, rows, low.shape[1] // cols, cols).min(axis=(1, 3))
    reach = max(1, math.ceil(width_m / 2 / _PIT_BLOCK_M))
    third = ndimage.rank_filter(
        blocks, _PIT_RANK - 1, size=2 * reach + 1, mode="constant", cval=np.inf
    )
    # a scene of fewer blocks has no third: nothing is known to be a pit
    third = np.where(np.isfinite(third), third, -np.inf)
    level = third.repeat(rows, axis=0).repeat(cols, axis=1)[: shape[0], : shape[1]]
    return np.asarray(surface_m < level - _PIT_M)


def _cells(radius_m: float, cell_m: tuple[float, float]) -> tuple[int, int]:
    down, across = (max(1, math.ceil(radius_m / size - 1e-6)) for size in cell_m)
    return down, across
