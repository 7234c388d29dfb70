"""Encodings that several data sets have in common, by values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from geosemimtl.classes import ClassMap, MappedClass
from geosemimtl.data.sets.decoding import (
    camera_normals,
    channels_first,
    depth_of_24_bit,
    indices_of,
    within,
)
from geosemimtl.errors import LabelError, SceneError

CLASSES = ClassMap(
    entries=(
        MappedClass(name="road", color="#804080", written=(7, 9)),
        MappedClass(name="sky", color="#4682b4", written=(23,)),
    ),
    ignore=(0, 255),
)


def test_depth_in_three_bytes() -> None:
    """METHODS, X5: (0, 0, 1), (16, 8, 4) and (255, 255, 255)."""
    bands = np.array([[[0, 16, 255]], [[0, 8, 255]], [[1, 4, 255]]], np.uint8)
    assert_allclose(depth_of_24_bit(bands), [[3.9062502, 15.7480249, 1000.0]], rtol=1e-7)


def test_a_fourth_band_is_passed_over() -> None:
    bands = np.array([[[0]], [[0]], [[1]], [[255]]], np.uint8)
    assert_allclose(depth_of_24_bit(bands), [[3.9062502]], rtol=1e-7)


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**24 - 1))
def test_depth_in_three_bytes_grows_with_its_number(one: int, other: int) -> None:
    nearer, farther = sorted((one, other))
    numbers = [[nearer, farther]]
    bands = np.array([[[n >> shift & 255 for n in numbers[0]]] for shift in (0, 8, 16)], np.uint8)
    (depths_m,) = depth_of_24_bit(bands)
    assert depths_m[0] <= depths_m[1]
    assert_allclose(depths_m, np.array(numbers[0]) / (2**24 - 1) * 1000, rtol=1e-6)


def test_depths_of_nothing_and_beyond_are_unknown() -> None:
    assert_array_equal(
        within(np.array([[0, 0.5, 100, 100.1]], np.float32), 100), [[np.nan, 0.5, 100, np.nan]]
    )


def test_classes_by_their_numbers() -> None:
    ids = np.array([[7, 9, 23], [0, 255, 7]], np.uint8)
    assert_array_equal(indices_of(ids, CLASSES, Path("a.png")), [[0, 0, 1], [255, 255, 0]])


@pytest.mark.parametrize(("ids", "says"), [([[8]], "label 8"), ([[7.5]], "label 7.5")])
def test_unknown_numbers_are_refused(ids: list[list[float]], says: str) -> None:
    with pytest.raises(LabelError, match=rf"^a\.png: has the {says}.*declared: road=7.*$"):
        indices_of(np.array(ids), CLASSES, Path("a.png"))


def test_normals_point_in_the_cameras_axes() -> None:
    """Walls that face the camera; z towards it is turned, z away from it is not."""
    towards = np.zeros((3, 1, 3))
    towards[:, 0, 0] = (0.3, 0, 0.4)  # of length 0.5
    towards[:, 0, 1] = (0, -2, 1e-9)
    everywhere = np.ones((1, 3), bool)
    wanted = np.array([[[0.6, 0, np.nan]], [[0, -1, np.nan]], [[-0.8, 0, np.nan]]])
    assert_allclose(camera_normals(towards, everywhere), wanted, atol=1e-7)
    away = towards * np.array([1, 1, -1])[:, None, None]
    assert_allclose(camera_normals(away, everywhere), wanted, atol=1e-7)


def test_normals_are_unknown_where_nothing_is_observed() -> None:
    normals = camera_normals(np.ones((3, 1, 2)), np.array([[True, False]]))
    assert np.isfinite(normals[:, 0, 0]).all()
    assert np.isnan(normals[:, 0, 1]).all()


@pytest.mark.parametrize(
    ("shape", "channels", "wanted"),
    [((2, 4), 1, (1, 2, 4)), ((2, 4, 3), 3, (3, 2, 4)), ((3, 2, 4), 3, (3, 2, 4))],
)
def test_channels_come_first(
    shape: tuple[int, ...], channels: int, wanted: tuple[int, ...]
) -> None:
    assert channels_first(np.zeros(shape), channels, Path("a.npy")).shape == wanted


def test_the_last_axis_is_taken_where_both_would_do() -> None:
    array = np.arange(18).reshape(3, 2, 3)
    assert_array_equal(channels_first(array, 3, Path("a.npy"))[:, 0, 0], [0, 1, 2])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(SceneError, match=r"^a\.npy: is 2 x 4; 3 channel\(s\).*shipped$"):
        channels_first(np.zeros((2, 4)), 3, Path("a.npy"))
