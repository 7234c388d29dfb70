"""Polygons put together from the arcs around a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

_WEST, _AROUND = 2, 4


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """An arc as one of its two faces sees it: the face lies on the left of it.

    Attributes:
        vertices: (vertices, 2) int64 column and row.
        first: Number of the first step along pixel edges.
        last: Number of the last one.
        doubled: Sum of x dy - y dx along pixel edges.
    """

    vertices: NDArray[np.int64]
    first: int
    last: int
    doubled: int


def sides_of(
    vertices: NDArray[np.int64], steps: Sequence[int], doubled: int, *, on_left: bool
) -> Side:
    """Return an arc with a face on its left: itself, or turned round."""
    if on_left:
        return Side(vertices, steps[0], steps[1], doubled)
    back = [(step + _WEST) % _AROUND for step in steps]
    return Side(vertices[::-1], back[1], back[0], -doubled)


def polygon_of(sides: Sequence[Side], fill_px: float = 0) -> shapely.Polygon:
    """Return the polygon that a face's arcs make, in columns and rows.

    Args:
        sides: All arcs around the face.
        fill_px: Holes of fewer pixels are filled.
    """
    rings = [_Ring(chain) for chain in _chains(sides)]
    shell = next(ring for ring in rings if ring.doubled > 0)
    holes = [ring.vertices for ring in rings if ring.doubled < 0 and -ring.doubled / 2 >= fill_px]
    return shapely.Polygon(shell.vertices, holes)


class _Ring:
    def __init__(self, chain: Sequence[Side]) -> None:
        self.doubled = sum(side.doubled for side in chain)
        self.vertices = np.concatenate([side.vertices[:-1] for side in chain])


def _chains(sides: Sequence[Side]) -> list[list[Side]]:
    """Follow the arcs from vertex to vertex until each is in a ring."""
    leaving: dict[tuple[int, ...], list[Side]] = {}
    for side in sides:
        leaving.setdefault(tuple(side.vertices[0].tolist()), []).append(side)
    chains = []
    for begun in leaving.values():
        while begun:
            chain = [begun[0]]
            while True:
                choices = leaving[tuple(chain[-1].vertices[-1].tolist())]
                following = _following(choices, chain[-1].last)
                choices.remove(following)
                if following is chain[0]:
                    break
                chain.append(following)
            chains.append(chain)
    return chains


def _following(choices: Sequence[Side], step: int) -> Side:
    """Return the arc to go on with: where a face meets itself, the one to the right.

    So one ring passes there on either side of the vertex, and none touches itself.
    """
    right = (step - 1) % _AROUND
    return next((side for side in choices if side.first == right), choices[0])
