"""Convex polygons in metres: cutting, shrinking, and telling what is inside.

The frame is that of a raster: x to the right, y down, origin at the scene's upper-left corner.
A city drawn with convex shapes needs half-planes only, so cutting a block, shrinking it by the
streets around it and painting it are the same few lines of linear algebra.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import atan2, cos, hypot, sin

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_TINY_M = 1e-6


@dataclass(frozen=True, slots=True)
class Edge:
    """One side of a polygon.

    Attributes:
        start: Its first point, metres.
        along: Unit vector to the next point.
        inward: Unit vector to the polygon's inside.
        length_m: Its length.
        tag: The number that the polygon carries for this side.
    """

    start: Points
    along: Points
    inward: Points
    length_m: float
    tag: float

    @property
    def angle(self) -> float:
        """Direction of the side in radians, from x towards y."""
        return atan2(float(self.along[1]), float(self.along[0]))

    def at(self, along_m: float, inward_m: float) -> Points:
        """The point so many metres along the side and inside of it."""
        point: Points = self.start + self.along * along_m + self.inward * inward_m
        return point


@dataclass(frozen=True)  # no slots: its sides are worked out once and kept
class Convex:
    """A convex polygon with one number for each side; without points it is empty.

    Attributes:
        points: ``(n, 2)`` corners in metres, in the order that makes the shoelace area positive.
        tags: ``(n,)`` one number for the side from corner i to i + 1.
    """

    points: Points
    tags: Points

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of it."""
        return len(self.points) < 3 or self.area_m2 < _TINY_M

    @property
    def area_m2(self) -> float:
        """Area in square metres."""
        x, y = self.points[:, 0], self.points[:, 1]
        return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest x, smallest y, largest x, largest y, in metres."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def breadth_m(self) -> float:
        """Twice the area over the half perimeter: about the smaller extent of a block."""
        half = 0.5 * sum(edge.length_m for edge in self.edges)
        return 2.0 * self.area_m2 / half if half > 0 else 0.0

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Its sides in order; sides without length are left out."""
        corners = self.points.tolist()
        edges = []
        for i, (x, y) in enumerate(corners):
            next_x, next_y = corners[(i + 1) % len(corners)]
            dx, dy = next_x - x, next_y - y
            length = hypot(dx, dy)
            if length > _TINY_M:
                along = np.array((dx / length, dy / length))
                inward = np.array((-dy / length, dx / length))
                edges.append(Edge(self.points[i], along, inward, length, float(self.tags[i])))
        return tuple(edges)

    def longest(self) -> Edge:
        """Its longest side."""
        return max(self.edges, key=lambda edge: edge.length_m)

    def clip(self, point: Points, normal: Points, tag: float = 0.0) -> Convex:
        """What lies on the side of a line that its normal points to.

        Args:
            point: A point of the line, metres.
            normal: The line's normal.
            tag: The number that the new side carries.
        """
        depth = ((self.points - point) @ normal).tolist()
        count = len(depth)
        points, tags = [], []
        for i in range(count):
            j = (i + 1) % count
            crossing = (depth[i] >= 0) != (depth[j] >= 0)
            if depth[i] >= 0:
                points.append(self.points[i])
                tags.append(self.tags[i])
            if crossing:
                share = depth[i] / (depth[i] - depth[j])
                points.append(self.points[i] + share * (self.points[j] - self.points[i]))
                tags.append(tag if depth[i] >= 0 else self.tags[i])
        return Convex(np.array(points).reshape(-1, 2), np.array(tags))

    def inset(self, margin_m: float, *, tag_weight: float = 0.0) -> Convex:
        """The polygon moved inwards by ``margin_m + tag_weight * tag`` metres on each side."""
        shape = self
        for edge in self.edges:
            if len(shape.points) < 3:
                break
            shape = shape.clip(
                edge.at(0.0, margin_m + tag_weight * edge.tag), edge.inward, edge.tag
            )
        return shape

    def intersect(self, other: Convex) -> Convex:
        """What it shares with another polygon; sides of the other keep the other's numbers."""
        shape = self
        for edge in other.edges:
            if len(shape.points) < 3:
                break
            shape = shape.clip(edge.start, edge.inward, edge.tag)
        return shape

    def contains(self, points: Points, margin_m: float = 0.0) -> NDArray[np.bool_]:
        """Which of ``(k, 2)`` points lie inside by at least a margin in metres."""
        inside = np.ones(len(points), dtype=np.bool_)
        for edge in self.edges:
            inside &= (points - edge.start) @ edge.inward >= margin_m
        return inside


def rectangle(centre: Points, half_u_m: float, half_v_m: float, angle: float) -> Convex:
    """A turned rectangle.

    Args:
        centre: Its centre, metres.
        half_u_m: Half its extent along ``angle``.
        half_v_m: Half its extent across.
        angle: Radians, from x towards y.
    """
    u = np.array((cos(angle), sin(angle))) * half_u_m
    v = np.array((-sin(angle), cos(angle))) * half_v_m
    points = np.array((centre - u - v, centre + u - v, centre + u + v, centre - u + v))
    return Convex(points, np.zeros(4))


def strip(edge: Edge, along_m: tuple[float, float], inward_m: tuple[float, float]) -> Convex:
    """The rectangle between two distances along a side and two distances inside of it."""
    (s0, s1), (d0, d1) = along_m, inward_m
    points = np.array((edge.at(s0, d0), edge.at(s1, d0), edge.at(s1, d1), edge.at(s0, d1)))
    return Convex(points, np.zeros(4))
