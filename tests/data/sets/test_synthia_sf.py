"""SYNTHIA-SF: labels in the red band, depth in three bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from geosemimtl.data.sets import synthia_sf
from geosemimtl.errors import LabelError, SceneError

Write = Callable[[Path, NDArray[Any]], Path]

#: void, road, lane marking, terrain, rider, car, motorcycle, traffic light, road works
IDS = (0, 1, 20, 10, 13, 14, 18, 7, 22)


def labels(path: Path, png: Write, ids: tuple[int, ...] = IDS, bands: int = 3) -> Path:
    """Write labels into the red band; what the others hold does not matter."""
    pixels = np.full((bands, 1, len(ids)), 77, np.uint8)
    pixels[0, 0] = ids
    return png(path, pixels)


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_nineteen_classes(tmp_path: Path, png: Write, bands: int) -> None:
    found = synthia_sf.read_classes(labels(tmp_path / "a.png", png, bands=bands))
    assert_array_equal(found, [[255, 0, 0, 9, 12, 13, 17, 6, 255]])


def test_eleven_classes(tmp_path: Path, png: Write) -> None:
    """Vehicle is 7, traffic sign 8; terrain and riders are ignored."""
    found = synthia_sf.read_atdt_classes(labels(tmp_path / "a.png", png))
    assert_array_equal(found, [[255, 0, 0, 255, 255, 7, 7, 8, 255]])


@pytest.mark.parametrize("classes", [synthia_sf.CITYSCAPES_MAP, synthia_sf.ATDT_MAP])
def test_all_23_labels_stand_for_something(classes: Any) -> None:
    assert sorted(classes.numbers) == list(range(23))


def test_other_labels_are_refused(tmp_path: Path, png: Write) -> None:
    with pytest.raises(LabelError, match=r"a\.png: has the label 23"):
        synthia_sf.read_classes(labels(tmp_path / "a.png", png, (1, 23)))


def test_depth(tmp_path: Path, png: Write) -> None:
    """(16, 8, 4) is 15.7480249 m; 25 in blue is 97.7 m, 26 beyond 100 m, 255 in all the sky."""
    pixels = np.array([[[16, 0, 0, 255]], [[8, 0, 0, 255]], [[4, 25, 26, 255]]], np.uint8)
    found = synthia_sf.read_depth(png(tmp_path / "a.png", pixels))
    assert_allclose(found, [[15.7480249, 97.6562558, np.nan, np.nan]], rtol=1e-7)


def test_depth_of_one_band_is_refused(tmp_path: Path, png: Write) -> None:
    with pytest.raises(SceneError, match=r"a\.png: has 1 band\(s\) of uint8, not 3 or 4 of uint8"):
        synthia_sf.read_depth(png(tmp_path / "a.png", np.zeros((2, 2), np.uint8)))
