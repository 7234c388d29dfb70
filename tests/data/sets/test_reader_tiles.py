"""What readers decode is cut into tiles: each kind of target, by each kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from geosemimtl.data.sets.benchmark import Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
Write = Callable[[Path, NDArray[Any]], Path]
ROWS, COLS = 4, 6


def cut(name: str, root: Path, output: Path, **wanted: Any) -> dict[str, NDArray[Any]]:
    """Cut a data set of one image, of 4 x 6 px as its tile is, and return the tile by layer."""
    data = find_data_set(name, root, Wanted(**wanted))
    tile(replace(data, options=replace(data.options, resize=(ROWS, COLS))), output)
    layers = {}
    for path in output.glob("*/*.tif"):
        with rasterio.open(path) as source:
            layers[path.parent.name] = source.read()
    return layers


def test_arrays_of_four_kinds(tmp_path: Path, npy: Write) -> None:
    image = np.arange(ROWS * COLS * 3, dtype=np.float64).reshape(ROWS, COLS, 3) / 72
    labels = np.arange(ROWS * COLS).reshape(ROWS, COLS) % 14 - 1
    depth = np.arange(ROWS * COLS, dtype=np.float64).reshape(ROWS, COLS, 1)
    normals = np.zeros((ROWS, COLS, 3))
    normals[:, :, 2] = 1
    normals[0, 0] = 0
    for folder, array in (("image", image), ("label", labels), ("depth", depth)):
        npy(tmp_path / "in" / "train" / folder / "0.npy", array)
    npy(tmp_path / "in" / "train" / "normal" / "0.npy", normals)
    layers = cut("nyuv2_mtan", tmp_path / "in", tmp_path / "out")
    assert_allclose(layers["image"], image.transpose(2, 0, 1), rtol=1e-6)
    assert_array_equal(layers["segmentation"][0], np.where(labels < 0, 255, labels))
    assert_array_equal(layers["depth"][0], np.where(depth > 0, depth, NODATA)[:, :, 0])
    assert_array_equal(layers["normals"][:, 1, 1], [0, 0, -1])
    assert_array_equal(layers["normals"][:, 0, 0], [NODATA] * 3)


def test_photographs_with_five_targets(tmp_path: Path, png: Write) -> None:
    root, shape = tmp_path / "in", (ROWS, COLS)
    for folder in ("JPEGImages", "ImageSets/Context", "human_parts", "pascal-context/trainval"):
        (root / folder).mkdir(parents=True)
    for split, names in (("train", "a\n"), ("val", "")):
        (root / "ImageSets" / "Context" / f"{split}.txt").write_text(names, encoding="ascii")
    Image.new("RGB", (COLS, ROWS), (9, 9, 9)).save(root / "JPEGImages" / "a.jpg")
    (root / "semseg" / "VOC12").mkdir(parents=True)
    labels = Image.new("P", (COLS, ROWS), 15)  # with a palette, as VOC's
    labels.putpalette([value for index in range(256) for value in (index, 7, 7)])
    labels.putpixel((0, 0), 255)
    labels.save(root / "semseg" / "VOC12" / "a.png")
    parts = np.zeros((1, 1), [("part_name", object), ("mask", object)])
    parts[0, 0] = ("head", np.ones(shape, np.uint8))
    person = np.zeros((1, 1), [(n, object) for n in ("class", "class_ind", "mask", "parts")])
    person[0, 0] = ("person", 15, np.ones(shape, np.uint8), parts)
    savemat(root / "human_parts" / "a.mat", {"anno": {"imname": "a", "objects": person}})
    classes = np.repeat(np.array([[440] * 3 + [158] * 3], np.uint16), ROWS, axis=0)
    savemat(root / "pascal-context" / "trainval" / "a.mat", {"LabelMap": classes})
    facing = np.broadcast_to(np.array([128, 128, 255], np.uint8)[:, None, None], (3, *shape))
    png(root / "normals_distill" / "a.png", facing)
    png(root / "sal_distill" / "a.png", np.full(shape, 255, np.uint8))
    layers = cut("pascal_context", root, tmp_path / "out")
    wanted = np.full((1, *shape), 15)
    wanted[0, 0, 0] = 255
    assert_array_equal(layers["segmentation"], wanted)
    assert (layers["human_parts"] == 1).all()
    assert (layers["saliency"] == 1).all()
    assert layers["edges"].sum() in range(ROWS - 1, ROWS + 1)
    assert_allclose(layers["normals"][:, 2, 2], [0.0039, 0.0039, -1], atol=1e-4)


def test_sixteen_bits_with_calibration_and_classes(tmp_path: Path, png: Write) -> None:
    root = tmp_path / "in" / "training"
    png(root / "image_2" / "000000_10.png", np.full((3, ROWS, COLS), 5, np.uint8))
    stored = np.full((ROWS, COLS), 2560, np.uint16)
    stored[0, 0] = 0
    png(root / "disp_occ_0" / "000000_10.png", stored)
    png(root / "semantic" / "000000_10.png", np.full((ROWS, COLS), 26, np.uint8))
    (root / "calib_cam_to_cam").mkdir()
    (root / "calib_cam_to_cam" / "000000.txt").write_text(
        "P_rect_02: 700 0 0 35 0 700 0 0 0 0 1 0\nP_rect_03: 700 0 0 -315 0 700 0 0 0 0 1 0\n",
        encoding="ascii",
    )
    tasks = ("segmentation", "disparity", "depth")
    layers = cut("kitti2015", tmp_path / "in", tmp_path / "out", tasks=tasks, classes="atdt11")
    assert (layers["segmentation"] == 7).all()
    assert_array_equal(layers["disparity"][0, :2, 0], [NODATA, 10])
    assert_array_equal(layers["depth"][0, :2, 0], [NODATA, 35])  # 700 px x 0.5 m / 10 px


def test_three_bytes_and_a_label_in_the_red_band(tmp_path: Path, png: Write) -> None:
    root = tmp_path / "in" / "SEQ2"
    png(root / "RGBLeft" / "0000000.png", np.full((3, ROWS, COLS), 5, np.uint8))
    labels = np.full((3, ROWS, COLS), 77, np.uint8)
    labels[0] = 14
    png(root / "GTLeft" / "0000000.png", labels)
    depth = np.zeros((3, ROWS, COLS), np.uint8)
    depth[2] = 1
    png(root / "DepthLeft" / "0000000.png", depth)
    layers = cut("synthia_sf", tmp_path / "in", tmp_path / "out", classes="atdt11")
    assert (layers["segmentation"] == 7).all()
    assert_allclose(layers["depth"], np.full((1, ROWS, COLS), 3.9062502), rtol=1e-6)
