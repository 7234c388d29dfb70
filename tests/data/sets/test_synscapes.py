"""Synscapes as it is shipped, by fakes of 4 x 2 px in its encodings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.data.sets import synscapes
from geosemimtl.data.sets.benchmark import Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.errors import SceneError
from geosemimtl.tiling.cutting import tile

Write = Callable[..., None]
#: Metres; the sky is 23 below, whatever stands here, and two pixels say nothing.
DEPTH = np.array([[2, 4, 473.57485, 1e10], [0, np.inf, 50, 0]], np.float32)
CLASSES = np.array([[7, 26, 11, 23], [11, 11, 24, 23]], np.uint8)
NUMBERS = (1, 2, 10, 20_000, 20_001, 21_000, 21_001, 25_000)

#: A tile of a street lies nowhere on the ground, as rasterio says where a test opens one.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def root(
    tmp_path: Path, write_png: Write, write_exr: Write, street_image: NDArray[np.uint8]
) -> Path:
    folder = tmp_path / "Synscapes"
    for number in NUMBERS:
        write_png(folder / f"img/rgb/{number}.png", street_image)
        write_png(folder / f"img/class/{number}.png", CLASSES)
        write_png(folder / f"img/instance/{number}.png", street_image)
        write_exr(folder / f"img/depth/{number}.exr", Z=DEPTH)
        (folder / "meta").mkdir(exist_ok=True)
        (folder / f"meta/{number}.json").write_text("{}")
    return folder


def test_scenes_are_in_the_order_of_their_numbers(root: Path) -> None:
    """2 before 10, and 20,000 / 1000 / 4000 by number."""
    data = find_data_set("synscapes", root)
    assert [(scene.name, scene.split) for scene in data.scenes] == [
        ("1", "train"),
        ("2", "train"),
        ("10", "train"),
        ("20000", "train"),
        ("20001", "val"),
        ("21000", "val"),
        ("21001", "test"),
        ("25000", "test"),
    ]
    first = data.scenes[0]
    assert {task: [p.name for p in paths] for task, paths in first.targets.items()} == {
        "segmentation": ["1.png"],
        "disparity": ["1.exr"],
    }
    assert first.targets["segmentation"][0].parent.name == "class"
    assert (data.problems, data.remarks) == ((), ())
    assert data.options.classes.numbers[23] == 10
    assert data.options.resize == (512, 1024)


def test_depths_are_metres_and_unknown_in_the_sky(root: Path) -> None:
    depth = synscapes.read_depth(root / "img/depth/1.exr")
    nan = np.nan
    expected = np.array([[2, 4, 473.57485, nan], [nan, nan, 50, nan]], np.float32)
    np.testing.assert_array_equal(depth, expected)
    assert depth.dtype == np.float32


def test_inverse_depths_are_0_in_the_sky(root: Path) -> None:
    """Infinitely far is 0, too; a depth of 0 that is no sky is unknown."""
    inverse = synscapes.read_inverse_depth(root / "img/depth/1.exr")
    expected = [[0.5, 0.25, 0.002111599, 0], [np.nan, 0, 0.02, 0]]
    np.testing.assert_allclose(inverse, expected, rtol=1e-6)
    assert inverse.dtype == np.float32


def test_disparities_are_those_of_cityscapes_camera(root: Path) -> None:
    """473.5748 px m / 2 m = 236.7874 px."""
    disparity = synscapes.read_disparity(root / "img/depth/1.exr")
    expected = [[236.78742, 118.39371, 1, 0], [np.nan, 0, 9.471497, 0]]
    np.testing.assert_allclose(disparity, expected, rtol=1e-6)


def test_files_in_a_zip_are_read(root: Path, zip_folder: Callable[[Path, str], Path]) -> None:
    zip_folder(root, "img")
    data = find_data_set("synscapes", root, Wanted(tasks=("depth",)))
    (path,) = data.scenes[0].targets["depth"]
    assert data.readers["depth"](path)[0, :2].tolist() == [2, 4]


def test_the_larger_images_are_a_variant(
    root: Path, write_png: Write, street_image: NDArray[np.uint8]
) -> None:
    write_png(root / "img/rgb-2k/2.png", street_image)
    data = find_data_set("synscapes", root, Wanted(variant="rgb-2k"))
    assert [scene.name for scene in data.scenes] == ["2"]
    assert data.scenes[0].image[0].parent.name == "rgb-2k"


def test_tiles_of_larger_images_have_the_smaller_targets(
    root: Path, tmp_path: Path, write_png: Write
) -> None:
    """Images of 8 x 4 px, classes and depths of 4 x 2, tiles of 4 x 2."""
    write_png(root / "img/rgb-2k/1.png", np.full((4, 8, 3), 7, np.uint8))
    wanted = Wanted("rgb-2k", tasks=("segmentation", "inverse_depth"))
    data = find_data_set("synscapes", root, wanted)
    options = replace(data.options, resize=(2, 4))
    made = tile(replace(data, options=options), tmp_path / "tiles")
    assert (made.splits, made.size_px) == ({"train": 1}, (2, 4))
    (file,) = (tmp_path / "tiles/inverse_depth").glob("*.tif")
    with rasterio.open(file) as source:
        expected = [[0.5, 0.25, 0.002111599, 0], [-9999, 0, 0.02, 0]]
        np.testing.assert_allclose(source.read(1), expected, rtol=1e-6)
    (file,) = (tmp_path / "tiles/segmentation").glob("*.tif")
    with rasterio.open(file) as source:
        assert source.read(1).tolist() == [[0, 13, 2, 10], [2, 2, 11, 10]]


def test_without_classes_the_sky_is_not_known(
    root: Path, one_line: Callable[[BaseException], str]
) -> None:
    (root / "img/class/2.png").unlink()
    for read in (synscapes.read_depth, synscapes.read_inverse_depth, synscapes.read_disparity):
        with pytest.raises(SceneError, match=r"2\.exr: its classes say where the sky is") as e:
            read(root / "img/depth/2.exr")
        one_line(e.value)


def test_sizes_must_agree(root: Path, write_png: Write) -> None:
    write_png(root / "img/class/1.png", CLASSES[:, :3])
    with pytest.raises(SceneError, match="is 4 x 2 px, its classes 3 x 2"):
        synscapes.read_depth(root / "img/depth/1.exr")


def test_leading_zeros_and_other_names_fit_nothing(root: Path, write_exr: Write) -> None:
    write_exr(root / "img/depth/3.exr", Z=DEPTH)
    data = find_data_set("synscapes", root)
    assert data.remarks == ("depth (the folder img/depth): 1 fit no image and are not used: 3.exr",)


def test_readers_are_named_functions() -> None:
    readers: list[Any] = [target.read for target in synscapes.BENCHMARK.targets.values()]
    assert {read.__qualname__ for read in readers if read} == {
        "read_depth",
        "read_inverse_depth",
        "read_disparity",
    }
