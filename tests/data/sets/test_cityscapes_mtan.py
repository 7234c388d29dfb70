"""Cityscapes as MTAN prepared it: arrays with channels last, a depth of its own unit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from geosemimtl.data.sets import cityscapes_mtan, mtan
from geosemimtl.errors import LabelError

Write = Callable[[Path, NDArray[Any]], Path]


def test_image(tmp_path: Path, npy: Write) -> None:
    found = mtan.read_image(npy(tmp_path / "0.npy", np.full((2, 4, 3), 0.5)))
    assert_array_equal(found, np.full((3, 2, 4), 0.5, np.float32))


def test_seven_classes(tmp_path: Path, npy: Write) -> None:
    path = npy(tmp_path / "0.npy", np.array([[-1.0, 0, 6, 4]]))
    assert_array_equal(cityscapes_mtan.read_classes_7(path), [[255, 0, 6, 4]])
    with pytest.raises(LabelError, match="has the label 7"):
        cityscapes_mtan.read_classes_7(npy(path, np.array([[7.0]])))


def test_nineteen_classes(tmp_path: Path, npy: Write) -> None:
    path = npy(tmp_path / "0.npy", np.array([[-1.0, 0, 18, 13]]))
    assert_array_equal(cityscapes_mtan.read_classes_19(path), [[255, 0, 18, 13]])


def test_the_classes_names() -> None:
    assert cityscapes_mtan.CLASS_MAP_7.classes.names == (
        *("flat", "construction", "object", "nature", "sky", "human", "vehicle"),
    )
    names = cityscapes_mtan.CLASS_MAP_19.classes.names
    assert (len(names), names[5], names[10], names[13]) == (19, "pole", "sky", "car")


def test_inverse_depth_is_as_it_is_stored(tmp_path: Path, npy: Write) -> None:
    path = npy(tmp_path / "0.npy", np.array([[[0], [0.25], [0.4922]]]))
    found = cityscapes_mtan.read_inverse_depth(path)
    assert_allclose(found, [[np.nan, 0.25, 0.4922]], rtol=1e-6)


def test_disparity_undoes_a_division_by_65535(tmp_path: Path, npy: Write) -> None:
    """The greatest that Cityscapes ships, 32257, is (32257 - 1) / 256 = 126 px; 1 is 0 px."""
    stored = np.array([[[0], [1 / 65535], [257 / 65535], [32257 / 65535]]])
    found = cityscapes_mtan.read_disparity(npy(tmp_path / "0.npy", stored))
    assert_allclose(found, [[np.nan, 0, 1, 126]], atol=1e-4)
