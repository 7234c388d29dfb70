"""The corners of a strip's boundaries, and which of them a convex hull holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geosemimtl.vectors.ranges import Indices, between

#: Corners that are compared with hulls at once.
_AT_ONCE = 1 << 20


class Corners:
    """Corners by row, then by column.

    Args:
        corners: (corners, 2) column and row, in this order.
    """

    def __init__(self, corners: Indices) -> None:
        self._corners = corners
        self.low, self.high = corners.min(axis=0), corners.max(axis=0)
        cols, rows = (self.high - self.low + 1).tolist()
        there = np.zeros((rows, cols + 1), np.int32)
        there[corners[:, 1] - self.low[1], corners[:, 0] - self.low[0] + 1] = 1
        self._before = np.cumsum(there, dtype=np.int32).reshape(there.shape)

    def alone(self, vertices: Indices, pieces: Indices) -> NDArray[np.bool_]:
        """Return of which pieces the convex hull holds no corners but their own.

        Args:
            vertices: (vertices, 2) distinct corners of each piece, one piece after another.
            pieces: (vertices,) each one's piece, without gaps.
        """
        if not len(pieces):
            return np.zeros(0, bool)
        begin = np.flatnonzero(np.diff(pieces, prepend=-1))
        own = np.diff(np.append(begin, len(pieces)))
        low = np.minimum.reduceat(vertices, begin) - self.low
        high = np.maximum.reduceat(vertices, begin) - self.low
        rows, boxes = between(low[:, 1], high[:, 1])
        first = self._before[rows, low[boxes, 0]]
        stop = self._before[rows, high[boxes, 0] + 1]
        found = np.bincount(boxes, stop - first)
        # where the box around a piece holds nothing else, its hull does not either
        alone: NDArray[np.bool_] = found == own
        crowded = ~alone[pieces]
        hulls: Any = np.full(len(own), None)
        hulls[~alone] = _hulls(vertices[crowded], pieces[crowded])
        rest = np.flatnonzero(~alone[boxes])
        steps = np.cumsum(stop[rest] - first[rest]) // _AT_ONCE
        held = np.zeros(len(own))
        for some in np.split(rest, np.flatnonzero(np.diff(steps)) + 1):
            corners, row = between(first[some], stop[some] - 1)
            box = boxes[some[row]]
            within = shapely.intersects_xy(hulls[box], *self._corners[corners].T)
            held += np.bincount(box, within, len(own))
        alone[held == own] = True
        return alone


def _hulls(vertices: Indices, pieces: Indices) -> Any:
    """Return the convex hulls of the pieces there are."""
    _, pieces = np.unique(pieces, return_inverse=True)
    return shapely.convex_hull(shapely.linestrings(vertices, indices=pieces))
