"""Views of streets: truth against closed forms, and two looks of one kind of street."""

from __future__ import annotations

from functools import cache
from math import cos, radians, sin

import numpy as np
import pytest

from geosemimtl.data.street.geometry import Camera, Convex, ball, box
from geosemimtl.data.street.looks import LOOKS
from geosemimtl.data.street.materials import Finish, Label, Material, Thing
from geosemimtl.data.street.view import StreetView, look_at, street_view
from geosemimtl.errors import ConfigError

GREY = (Finish(Material.PLAIN, (0.2, 0.2, 0.2)),)
GROUND = Thing(Convex(np.array([(0.0, 1.0, 0.0, 0.0)]), np.empty((0, 3))), Label.ROAD, GREY)
SHAPE = (60, 80)
#: Ids of Cityscapes that a street may have.
KNOWN = {int(label) for label in Label}


def level(**changes: float) -> Camera:
    return Camera(100.0, 0.25, 1.5, shape=SHAPE, **({"pitch_deg": 0.0} | changes))


@cache
def view(look: str, seed: int) -> StreetView:
    return street_view(look, seed, (128, 256))


def test_depth_of_the_ground_is_focal_times_height_over_row() -> None:
    truth = look_at((GROUND,), level())
    below = np.arange(SHAPE[0]) - 29.5
    expected = np.where(below > 0, 100.0 * 1.5 / np.where(below > 0, below, 1), np.inf)
    np.testing.assert_allclose(truth.depth_m, np.tile(expected[:, None], 80), rtol=1e-6)
    assert (truth.label_ids[30:] == 7).all()
    assert (truth.label_ids[:30] == 23).all()
    np.testing.assert_array_equal(truth.normals[:, 30:], np.tile([[[0]], [[-1]], [[0]]], (30, 80)))
    assert (truth.normals[:, :30] == 0).all()


def test_depth_of_the_ground_seen_from_above() -> None:
    """Ray (0, b, 1) falls by b cos(p) + sin(p) a metre of depth when the camera looks down by p."""
    pitch = radians(5.0)
    truth = look_at((GROUND,), level(pitch_deg=5.0))
    fall = (np.arange(SHAPE[0]) - 29.5) / 100.0 * cos(pitch) + sin(pitch)
    expected = np.where(fall > 0, 1.5 / np.where(fall > 0, fall, 1), np.inf)
    np.testing.assert_allclose(truth.depth_m[:, 7], expected, rtol=1e-6)
    normal = truth.normals[:, -1, 7]
    np.testing.assert_allclose(normal, (0, -cos(pitch), -sin(pitch)), atol=1e-7)


def test_a_box_ahead_has_one_depth_and_hides_the_ground() -> None:
    wall = Thing(box((-1, 2), (0, 3), (10, 12)), Label.WALL, GREY)
    truth = look_at((GROUND, wall), level())
    # x from -1 to 2 at 10 m: columns 39.5 - 10 to 39.5 + 20; rows 29.5 - 15 to 29.5 + 15.
    inside = np.zeros(SHAPE, bool)
    inside[15:45, 30:60] = True
    np.testing.assert_array_equal(truth.label_ids == 12, inside)
    np.testing.assert_array_equal(truth.depth_m[inside], np.float32(10))
    np.testing.assert_array_equal(truth.normals[:, 20, 40], (0, 0, -1))


def test_a_wall_aside_recedes() -> None:
    """A wall at x = 2 m is seen in column 39.5 + 200 / depth; its normal points to the left."""
    wall = Thing(box((2, 3), (0, 30), (-5, 100)), Label.BUILDING, GREY)
    truth = look_at((wall,), level())
    cols = np.arange(45, 80)
    np.testing.assert_allclose(truth.depth_m[10, 45:], 200 / (cols - 39.5), rtol=1e-6)
    np.testing.assert_array_equal(truth.normals[:, 10, 60], (-1, 0, 0))


def test_a_heading_turns_normals_into_the_cameras_axes() -> None:
    wall = Thing(box((-50, 50), (0, 30), (10, 12)), Label.BUILDING, GREY)
    truth = look_at((wall,), level(heading_deg=30.0))
    turn = radians(30.0)
    np.testing.assert_allclose(truth.normals[:, 30, 40], (sin(turn), 0, -cos(turn)), atol=1e-7)
    right = (40 - 39.5) / 100
    # The ray's part along the street is cos - right sin: the wall is 10 m that way.
    expected = 10 / (cos(turn) - right * sin(turn))
    assert truth.depth_m[30, 40] == pytest.approx(expected, rel=1e-6)


def test_a_ball_bulges_towards_the_camera() -> None:
    truth = look_at((Thing(ball((0, 1.5, 10), (2, 2, 2)), Label.VEGETATION, GREY),), level())
    row, col = 30, 40
    ray = np.array((0.005, 0.005, 1.0))
    depth = truth.depth_m[row, col]
    point = depth * ray - (0, 0, 10)
    assert np.linalg.norm(point) == pytest.approx(2, rel=1e-6)
    np.testing.assert_allclose(truth.normals[:, row, col], point / 2, atol=1e-6)
    outline = 2 / np.sqrt(100 - 4)  # tangent of half the angle it fills
    assert abs((truth.label_ids == 21).sum() / (np.pi * (100 * outline) ** 2) - 1) < 0.03


def test_the_nearer_thing_wins_in_any_order() -> None:
    near = Thing(box((-1, 1), (0, 3), (5, 6)), Label.CAR, GREY)
    far = Thing(box((-9, 9), (0, 9), (20, 21)), Label.BUILDING, GREY)
    one, other = look_at((near, far), level()), look_at((far, near), level())
    np.testing.assert_array_equal(one.label_ids, other.label_ids)
    np.testing.assert_array_equal(one.depth_m, other.depth_m)
    assert one.label_ids[30, 40] == 26


@pytest.mark.parametrize("look", sorted(LOOKS))
@pytest.mark.parametrize("seed", range(4))
def test_truth_is_consistent(look: str, seed: int) -> None:
    seen = view(look, seed)
    assert seen.image.shape == (3, 128, 256)
    assert seen.image.dtype == seen.label_ids.dtype == np.uint8
    assert seen.depth_m.dtype == seen.normals.dtype == seen.disparity_px.dtype == np.float32
    assert set(np.unique(seen.label_ids).tolist()) <= KNOWN
    sky = seen.label_ids == Label.SKY
    np.testing.assert_array_equal(sky, np.isinf(seen.depth_m))
    np.testing.assert_array_equal(seen.disparity_px[sky], 0)
    assert seen.depth_m.min() > 0
    product = seen.camera.focal_px * seen.camera.baseline_m
    np.testing.assert_allclose(seen.disparity_px[~sky] * seen.depth_m[~sky], product, rtol=1e-6)
    length = np.sqrt((seen.normals**2).sum(axis=0))
    np.testing.assert_allclose(length, ~sky, atol=1e-6)
    assert 0.002 < sky.mean() < 0.5


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_normals_face_the_camera(look: str) -> None:
    seen = view(look, 1)
    rows, cols = (np.arange(n) - c for n, c in zip((128, 256), seen.camera.centre, strict=True))
    focal = seen.camera.focal_px
    towards = seen.normals[0] * cols / focal + seen.normals[1] * rows[:, None] / focal
    towards += seen.normals[2]
    assert towards.max() < 1e-6


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_the_road_is_the_plane_that_the_camera_stands_on(look: str) -> None:
    """Each pixel of road, put back into the street, lies at height 0."""
    seen = view(look, 2)
    camera = seen.camera
    rays = camera.rays(np.arange(128.0), np.arange(256.0))
    road = seen.label_ids == Label.ROAD
    height = camera.height_m + rays[1][road] * seen.depth_m[road]
    np.testing.assert_allclose(height, 0, atol=2e-4)
    walk = seen.label_ids == Label.SIDEWALK
    top = walk & (seen.normals[1] < -0.9)
    height = camera.height_m + rays[1][top] * seen.depth_m[top]
    np.testing.assert_allclose(height, 0.12, atol=2e-4)


def test_streets_have_what_streets_have() -> None:
    for look in LOOKS:
        share = np.mean(
            [np.bincount(view(look, s).label_ids.ravel(), minlength=34) for s in range(8)], 0
        )
        share /= share.sum()
        assert share[Label.ROAD] > 0.2, look
        assert share[Label.BUILDING] > 0.15, look
        for label in (Label.SIDEWALK, Label.VEGETATION, Label.CAR, Label.SKY):
            assert share[label] > 0.01, (look, label.name)
        for label in (Label.PERSON, Label.POLE, Label.TRAFFIC_SIGN):
            assert share[label] > 0.0004, (look, label.name)
        assert (share[Label.EGO_VEHICLE] > 0.01) == (look == "camera")


def test_the_two_looks_differ_as_two_data_sets_do() -> None:
    def mean(look: str, what: str) -> float:
        views = [view(look, seed) for seed in range(8)]
        if what == "saturation":
            return float(np.mean([np.ptp(v.image.astype(float), axis=0).mean() for v in views]))
        red, _, blue = np.mean([v.image.mean(axis=(1, 2)) for v in views], axis=0)
        return float(blue - red)

    assert mean("rendered", "saturation") > 1.5 * mean("camera", "saturation")


def test_noise_is_the_cameras_alone() -> None:
    """Neighbouring pixels of the sky: smooth in one look, noisy in the other."""

    def roughness(look: str) -> float:
        seen = view(look, 3)
        sky = seen.label_ids == Label.SKY
        both = sky[:, 1:] & sky[:, :-1]
        return float(np.median(np.abs(np.diff(seen.image.astype(float), axis=2))[:, both]))

    assert roughness("camera") > 2 * roughness("rendered")


def test_a_seed_names_a_street() -> None:
    first, again, other = (street_view("camera", seed, (64, 128)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.depth_m, again.depth_m)
    assert (first.image != other.image).mean() > 0.5


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_another_size_shows_the_same_street(look: str) -> None:
    small, large = street_view(look, 7, (64, 128)), street_view(look, 7, (128, 256))
    assert large.camera.focal_px == pytest.approx(2 * small.camera.focal_px)
    agreement = np.mean(small.label_ids == large.label_ids[::2, ::2])
    assert agreement > 0.85


def test_a_look_has_to_be_known() -> None:
    with pytest.raises(ConfigError, match=r"'rendred'; did you mean 'rendered'\?"):
        street_view("rendred", 1)


def test_a_view_has_to_be_large_enough() -> None:
    with pytest.raises(ConfigError, match=r"8 x 64 px is too small"):
        street_view("camera", 1, (8, 64))
