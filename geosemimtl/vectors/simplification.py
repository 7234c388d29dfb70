"""Fewer vertices, the same map: no border crosses another, moves over a vertex, or comes apart.

An arc is cut into pieces, each of which becomes a straight line. As Douglas and Peucker do, a piece
is cut at its farthest vertex until none is farther than the tolerance; here also until its convex
hull holds no vertex of another piece. Hulls without each other's vertices can overlap only where
the pieces themselves cross, which boundaries between pixels do not. A line stays in its
piece's hull, so lines do not cross either, and what lay on one side of a border still does. A strip
is simplified by itself, so both polygons that share an arc come to the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geosemimtl.vectors.arcs import Arcs
from geosemimtl.vectors.corners import Corners
from geosemimtl.vectors.ranges import Indices, between


def simplified(
    arcs: Arcs,
    corners: NDArray[np.int64],
    tolerance_m: float,
    pixel_m: tuple[float, float],
) -> Arcs:
    """Return a strip's arcs with fewer vertices.

    Args:
        arcs: As traced.
        corners: (corners, 2) every vertex of the strip at which a boundary turns, meets or ends.
        tolerance_m: How far a vertex that goes may lie from the line that stays.
        pixel_m: Width and height of a pixel.
    """
    if tolerance_m <= 0 or not len(arcs):
        return arcs
    kept = np.zeros(len(arcs.vertices), bool)
    kept[arcs.starts[:-1]] = kept[arcs.starts[1:] - 1] = True
    pieces = _Pieces(arcs, corners, pixel_m)
    first, last = _bent(arcs.starts[:-1], arcs.starts[1:] - 1)
    while len(first):
        farthest, distance = pieces.farthest(first, last)
        near = np.flatnonzero(distance <= tolerance_m)
        cut = np.ones(len(first), bool)
        cut[near[pieces.made_lines(first[near], last[near])]] = False
        first, middle, last = first[cut], farthest[cut], last[cut]
        kept[middle] = True
        first, last = _bent(np.concatenate((first, middle)), np.concatenate((middle, last)))
    counts = np.add.reduceat(kept.astype(np.int64), arcs.starts[:-1])
    starts = np.concatenate(([0], np.cumsum(counts)))
    return replace(arcs, vertices=arcs.vertices[kept], starts=starts)


class _Pieces:
    """What is asked of a strip's pieces, each from a first to a last of the arcs' vertices."""

    def __init__(
        self, arcs: Arcs, corners: NDArray[np.int64], pixel_m: tuple[float, float]
    ) -> None:
        self._vertices = arcs.vertices
        self._metres = arcs.vertices * np.asarray(pixel_m)
        self._corners = Corners(corners)
        low, high = self._corners.low, self._corners.high
        self._borders = (low[1], high[1])
        columns, rows = (arcs.vertices - low).T
        self._number: Indices = rows * (high[0] - low[0] + 1) + columns
        self._numbers = int(self._number.max()) + 1
        # what is a line whatever becomes of the pieces: edges from corner to corner
        inner = np.ones(len(arcs.vertices), bool)
        inner[arcs.starts[1:] - 1] = False
        begin = np.flatnonzero(inner)
        self._edges = np.sort(self._ends(begin, begin + 1))
        self._lines = self._edges[:0]

    def farthest(self, first: Indices, last: Indices) -> tuple[Indices, NDArray[np.float64]]:
        """Return of each piece the vertex farthest from the line between its ends, and how far."""
        inside, piece = between(first + 1, last - 1)
        start, along = self._metres[first], self._metres[last] - self._metres[first]
        offset = self._metres[inside] - start[piece]
        length = np.maximum((along * along).sum(axis=1), np.finfo(float).tiny)
        share = np.clip((offset * along[piece]).sum(axis=1) / length[piece], 0, 1)
        distance = np.hypot(*(offset - share[:, None] * along[piece]).T)
        begin = np.flatnonzero(np.diff(piece, prepend=-1))
        most = np.maximum.reduceat(distance, begin)
        at = np.flatnonzero(distance == most[piece])
        return inside[at[np.flatnonzero(np.diff(piece[at], prepend=-1))]], most

    def made_lines(self, first: Indices, last: Indices) -> NDArray[np.bool_]:
        """Return which pieces become lines; later ones will not join the same two vertices."""
        ends = self._ends(first, last)
        rows = self._vertices[:, 1]
        # along a strip's border the neighbouring strip may draw the same line
        flat = (rows[first] == rows[last]) & np.isin(rows[first], self._borders)
        closed = self._number[first] == self._number[last]
        fine: NDArray[np.bool_] = (
            ~flat & ~closed & ~_within(self._edges, ends) & ~_within(self._lines, ends)
        )
        inside, piece = between(first[fine], last[fine])
        fine[fine] = self._corners.alone(self._vertices[inside], piece)
        _, which, counts = np.unique(ends, return_inverse=True, return_counts=True)
        fine &= counts[which] == 1
        self._lines = np.sort(np.concatenate((self._lines, ends[fine])))
        return fine

    def _ends(self, first: Indices, last: Indices) -> Indices:
        """Return a number for each pair of ends, in either order."""
        one, other = self._number[first], self._number[last]
        ends: Indices = np.minimum(one, other) * self._numbers + np.maximum(one, other)
        return ends


def _within(rising: Indices, values: Indices) -> NDArray[np.bool_]:
    """Return which values are among rising ones."""
    if not len(rising):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(rising, values), len(rising) - 1)
    found: NDArray[np.bool_] = rising[place] == values
    return found


def _bent(first: Indices, last: Indices) -> tuple[Indices, Indices]:
    """Leave out pieces without a vertex between their ends."""
    some = last - first > 1
    return first[some], last[some]
