"""Data sets that are decoded: their files are found, with the splits and readers that belong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geosemimtl.data.sets import (
    carla,
    cityscapes_mtan,
    kitti2012,
    kitti2015,
    mtan,
    pascal_context,
    synthia_sf,
)
from geosemimtl.data.sets.benchmark import Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.tasks import (
    DEPTH,
    DISPARITY,
    EDGES,
    HUMAN_PARTS,
    INVERSE_DEPTH,
    NORMALS,
    SALIENCY,
    SEGMENTATION,
)
from geosemimtl.tiling.scenes import SceneFiles

Write = Callable[[Path, NDArray[Any]], Path]


def touch(root: Path, *names: str) -> None:
    """Make empty files: nothing is opened."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def shown(root: Path, scene: SceneFiles) -> tuple[str, str | None, dict[str, str]]:
    """Return a scene's name, split and files below the root, by layer."""
    files = {"image": scene.image, **scene.targets}
    below = {layer: paths[0].relative_to(root).as_posix() for layer, paths in files.items()}
    return scene.name, scene.split, below


def found(name: str, root: Path, **wanted: Any) -> list[tuple[str, str | None, dict[str, str]]]:
    """Return what is found of a data set, that nothing stands in the way, and no remark."""
    data = find_data_set(name, root, Wanted(**wanted))
    assert not data.problems
    assert not data.remarks
    return [shown(root, scene) for scene in data.scenes]


def test_kitti_2012(tmp_path: Path) -> None:
    """Frame 11, the right images and the disparities of what is seen twice are passed over."""
    touch(
        tmp_path,
        *("training/colored_0/000000_10.png", "training/colored_0/000000_11.png"),
        *("training/colored_1/000000_10.png", "training/image_0/000000_10.png"),
        *("training/disp_occ/000000_10.png", "training/disp_noc/000000_10.png"),
        *("testing/colored_0/000000_10.png", "testing/image_0/000000_10.png"),
    )
    occ = "training/disp_occ/000000_10.png"
    image = "training/colored_0/000000_10.png"
    test = ("testing_000000", "test", {"image": "testing/colored_0/000000_10.png"})
    both = {"image": image, DISPARITY: occ, DEPTH: occ}
    assert found("kitti2012", tmp_path, tasks=(DISPARITY, DEPTH)) == [
        test,
        ("training_000000", "train", both),
    ]
    (_, grey) = found("kitti2012", tmp_path, variant="grey", alternatives=("non-occluded",))
    noc = "training/disp_noc/000000_10.png"
    assert grey[2] == {"image": "training/image_0/000000_10.png", DISPARITY: noc}
    readers = find_data_set("kitti2012", tmp_path, Wanted(tasks=(DEPTH,))).readers
    assert readers == {DEPTH: kitti2012.read_depth}


def test_kitti_2015(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *("training/image_2/000007_10.png", "training/image_3/000007_10.png"),
        *("training/disp_occ_0/000007_10.png", "training/disp_occ_1/000007_10.png"),
        *("training/semantic/000007_10.png", "training/semantic_rgb/000007_10.png"),
    )
    ((_, split, files),) = found("kitti2015", tmp_path)
    assert split == "train"
    assert files == {
        "image": "training/image_2/000007_10.png",
        SEGMENTATION: "training/semantic/000007_10.png",
        DISPARITY: "training/disp_occ_0/000007_10.png",
    }
    data = find_data_set("kitti2015", tmp_path, Wanted(classes="atdt11"))
    assert data.readers == {DISPARITY: kitti2015.read_disparity}
    assert data.options.classes.numbers[26] == 7


def test_synthia_sf(tmp_path: Path) -> None:
    for sequence in (1, 2, 3):
        folders = ("RGBLeft", "RGBRight", "GTLeft", "GTLeftDebug", "DepthLeft")
        touch(tmp_path, *(f"SEQ{sequence}/{folder}/0000004.png" for folder in folders))
    scenes = found("synthia_sf", tmp_path)
    assert [scene[:2] for scene in scenes] == [
        ("seq1_0000004", "test"),
        ("seq2_0000004", "train"),
        ("seq3_0000004", "val"),
    ]
    assert scenes[0][2] == {
        "image": "SEQ1/RGBLeft/0000004.png",
        SEGMENTATION: "SEQ1/GTLeft/0000004.png",
        DEPTH: "SEQ1/DepthLeft/0000004.png",
    }


@pytest.mark.parametrize(
    ("classes", "read", "count"),
    [
        (None, synthia_sf.read_classes, 19),
        ("cityscapes19", synthia_sf.read_classes, 19),
        ("atdt11", synthia_sf.read_atdt_classes, 11),
    ],
)
def test_a_class_map_comes_with_its_reader(
    tmp_path: Path, classes: str | None, read: object, count: int
) -> None:
    touch(tmp_path, "SEQ1/RGBLeft/0000004.png", "SEQ1/GTLeft/0000004.png")
    data = find_data_set("synthia_sf", tmp_path, Wanted(tasks=(SEGMENTATION,), classes=classes))
    assert data.readers[SEGMENTATION] is read
    assert len(data.options.classes.entries) == count


def test_carla(tmp_path: Path) -> None:
    for episode in (34, 35, 40):
        left = f"episode_00{episode}/MyCamera_L"
        touch(tmp_path, *(f"{left}/{folder}000004.png" for folder in ("", "Semantic/", "Depth/")))
        touch(tmp_path, f"episode_00{episode}/MyCamera_R/000004.png")
    scenes = found("carla", tmp_path)
    assert [scene[:2] for scene in scenes] == [
        ("episode_0034_000004", "train"),
        ("episode_0035_000004", "val"),
        ("episode_0040_000004", "test"),
    ]
    assert scenes[0][2] == {
        "image": "episode_0034/MyCamera_L/000004.png",
        SEGMENTATION: "episode_0034/MyCamera_L/Semantic/000004.png",
        DEPTH: "episode_0034/MyCamera_L/Depth/000004.png",
    }
    readers = find_data_set("carla", tmp_path, Wanted(classes="tags")).readers
    assert readers == {SEGMENTATION: carla.read_tags, DEPTH: carla.read_depth}


def test_nyuv2_of_mtan(tmp_path: Path) -> None:
    for split in ("train", "val"):
        folders = ("image", "label", "depth", "normal")
        touch(tmp_path, *(f"{split}/{folder}/{n}.npy" for folder in folders for n in (2, 10)))
    scenes = found("nyuv2_mtan", tmp_path)
    assert [scene[:2] for scene in scenes] == [
        *(("train_2", "train"), ("train_10", "train"), ("val_2", "val"), ("val_10", "val")),
    ]
    assert scenes[3][2] == {
        "image": "val/image/10.npy",
        SEGMENTATION: "val/label/10.npy",
        DEPTH: "val/depth/10.npy",
        NORMALS: "val/normal/10.npy",
    }
    assert find_data_set("nyuv2_mtan", tmp_path).readers["image"] is mtan.read_image


def test_cityscapes_of_mtan(tmp_path: Path) -> None:
    """The 19 classes are other files, not only another reader."""
    folders = ("image", "label_7", "label_19", "depth")
    touch(tmp_path, *(f"train/{folder}/0.npy" for folder in folders))
    ((_, _, files),) = found("cityscapes_mtan", tmp_path)
    assert files == {
        "image": "train/image/0.npy",
        SEGMENTATION: "train/label_7/0.npy",
        INVERSE_DEPTH: "train/depth/0.npy",
    }
    ((_, _, files),) = found("cityscapes_mtan", tmp_path, classes="cityscapes19")
    assert files[SEGMENTATION] == "train/label_19/0.npy"
    data = find_data_set("cityscapes_mtan", tmp_path, Wanted(classes="cityscapes19"))
    assert data.readers[SEGMENTATION] is cityscapes_mtan.read_classes_19


def test_pascal_context(tmp_path: Path) -> None:
    """The lists say which images are used; VOC's labels come before the others."""
    for name in ("2008_000002", "2008_000003", "2009_004444"):
        touch(
            tmp_path,
            *(f"JPEGImages/{name}.jpg", f"human_parts/{name}.mat", f"normals_distill/{name}.png"),
            *(f"sal_distill/{name}.png", f"pascal-context/trainval/{name}.mat"),
            f"semseg/pascal-context/{name}.png",
        )
    touch(tmp_path, "semseg/VOC12/2008_000003.png")
    lists = tmp_path / "ImageSets" / "Context"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2008_000003\n", encoding="ascii")
    (lists / "val.txt").write_text("2008_000002\n", encoding="ascii")
    data = find_data_set("pascal_context", tmp_path)
    assert not data.problems
    val, train = (shown(tmp_path, scene) for scene in data.scenes)
    assert (val[:2], train[:2]) == (("2008_000002", "val"), ("2008_000003", "train"))
    assert train[2] == {
        "image": "JPEGImages/2008_000003.jpg",
        SEGMENTATION: "semseg/VOC12/2008_000003.png",
        HUMAN_PARTS: "human_parts/2008_000003.mat",
        NORMALS: "normals_distill/2008_000003.png",
        SALIENCY: "sal_distill/2008_000003.png",
        EDGES: "pascal-context/trainval/2008_000003.mat",
    }
    assert val[2][SEGMENTATION] == "semseg/pascal-context/2008_000002.png"
    assert data.readers == {
        HUMAN_PARTS: pascal_context.read_human_parts,
        NORMALS: pascal_context.read_normals,
        SALIENCY: pascal_context.read_saliency,
        EDGES: pascal_context.read_edges,
    }


def test_arrays_are_read_inside_of_a_zip(
    tmp_path: Path, npy: Write, zip_folder: Callable[[Path, str], Path]
) -> None:
    npy(tmp_path / "train" / "image" / "0.npy", np.full((2, 4, 3), 0.5))
    npy(tmp_path / "train" / "depth" / "0.npy", np.full((2, 4, 1), 3.0))
    zip_folder(tmp_path, "train")
    data = find_data_set("nyuv2_mtan", tmp_path, Wanted(tasks=(DEPTH,)))
    (scene,) = data.scenes
    (depth,) = scene.targets[DEPTH]
    assert (data.readers[DEPTH](depth) == 3).all()
