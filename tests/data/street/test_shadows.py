"""Shadows against closed forms, and what the light does to the image."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import Camera, Convex, ball, box
from geosemimtl.data.street.looks import LOOKS
from geosemimtl.data.street.materials import Finish, Label, Material, Thing
from geosemimtl.data.street.rendering import render
from geosemimtl.data.street.shadows import shade
from geosemimtl.data.street.tracing import trace

GREY = (Finish(Material.PLAIN, (0.2, 0.2, 0.2)),)
GROUND = Thing(Convex(np.array([(0.0, 1.0, 0.0, 0.0)]), np.empty((0, 3))), Label.ROAD, GREY)
CAMERA = Camera(100.0, 0.2, 6.0, 25.0, (90, 120))
#: Half way up in the left: a shadow falls to the right, as long as what casts it is high.
FROM_LEFT = np.array((-1.0, 1.0, 0.0)) / sqrt(2)


def shaded(*things: Thing) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.uint8]]:
    """Return what of the sun is seen, the places in the street and their labels."""
    hits = trace((GROUND, *things), CAMERA).centres()
    sunlit, _ = shade(hits, (GROUND, *things), CAMERA, FROM_LEFT)
    depth = np.where(np.isfinite(hits.depth_m), hits.depth_m, 0)
    return sunlit, hits.origin[:, None, None] + depth * hits.rays, hits.labels()


def test_a_box_shades_the_ground_behind_it() -> None:
    """2 m high from x -1 to 1: on the ground its shadow ends at x = 3."""
    sunlit, (x, _, z), labels = shaded(Thing(box((-1, 1), (0, 2), (10, 12)), Label.CAR, GREY))
    on_ground = labels == Label.ROAD
    within = (x > 1) & (x < 3) & (z > 10) & (z < 12)
    np.testing.assert_array_equal(sunlit[on_ground] == 0, within[on_ground])
    assert within[on_ground].sum() > 50


def test_the_top_of_a_box_is_lit() -> None:
    sunlit, (_, y, _), labels = shaded(Thing(box((-1, 1), (0, 2), (10, 12)), Label.CAR, GREY))
    top = (labels == Label.CAR) & (y > 1.999)
    assert top.sum() > 50
    assert (sunlit[top] == 1).all()


def test_a_balls_shadow_is_an_ellipse() -> None:
    """Radius 1 at height 1.5: a cylinder of light about x = 1.5 meets the ground, sqrt 2 long."""
    sunlit, (x, _, z), labels = shaded(Thing(ball((0, 1.5, 11), (1, 1, 1)), Label.VEGETATION, GREY))
    on_ground = labels == Label.ROAD
    within = ((x - 1.5) / sqrt(2)) ** 2 + (z - 11) ** 2 < 1
    np.testing.assert_array_equal(sunlit[on_ground] == 0, within[on_ground])
    assert within[on_ground].sum() > 50


def test_the_road_shades_nothing() -> None:
    assert (shaded()[0] == 1).all()


@pytest.mark.parametrize("is_grounded", [True, False])
def test_the_ground_is_darker_around_what_stands_on_it(*, is_grounded: bool) -> None:
    thing = Thing(box((-1, 1), (0.1, 2), (10, 12)), Label.CAR, GREY, grounded=is_grounded)
    hits = trace((GROUND, thing), CAMERA).centres()
    _, sky = shade(hits, (GROUND, thing), CAMERA, FROM_LEFT)
    point = hits.origin[:, None, None] + np.nan_to_num(hits.depth_m, posinf=0) * hits.rays
    road = hits.labels() == Label.ROAD
    near = road & (np.abs(point[0]) < 1) & (np.abs(point[2] - 9.9) < 0.1)
    far = road & (np.abs(point[2] - 7) < 0.3)
    assert (sky[near].mean() < 0.5 * sky[far].mean()) == is_grounded


def test_haze_grows_with_depth() -> None:
    """Black things fade into the horizon's colour by 1 - exp(-haze depth)."""
    black = (Finish(Material.PLAIN, (0.0, 0.0, 0.0)),)
    look = LOOKS["rendered"]
    light = replace(look.light, haze_per_m=(0.01, 0.01), horizon=(0.5, 0.5, 0.5))
    optics = replace(look.optics, gamma=1.0, contrast=0.0, exposure=(1.0, 1.0), saturation=1.0)
    values = []
    for depth_m in (10.0, 40.0):
        wall = Thing(box((-99, 99), (-99, 99), (depth_m, depth_m + 1)), Label.WALL, black)
        camera = Camera(100.0, 0.2, 1.5, 0.0, (16, 16))
        rng = np.random.default_rng(0)
        image = render(trace((wall,), camera), (wall,), camera, light, optics, rng)
        values.append(np.unique(image).tolist())
    assert values == [[round(255 * 0.5 * (1 - np.exp(-0.01 * d)))] for d in (10, 40)]
