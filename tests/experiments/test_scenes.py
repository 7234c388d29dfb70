"""The files of scenes: named one by one, or a data set's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from geosemimtl.errors import SceneError, TileSetError
from geosemimtl.experiments.config import SceneSection
from geosemimtl.experiments.scenes import require_scenes, scene_truth

Make = Callable[..., Path]
PATCHES = ((2, 10), (2, 13), (7, 13))


def of(root: Path, **fields: Any) -> SceneSection:
    return SceneSection(name="x", dataset="potsdam", root=str(root), **fields)


def test_files_that_are_named() -> None:
    section = SceneSection.model_validate(
        {
            "name": "x",
            "image": "{data}/a.tif",
            "height": ["h.tif"],
            "bands": ["nir", "red", "green"],
        }
    )
    truth = scene_truth(section, Path("seed"))
    assert truth.images == (Path("seed/a.tif"),)
    assert (truth.labels, truth.heights) == ((), (Path("h.tif"),))
    assert (truth.bands, truth.classes, truth.places) == (("nir", "red", "green"), None, ())


@pytest.mark.parametrize("zips", [False, True])
def test_the_hold_out_of_a_data_set(make_isprs: Make, zips: bool) -> None:  # noqa: FBT001  (a parameter)
    root = make_isprs("potsdam", PATCHES, zips=zips)
    truth = scene_truth(of(root), Path())
    names = ["top_potsdam_2_13_IRRG.tif", "top_potsdam_7_13_IRRG.tif"]
    assert [path.name for path in truth.images] == names
    assert [path.name for path in truth.labels] == [n.replace("IRRG", "label") for n in names]
    assert truth.heights == ()  # grey levels are no metres
    assert truth.bands == ("nir", "red", "green")
    assert len(truth.places) == 2
    other = scene_truth(of(root, split="train", variant="rgb", no_boundary=True), Path())
    assert [path.name for path in other.images] == ["top_potsdam_2_10_RGB.tif"]
    assert [path.name for path in other.labels] == ["top_potsdam_2_10_label_noBoundary.tif"]


def test_a_data_set_that_is_not_whole(make_isprs: Make, one_line: Callable[..., str]) -> None:
    root = make_isprs("potsdam", PATCHES)
    (root / "5_Labels_all" / "top_potsdam_7_13_label.tif").unlink()
    with pytest.raises(TileSetError) as caught:
        scene_truth(of(root), Path())
    said = "1 of 2 scenes of the split test have no labels (top_potsdam_7_13)"
    assert said in one_line(caught.value)
    shutil.rmtree(root / "5_Labels_all")
    with pytest.raises(TileSetError) as caught:
        scene_truth(of(root), Path())
    assert "2 scenes of the split test are there, without" in one_line(caught.value)


def test_missing_files_are_told_before_a_training(
    make_isprs: Make, tmp_path: Path, one_line: Callable[..., str]
) -> None:
    zipped = of(make_isprs("potsdam", PATCHES, zips=True))
    there = tmp_path / "a.tif"
    there.touch()
    named = SceneSection(name="town", image=(str(there),), labels=(f"{there}|layername=x",))
    require_scenes([zipped, named])
    gone = tmp_path / "b.tif"
    with pytest.raises(SceneError) as caught:
        require_scenes([named, named.model_copy(update={"height": (str(gone),)})])
    assert one_line(caught.value) == f"{gone}: is not there; check the files of scene town"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "name its image, or its tiles, or a dataset and its root"),
        ({"image": "a.tif", "root": "x"}, "go with dataset"),
        ({"dataset": "potsdam"}, "takes its root"),
        ({"dataset": "potsdam", "root": "x", "labels": "a.tif"}, "and no image, labels"),
    ],
)
def test_mistakes(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SceneSection.model_validate({"name": "x"} | fields)
