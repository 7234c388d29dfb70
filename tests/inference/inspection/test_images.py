"""What check says of images without ground, with labels of every kind and their readers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from geosemimtl.inference.inspection.reports import Refusal, SceneReport
from geosemimtl.inference.inspection.scenes import check, check_all
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles

Write = Callable[[str, NDArray[Any]], Path]
SHAPE = (20, 30)
OPTIONS = TileOptions(resize=(10, 60))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a PNG without a place: its name, and its pixels."""

    def png(name: str, array: NDArray[Any]) -> Path:
        bands = array if array.ndim == 3 else array[None]
        size = dict(zip(("count", "height", "width"), bands.shape, strict=True))
        path = tmp_path / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", driver="PNG", dtype=str(bands.dtype), **size) as target:
                target.write(bands)
        path.with_name(f"{name}.aux.xml").unlink(missing_ok=True)
        return path

    return png


@pytest.fixture
def image(write: Write, noise: Callable[..., NDArray[Any]]) -> Path:
    """Return an image of 20 x 30 px."""
    return write("a.png", noise(3, *SHAPE))


def facing(path: Path) -> NDArray[np.float32]:
    """Read normals of a file in which everything faces the camera."""
    assert path.exists()
    vectors = np.zeros((3, *SHAPE), np.float32)
    vectors[2] = -1
    return vectors


def test_what_would_be_cut(write: Write, image: Path) -> None:
    targets = {
        "segmentation": (write("l.png", np.zeros(SHAPE, np.uint8)),),
        "depth": (write("d.png", np.full(SHAPE, 7, np.uint16)),),
        "normals": (write("n.png", np.zeros(SHAPE, np.uint8)),),
        "saliency": (write("s.png", np.ones(SHAPE, np.uint8)),),
    }
    report = check([image], targets=targets, readers={"normals": facing}, options=OPTIONS)
    assert report.problems == ()
    assert (report.grid.crs, report.grid.shape) == (None, (10, 60))
    assert (len(report.layout), report.layout.size_px) == (1, (10, 60))
    assert report.shifts == {}
    assert report.cost is not None
    steps = {step.layer: step for step in report.steps}
    assert set(steps) == {"image", "labels", "depth", "normals", "saliency"}
    assert all(step.factor == pytest.approx((0.5, 2)) for step in steps.values())
    document = json.loads(json.dumps(report.document()))
    assert (document["crs"], document["gsd_m"]) == (None, None)
    assert document["would_be"]["tiles"] == 1


@pytest.mark.parametrize(
    ("task", "labels", "said"),
    [
        ("segmentation", np.full(SHAPE, 9, np.uint8), "value 9 at row 0, column 0"),
        ("human_parts", np.full(SHAPE, 7, np.uint8), "value 7 at row 0, column 0"),
        ("saliency", np.full(SHAPE, 2, np.uint8), "value 2 at row 0, column 0"),
        ("depth", np.zeros((3, *SHAPE), np.uint8), "has 3 band(s); depth need 1"),
        ("normals", np.zeros(SHAPE, np.uint8), "has 1 band(s); normals need 3"),
        ("depth", np.zeros((10, 30), np.uint8), "has 10 x 30 px, its image 20 x 30"),
    ],
)
def test_labels_that_cannot_be(
    write: Write, image: Path, task: str, labels: NDArray[Any], said: str
) -> None:
    path = write("l.png", labels)
    report = check([image], targets={task: (path,)}, options=OPTIONS)
    (problem,) = report.problems
    assert said in problem
    assert str(path) in problem
    assert "\n" not in problem
    assert [step.layer for step in report.steps] == ["image"]


def test_scenes_one_by_one(write: Write, image: Path, tmp_path: Path) -> None:
    """What cannot be read stops no other; readers are those of all."""
    normals = {"normals": (write("n.png", np.zeros(SHAPE, np.uint8)),)}
    scenes = [
        SceneFiles("a", (image,), normals),
        SceneFiles("gone", (tmp_path / "gone.png",)),
        SceneFiles("b", (write("b.png", np.ones((3, 7, 9), np.uint8)),)),
    ]
    one, refusal, other = check_all(scenes, options=OPTIONS, readers={"normals": facing})
    assert isinstance(one, SceneReport)
    assert isinstance(other, SceneReport)
    assert isinstance(refusal, Refusal)
    assert one.problems == other.problems == ()
    assert other.grid.shape == (10, 60)
    assert "gone.png: no such file" in refusal.problems[0]


def test_without_a_size_an_image_has_no_place(image: Path) -> None:
    (refusal,) = check_all([SceneFiles("a", (image,))])
    assert isinstance(refusal, Refusal)
    assert "has no georeference" in refusal.problems[0]
