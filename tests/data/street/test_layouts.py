"""Views as the files of two data sets: names, encodings, and numbers that come back."""

from __future__ import annotations

import json
import warnings
from functools import cache
from math import degrees
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from geosemimtl.data.street.dataset import write_street
from geosemimtl.data.street.layouts import (
    encoded_disparity,
    write_cityscapes,
    write_png,
    write_synscapes,
)
from geosemimtl.data.street.view import StreetView, street_view
from geosemimtl.errors import ConfigError, OutputError

SHAPE = (32, 64)
#: Focal length times baseline of Cityscapes' camera, in pixels of its images.
PRODUCT = 2262.52 * 0.209313


def read(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            pixels: NDArray[Any] = source.read()
    return pixels


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@cache
def view(look: str) -> StreetView:
    return street_view(look, 3, SHAPE)


def test_cityscapes_names(tmp_path: Path) -> None:
    files = write_cityscapes(tmp_path, view("camera"), "train", 4)
    stem = "birkental_000001_000019"
    assert sorted(files_in(tmp_path)) == [
        f"camera/train/birkental/{stem}_camera.json",
        f"disparity/train/birkental/{stem}_disparity.png",
        f"gtFine/train/birkental/{stem}_gtFine_labelIds.png",
        f"leftImg8bit/train/birkental/{stem}_leftImg8bit.png",
    ]
    seen = view("camera")
    np.testing.assert_array_equal(read(files.image), seen.image)
    assert files.labels is not None
    np.testing.assert_array_equal(read(files.labels), seen.label_ids[None])


def test_extra_images_have_no_labels(tmp_path: Path) -> None:
    assert write_cityscapes(tmp_path, view("camera"), "train_extra", 0).labels is None
    assert [name.split("/")[0] for name in files_in(tmp_path)] == [
        "camera",
        "disparity",
        "leftImg8bit",
    ]


def test_depth_comes_back_from_stored_disparities(tmp_path: Path) -> None:
    """Half a step of 1/256 px is the only loss; the bonnet is unknown and the sky 0 px."""
    seen = view("camera")
    stored = read(write_cityscapes(tmp_path, seen, "val", 0).depth)[0]
    assert stored.dtype == np.uint16
    sky, bonnet = seen.label_ids == 23, seen.label_ids == 1
    assert sky.any()
    assert bonnet.any()
    np.testing.assert_array_equal(stored[sky], 1)
    np.testing.assert_array_equal(stored[bonnet], 0)
    known = ~sky & ~bonnet & (seen.depth_m > 1.9)
    disparity_px = (stored[known].astype(float) - 1) / 256
    np.testing.assert_allclose(disparity_px, PRODUCT / seen.depth_m[known], atol=0.5 / 256 + 1e-4)


def test_the_camera_is_that_of_the_full_image(tmp_path: Path) -> None:
    seen = view("camera")
    text = write_cityscapes(tmp_path, seen, "train", 0).camera.read_text(encoding="utf-8")
    camera = json.loads(text)
    assert camera["extrinsic"]["baseline"] == 0.209313
    assert camera["extrinsic"]["z"] == seen.camera.height_m
    assert degrees(camera["extrinsic"]["pitch"]) == pytest.approx(seen.camera.pitch_deg)
    assert degrees(camera["extrinsic"]["yaw"]) == pytest.approx(-seen.camera.heading_deg)
    assert camera["intrinsic"] == pytest.approx(
        {"fx": 2262.52, "fy": 2262.52, "u0": 1023.5, "v0": 511.5}
    )


def test_what_16_bits_do_not_hold_is_unknown() -> None:
    seen = view("camera")
    near = StreetView(
        seen.image,
        seen.label_ids * 0 + 26,
        np.full(SHAPE, 1.80, np.float32),
        seen.normals,
        seen.camera,
    )
    assert (encoded_disparity(near) == 0).all()


def test_synscapes_files(tmp_path: Path) -> None:
    seen = view("rendered")
    files = write_synscapes(tmp_path, seen, 20001)
    assert sorted(files_in(tmp_path)) == [
        "img/class/20001.png",
        "img/depth/20001.exr",
        "img/rgb/20001.png",
        "meta/20001.json",
    ]
    np.testing.assert_array_equal(read(files.image), seen.image)
    np.testing.assert_array_equal(read(tmp_path / "img/class/20001.png"), seen.label_ids[None])
    channels = OpenEXR.File(str(files.depth), separate_channels=True).channels()
    assert list(channels) == ["Z"]
    assert channels["Z"].pixels.dtype == np.float32
    np.testing.assert_array_equal(channels["Z"].pixels, seen.depth_m)
    meta = json.loads(files.camera.read_text(encoding="utf-8"))["camera"]
    assert meta["intrinsic"]["fx"] == seen.camera.focal_px
    assert (meta["intrinsic"]["resx"], meta["intrinsic"]["resy"]) == (64, 32)


def test_a_split_has_to_be_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="test: no split of a street; choose one of train, val"):
        write_cityscapes(tmp_path, view("camera"), "test", 0)


def test_a_png_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    (tmp_path / "x.png" / "y").touch()
    with pytest.raises(OutputError, match=r"x\.png"):
        write_png(tmp_path / "x.png", np.zeros((1, 4, 4), np.uint8))


def test_a_data_set_of_each_look(tmp_path: Path) -> None:
    done: list[object] = []

    def track(items: Any, label: str, total: int) -> Any:
        assert (label, total) == ("drawing streets", 7)
        for item in items:
            yield item
            done.append(item)

    made = write_street(tmp_path / "s", seed=1, train=2, val=1, extra=1, shape=SHAPE, track=track)
    assert len(done) == 7
    cities = sorted(path.name for path in (made.camera / "leftImg8bit").rglob("*.png"))
    assert cities == [
        "ahornau_000000_000019_leftImg8bit.png",
        "birkental_000000_000019_leftImg8bit.png",
        "lindenfurt_000000_000019_leftImg8bit.png",
        "tannbach_000000_000019_leftImg8bit.png",
    ]
    numbers = sorted(path.name for path in (made.rendered / "img" / "rgb").iterdir())
    assert numbers == ["1.png", "2.png", "20001.png"]
    images = [read(path).tobytes() for path in sorted(made.camera.rglob("*leftImg8bit.png"))]
    assert len(set(images)) == 4


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_street(tmp_path / name, seed=seed, train=1, val=1, shape=SHAPE)
    first, again, other = (files_in(tmp_path / name) for name in "abc")
    assert first == again
    assert all(first[name] != other[name] for name in first if name.endswith("leftImg8bit.png"))
    assert json.loads(first["street.json"])["seed"] == 5


def test_only_streets_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    write_street(folder, seed=1, train=1, val=0, shape=SHAPE)
    with pytest.raises(OutputError, match="exists already; pass --overwrite"):
        write_street(folder, seed=1, train=0, val=1, shape=SHAPE)
    write_street(folder, seed=1, train=0, val=1, shape=SHAPE, overwrite=True)
    assert not (folder / "camera" / "leftImg8bit" / "train").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(OutputError, match=r"holds no street\.json"):
        write_street(tmp_path / "mine", seed=1, train=1, val=0, shape=SHAPE, overwrite=True)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too small"):
        write_street(tmp_path / "s", seed=1, train=1, val=0, shape=(8, 8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train": -1, "val": 0}, "-1 synthetic streets of the split train: choose 0 to 20000"),
        ({"train": 0, "val": 1001}, "1001 synthetic streets of the split val: choose 0 to 1000"),
        ({"train": 0, "val": 0}, "no synthetic streets are asked for"),
    ],
)
def test_counts_have_to_be_possible(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write_street(tmp_path / "s", seed=1, shape=SHAPE, **counts)  # type: ignore[arg-type]


def test_a_seed_has_to_be_possible(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the seed of synthetic streets is -1"):
        write_street(tmp_path / "s", seed=-1, train=1, val=1, shape=SHAPE)
