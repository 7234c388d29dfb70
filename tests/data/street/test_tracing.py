"""Windows and the order of things spare work and change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.data.street.geometry import (
    Camera,
    Convex,
    box,
    meet_convex,
    meet_ellipsoid,
)
from geosemimtl.data.street.looks import LOOKS
from geosemimtl.data.street.materials import Finish, Label, Material, Thing
from geosemimtl.data.street.plan import bonnet, draw_camera, draw_section, draw_street
from geosemimtl.data.street.tracing import SKY, trace, windows_of

GREY = (Finish(Material.PLAIN, (0.2, 0.2, 0.2)),)


@pytest.mark.parametrize("look", sorted(LOOKS))
@pytest.mark.parametrize("seed", range(3))
def test_every_ray_meets_the_nearest_of_all_things(look: str, seed: int) -> None:
    """Against all things on all rays, without windows or order."""
    style, rng = LOOKS[look].style, np.random.default_rng(seed)
    section = draw_section(style, rng)
    camera = draw_camera(LOOKS[look].optics, section, (20, 40), rng)
    things = (*draw_street(style, section, rng), bonnet(camera))
    hits = trace(things, camera)
    depth = np.full(hits.depth_m.shape, np.inf)
    label = np.full(depth.shape, int(Label.SKY))
    for thing in things:
        if isinstance(thing.shape, Convex):
            met = meet_convex(thing.shape, hits.origin, hits.rays)
            reached = None if met is None else met[0]
        else:
            reached = meet_ellipsoid(thing.shape, hits.origin, hits.rays)
        if reached is not None:
            label = np.where(reached < depth, int(thing.label), label)
            depth = np.minimum(depth, reached)
    np.testing.assert_array_equal(hits.depth_m, depth)
    # Where two things have one depth either may be named.
    assert (hits.labels() != label).mean() < 0.001


def test_rays_are_at_pixels_and_half_way_between() -> None:
    camera = Camera(50.0, 0.2, 1.5, 0.0, (4, 6))
    wall = Thing(box((-99, 99), (-99, 99), (10, 11)), Label.WALL, GREY)
    hits = trace((wall,), camera)
    assert hits.depth_m.shape == (9, 13)
    np.testing.assert_allclose(hits.rays[0, 0], np.arange(-3, 3.5, 0.5) / 50)
    np.testing.assert_allclose(hits.centres().rays[0, 0], (np.arange(6) - 2.5) / 50)
    np.testing.assert_allclose(hits.centres().rays[1, :, 0], (1.5 - np.arange(4)) / 50)


def test_no_thing_is_sky() -> None:
    camera = Camera(50.0, 0.2, 1.5, 0.0, (4, 6))
    hits = trace((Thing(box((-1, 1), (0, 1), (-9, -5)), Label.CAR, GREY),), camera)
    assert (hits.face == SKY).all()
    assert (hits.labels() == 23).all()
    assert (hits.normals() == 0).all()


def test_windows_hold_what_is_seen() -> None:
    """From x -1 to 1 at 10 m: columns 39.5 - 5 to 39.5 + 5; what is behind or aside has none."""
    camera = Camera(50.0, 0.2, 1.5, 0.0, (60, 80))
    hulls = [
        box((-1, 1), (0.5, 2.5), (10, 12)).corners,
        np.empty((0, 3)),
        box((-1, 1), (0.5, 2.5), (-12, -10)).corners,
        box((50, 51), (0, 1), (10, 12)).corners,
        box((2, 3), (-9, 9), (-5, 5)).corners,
    ]
    windows, nearest = windows_of(hulls, camera, 1)
    assert windows == [
        (slice(24, 36), slice(34, 46)),
        (slice(None), slice(None)),
        None,
        None,
        (slice(0, 60), slice(59, 80)),
    ]
    np.testing.assert_allclose(nearest, (10, 0, -12, 10, -5))
