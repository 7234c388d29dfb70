"""What supervises each task, read on grids: its own, coarser ones, and those of images."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from geosemimtl.classes import HUMAN_PARTS_CLASSES, IGNORE, ClassMap, MappedClass
from geosemimtl.errors import LabelError, SceneError
from geosemimtl.raster.grid import PixelGrid, model_grid, resized_grid
from geosemimtl.raster.scene import Georeference, Reader
from geosemimtl.tasks import NODATA, TASK_NAMES, UNITS
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.targets import Numbers, classes_of, open_target

Maker = Callable[..., Path]
OneLine = Callable[[BaseException], str]
#: Written 7 and 9.
TWO = ClassMap(
    entries=(
        MappedClass(name="road", color="#111111", written=(7,)),
        MappedClass(name="car", color="#222222", written=(9,)),
    )
)
OPTIONS = TileOptions(classes=TWO)
IMAGE = PixelGrid.of_image((4, 6))
#: Of a test's own: names of the arrays that readers give for files.
ARRAYS: dict[str, NDArray[Any]] = {}


@pytest.fixture(autouse=True)
def _no_arrays() -> None:
    ARRAYS.clear()


def given(path: Path) -> NDArray[Any]:
    """Read a file as its test says."""
    return ARRAYS[str(path)]


@pytest.fixture
def decoded(tmp_path: Path) -> Callable[[NDArray[Any]], Path]:
    """Return a function that makes a file of which ``given`` reads an array."""

    def make(array: NDArray[Any]) -> Path:
        path = tmp_path / f"{len(ARRAYS)}.bin"
        path.touch()
        ARRAYS[str(path)] = array
        return path

    return make


def on(
    grid: PixelGrid,
    task: str,
    path: Path,
    *,
    place: PixelGrid = IMAGE,
    reader: Reader | None = None,
    options: TileOptions = OPTIONS,
    window: Window | None = None,
) -> NDArray[Any]:
    """Read the labels of a task on a grid."""
    target = open_target(task, [path], options, Georeference.of(place), reader)
    target.check(place)
    with target.on_grid(grid) as labels:
        return labels.read(window)


def plain(path: Path, array: NDArray[Any]) -> Path:
    """Write an image without any place."""
    bands = array if array.ndim == 3 else array[None]
    count, height, width = bands.shape
    size = {"count": count, "height": height, "width": width, "dtype": str(bands.dtype)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="PNG", **size) as target:
            target.write(bands)
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    return path


def test_classes_as_the_class_map_says(tmp_path: Path) -> None:
    written = np.array([[7, 9, 9, 7, 7, 9]] * 4, np.uint8)
    made = on(IMAGE, "segmentation", plain(tmp_path / "l.png", written))
    np.testing.assert_array_equal(made, written == 9)
    assert made.dtype == np.uint8


def test_readers_give_indices_whatever_files_write(decoded: Callable[..., Path]) -> None:
    indices = np.array([[0, 1, IGNORE, 0, 0, 1]] * 4, np.uint8)
    made = on(IMAGE, "segmentation", decoded(indices), reader=given)
    np.testing.assert_array_equal(made, indices)
    with pytest.raises(LabelError, match=r"value 7 at row 0, column 1 is no declared class"):
        on(
            IMAGE,
            "segmentation",
            decoded(np.where(indices == 1, np.uint8(7), indices)),
            reader=given,
        )


def test_parts_of_people_have_their_own_classes(tmp_path: Path, one_line: OneLine) -> None:
    parts = np.array([[0, 6, 3, IGNORE, 1, 2]] * 4, np.uint8)
    made = on(IMAGE, "human_parts", plain(tmp_path / "p.png", parts))
    np.testing.assert_array_equal(made, parts)
    with pytest.raises(LabelError, match="value 7 at row 0, column 0") as caught:
        on(
            IMAGE,
            "human_parts",
            plain(tmp_path / "q.png", np.where(parts == 0, np.uint8(7), parts)),
        )
    assert "torso=2" in one_line(caught.value)


@pytest.mark.parametrize("task", ["saliency", "edges"])
def test_yes_and_no(
    task: str, tmp_path: Path, decoded: Callable[..., Path], one_line: OneLine
) -> None:
    labels = np.array([[0, 1, 1, IGNORE, 1, 0]] * 4, np.uint8)
    for path, reader in ((plain(tmp_path / "s.png", labels), None), (decoded(labels), given)):
        np.testing.assert_array_equal(on(IMAGE, task, path, reader=reader), labels)
    with pytest.raises(LabelError, match="value 2 at row 0, column 1") as caught:
        on(IMAGE, task, plain(tmp_path / "t.png", labels + (labels == 1)))
    assert "yes=1" in one_line(caught.value)


def test_the_most_frequent_answer_where_pixels_grow(decoded: Callable[..., Path]) -> None:
    """Three pixels across and two down become one; what is unknown has no say."""
    labels = np.array(
        [
            [1, 1, 0, 0, IGNORE, IGNORE],
            [1, 0, 1, 0, 0, IGNORE],
            [IGNORE, IGNORE, IGNORE, 1, IGNORE, IGNORE],
            [IGNORE, IGNORE, IGNORE, IGNORE, IGNORE, IGNORE],
        ],
        np.uint8,
    )
    made = on(resized_grid(IMAGE, (2, 2)), "saliency", decoded(labels), reader=given)
    np.testing.assert_array_equal(made, [[1, 0], [IGNORE, 1]])


@pytest.mark.parametrize("task", UNITS)
def test_numbers_are_averaged_where_they_are_known(task: str, decoded: Callable[..., Path]) -> None:
    nan = np.nan
    numbers = np.array([[1, 2, nan, 4], [3, nan, nan, 8], [nan] * 4, [nan] * 4], np.float32)
    image = PixelGrid.of_image((4, 4))
    same = on(image, task, decoded(numbers), place=image, reader=given)
    np.testing.assert_array_equal(same, np.nan_to_num(numbers, nan=NODATA))
    half = resized_grid(image, (2, 2))
    made = on(half, task, decoded(numbers), place=image, reader=given)
    np.testing.assert_allclose(made, np.array([[2, 6], [NODATA, NODATA]]))
    assert made.dtype == np.float32


def test_numbers_are_interpolated_where_pixels_shrink(decoded: Callable[..., Path]) -> None:
    image = PixelGrid.of_image((2, 2))
    numbers = np.array([[0, 4], [0, 4]], np.float32)
    fine = resized_grid(image, (2, 4))
    made = on(fine, "depth", decoded(numbers), place=image, reader=given)
    np.testing.assert_allclose(made, [[0, 1, 3, 4]] * 2)


def test_whole_numbers_of_a_raster_and_its_nodata(make_raster: Maker, make_grid: Any) -> None:
    """Disparities as GDAL reads them; a scale of heights is none of theirs."""
    grid = make_grid((4, 6), gsd=(0.05, 0.05))
    numbers = np.arange(24, dtype=np.uint16).reshape(1, 4, 6)
    path = make_raster("d.tif", numbers, nodata=0)
    made = on(grid, "disparity", path, place=grid, options=TileOptions(height_scale_m=0.1))
    np.testing.assert_array_equal(made, np.where(numbers[0] == 0, NODATA, numbers[0]))


def test_heights_have_a_scale_and_limits(make_raster: Maker, make_grid: Any) -> None:
    grid = make_grid((4, 6), gsd=(0.05, 0.05))
    levels = np.full((1, 4, 6), 55, np.uint8)
    options = TileOptions(height_scale_m=0.1)
    made = on(grid, "height", make_raster("h.tif", levels), place=grid, options=options)
    np.testing.assert_allclose(made, 5.5)
    far = make_raster("far.tif", np.full((1, 4, 6), 5000, np.float32))
    with pytest.raises(LabelError, match="5000 at row 0, column 0 is no height above ground"):
        on(grid, "height", far, place=grid)
    assert (on(grid, "depth", far, place=grid) == 5000).all()


def test_vectors_are_read_as_they_are(decoded: Callable[..., Path]) -> None:
    """And made of length 1, as files round them."""
    vectors = np.zeros((3, 4, 6), np.float32)
    vectors[2] = -1
    vectors[:, 1, 2] = (0.6, 0, 0.81)
    vectors[:, 0, 0] = np.nan
    made = on(IMAGE, "normals", decoded(vectors), reader=given)
    assert made.shape == (3, 4, 6)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made[:, 0, 0], NODATA)
    np.testing.assert_array_equal(made[:, 3, 3], (0, 0, -1))
    length = np.hypot(0.6, 0.81)
    np.testing.assert_allclose(made[:, 1, 2], (0.6 / length, 0, 0.81 / length), rtol=1e-6)


def test_averages_of_vectors_have_length_1(decoded: Callable[..., Path]) -> None:
    """Of a right angle the one between; of 150 degrees nothing; unknown ones are left."""
    unknown, right, down, away = (np.nan,) * 3, (1, 0, 0), (0, 1, 0), (0, 0, -1)
    rows = [[right, down, right, (-np.sqrt(0.75), 0.5, 0), unknown, away], [unknown] * 6]
    vectors = np.moveaxis(np.array(rows * 2, np.float32), -1, 0)
    made = on(resized_grid(IMAGE, (2, 3)), "normals", decoded(vectors), reader=given)
    half = np.sqrt(0.5)
    wanted = [(half, half, 0), (NODATA,) * 3, away]
    np.testing.assert_allclose(made, np.moveaxis(np.array([wanted] * 2), -1, 0), atol=1e-6)


def test_vectors_of_a_raster_with_nodata(make_raster: Maker, make_grid: Any) -> None:
    grid = make_grid((4, 4), gsd=(0.05, 0.05))
    vectors = np.full((3, 4, 4), 1 / np.sqrt(3), np.float32)
    vectors[:, :2, :2] = NODATA
    path = make_raster("n.tif", vectors, nodata=NODATA)
    made = on(grid, "normals", path, place=grid)
    np.testing.assert_allclose(made, vectors, rtol=1e-6)
    coarse = on(model_grid(grid, 0.1), "normals", path, place=grid)
    assert (coarse[:, 0, 0] == NODATA).all()
    np.testing.assert_allclose(coarse[:, 1, 1], vectors[:, 3, 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("task", "bands", "wanted"), [("normals", 1, 3), ("depth", 3, 1), ("normals", 2, 3)]
)
def test_a_wrong_number_of_bands(
    task: str, bands: int, wanted: int, decoded: Callable[..., Path], one_line: OneLine
) -> None:
    path = decoded(np.ones((bands, 4, 6), np.float32))
    with pytest.raises(LabelError, match=rf"has {bands} band\(s\); {task} need {wanted}") as caught:
        on(IMAGE, task, path, reader=given)
    assert str(path) in one_line(caught.value)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_windows_are_parts_of_the_whole(task: str, decoded: Callable[..., Path]) -> None:
    random = np.random.default_rng(0)
    labels: NDArray[Any] = random.integers(0, 2, (9, 12), dtype=np.uint8)
    if task in UNITS:
        labels = random.random((9, 12), np.float32)
    elif task == "normals":
        labels = random.random((3, 9, 12), np.float32)
    image, path = PixelGrid.of_image((9, 12)), decoded(labels)
    grid = resized_grid(image, (5, 7))
    whole = on(grid, task, path, place=image, reader=given)
    part = on(grid, task, path, place=image, reader=given, window=Window(2, 1, 4, 3))
    np.testing.assert_array_equal(part, whole[..., 1:4, 2:6])
    beyond = on(grid, task, path, place=image, reader=given, window=Window(5, 4, 4, 4))
    assert (beyond[..., 1:, :] == (IGNORE if labels.dtype == np.uint8 else NODATA)).all()


def test_labels_that_lie_elsewhere(make_raster: Maker, make_grid: Any, one_line: OneLine) -> None:
    grid = make_grid((4, 6), gsd=(0.05, 0.05))
    place = Affine(0.05, 0, 1000, 0, -0.05, 1000)
    path = make_raster("d.tif", np.ones((1, 4, 6), np.float32), transform=place)
    target = open_target("depth", [path], OPTIONS, Georeference.of(grid))
    assert isinstance(target, Numbers)
    with pytest.raises(LabelError, match="does not overlap its scene") as caught:
        target.check(grid)
    one_line(caught.value)


def test_labels_of_an_image_that_say_of_a_place(make_raster: Maker) -> None:
    """An image lies nowhere, and so do its labels, whatever their file says."""
    path = make_raster("d.tif", np.ones((1, 4, 6), np.float32))
    target = open_target("depth", [path], OPTIONS, Georeference.of(IMAGE))
    assert target.grid == IMAGE
    assert (on(IMAGE, "depth", path) == 1).all()


def test_a_file_that_is_missing(tmp_path: Path, one_line: OneLine) -> None:
    for reader in (None, given):
        with pytest.raises(SceneError, match="no such file") as caught:
            open_target("depth", [tmp_path / "no.npy"], OPTIONS, Georeference.of(IMAGE), reader)
        assert "no.npy" in one_line(caught.value)


def test_classes_of_tasks() -> None:
    assert {task: classes_of(task, OPTIONS) for task in TASK_NAMES} == {
        **dict.fromkeys(TASK_NAMES, ()),
        "segmentation": TWO.classes.entries,
        "human_parts": HUMAN_PARTS_CLASSES.entries,
    }
