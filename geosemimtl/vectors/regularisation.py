"""Footprints with right angles, where the building has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

#: A footprint with right angles that covers less of the found one, or more besides, is not taken.
_LEAST_IOU = 0.85
#: How much of the edges' length must agree on two directions: 0 is a circle, 1 a rectangle.
_LEAST_AGREEMENT = 0.4


@dataclass(frozen=True, slots=True)
class _Run:
    """Edges one after the other that lie along the same axis.

    Attributes:
        level: Where they lie across it: the mean of their middles, weighted by their lengths.
        length: Sum of their lengths along it.
    """

    level: float
    length: float

    def __add__(self, other: _Run) -> _Run:
        length = self.length + other.length
        if not length:
            return _Run((self.level + other.level) / 2, 0.0)
        level = (self.level * self.length + other.level * other.length) / length
        return _Run(level, length)


def right_angled(footprint: shapely.Polygon, shortest: float) -> shapely.Polygon:
    """Return a footprint whose edges are all parallel or at right angles to each other.

    The axes are those that most of its edges lie along. Edges that follow one axis become one, at
    their mean; of these the short ones go.

    Args:
        footprint: A valid polygon, its shell counter-clockwise.
        shortest: Edges shorter than this go, in the footprint's unit.

    Returns:
        The new footprint, or the one given where it has no such shape: a round one, or one that
        stands askew to itself.
    """
    angle, agreement = _main_direction(shapely.simplify(footprint, shortest / 2))
    if agreement < _LEAST_AGREEMENT:
        return footprint
    turned = _turned(footprint, -angle)
    rings = [_squared(ring, shortest) for ring in (turned.exterior, *turned.interiors)]
    if rings[0] is None:
        return footprint
    made = shapely.Polygon(rings[0], [ring for ring in rings[1:] if ring is not None])
    if not made.is_valid:
        return footprint
    shared = made.intersection(turned).area
    if shared < _LEAST_IOU * (made.area + turned.area - shared):
        return footprint
    oriented: shapely.Polygon = shapely.orient_polygons(_turned(made, angle))
    return oriented


def _main_direction(footprint: shapely.Polygon) -> tuple[float, float]:
    """Return the angle of most of the edges' length, modulo a right angle, and how much agrees."""
    steps = np.concatenate(
        [
            np.diff(shapely.get_coordinates(ring), axis=0)
            for ring in (footprint.exterior, *footprint.interiors)
        ]
    )
    along = steps[:, 0] + 1j * steps[:, 1]
    lengths = np.abs(along)
    # four times the angle is the same for all directions a right angle apart
    mean = np.sum(lengths * (along / lengths) ** 4) / lengths.sum()
    return float(np.angle(mean) / 4), float(np.abs(mean))


def _turned(polygon: shapely.Polygon, angle: float) -> shapely.Polygon:
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    turned: shapely.Polygon = shapely.transform(polygon, lambda points: points @ matrix)
    return turned


def _squared(ring: shapely.LinearRing, shortest: float) -> NDArray[np.float64] | None:
    """Return a ring of edges along the axes, ``None`` if fewer than four are left."""
    points = shapely.get_coordinates(ring)
    steps, middles = np.diff(points, axis=0), (points[1:] + points[:-1]) / 2
    level = np.abs(steps[:, 0]) >= np.abs(steps[:, 1])
    if level.all() or not level.any():
        return None
    begin = int(np.flatnonzero(level & ~np.roll(level, 1))[0])  # where a level run begins
    order = np.roll(np.arange(len(steps)), -begin)
    runs: list[_Run] = []
    before = None
    for index in order:
        axis = 1 if level[index] else 0
        run = _Run(float(middles[index, axis]), float(abs(steps[index, 1 - axis])))
        if before == level[index]:
            runs[-1] += run
        else:
            runs.append(run)
        before = level[index]
    runs = _without_short(runs, shortest)
    if len(runs) < 4:
        return None
    # even runs are level and tell y, odd ones upright and tell x
    return np.array(
        [
            (runs[i if i % 2 else i - 1].level, runs[i - 1 if i % 2 else i].level)
            for i in range(len(runs))
        ]
    )


def _without_short(runs: list[_Run], shortest: float) -> list[_Run]:
    """Leave out short runs, the shortest first; the two beside each become one."""
    while len(runs) > 4:
        spans = _spans(runs)
        place = int(np.argmin(spans))
        if spans[place] >= shortest:
            break
        joined = runs[place - 1] + runs[(place + 1) % len(runs)]
        if place == 0:
            runs = [*runs[2:-1], joined]
        elif place == len(runs) - 1:
            runs = [joined, *runs[1:-2]]
        else:
            runs = [*runs[: place - 1], joined, *runs[place + 2 :]]
    return runs


def _spans(runs: list[_Run]) -> NDArray[np.float64]:
    """Return how long each run's edge is: from the run before to the run after."""
    levels = np.array([run.level for run in runs])
    spans: NDArray[np.float64] = np.abs(np.roll(levels, -1) - np.roll(levels, 1))
    return spans
