"""Boundaries between classes as arcs along the edges of pixels, from one fixed vertex to the next.

A raster is traced in strips of rows. A boundary ends where three or four edges meet, and where it
crosses from one strip into the next, so each strip is traced, and later simplified, on its own, and
what two polygons share is one arc. Vertices are corners of pixels: (column, row), row 0 at the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosemimtl.vectors.joining import joined
from geosemimtl.vectors.ranges import by_column, places

#: Pixel on the left and on the right of a step that begins at a vertex, as (columns, rows) from it;
#: steps are numbered east, north, west, south.
_LEFT = np.array([(0, -1), (-1, -1), (-1, 0), (0, 0)])
_RIGHT = np.array([(0, 0), (0, -1), (-1, -1), (-1, 0)])


@dataclass(frozen=True, slots=True)
class Arcs:
    """Boundaries of one strip, each between two fixed vertices or closed.

    Attributes:
        vertices: (vertices, 2) int64 column and row of each arc's vertices, one arc after another.
        starts: (arcs + 1,) first vertex of each arc, and their number.
        faces: (arcs, 2) label of the face on the left and on the right.
        steps: (arcs, 2) numbers of the first and the last step along pixel edges.
        doubled: (arcs,) sum of x dy - y dx along pixel edges: of a ring, twice its area.
    """

    vertices: NDArray[np.int64]
    starts: NDArray[np.int64]
    faces: NDArray[np.int64]
    steps: NDArray[np.int8]
    doubled: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.faces)


def trace(
    codes: NDArray[np.uint8], labels: NDArray[np.int32], top: int
) -> tuple[Arcs, NDArray[np.int64]]:
    """Trace the boundaries of a strip: those within it, and those on its upper border.

    Args:
        codes: (rows + 2, columns + 2) class of each pixel, 0 where there is none; with the row
            above the strip and the one below, and a column of zeros on either side.
        labels: Face of each pixel, of the same shape; 0 where there is no class.
        top: The strip's first row in the raster.

    Returns:
        The arcs, and (corners, 2) column and row of every vertex at which a boundary turns, meets
        others or ends, those on the strip's lower border included.
    """
    across, down, corner, meeting = _edges(codes)
    runs, on_top = _runs(across, down, corner)
    corners, numbers = places(corner), np.empty(corner.shape, np.int32)
    numbers[tuple(corners[by_column(corners)].T)] = np.arange(len(corners))
    inner = runs[~on_top]
    vertices, counts = joined(inner, numbers[inner[..., 1], inner[..., 0]])
    vertices = np.concatenate((vertices, runs[on_top].reshape(-1, 2)))
    counts = np.concatenate((counts, np.full(on_top.sum(), 2)))
    starts = np.concatenate(([0], np.cumsum(counts)))
    vertices = _begun_at_corners(vertices, starts, meeting)
    faces, steps = _sides(vertices, starts, labels)
    shift = np.array((0, top))
    vertices, corners = vertices + shift, corners[:, ::-1] + shift
    return Arcs(vertices, starts, faces, steps, _doubled(vertices, starts)), corners


def _edges(codes: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], ...]:
    """Return where edges are boundaries, and where these turn or meet.

    Returns:
        Of each vertex (rows, columns + 1) whether the edge to its right and the edge below it are
        boundaries; and (rows + 1, columns + 1) where boundaries turn, meet or leave the strip, and
        where more than two edges meet.
    """
    right = codes[:-1, 1:] != codes[1:, 1:]
    left = np.zeros_like(right)
    left[:, 1:] = right[:, :-1]
    below = codes[1:, :-1] != codes[1:, 1:]
    above = codes[:-1, :-1] != codes[:-1, 1:]
    upright = below | above
    corner = (right | left) & upright
    corner[[0, -1]] |= upright[[0, -1]]
    meeting = np.add(right, left, dtype=np.int8) + below + above > 2
    return right[:-1], below[:-1], corner, meeting


def _runs(
    right: NDArray[np.bool_], below: NDArray[np.bool_], corner: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return (runs, 2, 2) straight boundaries between corners, and which lie on the first row."""
    west = places(right & corner[:-1])
    east = places(right[:, :-1] & corner[:-1, 1:]) + np.array((0, 1))
    north, south = places(below & corner[:-1]), places(below & corner[1:])
    north, south = north[by_column(north)], south[by_column(south)] + np.array((1, 0))
    level = np.stack((west, east), axis=1)
    runs = np.concatenate((level, np.stack((north, south), axis=1)))
    on_top = np.zeros(len(runs), bool)
    on_top[: len(level)] = level[:, 0, 0] == 0
    return np.ascontiguousarray(runs[:, :, ::-1]), on_top


def _begun_at_corners(
    vertices: NDArray[np.int64], starts: NDArray[np.int64], meeting: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Let closed arcs that meet no other begin at their uppermost, there leftmost vertex.

    It is a corner that sticks out, which simplification had better keep.
    """
    first, sizes = starts[:-1], np.diff(starts)
    head = vertices[first]
    free = (head == vertices[starts[1:] - 1]).all(axis=1) & ~meeting[head[:, 1], head[:, 0]]
    arc = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(vertices)) - first[arc]
    order = np.lexsort((place, vertices[:, 0], vertices[:, 1], arc))
    turn = np.where(free, place[order[first]], 0)[arc]
    around = np.where(free, sizes - 1, sizes)[arc]
    return vertices[first[arc] + (place + turn) % around]


def _sides(
    vertices: NDArray[np.int64], starts: NDArray[np.int64], labels: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return each arc's faces on the left and right, and its first and last step."""
    head, tail = starts[:-1], starts[1:] - 1
    step = _step_numbers(vertices[head], vertices[head + 1])
    # labels have a row above the strip and a column beside it
    left, right = (vertices[head] + side[step] + 1 for side in (_LEFT, _RIGHT))
    faces = np.column_stack((labels[left[:, 1], left[:, 0]], labels[right[:, 1], right[:, 0]]))
    return faces.astype(np.int64), np.column_stack(
        (step, _step_numbers(vertices[tail - 1], vertices[tail]))
    )


def _step_numbers(start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.int8]:
    across, down = np.sign(stop - start).T
    return np.select([across > 0, down < 0, across < 0], [0, 1, 2], 3).astype(np.int8)


def _doubled(vertices: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each arc the sum of x dy - y dx, with y up as rows go down."""
    x, y = vertices[:, 0], -vertices[:, 1]
    terms = np.zeros(len(vertices), np.int64)
    terms[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    terms[starts[1:] - 1] = 0  # from one arc's last vertex to the next arc's first is no edge
    return np.add.reduceat(terms, starts[:-1]) if len(starts) > 1 else terms[:0]
