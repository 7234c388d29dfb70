"""NYUv2 as MTAN prepared it: arrays with channels last, -1 and 0 where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from geosemimtl.data.sets import mtan, nyuv2_mtan
from geosemimtl.errors import LabelError, SceneError

Write = Callable[[Path, NDArray[Any]], Path]


def test_image(tmp_path: Path, npy: Write) -> None:
    stored = np.arange(24, dtype=np.float64).reshape(2, 4, 3) / 24
    found = mtan.read_image(npy(tmp_path / "0.npy", stored))
    assert found.shape == (3, 2, 4)
    assert found.dtype == np.float32
    assert_allclose(found[:, 1, 2], [18 / 24, 19 / 24, 20 / 24], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8"])
def test_classes(tmp_path: Path, npy: Write, dtype: str) -> None:
    stored = np.array([[-1, 0, 12], [4, 11, -1]], dtype)
    found = nyuv2_mtan.read_classes(npy(tmp_path / "0.npy", stored))
    assert found.dtype == np.uint8
    assert_array_equal(found, [[255, 0, 12], [4, 11, 255]])


def test_the_classes_names() -> None:
    names = nyuv2_mtan.CLASS_MAP.classes.names
    assert (len(names), names[0], names[4], names[12]) == (13, "bed", "floor", "window")


def test_other_labels_are_refused(tmp_path: Path, npy: Write) -> None:
    with pytest.raises(LabelError, match=r"0\.npy: has the label 13, which stands for nothing"):
        nyuv2_mtan.read_classes(npy(tmp_path / "0.npy", np.array([[13.0]])))


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1)])
def test_depth(tmp_path: Path, npy: Write, shape: tuple[int, ...]) -> None:
    stored = np.array([0, 2.5, 9.9]).reshape(shape)
    assert_allclose(
        nyuv2_mtan.read_depth(npy(tmp_path / "0.npy", stored)), [[np.nan, 2.5, 9.9]], rtol=1e-6
    )


def test_normals(tmp_path: Path, npy: Write) -> None:
    """A wall that faces the camera, nothing, and a slope of which a mean left half the length."""
    stored = np.array([[[0, 0, 1], [0, 0, 0], [0.3, 0, 0.4]]])
    found = nyuv2_mtan.read_normals(npy(tmp_path / "0.npy", stored))
    assert_allclose(found[:, 0, 0], [0, 0, -1], atol=1e-7)
    assert np.isnan(found[:, 0, 1]).all()
    assert_allclose(found[:, 0, 2], [0.6, 0, -0.8], atol=1e-7)


def test_components_that_cancel_out_are_no_mask(tmp_path: Path, npy: Write) -> None:
    """(1, -1, 0) / root 2 adds up to 0 and is a normal all the same (METHODS, 1B.3)."""
    stored = np.array([[[0.5, -0.5, 0], [0, 0, 1]]])
    found = nyuv2_mtan.read_normals(npy(tmp_path / "0.npy", stored))
    assert_allclose(found[:, 0, 0], [np.sqrt(0.5), -np.sqrt(0.5), 0], atol=1e-7)


def test_normals_that_are_no_numbers_are_unknown(tmp_path: Path, npy: Write) -> None:
    stored = np.array([[[np.nan, 0, 1], [0, 0, 1]]])
    found = nyuv2_mtan.read_normals(npy(tmp_path / "0.npy", stored))
    assert_array_equal(np.isnan(found[:, 0]), [[True, False]] * 3)


def test_other_shapes_are_refused(tmp_path: Path, npy: Write) -> None:
    with pytest.raises(SceneError, match=r"0\.npy: is 4 x 4 x 2; 3 channel"):
        nyuv2_mtan.read_normals(npy(tmp_path / "0.npy", np.zeros((4, 4, 2))))
