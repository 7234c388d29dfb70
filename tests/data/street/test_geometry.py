"""Rays and solids: closed-form depths, faces and projections."""

from __future__ import annotations

from math import cos, radians, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.data.street.geometry import (
    TILE,
    Camera,
    ball,
    box,
    frustum,
    meet_convex,
    meet_ellipsoid,
    noise_tile,
    prism,
)

#: A camera's rays in every direction that it sees.
ANGLES = st.floats(-8, 8)
OUTSIDE = np.array((0.0, 1.5, 0.0))


def rays_towards(*points: tuple[float, float, float]) -> np.ndarray:
    return np.array([np.subtract(point, OUTSIDE) for point in points]).T


@given(ANGLES, ANGLES)
def test_axes_are_orthonormal_and_right_handed(pitch: float, heading: float) -> None:
    axes = Camera(100.0, 0.2, 1.5, pitch, (8, 8), heading).axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    # The street's y is up where the camera's is down: one mirrors the other.
    assert np.linalg.det(axes) == pytest.approx(-1)


def test_a_level_cameras_axes_are_the_streets() -> None:
    axes = Camera(100.0, 0.2, 1.5, 0.0, (8, 8)).axes
    np.testing.assert_array_equal(axes, [(1, 0, 0), (0, -1, 0), (0, 0, 1)])


def test_looking_down_and_to_the_right() -> None:
    axes = Camera(100.0, 0.2, 1.5, 30.0, (8, 8)).axes
    np.testing.assert_allclose(axes[:, 2], (0, -0.5, sqrt(0.75)), atol=1e-12)
    axes = Camera(100.0, 0.2, 1.5, 0.0, (8, 8), 30.0).axes
    np.testing.assert_allclose(axes[:, 2], (0.5, 0, sqrt(0.75)), atol=1e-12)


@given(ANGLES, ANGLES, st.floats(-3, 3), st.floats(0, 4), st.floats(4, 60))
def test_a_point_lies_on_the_ray_of_where_it_is_seen(
    pitch: float, heading: float, x: float, y: float, z: float
) -> None:
    camera = Camera(300.0, 0.2, 1.4, pitch, (100, 200), heading, 0.5)
    bounds = camera.bounds(np.array([(x, y, z)]), np.array([0]))[:4, 0]
    row, bottom, col, right = bounds
    assert (row, col) == (bottom, right)
    ray = camera.rays(np.array([row]), np.array([col]))[:, 0, 0]
    depth = (np.array((x, y, z)) - camera.position) @ camera.axes[:, 2]
    np.testing.assert_allclose(camera.position + depth * ray, (x, y, z), atol=1e-9)


def test_what_lies_behind_is_not_seen() -> None:
    camera = Camera(300.0, 0.2, 1.4, 0.0, (100, 200))
    found = camera.bounds(np.array([(0, 1, -2), (1, 1, -3)]), np.array([0]))
    assert np.isnan(found[:4]).all()


def test_what_lies_on_both_sides_reaches_the_border() -> None:
    camera = Camera(300.0, 0.2, 1.4, 0.0, (100, 200))
    bounds = camera.bounds(box((2, 3), (0, 3), (-5, 10)).corners, np.array([0]))[:, 0]
    assert bounds[0] < 0
    assert bounds[1] > 100
    # The nearest place is at the far end: x 2 at depth 10.
    assert bounds[2] == pytest.approx(99.5 + 300 * 2 / 10)
    assert bounds[3] > 200


def test_a_box_is_entered_by_the_face_that_is_seen() -> None:
    met = meet_convex(
        box((-1, 1), (0, 3), (10, 14)),
        OUTSIDE,
        rays_towards((0, 1.5, 10), (0.5, 2.0, 10), (3, 1.5, 10), (0, 9, 1)),
    )
    assert met is not None
    np.testing.assert_allclose(met[0], (1, 1, np.inf, np.inf), rtol=1e-12)
    assert met[1][:2].tolist() == [2, 2]
    aside = meet_convex(box((2, 4), (0, 3), (1, 30)), OUTSIDE, rays_towards((2, 1.5, 8)))
    assert aside is not None
    assert aside[0].item() == pytest.approx(1)
    assert aside[1].item() == 0


def test_from_inside_nothing_is_met() -> None:
    rays = rays_towards((0, 1.5, 10))
    assert meet_convex(box((-1, 1), (0, 3), (-1, 4)), OUTSIDE, rays) is None
    assert meet_ellipsoid(ball((0, 1.5, 0), (1, 1, 1)), OUTSIDE, rays) is None


def test_a_ramp_leans() -> None:
    """A roof that falls 1 m in 2 m towards the camera: normal (0, 2, -1) / sqrt 5."""
    roof = frustum((-5, 5, 10, 14), (-5, 5, 12, 12), 2.0, 3.0)
    np.testing.assert_allclose(roof.planes[2, :3], np.array((0, 2, -1)) / sqrt(5), atol=1e-12)
    met = meet_convex(roof, OUTSIDE, rays_towards((0, 2.5, 11), (1, 2.25, 10.5)))
    assert met is not None
    np.testing.assert_allclose(met[0], (1, 1), rtol=1e-12)
    assert met[1].tolist() == [2, 2]


@pytest.mark.parametrize(
    "shape",
    [
        box((-1, 2), (0, 3), (4, 9)),
        frustum((-1, 1, 4, 8), (-0.5, 0.7, 5, 7), 0.5, 2),
        frustum((-1, 1, 4, 8), (0, 0, 5, 7), 0.5, 2),
        prism(0, (1, 2, 3), 0.5, 0.1, 12),
        prism(1, (1, 2, 3), 0.5, 2.0, 8),
        prism(2, (1, 2, 3), 0.5, 0.1, 4),
    ],
)
def test_corners_lie_on_planes_and_within_all(shape: object) -> None:
    inside = shape.corners @ shape.planes[:, :3].T - shape.planes[:, 3]  # type: ignore[attr-defined]
    assert inside.max() < 1e-9
    assert (np.abs(inside) < 1e-9).sum(axis=1).min() >= 3
    assert (np.abs(inside) < 1e-9).sum(axis=0).min() >= 2
    np.testing.assert_allclose(np.linalg.norm(shape.planes[:, :3], axis=1), 1)  # type: ignore[attr-defined]


def test_an_octagons_sides_keep_their_distance() -> None:
    pole = prism(1, (0, 1, 5), 0.25, 1.0, 8)
    np.testing.assert_allclose(
        np.hypot(*pole.corners[:, [0, 2]].T - np.array([[0], [5]])), 0.25 / cos(radians(22.5))
    )


def test_a_ball_is_met_at_its_near_point() -> None:
    met = meet_ellipsoid(
        ball((0, 1.5, 10), (1, 2, 3)),
        OUTSIDE,
        rays_towards((0, 1.5, 1), (1.1, 1.5, 10), (0, 1, -1)),
    )
    assert met is not None
    np.testing.assert_allclose(met, (7, np.inf, np.inf))


def test_a_ragged_ball_has_holes_only_within_its_outline() -> None:
    camera = Camera(300.0, 0.2, 1.5, 0.0, (60, 60))
    rays = camera.rays(np.arange(60.0), np.arange(60.0))
    smooth = meet_ellipsoid(ball((0, 1.5, 20), (1.6, 1.6, 1.6)), camera.position, rays)
    ragged = meet_ellipsoid(ball((0, 1.5, 20), (1.6, 1.6, 1.6), 0.5), camera.position, rays)
    assert smooth is not None
    assert ragged is not None
    met = np.isfinite(ragged)
    assert 0.5 * np.isfinite(smooth).sum() < met.sum() < 0.95 * np.isfinite(smooth).sum()
    np.testing.assert_array_equal(ragged[met], smooth[met])


def test_noise_is_standard_and_repeats() -> None:
    tile = noise_tile(2.0)
    assert tile.shape == (TILE, TILE)
    assert tile.mean() == pytest.approx(0, abs=1e-5)
    assert tile.std() == pytest.approx(1, abs=1e-5)
    # Its two borders are neighbours.
    assert np.abs(tile[0] - tile[-1]).mean() < 1.5 * np.abs(tile[0] - tile[1]).mean()
