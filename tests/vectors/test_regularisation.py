"""Footprints with right angles."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.vectors.regularisation import right_angled

#: An L of 20 m x 16 m.
CORNER = shapely.Polygon([(0, 0), (20, 0), (20, 7), (8, 7), (8, 16), (0, 16)])


def turned(polygon: shapely.Polygon, degrees: float) -> shapely.Polygon:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return shapely.transform(polygon, lambda points: points @ matrix)


def angles(polygon: shapely.Polygon) -> list[float]:
    """Return the angle at each vertex in degrees."""
    steps = np.diff(shapely.get_coordinates(polygon.exterior), axis=0)
    directions = np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    return sorted((np.diff(directions, append=directions[0]) % 360).tolist())


@given(degrees=st.floats(-180, 180), seed=st.integers(0, 99))
def test_a_ragged_outline_becomes_the_building(degrees: float, seed: int) -> None:
    dense = shapely.get_coordinates(shapely.segmentize(CORNER, 1.0).exterior)[:-1]
    dense += np.random.default_rng(seed).uniform(-0.25, 0.25, dense.shape)
    made = right_angled(turned(shapely.Polygon(dense), degrees), 2.0)
    assert len(made.exterior.coords) == 7
    assert angles(made) == pytest.approx([90] * 5 + [270], abs=1e-6)
    wanted = turned(CORNER, degrees)
    assert made.intersection(wanted).area / made.union(wanted).area > 0.95
    assert made.exterior.is_ccw


def test_courts_follow_their_building() -> None:
    court = shapely.Polygon(
        [(0, 0), (30, 0), (30, 30), (0, 30)], [[(10, 10), (10.2, 20), (20, 20), (20, 10)]]
    )
    made = right_angled(turned(court, 30), 2.0)
    assert len(made.interiors) == 1
    assert made.area == pytest.approx(801, abs=2)


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(0, 0).buffer(10),
        shapely.Polygon([(0, 0), (20, 0), (10, 17)]),
        shapely.Polygon([(0, 0), (20, 0), (20, 10), (3, 18)]),
        shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)]),
    ],
    ids=["round", "triangle", "askew", "square"],
)
def test_what_has_no_right_angles_or_only_them_stays(shape: shapely.Polygon) -> None:
    assert right_angled(shape, 2.0).equals(shape)


def test_notches_go_before_walls() -> None:
    notched = shapely.Polygon(
        [(0, 0), (9, 0), (9, 1), (10, 1), (10, 0), (20, 0), (20, 12), (0, 12)]
    )
    made = right_angled(notched, 2.0)
    assert len(made.exterior.coords) == 5
    assert made.area == pytest.approx(240, rel=0.02)
