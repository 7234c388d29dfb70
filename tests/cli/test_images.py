"""The program on images that lie nowhere on the ground, and what it refuses of them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from matplotlib.image import imread
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from geosemimtl.cli.main import main
from geosemimtl.data.regimes import read_regime

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
Run = Callable[..., Any]
MODEL = "runs/street/street.safetensors"
CONFIG = """\
name: street
tasks: [segmentation]
domains:
  - {name: a, tiles: tiles}
network:
  encoder: resnet18
  weights: null
  output_stride: 32
  segmentation: {name: upsampling, channels: 16}
method: {name: jtl}
iterations: 1
batch: 2
crop_px: 32
optimiser: {lr: 0.00001}
"""


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image without any place."""
    size = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="PNG", dtype="uint8", **size) as target:
            target.write(pixels)
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with four images, their labels, a tile set and a trained model."""
    folder = tmp_path_factory.mktemp("street")
    random = np.random.default_rng(0)
    for name in "abcd":
        for kind in ("images", "labels"):
            (folder / kind).mkdir(exist_ok=True)
        write_png(folder / f"images/{name}.png", random.integers(0, 256, (3, 40, 60), np.uint8))
        write_png(folder / f"labels/{name}.png", random.integers(0, 6, (1, 40, 60), np.uint8))
    (folder / "street.yaml").write_text(CONFIG)
    cut = ("--resize", "32x48", "--split", "by-scene", "--split-shares", "0.5,0.5,0")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (
            ("tile", "images", "--labels", "labels", *cut, "-o", "tiles"),
            ("train", "street.yaml"),
        ):
            with pytest.raises(SystemExit) as stop:
                main(command)
            assert not stop.value.code
    return folder


@pytest.fixture
def here(street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory of this test's own with links to what ``street`` holds."""
    for path in street.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def refused(run: Run, *arguments: str) -> str:
    """Return the one line of an error; nothing may be left behind."""
    before = set(Path().rglob("*"))
    done = run(*arguments)
    assert done.code == 1
    errors = [line for line in done.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert set(Path().rglob("*")) == before
    return str(errors[0])


@pytest.mark.usefixtures("here")
def test_a_tile_set_and_a_look_at_it(run: Run) -> None:
    said = json.loads(Path("tiles/tileset.json").read_text())
    assert (said["gsd_m"], said["size_px"], said["tiles"]) == (None, [32, 48], 4)
    assert said["splits"] == {"train": 2, "val": 2}
    done = run("info", "tiles", "--map", "sheet.png")
    assert done.code == 0
    assert "4 of 48 x 32 px" in done.out
    assert "none: images resized as a whole" in done.out
    assert imread("sheet.png").std() > 0.05
    assert run("info", "tiles", "--json").code == 0


@pytest.mark.usefixtures("here")
def test_what_a_model_says_of_itself(run: Run) -> None:
    done = run("info", MODEL)
    assert done.code == 0
    assert "resized to 48 x 32 px" in done.out
    assert "GSD" not in done.out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("how", [("--resize", "32x48"), ("--model", MODEL)])
def test_a_check(run: Run, how: tuple[str, ...]) -> None:
    done = run("check", "images/a.png", *how)
    assert done.code == 0
    assert "none: an image that lies nowhere" in done.out
    assert "resized to 1/1.25 across, 1/1.25 down, averaged" in done.out
    (scene,) = json.loads(run("check", "images/a.png", *how, "--json").out)
    assert scene["problems"] == []


@pytest.mark.usefixtures("here")
def test_a_check_of_labels(run: Run) -> None:
    done = run("check", "images/a.png", "--labels", "labels/a.png", "--resize", "32x48")
    assert done.code == 0
    assert "the most frequent class" in done.out


@pytest.mark.usefixtures("here")
def test_predictions(run: Run) -> None:
    done = run("predict", "images", "--model", MODEL, "-o", "out")
    assert done.code == 0
    made = {path.name for path in Path("out").glob("*.tif")}
    assert made == {f"{name}_{kind}.tif" for name in "abcd" for kind in ("classes", "confidence")}
    with rasterio.open("out/a_classes.tif") as source:
        assert (source.crs, source.shape) == (None, (40, 60))
    again = run("predict", "images", "--model", MODEL, "-o", "out", "--skip-existing")
    assert again.code == 0


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--project",), "no project and no STAC item is made; leave --project and --stac out"),
        (("--stac",), "no project and no STAC item is made; leave --project and --stac out"),
        (("--bounds", "0,0,9,9"), "--bounds: the model learned from images that lie nowhere"),
        (("--aoi", "area.gpkg"), "--aoi: the model learned from images that lie nowhere"),
        (("--grid", "0.5"), "--grid METRES: the model learned from images that lie nowhere"),
    ],
)
def test_what_prediction_refuses(run: Run, option: tuple[str, ...], said: str) -> None:
    assert said in refused(run, "predict", "images/a.png", "--model", MODEL, "-o", "out", *option)


@pytest.mark.usefixtures("here")
def test_what_needs_a_place(run: Run) -> None:
    """Each points to how such images are cut."""
    assert run("predict", "images/a.png", "--model", MODEL, "-o", "out").code == 0
    for command in (
        ("vectorize", "out/a_classes.tif"),
        ("evaluate", "out/a_classes.tif", "--labels", "labels/a.png"),
        ("ndsm", "labels/a.png", "-o", "ndsm.tif"),
        ("tile", "images/a.png", "-o", "other"),
    ):
        assert "has no georeference" in refused(run, *command)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("option", "code", "said"),
    [
        (("--split", "blocks"), 1, "--split blocks: parts ground, which images have not"),
        (("--gsd", "0.1"), 1, "leave out --gsd and --crs, or --resize"),
        (("--resize", "32"), 2, "write rows and columns, such as 512x1024"),
        (("--resize", "0x48"), 2, "write rows and columns, such as 512x1024"),
    ],
)
def test_what_tiles_refuse(run: Run, option: tuple[str, ...], code: int, said: str) -> None:
    done = run("tile", "images", "--resize", "32x48", *option, "-o", "other")
    assert done.code == code
    assert said in done.err
    assert not Path("other").exists()


@pytest.mark.usefixtures("here")
def test_scores_on_the_tile_set(run: Run) -> None:
    done = run("evaluate", "tiles", "--model", MODEL)
    assert done.code == 0
    assert "2 tiles of the split val" in done.out
    assert "3,072" in done.out


@pytest.mark.usefixtures("here")
def test_no_export_for_deepness(run: Run) -> None:
    said = refused(run, "export", MODEL, "--deepness", "-o", "street.onnx")
    assert "predicts squares of maps" in said


@pytest.mark.usefixtures("here")
def test_a_regime_of_images(run: Run) -> None:
    assert run("regime", "tiles", "--kind", "1/2", "-o", "half.json").code == 0
    regime = read_regime(Path("half.json"))
    assert set(regime.images) <= set("abcd")
    assert regime.counts == {"segmentation": len(regime.images) // 2}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("how", [(), ("--per-tile",)])
def test_truth_of_images_without_ground(run: Run, how: tuple[str, ...]) -> None:
    said = refused(
        run, "evaluate", "images/a.png", "--model", MODEL, "--labels", "labels/a.png", *how
    )
    assert "the model street is of images that lie nowhere on the ground" in said
    assert "geosemimtl evaluate TILES" in said
