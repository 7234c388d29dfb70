"""Cityscapes as it is shipped, by fakes of 8 x 4 px in its encodings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE, color_of
from geosemimtl.data.sets import cityscapes_disparity as stereo
from geosemimtl.data.sets.benchmark import Wanted
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS, LABELS
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.errors import ConfigError, SceneError
from geosemimtl.tiling.cutting import tile

Write = Callable[[Path, NDArray[Any]], None]
Zip = Callable[[Path, str], Path]
TRAIN, VAL, TEST = "aachen_000000_000019", "frankfurt_000001_000019", "berlin_000000_000019"
FRAMES = {
    "train": (TRAIN, "aachen_000001_000019", "zurich_000002_000019"),
    "val": (VAL,),
    "test": (TEST,),
}
#: What a disparity file of 4 x 8 px says.
RAW = np.array(
    [
        [0, 1, 2, 257, 513, 25601, 33025, 65535],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 257, 257, 257, 257],
        [129, 129, 129, 129, 129, 129, 129, 0],
    ],
    np.uint16,
)


#: A tile of a street lies nowhere on the ground, as rasterio says where a test opens one.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def root(tmp_path: Path, write_png: Write, street_image: NDArray[np.uint8]) -> Path:
    """Return all files of five frames, those beside them that nobody reads, and hidden ones."""
    folder = tmp_path / "cityscapes"
    ids = np.arange(32, dtype=np.uint8).reshape(4, 8)
    for split, names in FRAMES.items():
        for name in names:
            below = f"{split}/{name.split('_')[0]}/{name}"
            write_png(folder / f"leftImg8bit/{below}_leftImg8bit.png", street_image)
            write_png(folder / f"disparity/{below}_disparity.png", RAW)
            for kind in ("labelIds", "instanceIds", "color"):
                write_png(folder / f"gtFine/{below}_gtFine_{kind}.png", ids)
    hidden = folder / f"leftImg8bit/train/aachen/._{TRAIN}_leftImg8bit.png"
    hidden.write_bytes(b"\0")
    (folder / ".cache/train/x").mkdir(parents=True)
    shutil.copy(folder / f"leftImg8bit/train/aachen/{TRAIN}_leftImg8bit.png", folder / ".cache")
    (folder / "license.txt").write_text("read me")
    return folder


def read_whole(path: Path) -> NDArray[Any]:
    """Return a tile's pixels (bands, rows, cols)."""
    with rasterio.open(path) as source:
        pixels: NDArray[Any] = source.read()
    return pixels


def targets(name: str, root: Path, **wanted: Any) -> dict[str, dict[str, list[str]]]:
    """Return by scene the names of each task's files."""
    data = find_data_set(name, root, Wanted(**wanted))
    return {
        scene.name: {task: [each.name for each in files] for task, files in scene.targets.items()}
        for scene in data.scenes
    }


def test_scenes_have_names_splits_and_targets(root: Path) -> None:
    data = find_data_set("cityscapes", root)
    assert [(scene.name, scene.split) for scene in data.scenes] == [
        (TEST, "test"),
        (TRAIN, "train"),
        ("aachen_000001_000019", "train"),
        ("zurich_000002_000019", "train"),
        (VAL, "val"),
    ]
    assert targets("cityscapes", root)[TRAIN] == {
        "segmentation": [f"{TRAIN}_gtFine_labelIds.png"],
        "disparity": [f"{TRAIN}_disparity.png"],
    }
    assert (data.problems, data.remarks) == ((), ())
    assert {scene.georeference for scene in data.scenes} == {None}
    options = data.options
    assert (options.resize, options.bands) == ((512, 1024), ("red", "green", "blue"))
    assert (options.value_range, options.name, options.gsd_m) == ((0, 255), "cityscapes", None)


def test_labels_of_the_test_split_are_dummies_and_not_used(root: Path) -> None:
    """Nor are they missed."""
    assert list(targets("cityscapes", root)[TEST]) == ["disparity"]
    stocks = {stock.kind: stock for stock in find_data_set("cityscapes", root).stocks}
    assert (stocks["labels"].found, stocks["labels"].missing) == (4, ())
    assert (stocks["disparity"].found, stocks["images"].found) == (5, 5)


def test_zips_hold_the_same(root: Path, zip_folder: Zip) -> None:
    before = targets("cityscapes", root)
    for folder in ("leftImg8bit", "gtFine", "disparity"):
        zip_folder(root, folder)
    data = find_data_set("cityscapes", root)
    assert targets("cityscapes", root) == before
    (path,) = data.scenes[1].targets["disparity"]
    assert str(path).startswith("/vsizip/")
    assert data.readers["disparity"](path)[0, 3] == 1


def test_a_raw_number_is_a_disparity(root: Path) -> None:
    """(p - 1) / 256; 0 is unknown; 65535 is the largest that can be written."""
    (path,) = find_data_set("cityscapes", root).scenes[1].targets["disparity"]
    whole = stereo.read_disparity_whole(path)
    assert whole.dtype == np.float32
    expected = [np.nan, 0, 1 / 256, 1, 2, 100, 129, 65534 / 256]
    assert whole[0].tolist() == pytest.approx(expected, nan_ok=True)
    assert np.isnan(whole[1]).all()
    assert whole[2].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert whole[3, :7].tolist() == [0.5] * 7


def test_depths_follow_from_the_stereo_camera(root: Path) -> None:
    """It has f B = 2262.52 px x 0.209313 m = 473.5748 px m."""
    (path,) = find_data_set("cityscapes", root).scenes[1].targets["disparity"]
    depth = stereo.read_depth_whole(path)[0]
    nan = np.nan
    assert depth[:6].tolist() == pytest.approx(
        [nan, nan, 121235.16, 473.5748, 236.7874, 4.735748], rel=1e-6, nan_ok=True
    )
    inverse = stereo.read_inverse_depth_whole(path)[0]
    assert inverse[:6].tolist() == pytest.approx(
        [nan, 0, 8.2484e-06, 0.002111599, 0.004223198, 0.2111599], rel=1e-5, nan_ok=True
    )
    assert (depth.dtype, inverse.dtype) == (np.float32, np.float32)


def test_the_left_and_the_bottom_are_unknown(tmp_path: Path, write_png: Write) -> None:
    """Of 20 x 40 px, 5 % are two columns and 15 % three rows; the alternative keeps them."""
    path = tmp_path / "a.png"
    write_png(path, np.full((20, 40), 257, np.uint16))
    known = np.ones((20, 40), bool)
    known[:, :2] = False
    known[17:] = False
    readers = (stereo.read_disparity, stereo.read_depth, stereo.read_inverse_depth)
    assert all((np.isfinite(read(path)) == known).all() for read in readers)
    whole = (
        stereo.read_disparity_whole,
        stereo.read_depth_whole,
        stereo.read_inverse_depth_whole,
    )
    assert all(np.isfinite(read(path)).all() for read in whole)


def test_of_the_full_image_102_columns_and_154_rows_are_unknown(
    tmp_path: Path, write_png: Write
) -> None:
    write_png(tmp_path / "a.png", np.full((1024, 2048), 2, np.uint16))
    disparity = stereo.read_disparity(tmp_path / "a.png")
    assert np.isnan(disparity[0]).sum() == 102
    assert np.isnan(disparity[:, -1]).sum() == 154


def test_an_alternative_and_a_task_are_chosen_by_name(root: Path) -> None:
    usual = find_data_set("cityscapes", root).readers
    assert usual == {"disparity": stereo.read_disparity}
    wanted = Wanted(tasks=("inverse_depth", "depth"), alternatives=("whole-image",))
    data = find_data_set("cityscapes", root, wanted)
    assert data.readers == {
        "inverse_depth": stereo.read_inverse_depth_whole,
        "depth": stereo.read_depth_whole,
    }
    assert set(data.scenes[0].targets) == {"inverse_depth", "depth"}


def test_a_wrong_choice_names_those_that_there_are(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"--tasks height: cityscapes has segmentation, dispari"):
        find_data_set("cityscapes", root, Wanted(tasks=("height",)))
    with pytest.raises(ConfigError, match=r"--classes coco: .* cityscapes19, mtpsl7, atdt11; cho"):
        find_data_set("cityscapes", root, Wanted(classes="coco"))
    with pytest.raises(ConfigError, match=r"--greys: .* or choose of --whole-image"):
        find_data_set("cityscapes", root, Wanted(alternatives=("greys",)))
    with pytest.raises(ConfigError, match=r"--classes a: cityscapes_extra comes as nothing such"):
        find_data_set("cityscapes_extra", root, Wanted(classes="a"))


def test_tiles_hold_what_the_readers_say(root: Path, tmp_path: Path, zip_folder: Zip) -> None:
    """At the images' own size nothing is resampled; a tile set of a zip is no other."""
    zip_folder(root, "disparity")
    wanted = Wanted(tasks=("segmentation", "disparity", "inverse_depth"), classes="mtpsl7")
    data = find_data_set("cityscapes", root, wanted)
    options = replace(data.options, resize=(4, 8))
    made = tile(replace(data, options=options), tmp_path / "tiles")
    assert made.splits == {"test": 1, "train": 3, "val": 1}
    assert set(made.tasks) == {"segmentation", "disparity", "inverse_depth"}

    def written(task: str, name: str = TRAIN) -> NDArray[Any]:
        (path,) = (tmp_path / "tiles" / task).glob(f"{name}*.tif")
        band: NDArray[Any] = read_whole(path)[0]
        return band

    assert (written("segmentation", TEST) == IGNORE).all()
    ids = np.arange(32).reshape(4, 8)
    numbers = CLASS_MAPS["mtpsl7"].numbers
    assert written("segmentation").tolist() == [[numbers[n] for n in row] for row in ids.tolist()]
    known = RAW[:3] > 0
    expected = np.where(known, (RAW[:3].astype(np.float32) - 1) / 256, -9999)
    np.testing.assert_array_equal(written("disparity")[:3], expected)
    assert (written("disparity")[3] == -9999).all()  # its centre is in the bottom 15 %
    inverse = np.where(known, expected / 473.57485, -9999)
    np.testing.assert_allclose(written("inverse_depth")[:3], inverse, rtol=1e-6)


def test_an_8_bit_copy_is_refused(
    tmp_path: Path, write_png: Write, one_line: Callable[[BaseException], str]
) -> None:
    write_png(tmp_path / "a.png", np.ones((4, 8), np.uint8))
    with pytest.raises(SceneError, match=r"a\.png: has 1 band\(s\) of uint8, not 1 of uint16") as e:
        stereo.read_disparity(tmp_path / "a.png")
    one_line(e.value)


def test_what_is_missing_is_named(root: Path) -> None:
    for city, name in (("aachen", TRAIN), ("aachen", "aachen_000001_000019")):
        (root / f"gtFine/train/{city}/{name}_gtFine_labelIds.png").unlink()
    (root / f"leftImg8bit/val/frankfurt/{VAL}_leftImg8bit.png").unlink()
    data = find_data_set("cityscapes", root)
    labels, disparity = "labels (gtFine_trainvaltest.zip)", "disparity (disparity_trainvaltest.zip)"
    lost = f"{TRAIN}, aachen_000001_000019"
    assert data.remarks == (
        f"{labels}: 2 of 3 scenes have none and are cut without: {lost}",
        "ask for what is missing at https://www.cityscapes-dataset.com",
        f"{labels}: 1 fit no image and are not used: {VAL}_gtFine_labelIds.png",
        f"{disparity}: 1 fit no image and are not used: {VAL}_disparity.png",
    )


def test_only_the_first_names_are_told(root: Path) -> None:
    shutil.rmtree(root / "disparity")
    (remark, _) = find_data_set("cityscapes", root).remarks
    assert remark.endswith(
        f"5 of 5 scenes have none and are cut without: {TEST}, {TRAIN}, aachen_000001_000019, ..."
    )


def test_a_wrong_folder_is_told_from_an_empty_one(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "leftImg8bit")
    (problem,) = find_data_set("cityscapes", root).problems
    assert "has no images of cityscapes (leftImg8bit_trainvaltest.zip)" in problem
    assert "there are only labels (4), disparity (5): put the images beside them" in problem
    (tmp_path / "empty").mkdir()
    (problem,) = find_data_set("cityscapes", tmp_path / "empty").problems
    assert "the folder is empty" in problem
    (tmp_path / "empty" / "notes.txt").write_text("a")
    (problem,) = find_data_set("cityscapes", tmp_path / "empty").problems
    assert "none of 1 names below fits, such as notes.txt: check the folder" in problem


def test_the_labels_are_those_of_torchvision() -> None:
    from torchvision.datasets import Cityscapes  # noqa: PLC0415  (loads torch)

    for theirs in Cityscapes.classes[:-1]:
        ours = LABELS[theirs.id]
        assert ours.name == theirs.name.replace(" ", "_")
        assert (ours.category, ours.color) == (theirs.category, color_of(theirs.color))
        assert ours.is_evaluated == (not theirs.ignore_in_eval)
    assert len(LABELS) == 34
    numbers = CLASS_MAPS["cityscapes19"].numbers
    assert all(
        numbers[c.id] == (IGNORE if c.train_id in (255, -1) else c.train_id)
        for c in Cityscapes.classes[:-1]
    )


def test_all_maps_say_something_of_every_label() -> None:
    for each in CLASS_MAPS.values():
        assert set(each.numbers) == {*range(34), IGNORE}


def test_seven_classes_are_the_categories() -> None:
    numbers = CLASS_MAPS["mtpsl7"].numbers
    names = ["flat", "construction", "object", "nature", "sky", "human", "vehicle"]
    assert list(CLASS_MAPS["mtpsl7"].classes.names) == names
    assert [numbers[n] for n in range(34)] == (
        [IGNORE] * 7 + [0] * 4 + [1] * 6 + [2] * 4 + [3] * 2 + [4] + [5] * 2 + [6] * 8
    )


def test_eleven_classes_are_those_of_atdts_code() -> None:
    """Cars and motorcycles are vehicles; bicycles, trucks, buses, trains, riders are ignored."""
    known = CLASS_MAPS["atdt11"]
    names = "road sidewalk wall fence person pole vegetation vehicle traffic_sign building sky"
    assert " ".join(known.classes.names) == names
    used = {n: i for n, i in known.numbers.items() if i != IGNORE}
    assert used == {
        7: 0, 8: 1, 12: 2, 13: 3, 24: 4, 17: 5, 21: 6, 26: 7, 32: 7, 20: 8, 19: 8, 11: 9, 23: 10
    }  # fmt: skip


@pytest.fixture
def extra(tmp_path: Path, write_png: Write, street_image: NDArray[np.uint8]) -> Path:
    """Return three frames of train-extra, one of them the broken one."""
    folder = tmp_path / "extra"
    for name in ("augsburg_000000_000010", "troisdorf_000000_000072", "troisdorf_000000_000073"):
        below = f"train_extra/{name.split('_')[0]}/{name}"
        image = street_image * 0 if name.endswith("73") else street_image
        write_png(folder / f"leftImg8bit/{below}_leftImg8bit.png", image)
        if not name.endswith("73"):
            write_png(folder / f"disparity/{below}_disparity.png", RAW)
    return folder


def test_of_train_extra_the_broken_image_is_left_out(extra: Path) -> None:
    data = find_data_set("cityscapes_extra", extra)
    assert [(scene.name, scene.split) for scene in data.scenes] == [
        ("augsburg_000000_000010", "train"),
        ("troisdorf_000000_000072", "train"),
    ]
    assert all(list(scene.targets) == ["disparity"] for scene in data.scenes)
    assert data.remarks == (
        "troisdorf_000000_000073 is left out: it is black, and has no disparity",
    )
    assert data.options.name == "cityscapes_extra"


def test_the_two_lie_in_one_folder(root: Path, extra: Path) -> None:
    shutil.copytree(extra, root, dirs_exist_ok=True)
    assert len(find_data_set("cityscapes", root).scenes) == 5
    assert len(find_data_set("cityscapes_extra", root).scenes) == 2
