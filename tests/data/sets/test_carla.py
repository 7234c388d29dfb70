"""CARLA in the folders of AT/DT: depth in three bytes, classes by index and by tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from geosemimtl.data.sets import atdt, carla
from geosemimtl.errors import LabelError, SceneError

Write = Callable[[Path, NDArray[Any]], Path]
INFINITE, NEAR = (255, 255, 255), (16, 8, 4)


def colours(*pixels: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return one row of pixels (3, 1, columns)."""
    return np.array(pixels, np.uint8).T[:, None, :]


def test_depth(tmp_path: Path, png: Write) -> None:
    """METHODS, X5; what is beyond 100 m is masked."""
    pixels = colours((0, 0, 1), NEAR, INFINITE, (0, 0, 0))
    found = carla.read_depth(png(tmp_path / "a.png", pixels))
    assert_allclose(found, [[3.9062502, 15.7480249, np.nan, np.nan]], rtol=1e-7)


def test_the_eleven_classes_of_table_1() -> None:
    assert atdt.ATDT_MAP.classes.names == (
        *("road", "sidewalk", "wall", "fence", "person", "pole", "vegetation", "vehicle"),
        *("traffic_sign", "building", "sky"),
    )


def test_classes_by_index(tmp_path: Path, png: Write) -> None:
    """Whatever is no class is ignored, as AT/DT does."""
    path = png(tmp_path / "a.png", np.array([[0, 10, 11, 255, 9]], np.uint8))
    assert_array_equal(carla.read_classes(path), [[0, 10, 255, 255, 9]])


def test_classes_by_tag(tmp_path: Path, png: Write) -> None:
    """Unlabelled, building, lane marking, road, pedestrian, traffic sign, sky, traffic light."""
    tags = np.array([[0, 1, 6, 7, 4, 12, 13, 18]], np.uint8)
    found = carla.read_tags(png(tmp_path / "Semantic" / "a.png", tags))
    assert_array_equal(found, [[255, 9, 0, 0, 4, 8, 10, 8]])


def test_sky_is_what_is_untagged_and_at_infinite_depth(tmp_path: Path, png: Write) -> None:
    """In the red band of three; a road at infinite depth stays a road."""
    tags = png(tmp_path / "Semantic" / "a.png", colours((0, 1, 1), (0, 1, 1), (7, 1, 1)))
    assert_array_equal(carla.read_tags(tags), [[255, 255, 0]])
    png(tmp_path / "Depth" / "a.png", colours(INFINITE, NEAR, INFINITE))
    assert_array_equal(carla.read_tags(tags), [[10, 255, 0]])


def test_where_the_sky_has_a_tag_depth_is_not_asked(tmp_path: Path, png: Write) -> None:
    tags = png(tmp_path / "Semantic" / "a.png", np.array([[0, 13]], np.uint8))
    png(tmp_path / "Depth" / "a.png", colours(INFINITE, INFINITE))
    assert_array_equal(carla.read_tags(tags), [[255, 10]])


def test_depth_of_another_size_is_refused(tmp_path: Path, png: Write) -> None:
    tags = png(tmp_path / "Semantic" / "a.png", np.zeros((2, 3), np.uint8))
    png(tmp_path / "Depth" / "a.png", colours(NEAR))
    with pytest.raises(SceneError, match=r"Depth/a\.png: is 1 x 1 px, the tags are 3 x 2 px"):
        carla.read_tags(tags)


def test_other_tags_are_refused(tmp_path: Path, png: Write) -> None:
    with pytest.raises(LabelError, match=r"a\.png: has the label 23"):
        carla.read_tags(png(tmp_path / "a.png", np.array([[23]], np.uint8)))


def test_the_splits_of_the_lists() -> None:
    """A hundred frames an episode: 3500, 500 and 1000."""
    split_of = carla.BENCHMARK.split_of
    counts = Counter(split_of((f"{episode:04}", "000004")) for episode in range(50))
    assert counts == {"train": 35, "val": 5, "test": 10}
    assert atdt.KITTI_CROP == (320, 1216)
