"""The ground beneath a surface: what stands on it is cut away, and the gaps are bent over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosemimtl.terrain.filtering import GroundFilter
from geosemimtl.terrain.morphology import pits, raised
from geosemimtl.terrain.spline import thin_plate

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pass:
    """One round of cutting and bending: share of the slope threshold, and the plate's stiffness."""

    slope_share: float
    length_m: float


#: From strict to as told. The first rounds keep only what no window lowers: hollows and planes
#: of any slope. The plate through them goes on over the crests, which stand out less from it in
#: the next round. Starting lenient instead would take a low, wide building in a hollow for ground.
PASSES = (Pass(0, 10), Pass(0, 10), Pass(0.15, 10), Pass(0.4, 5), Pass(1, 3))


def ground_surface(
    lowest_m: Float, cell_m: tuple[float, float], ground: GroundFilter
) -> tuple[Float, NDArray[np.bool_]]:
    """Return the ground beneath the lowest levels of a surface.

    Progressive morphological filtering as in SMRF (Pingel, Clarke, McBride 2013), with two
    changes: the windows are applied to what is left after the ground found so far is taken off,
    several times over, and gaps are filled by a thin plate.

    Args:
        lowest_m: (cells down, cells across) of ``geosemimtl.terrain.cells.lowest_levels``,
            NaN without data.
        cell_m: (rows, columns) size of a cell.
        ground: What is taken for ground.

    Returns:
        Ground in metres, also where there is no data, and which cells were taken for ground.
    """
    known = ~np.isnan(lowest_m)
    if not known.any():
        return np.full(lowest_m.shape, np.nan), known
    base = float(np.median(lowest_m[known]))
    # a cell more on each side, so that the plate goes straight on to the scene's edge
    lowest = np.pad(lowest_m - base, 1, constant_values=np.nan)
    surface, is_ground = np.zeros(lowest.shape), np.zeros(lowest.shape, bool)
    for part in PASSES:
        rest = lowest - surface
        rest[pits(rest, cell_m, ground.width_m)] = np.nan
        uneven = ground.scaling * _rise_m(surface)
        standing = raised(rest, cell_m, ground, part.slope_share * ground.slope, uneven)
        is_ground = ~standing & ~np.isnan(rest)
        level = np.where(is_ground, lowest, 0.0)
        surface = thin_plate(level, is_ground.astype(np.float64), cell_m, part.length_m)
    inner = (slice(1, -1), slice(1, -1))
    return surface[inner] + base, is_ground[inner]


def _rise_m(surface: Float) -> Float:
    """Return how much a surface rises across a cell."""
    down, across = (np.gradient(surface, axis=axis) for axis in (0, 1))
    return np.asarray(np.hypot(down, across))
