"""Predicting images that lie nowhere on the ground: each as a whole, on its own pixels again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from geosemimtl.classes import IGNORE
from geosemimtl.errors import BatchError, ConfigError
from geosemimtl.inference import making
from geosemimtl.inference.companions import Companion
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import SUFFIXES
from geosemimtl.inference.predictor import predict
from geosemimtl.publish.project.companions import POLYGONS, PROJECT
from geosemimtl.tasks import NODATA, Task

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
MODEL = Path("any.safetensors")
OneLine = Callable[[BaseException], str]
Use = Callable[..., Any]
SHAPE = (32, 48)
PLAIN = PredictOptions(confidence=False)


@pytest.fixture
def use(pointwise: Use, every_task: tuple[Task, ...]) -> Use:
    """Return a function that makes every model file be one of images of 32 x 48 px."""

    def model(**changed: Any) -> Any:
        fields = {"tasks": every_task, "gsd_m": None, "tile_px": SHAPE, "overlap_px": 0}
        return pointwise(**(fields | changed))

    return model


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a PNG: its name, and pixels (bands, rows, columns)."""

    def png(name: str, pixels: NDArray[np.uint8]) -> Path:
        path = tmp_path / name
        size = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", driver="PNG", dtype="uint8", **size) as target:
                target.write(pixels)
        path.with_name(f"{name}.aux.xml").unlink(missing_ok=True)
        return path

    return png


def with_hole(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels with an alpha band, which leaves a corner out."""
    alpha = np.full((1, *pixels.shape[1:]), 255, np.uint8)
    alpha[:, :4, :6] = 0
    return np.concatenate([pixels, alpha])


def read(path: Path) -> NDArray[Any]:
    """Return a raster's bands; it may say of no place."""
    with rasterio.open(path) as source:
        assert source.crs is None
        assert source.transform == Affine.identity()
        assert source.tags()["GEOSEMIMTL_MODEL"] == "toy"
        pixels: NDArray[Any] = source.read()
    return pixels


def test_values_of_every_task(
    use: Use, write: Callable[..., Path], noise: Callable[..., NDArray[Any]]
) -> None:
    """Of an image as large as the network sees it, to the value; nothing where nothing is seen."""
    use()
    pixels = noise(3, *SHAPE)
    (made,) = predict([write("a.png", with_hole(pixels))], MODEL, options=PLAIN)
    unit = pixels.astype(np.float64) / 255
    hole = np.zeros(SHAPE, bool)
    hole[:4, :6] = True
    yes = np.round(100 / (1 + np.exp(-20 * (unit[1] - 0.5))))
    direction = unit - 0.5
    direction /= np.sqrt(np.square(direction).sum(axis=0))
    wanted: dict[str, NDArray[Any]] = {
        "segmentation": pixels.argmax(axis=0),
        "human_parts": pixels.argmax(axis=0),
        "height": 100 * unit[0],
        "depth": 80 * unit[0],
        "inverse_depth": 0.5 * unit[0],
        "disparity": 120 * unit[0],
        "normals": direction,
        "saliency": yes,
        "edges": yes,
    }
    assert set(made.rasters) == set(wanted)
    for task, expected in wanted.items():
        found = read(made.rasters[task])
        assert found.shape[1:] == SHAPE
        nodata = IGNORE if found.dtype == np.uint8 else NODATA
        assert (found[:, hole] == nodata).all()
        np.testing.assert_allclose(
            found[:, ~hole], expected.reshape(-1, *SHAPE)[:, ~hole], atol=2e-5, rtol=1e-5
        )


def test_files_and_their_styles(
    use: Use, write: Callable[..., Path], noise: Callable[..., NDArray[Any]], tmp_path: Path
) -> None:
    use()
    write("a.png", noise(3, *SHAPE))
    options = PredictOptions(probabilities=True)
    (made,) = predict([tmp_path / "a.png"], MODEL, output=tmp_path / "out", options=options)
    kinds = set(SUFFIXES) - {"disagreement"}
    assert {kind: path.name for kind, path in made.rasters.items()} == {
        kind: f"a{SUFFIXES[kind]}" for kind in kinds
    }
    assert SUFFIXES["depth"] == "_depth.tif"
    assert SUFFIXES["normals"] == "_normals.tif"
    rasters = {path.name for path in made.rasters.values()}
    styles = {Path(name).with_suffix(".qml").name for name in rasters}
    found = {path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".xml"}
    assert found == rasters | styles


@pytest.mark.parametrize("shape", [(64, 96), (20, 30), (33, 47), (7, 100), (32, 48)])
def test_outputs_are_as_large_as_the_image(
    use: Use, write: Callable[..., Path], shape: tuple[int, int]
) -> None:
    """Larger or smaller than what the network sees, of another form even."""
    network = use()
    colour = np.array([51, 204, 102], np.uint8)[:, None, None]
    image = write("a.png", np.broadcast_to(colour, (3, *shape)))
    (made,) = predict([image], MODEL, options=PLAIN)
    (seen,) = network.seen
    assert seen.shape == (3, *SHAPE)
    wanted = {"segmentation": 1, "depth": 16, "disparity": 24, "saliency": 100, "height": 20}
    for task, value in wanted.items():
        found = read(made.rasters[task])
        assert found.shape == (1, *shape)
        np.testing.assert_allclose(found, value, rtol=1e-5)
    normal = read(made.rasters["normals"])
    direction = np.array([-0.3, 0.3, -0.1]) / np.sqrt(0.19)
    wide = np.broadcast_to(direction[:, None, None], normal.shape)
    np.testing.assert_allclose(normal, wide, atol=1e-5)


def test_twice_as_large(use: Use, write: Callable[..., Path]) -> None:
    """Numbers go over evenly from one to the next; classes end where they are alike."""
    use()
    rows, cols = SHAPE
    pixels = np.zeros((3, 2 * rows, 2 * cols), np.uint8)
    pixels[0, :, :cols], pixels[1, :, cols:] = 255, 255
    (made,) = predict([write("a.png", pixels)], MODEL, options=PLAIN)
    depth = read(made.rasters["depth"])[0]
    np.testing.assert_allclose(depth[:, : cols - 1], 80)
    np.testing.assert_allclose(depth[:, cols + 1 :], 0)
    np.testing.assert_allclose(depth[:, cols - 1 : cols + 1], [[60, 20]] * 2 * rows)
    classes = read(made.rasters["segmentation"])[0]
    np.testing.assert_array_equal(classes, [np.arange(2 * cols) >= cols] * 2 * rows)
    normals = read(made.rasters["normals"])
    length = np.sqrt(np.square(normals).sum(axis=0))
    np.testing.assert_allclose(length, 1, rtol=1e-5)


def test_on_the_models_pixels(use: Use, write: Callable[..., Path]) -> None:
    use()
    image = write("a.png", np.full((3, 64, 96), 51, np.uint8))
    (made,) = predict([image], MODEL, options=replace(PLAIN, grid="model"))
    assert read(made.rasters["depth"]).shape == (1, *SHAPE)


def test_a_place_that_a_file_tells_is_none(
    use: Use, make_scene: Callable[..., Path], noise: Callable[..., NDArray[Any]]
) -> None:
    use()
    scene = make_scene("a.tif", noise(3, *SHAPE))
    (made,) = predict([scene], MODEL, options=PLAIN)
    assert read(made.rasters["depth"]).shape == (1, *SHAPE)


def test_many_images_of_several_sizes(
    use: Use, write: Callable[..., Path], noise: Callable[..., NDArray[Any]], tmp_path: Path
) -> None:
    use()
    shapes = {"a": (32, 48), "b": (50, 40), "c": (16, 16)}
    images = [write(f"{name}.png", noise(3, *shape)) for name, shape in shapes.items()]
    made = predict(images, MODEL, output=tmp_path / "out", options=PLAIN)
    assert [each.scene.stem for each in made] == list(shapes)
    for each in made:
        assert read(each.rasters["depth"]).shape[1:] == shapes[each.scene.stem]
    alone = predict(images[1:2], MODEL, output=tmp_path / "alone", options=PLAIN)
    for task, path in alone[0].rasters.items():
        assert path.read_bytes() == made[1].rasters[task].read_bytes()


def test_mirror_images_change_nothing_of_what_is_pointwise(
    use: Use, write: Callable[..., Path], noise: Callable[..., NDArray[Any]], tmp_path: Path
) -> None:
    """A street is mirrored only; what is said of the mirror image is mirrored back."""
    network = use()
    image = write("a.png", noise(3, *SHAPE))
    (plain,) = predict([image], MODEL, output=tmp_path / "one", options=PLAIN)
    network.seen.clear()
    (made,) = predict([image], MODEL, output=tmp_path / "two", options=replace(PLAIN, tta=True))
    assert {each.shape for each in network.seen} == {(3, *SHAPE)}
    assert len(network.seen) == 2
    np.testing.assert_array_equal(network.seen[1], network.seen[0][..., ::-1])
    for task, path in plain.rasters.items():
        if task == "normals":  # no function of the pixel: what faces right faces left there
            continue
        np.testing.assert_allclose(read(made.rasters[task]), read(path), rtol=1e-5)
    x, y, z = read(plain.rasters["normals"])
    found = read(made.rasters["normals"])
    # the mean of a vector and of its mirror image's mirror image has no part to the right
    wanted = np.stack([0 * x, y, z]) / np.hypot(y, z)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"bounds": (0, 0, 10, 10)}, "--bounds"),
        ({"area": Path("area.gpkg")}, "--aoi"),
        ({"grid": 0.5}, "--grid METRES"),
        ({"mosaic": True}, "--mosaic"),
    ],
)
def test_what_is_of_the_ground_is_refused(
    use: Use,
    write: Callable[..., Path],
    one_line: OneLine,
    changed: dict[str, Any],
    flag: str,
) -> None:
    use()
    image = write("a.png", np.zeros((3, *SHAPE), np.uint8))
    with pytest.raises(ConfigError) as caught:
        predict([image], MODEL, options=replace(PLAIN, **changed))
    assert f"{flag}: the model learned from images that lie nowhere" in one_line(caught.value)
    assert not list(image.parent.glob("a_*"))
    other = write("b.png", np.zeros((3, *SHAPE), np.uint8))
    with pytest.raises((BatchError, ConfigError)) as each:
        predict([image, other], MODEL, options=replace(PLAIN, **changed))
    failures = each.value.failures if isinstance(each.value, BatchError) else (each.value,)
    assert len(failures) == (1 if flag == "--mosaic" else 2)


@pytest.mark.parametrize("companions", [(POLYGONS, PROJECT), (PROJECT,)])
def test_projects_are_refused(
    use: Use, write: Callable[..., Path], one_line: OneLine, companions: Sequence[Companion]
) -> None:
    use()
    image = write("a.png", np.zeros((3, *SHAPE), np.uint8))
    with pytest.raises(ConfigError, match="of which no project and") as caught:
        predict([image], MODEL, options=PLAIN, companions=companions)
    one_line(caught.value)
    assert not list(image.parent.glob("a_*"))


def test_a_run_that_goes_on_gives_the_same_bytes(
    use: Use,
    write: Callable[..., Path],
    noise: Callable[..., NDArray[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped while the second image's rasters are made, it predicts neither again."""
    network = use()
    images = [write(f"{name}.png", noise(3, *SHAPE)) for name in "ab"]
    whole = predict(images, MODEL, output=tmp_path / "whole", options=PLAIN)
    copied, copy = [], making._copy  # noqa: SLF001  (between predicting and rasters)

    def stopped(job: Any, compress: str) -> None:
        copied.append(job)
        if len(copied) == 2:
            raise KeyboardInterrupt
        copy(job, compress)

    with monkeypatch.context() as patch:
        patch.setattr(making, "_copy", stopped)
        with pytest.raises(KeyboardInterrupt):
            predict(images, MODEL, output=tmp_path / "again", options=PLAIN)
    network.seen.clear()
    made = predict(images, MODEL, output=tmp_path / "again", options=PLAIN)
    assert network.seen == []
    for one, other in zip(whole, made, strict=True):
        for task, path in one.rasters.items():
            assert path.read_bytes() == other.rasters[task].read_bytes()
