"""Straight runs joined to arcs, each from one vertex where not just two runs meet to the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geosemimtl.vectors.ranges import Indices


def joined(runs: Indices, numbers: NDArray[np.integer]) -> tuple[Indices, Indices]:
    """Join runs wherever exactly two meet; each is in one arc.

    An arc goes the way most of its runs do. Open arcs come first, then closed ones, either by the
    number of the vertex at which each was begun: the first that is left.

    Args:
        runs: (runs, 2, 2) column and row of both ends; each goes to the right or down.
        numbers: (runs, 2) number of the vertex at either end, rising with its column, then its row.

    Returns:
        (vertices, 2) column and row of the arcs' vertices, one arc after another; and (arcs,) how
        many each has.
    """
    # a run walked from its first end is twice its number, from its last end one more
    walks, begun = np.arange(numbers.size), numbers.ravel()
    through = np.bincount(begun)[begun] == 2
    beside = (np.bincount(begun, walks)[begun] - walks).astype(np.int64)  # the other of the two
    following = np.where(through, beside, -1)[walks ^ 1]
    upright = runs[:, 0, 0] == runs[:, 1, 0]
    order = np.lexsort((2 * (walks & 1) + upright[walks >> 1], begun))
    ends = order[~through[order]]
    rightward = order[(order % 2 == 0) & ~upright[order >> 1]]  # so begins every closed arc
    path, lengths = _paths(np.concatenate((ends, rightward)).tolist(), following.tolist())
    return _vertices(runs, path, lengths)


def _paths(starts: list[int], following: list[int]) -> tuple[Indices, Indices]:
    """Walk from each start over fresh runs; return all walks, and how many each path has."""
    fresh = [True] * (len(following) // 2)
    path: list[int] = []
    stops = [0]
    for start in starts:
        walk = start
        while walk >= 0 and fresh[walk >> 1]:
            fresh[walk >> 1] = False
            path.append(walk)
            walk = following[walk]
        if len(path) > stops[-1]:
            stops.append(len(path))
    return np.array(path, np.int64), np.diff(stops)


def _vertices(runs: Indices, path: Indices, lengths: Indices) -> tuple[Indices, Indices]:
    """Return the paths' vertices in the direction of most of their runs, and each path's count."""
    counts = lengths + 1
    owner = np.repeat(np.arange(len(counts)), counts)
    stops = np.cumsum(counts)
    points = np.empty((len(owner), 2), np.int64)
    last = np.zeros(len(owner), bool)
    last[stops - 1] = True
    points[~last] = runs[path >> 1, path & 1]
    final = path[np.cumsum(lengths) - 1]
    points[last] = runs[final >> 1, ~final & 1]
    against = np.bincount(np.repeat(np.arange(len(lengths)), lengths), path & 1)
    turned = (2 * against > lengths)[owner]
    place = np.arange(len(owner))
    return points[np.where(turned, (2 * stops - counts - 1)[owner] - place, place)], counts
