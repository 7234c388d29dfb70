"""Depth, disparity and inverse depth against Cityscapes' cameras and their own laws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.stereo import CITYSCAPES, Stereo, inverted

RIGS = st.builds(Stereo, st.floats(10, 1e4), st.floats(0.01, 10))
#: From a hair's breadth to where a disparity is far below a pixel.
DEPTHS = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=5).map(np.array)


def test_cityscapes_by_hand() -> None:
    assert CITYSCAPES.focal_baseline == pytest.approx(473.6, abs=0.05)
    depth = np.array([1, 10, 473.57484876, np.inf])
    np.testing.assert_allclose(
        CITYSCAPES.disparity_px(depth), [473.57484876, 47.357484876, 1, 0], rtol=1e-7
    )


def test_the_sky_is_zero_and_back() -> None:
    """No warning, which would be an error here, of arrays as of tensors."""
    far = CITYSCAPES.depth_m(np.array([0.0, 47.357484876]))
    np.testing.assert_allclose(far, [np.inf, 10], rtol=1e-7)
    np.testing.assert_array_equal(inverted(np.array([0.0, np.inf, 4])), [np.inf, 0, 0.25])
    assert inverted(torch.tensor([0.0, torch.inf, 4])).tolist() == [torch.inf, 0, 0.25]


@given(RIGS, DEPTHS)
def test_conversions_are_undone(rig: Stereo, depth_m: np.ndarray) -> None:
    disparity_px, inverse = rig.disparity_px(depth_m), inverted(depth_m)
    np.testing.assert_allclose(rig.depth_m(disparity_px), depth_m)
    np.testing.assert_allclose(rig.inverse_depth(disparity_px), inverse)
    np.testing.assert_allclose(rig.disparity_of_inverse(inverse), disparity_px)
    np.testing.assert_allclose(inverted(inverse), depth_m)


@given(RIGS, DEPTHS, st.floats(0.05, 20))
def test_a_resized_image_has_resized_disparities(
    rig: Stereo, depth_m: np.ndarray, factor: float
) -> None:
    resized = rig.scaled(factor)
    assert resized.baseline_m == rig.baseline_m
    np.testing.assert_allclose(resized.disparity_px(depth_m), factor * rig.disparity_px(depth_m))


@given(DEPTHS)
def test_what_is_farther_has_less_disparity(depth_m: np.ndarray) -> None:
    assert (CITYSCAPES.disparity_px(depth_m + 1) < CITYSCAPES.disparity_px(depth_m)).all()


def test_types_stay() -> None:
    narrow = np.array([[2.0]], np.float32)
    assert CITYSCAPES.disparity_px(narrow).dtype == np.float32
    assert CITYSCAPES.inverse_depth(narrow).dtype == np.float32
    depth_m = torch.tensor([2.0], requires_grad=True)
    disparity_px = Stereo(100, 0.5).disparity_px(depth_m)
    torch.autograd.backward(disparity_px)
    assert disparity_px.item() == 25
    assert depth_m.grad is not None
    assert depth_m.grad.item() == -12.5


def test_cameras_are_values() -> None:
    assert Stereo(100, 0.5).scaled(2) == Stereo(200, 0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        CITYSCAPES.focal_px = 1.0  # type: ignore[misc]  # that is the test


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_what_cannot_be(wrong: float) -> None:
    with pytest.raises(ValueError, match="focal_px"):
        Stereo(wrong, 1)
    with pytest.raises(ValueError, match="baseline_m"):
        Stereo(1, wrong)
    with pytest.raises(ValueError, match="focal_px"):
        CITYSCAPES.scaled(wrong)
