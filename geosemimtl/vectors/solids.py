"""Buildings as blocks: a footprint raised to one height (level of detail 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

#: A surface: its outer ring, then its holes; each (vertices, 3), not closed, seen from outside
#: counter-clockwise, holes clockwise.
Surface = list[NDArray[np.float64]]
#: What of a footprint's width goes where it meets itself at a vertex.
_APART = 0.01


@dataclass(frozen=True, slots=True)
class Block:
    """A footprint between two levels.

    Attributes:
        footprint: A valid polygon, its shell counter-clockwise, its holes clockwise.
        base: Level of its floor, in the unit of the footprint.
        top: Level of its roof, above the floor.
    """

    footprint: shapely.Polygon
    base: float
    top: float

    @property
    def floor(self) -> Surface:
        """The surface that looks down."""
        return [_at(ring[::-1], self.base) for ring in _rings(self.footprint)]

    @property
    def roof(self) -> Surface:
        """The surface that looks up."""
        return [_at(ring, self.top) for ring in _rings(self.footprint)]

    @property
    def walls(self) -> list[Surface]:
        """One upright rectangle for each edge."""
        return [
            [np.array([(*a, self.base), (*b, self.base), (*b, self.top), (*a, self.top)])]
            for ring in _rings(self.footprint)
            for a, b in pairwise([*ring.tolist(), ring[0].tolist()])
        ]

    @property
    def surfaces(self) -> list[Surface]:
        """Floor, roof and walls: a closed shell."""
        return [self.floor, self.roof, *self.walls]


def block_of(footprint: shapely.Polygon, base: float, top: float, metre: float = 1.0) -> Block:
    """Return a block whose edges are each shared by two surfaces.

    A footprint that meets itself at a vertex, as a court does whose corner touches the street,
    would give an upright edge with four walls. There it loses a centimetre all round.

    Args:
        footprint: A valid polygon.
        base: Level of the floor.
        top: Level of the roof.
        metre: One metre in the footprint's unit.
    """
    corners = np.concatenate(list(_rings(footprint)))
    if len(np.unique(corners, axis=0)) < len(corners):
        apart = shapely.buffer(footprint, -_APART * metre, join_style="mitre")
        footprint = max(shapely.get_parts(apart), key=shapely.area)
    return Block(shapely.orient_polygons(footprint), base, top)


def _rings(polygon: shapely.Polygon) -> Iterator[NDArray[np.float64]]:
    """Yield the shell, then the holes, without the vertex that closes each."""
    for ring in (polygon.exterior, *polygon.interiors):
        yield shapely.get_coordinates(ring)[:-1]


def _at(ring: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    return np.column_stack((ring, np.full(len(ring), level)))
