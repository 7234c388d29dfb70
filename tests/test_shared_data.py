"""The whole way on real scenes: classes of one sensor, heights of another.

Needs the folder ``../shared/data`` beside the repository; nothing of it is ever copied into it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rasterio

from geosemimtl.cli.main import main

DATA = Path(__file__).parents[2] / "shared" / "data"
QGIS_CHECK = Path(__file__).parent / "judges" / "qgis_check.py"
NAMES = ("ground", "building", "low vegetation", "tree")
COLOURS = ("#d9c7a0", "#d7301f", "#b8e186", "#1b7837")
CLASSES = "ignore: [0]\nentries:\n" + "".join(
    f'  - {{name: {name.replace(" ", "_")}, from: [{index + 1}], color: "{colour}"}}\n'
    for index, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True))
)
CONFIG = """\
name: real
domains:
  - {name: zurich, tiles: tiles/zurich, supervises: [segmentation]}
  - {name: autzen, tiles: tiles/autzen, supervises: [height]}
network:
  encoder: tu-tf_efficientnet_lite0
  weights: lite0
  output_stride: 32
  segmentation: {name: unet, channels: 16}
  height: {name: unet, channels: 16}
method: {name: semimtl, width: 8}
optimiser: {name: adamw, lr: 0.001}
augmentation: {scale: [1.0, 1.0], rotate: quarter}
weights: {segmentation: 1.0, height: 1.0}
iterations: 6
batch: 2
crop_px: 96
"""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real scenes are absent: {DATA}"),
    pytest.mark.xdist_group("shared"),
]


def run(*arguments: object) -> None:
    """Run the program, which must succeed."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert not stop.value.code


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder in which a short training was done and every scene predicted."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "classes.yaml").write_text(CLASSES)
    (folder / "real.yaml").write_text(CONFIG)
    zurich, autzen = DATA / "zurich", DATA / "autzen"
    size = ("--gsd", 0.5, "--size", 256)
    labels = ("--labels", zurich / "label.tif", "--classes", "classes.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("tile", zurich / "rgb.tif", *labels, *size, "-o", "tiles/zurich")
        heights = ("--height", autzen / "ndsm_m.tif")
        run("tile", autzen / "rgb.tif", *heights, *size, "-o", "tiles/autzen")
        run("train", "real.yaml")
        run("predict", zurich / "rgb_unlabelled.tif", zurich / "rgb.tif", "-o", "out")
        run("predict", autzen / "autzen.jpg", "--assume-crs", "EPSG:2994", "-o", "out")
        yield folder


def outputs(place: Path, stem: str) -> list[Path]:
    """Return the rasters of a scene."""
    return [place / "out" / f"{stem}_{kind}.tif" for kind in ("classes", "height", "confidence")]


@pytest.mark.parametrize(
    "source", ["zurich/rgb_unlabelled.tif", "zurich/rgb.tif", "autzen/autzen.jpg"]
)
def test_every_raster_overlays_its_scene(place: Path, source: str) -> None:
    path = DATA / source
    with rasterio.open(path) as scene:
        for output in outputs(place, path.stem):
            with rasterio.open(output) as made:
                assert made.transform.almost_equals(scene.transform, 1e-9)
                assert made.shape == scene.shape
                assert made.crs == (scene.crs or "EPSG:2994")
                assert (made.read(1) != made.nodata).all()


def test_both_tasks_are_scored(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, height, _ = outputs(place, "rgb")
    truth = ("--labels", DATA / "zurich/label.tif", "--height", DATA / "zurich/ndsm_m.tif")
    run("evaluate", classes, height, *truth, "--classes", place / "classes.yaml", "--json")
    scores = json.loads(capsys.readouterr().out)
    # every labelled pixel once, and so every known height
    with rasterio.open(DATA / "zurich/label.tif") as source:
        assert scores["segmentation"]["pixels"] == int((source.read(1) != 0).sum())
    with rasterio.open(DATA / "zurich/ndsm_m.tif") as source:
        assert scores["height"]["pixels"] == int((source.read(1) != -9999).sum())
    assert 0 < scores["segmentation"]["miou"] < 1
    assert scores["height"]["model"]["rmse_m"] > 0


def test_metres_come_from_feet(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("info", place / "tiles/autzen", "--json")
    tileset = json.loads(capsys.readouterr().out)
    assert tileset["gsd_m"] == 0.5
    with rasterio.open(place / "tiles/autzen/image/rgb_r000_c000.tif") as tile:
        assert tile.res == pytest.approx((0.5 / 0.3048, 0.5 / 0.3048))


@pytest.mark.judge
def test_qgis_opens_every_raster(place: Path, judge: Callable[[str], str], tmp_path: Path) -> None:
    stems = {"rgb_unlabelled": "zurich/rgb_unlabelled.tif", "autzen": "autzen/autzen.jpg"}
    files = {stem: outputs(place, stem) for stem in stems}
    done = subprocess.run(
        [
            judge("qgis"),
            str(QGIS_CHECK),
            str(tmp_path),
            *(str(path) for paths in files.values() for path in paths),
        ],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    for stem, source in stems.items():
        with rasterio.open(DATA / source) as scene:
            bounds, crs = list(scene.bounds), scene.crs
        for path in files[stem]:
            facts = found[str(path)]
            assert facts["valid"]
            assert facts["crs"] == (crs.to_string() if crs else "EPSG:2994")
            assert facts["extent"] == pytest.approx(bounds, abs=1e-6)
            assert "#ff00ff" not in facts["colours"], "every pixel of these scenes is image"
            assert (tmp_path / f"{path.stem}.png").stat().st_size > 1000
        assert found[str(files[stem][0])]["legend"] == [
            list(p) for p in zip(NAMES, COLOURS, strict=True)
        ]
