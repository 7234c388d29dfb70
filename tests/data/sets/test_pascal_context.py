"""PASCAL-Context for five tasks, by fakes of MATLAB's structures and of 8-bit PNGs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.io import savemat

from geosemimtl.data.sets import pascal_context
from geosemimtl.errors import LabelError, SceneError

Write = Callable[[Path, NDArray[Any]], Path]
Parts = list[tuple[str, list[list[int]]]]
SIZE = (2, 4)


def mat(path: Path, **variables: Any) -> Path:
    """Write variables as MATLAB does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)
    return path


def annotation(path: Path, *objects: tuple[int, Parts]) -> Path:
    """Write PASCAL-Part's structures: (1, n) objects, of which each has (1, n) parts."""
    fields = [("class", object), ("class_ind", object), ("mask", object), ("parts", object)]
    laid = np.zeros((1, len(objects)), fields)
    for number, (class_index, parts) in enumerate(objects):
        each = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
        for place, (name, mask) in enumerate(parts):
            each[0, place] = (name, np.array(mask, np.uint8))
        held = each if parts else np.zeros((0, 0))  # what MATLAB writes as []
        laid[0, number] = ("thing", class_index, np.zeros(SIZE, np.uint8), held)
    return mat(path, anno={"imname": path.stem, "objects": laid})


def test_human_parts(tmp_path: Path) -> None:
    """Head, torso, upper and lower arm, upper and lower leg; a horse's do not count."""
    path = annotation(
        tmp_path / "a.mat",
        (13, [("head", [[1, 1, 1, 1], [1, 1, 1, 1]])]),
        (15, [("hair", [[0, 1, 0, 0], [0, 0, 0, 0]]), ("neck", [[0, 0, 1, 0], [0, 0, 0, 0]])]),
        (
            15,
            [
                ("luarm", [[0, 0, 0, 1], [0, 0, 0, 0]]),
                ("rhand", [[0, 0, 0, 0], [1, 0, 0, 0]]),
                ("ruleg", [[0, 0, 0, 0], [0, 1, 0, 0]]),
                ("lfoot", [[0, 0, 0, 0], [0, 0, 1, 0]]),
            ],
        ),
    )
    found = pascal_context.read_human_parts(path)
    assert found.dtype == np.uint8
    assert_array_equal(found, [[0, 1, 2, 3], [4, 5, 6, 0]])


def test_what_comes_later_lies_above(tmp_path: Path) -> None:
    everywhere = [[1] * 4] * 2
    path = annotation(
        tmp_path / "a.mat", (15, [("head", everywhere), ("leye", everywhere[:1] * 2)])
    )
    assert (pascal_context.read_human_parts(path) == 1).all()
    path = annotation(path, (15, [("torso", everywhere), ("llarm", everywhere)]))
    assert (pascal_context.read_human_parts(path) == 4).all()


@pytest.mark.parametrize("objects", [[(15, [])], [(8, [("head", [[1] * 4] * 2)])]])
def test_images_without_parts_of_people_are_unlabelled(
    tmp_path: Path, objects: list[tuple[int, Parts]]
) -> None:
    found = pascal_context.read_human_parts(annotation(tmp_path / "a.mat", *objects))
    assert_array_equal(found, np.full(SIZE, 255))


def test_unknown_parts_are_refused(tmp_path: Path) -> None:
    path = annotation(tmp_path / "a.mat", (15, [("wing", [[1] * 4] * 2)]))
    with pytest.raises(LabelError, match=r"a\.mat: a person has the part wing; known: hair, head"):
        pascal_context.read_human_parts(path)


def test_annotations_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"a\.mat: holds no anno"):
        pascal_context.read_human_parts(mat(tmp_path / "a.mat", LabelMap=np.zeros((2, 2))))
    with pytest.raises(SceneError, match="is no annotation of PASCAL-Part"):
        pascal_context.read_human_parts(mat(tmp_path / "a.mat", anno=np.zeros((2, 2))))
    with pytest.raises(SceneError, match="has no objects"):
        pascal_context.read_human_parts(annotation(tmp_path / "a.mat"))


def test_normals_count_where_the_class_occurs_indoors(tmp_path: Path, png: Write) -> None:
    """(255, 128, 0) / 127.5 - 1 = (1, 0.0039, -1); a wall (440), a floor (158), sky (360), grey."""
    colours = np.array([[255, 128, 0], [128, 0, 0], [255, 128, 0], [127, 127, 128]], np.uint8)
    path = png(tmp_path / "normals_distill" / "a.png", colours.T[:, None, :])
    labels = np.array([[440, 158, 360, 440]], np.uint16).repeat(2, axis=0)
    mat(tmp_path / "pascal-context" / "trainval" / "a.mat", LabelMap=labels)
    with pytest.raises(SceneError, match=r"a\.png: is 4 x 1 px, its labels \(.*\) are 4 x 2 px"):
        pascal_context.read_normals(path)
    path = png(path, colours.T[:, None, :].repeat(2, axis=1))
    found = pascal_context.read_normals(path)
    half = np.sqrt(0.5)
    assert_allclose(found[:, 0, 0], [half, 0.00277, -half], atol=1e-4)
    assert_allclose(found[:, 0, 1], [0.00277, -half, -half], atol=1e-4)
    assert np.isnan(found[:, :, 2:]).all()


def test_normals_need_their_labels(tmp_path: Path, png: Write) -> None:
    path = png(tmp_path / "normals_distill" / "a.png", np.zeros((3, 2, 2), np.uint8))
    with pytest.raises(SceneError, match=r"trainval/a\.mat: no such file; check the path"):
        pascal_context.read_normals(path)


def test_saliency_is_more_than_half_certain(tmp_path: Path, png: Write) -> None:
    path = png(tmp_path / "a.png", np.array([[0, 127, 128, 255]], np.uint8))
    assert_array_equal(pascal_context.read_saliency(path), [[0, 0, 1, 1]])


def test_edges_are_where_classes_meet(tmp_path: Path) -> None:
    labels = np.repeat(np.array([[2, 2, 2, 360, 360, 360]], np.uint16), 6, axis=0)
    found = pascal_context.read_edges(mat(tmp_path / "a.mat", LabelMap=labels))
    assert set(np.unique(found)) == {0, 1}
    assert (found.sum(axis=1)[1:-1] == 1).all()
    assert not found[:, [0, 1, 4, 5]].any()


def test_labels_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="LabelMap is float64 of shape"):
        pascal_context.read_edges(mat(tmp_path / "a.mat", LabelMap=np.zeros((2, 2))))
    (tmp_path / "b.mat").write_bytes(b"MATLAB" * 40)
    with pytest.raises(SceneError, match=r"b\.mat: is no file of MATLAB"):
        pascal_context.read_edges(tmp_path / "b.mat")
    (tmp_path / "b.mat").write_bytes(b"")
    with pytest.raises(SceneError, match=r"b\.mat: is no file of MATLAB"):
        pascal_context.read_edges(tmp_path / "b.mat")
    cut = mat(tmp_path / "c.mat", LabelMap=np.arange(900, dtype=np.uint16).reshape(30, 30))
    cut.write_bytes(cut.read_bytes()[:700])
    with pytest.raises(SceneError, match=r"c\.mat: is no file of MATLAB"):
        pascal_context.read_edges(cut)


def test_the_classes_of_voc() -> None:
    names = pascal_context.CLASS_MAP.classes.names
    assert (len(names), names[0], names[15], names[20]) == (
        21,
        *("background", "person"),
        "tv_monitor",
    )
    assert pascal_context.CLASS_MAP.numbers == {**{n: n for n in range(21)}, 255: 255}
