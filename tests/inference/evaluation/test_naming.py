"""Which files are compared with which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geosemimtl.errors import LabelError, TileSetError
from geosemimtl.inference.evaluation.naming import NamedFiles, named_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder as predict leaves it, and truth beside it."""
    for name in ("b", "a"):
        for kind in ("classes.tif", "height.tif", "confidence.tif", "classes.qml"):
            (tmp_path / "out" / f"{name}_{kind}").parent.mkdir(exist_ok=True)
            (tmp_path / "out" / f"{name}_{kind}").touch()
        for kind in ("labels", "ndsm"):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{name}_{kind}.tif").touch()
    return tmp_path


def test_single_files_stay_as_they_are() -> None:
    files = [Path(name) for name in ("x_height.tif", "y.tif", "x_confidence.tif", "x_classes.tif")]
    named = named_files(files, [Path("t.tif")], [Path("h.tif")], are_scenes=False)
    classes = (Path("y.tif"), Path("x_classes.tif"))
    assert named == NamedFiles(
        (), classes, (Path("x_height.tif"),), (Path("t.tif"),), (Path("h.tif"),)
    )


def test_folders_are_matched_by_name(folder: Path) -> None:
    out, labels, ndsm = folder / "out", folder / "labels", folder / "ndsm"
    named = named_files([out], [labels], [ndsm], are_scenes=False)
    assert named.classes == (out / "a_classes.tif", out / "b_classes.tif")
    assert named.heights == (out / "a_height.tif", out / "b_height.tif")
    assert named.labels == (labels / "a_labels.tif", labels / "b_labels.tif")
    assert named.true_heights == (ndsm / "a_ndsm.tif", ndsm / "b_ndsm.tif")


def test_the_truth_follows_the_order_of_what_is_named(folder: Path) -> None:
    scenes = [folder / "b.tif", folder / "a.tif"]
    named = named_files(scenes, [folder / "labels"], [], are_scenes=True)
    assert named.scenes == tuple(scenes)
    assert [path.name for path in named.labels] == ["b_labels.tif", "a_labels.tif"]
    alone = [folder / "out" / "b_height.tif"]
    labels = named_files(alone, [folder / "labels"], [], are_scenes=False).labels
    assert [path.name for path in labels] == ["b_labels.tif"]


def test_folders_without_what_is_needed(
    folder: Path, one_line: Callable[[BaseException], str]
) -> None:
    with pytest.raises(LabelError) as error:
        named_files([folder / "ndsm"], [], [], are_scenes=False)
    assert "holds no *_classes.tif" in one_line(error.value)
    with pytest.raises(TileSetError, match="no file fits c"):
        named_files([folder / "c_classes.tif"], [folder / "labels"], [], are_scenes=False)
