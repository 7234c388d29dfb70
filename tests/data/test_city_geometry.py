"""Convex polygons: areas after cuts, margins, insides."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.data.city.geometry import rectangle, strip

ANGLES = st.floats(0, 2 * pi)
HALVES = st.floats(1, 50)


@given(angle=ANGLES, half_u=HALVES, half_v=HALVES, cut=ANGLES, shift=st.floats(-0.9, 0.9))
def test_two_sides_of_a_cut_add_up(
    angle: float, half_u: float, half_v: float, cut: float, shift: float
) -> None:
    shape = rectangle(np.array((3.0, -2.0)), half_u, half_v, angle)
    normal = np.array((np.cos(cut), np.sin(cut)))
    point = np.array((3.0, -2.0)) + normal * shift * min(half_u, half_v)
    parts = shape.clip(point, normal), shape.clip(point, -normal)
    assert shape.area_m2 == pytest.approx(4 * half_u * half_v)
    assert sum(part.area_m2 for part in parts) == pytest.approx(shape.area_m2)
    assert all(part.area_m2 > 0 for part in parts)


@given(angle=ANGLES, half_u=HALVES, half_v=HALVES, margin=st.floats(0, 60))
def test_inset_of_a_rectangle_is_the_smaller_rectangle(
    angle: float, half_u: float, half_v: float, margin: float
) -> None:
    inner = rectangle(np.zeros(2), half_u, half_v, angle).inset(margin)
    expected = 4 * max(0.0, half_u - margin) * max(0.0, half_v - margin)
    area = 0.0 if inner.is_empty else inner.area_m2
    assert area == pytest.approx(expected, abs=1e-5)


def test_inset_follows_the_numbers_of_the_sides() -> None:
    shape = rectangle(np.zeros(2), 10.0, 5.0, 0.0).clip(np.zeros(2), np.array((1.0, 0.0)), 2.0)
    assert shape.inset(0.0, tag_weight=1.0).bounds == pytest.approx((2.0, -5.0, 10.0, 5.0))


def test_contains_keeps_the_margin() -> None:
    shape = rectangle(np.zeros(2), 10.0, 5.0, 0.0)
    points = np.array(((0.0, 0.0), (9.5, 0.0), (0.0, 5.5)))
    assert shape.contains(points).tolist() == [True, True, False]
    assert shape.contains(points, 1.0).tolist() == [True, False, False]


def test_strip_lies_inside_of_its_edge() -> None:
    shape = rectangle(np.zeros(2), 10.0, 5.0, 0.4)
    piece = strip(shape.longest(), (2.0, 6.0), (1.0, 4.0))
    assert piece.area_m2 == pytest.approx(12.0)
    assert shape.contains(piece.points, 0.99).all()
    assert piece.intersect(shape).area_m2 == pytest.approx(12.0)
