"""Convex hulls without corners of others."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.vectors import corners as corners_module
from geosemimtl.vectors.corners import Corners
from geosemimtl.vectors.ranges import places


def test_a_hull_that_holds_another_corner_is_not_alone() -> None:
    corners = Corners(np.array([(0, 0), (9, 0), (2, 1), (5, 4), (0, 9)]))
    pieces = [[(0, 0), (9, 0), (0, 9)], [(9, 0), (5, 4), (0, 9)], [(0, 0), (9, 0), (2, 1)]]
    vertices = np.array([vertex for piece in pieces for vertex in piece])
    assert corners.alone(vertices, np.repeat([0, 1, 2], 3)).tolist() == [False, True, True]


def test_without_pieces() -> None:
    corners = Corners(np.array([(0, 0)]))
    assert corners.alone(np.zeros((0, 2), np.int64), np.zeros(0, np.int64)).tolist() == []


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.01, 0.9))
def test_as_many_as_geos_finds(at_once: int, seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    there: NDArray[np.bool_] = random.uniform(size=(12, 30)) < share
    there[random.integers(12), random.integers(30, size=3)] = True
    known = places(there)[:, ::-1] + np.array((5, 40))
    sizes = random.integers(2, min(6, len(known)) + 1, 8)
    chosen = [random.choice(len(known), size, replace=False) for size in sizes]
    pieces = np.repeat(np.arange(8), sizes)
    hulls = [shapely.MultiPoint(known[each]).convex_hull for each in chosen]
    points = shapely.points(known)
    wanted = [
        int(shapely.intersects(hull, points).sum()) == len(each)
        for hull, each in zip(hulls, chosen, strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corners_module, "_AT_ONCE", at_once)
        assert Corners(known).alone(known[np.concatenate(chosen)], pieces).tolist() == wanted
