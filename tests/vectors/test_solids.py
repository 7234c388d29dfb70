"""Blocks are closed: each edge has two faces, and every face looks outside."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import shapely

from geosemimtl.vectors.solids import Block, Surface, block_of

SQUARE = shapely.box(0, 0, 10, 10)
COURT = shapely.Polygon(SQUARE.exterior.coords, [[(3, 3), (3, 6), (6, 6), (6, 3)]])
#: A court whose corner touches the street.
TOUCHING = shapely.Polygon(SQUARE.exterior.coords, [[(0, 0), (0.5, 4), (4, 0.5)]])


def edges(surfaces: list[Surface]) -> Counter[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Count directed edges."""
    return Counter(
        (tuple(a), tuple(b))
        for surface in surfaces
        for ring in surface
        for a, b in pairwise([*ring.tolist(), ring[0].tolist()])
    )


def volume(surfaces: list[Surface]) -> float:
    """Return the enclosed volume by the divergence theorem: positive if faces look outside."""
    total = 0.0
    for surface in surfaces:
        for ring in surface:
            for a, b in pairwise(ring[1:]):
                total += float(np.dot(ring[0], np.cross(a, b))) / 6
    return total


@pytest.mark.parametrize("footprint", [SQUARE, shapely.reverse(SQUARE), COURT, TOUCHING], ids=str)
def test_a_block_is_closed_and_looks_outside(footprint: shapely.Polygon) -> None:
    block = block_of(footprint, 2.0, 7.0)
    found = edges(block.surfaces)
    assert set(found.values()) == {1}
    assert all((end, start) in found for start, end in found)
    assert volume(block.surfaces) == pytest.approx(block.footprint.area * 5)
    assert block.footprint.area == pytest.approx(footprint.area, rel=0.02)


def test_faces_are_flat() -> None:
    for surface in block_of(COURT, 0.0, 4.0).surfaces:
        points = np.concatenate(surface)
        assert np.linalg.matrix_rank(points - points[0]) == 2


def test_floor_roof_and_walls() -> None:
    block = Block(shapely.orient_polygons(COURT), 1.0, 4.0)
    assert {z for ring in block.floor for *_, z in ring.tolist()} == {1.0}
    assert {z for ring in block.roof for *_, z in ring.tolist()} == {4.0}
    assert len(block.walls) == 8


def test_only_a_footprint_that_meets_itself_shrinks() -> None:
    assert block_of(COURT, 0.0, 1.0).footprint.equals(COURT)
    assert not block_of(TOUCHING, 0.0, 1.0).footprint.equals(TOUCHING)
