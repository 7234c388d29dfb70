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

import numpy as np
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


def cut(tmp_path: Path, *arguments: object) -> dict[str, Any]:
    """Run tile; return the manifest."""
    (tmp_path / "classes.yaml").write_text(CLASSES)
    run("tile", *arguments, "-o", tmp_path / "tiles")
    manifest: dict[str, Any] = json.loads((tmp_path / "tiles/tileset.json").read_text())
    return manifest


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run the program, which must fail; return its one line."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def test_zurich(tmp_path: Path) -> None:
    zurich = DATA / "zurich"
    layers = ("--labels", zurich / "label.tif", "--height", zurich / "ndsm_m.tif")
    classes = ("--classes", tmp_path / "classes.yaml")
    made = cut(tmp_path, zurich / "rgb.tif", *layers, *classes, "--size", 256, "--overlap", 0)
    assert (made["gsd_m"], made["tiles"]) == (0.5, 8)
    # on its own grid nothing is resampled: every label is counted once
    with rasterio.open(zurich / "label.tif") as source:
        counts = np.bincount(source.read(1).ravel(), minlength=5)
    targets = made["targets"]
    assert targets["segmentation"]["pixels"] == counts[1:5].tolist()
    with rasterio.open(zurich / "ndsm_m.tif") as source:
        known = int((source.read(1) != source.nodata).sum())
    assert sum(targets["height"]["histogram"]) == known


def test_zurich_needs_its_class_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zurich = DATA / "zurich"
    layers = ("--labels", zurich / "label.tif")
    line = refused(capsys, "tile", zurich / "rgb.tif", *layers, "-o", tmp_path / "tiles")
    assert "declares nodata 0, which is also the class impervious" in line
    assert not (tmp_path / "tiles").exists()


def test_pacasam_names_its_bands_and_squares_its_pixels(tmp_path: Path) -> None:
    patches = [DATA / "pacasam" / name for name in ("patch0", "patch1")]
    files = [
        argument
        for patch in patches
        for argument in ("--labels", patch / "label.tif", "--height", patch / "ndsm_m.tif")
    ]
    options = ("--classes", tmp_path / "classes.yaml", "--bands", "nir,red,green", "--size", 128)
    images = [patch / "irc_nir_r_g.tif" for patch in patches]
    made = cut(tmp_path, *images, *files, *options)
    assert made["bands"] == ["nir", "red", "green"]
    assert made["tiles"] == 18
    assert [source["name"] for source in made["sources"]] == [
        "patch0-irc_nir_r_g",
        "patch1-irc_nir_r_g",
    ]
    for tile in (tmp_path / "tiles/image").iterdir():
        with rasterio.open(tile) as source:
            assert source.res == pytest.approx((made["gsd_m"],) * 2)
            assert source.descriptions == ("nir", "red", "green")
    ground, building, *others = made["targets"]["segmentation"]["pixels"]
    assert ground > building > 0
    assert others == [0, 0]


def test_autzen_counts_in_feet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "tile", DATA / "autzen/autzen.jpg", "-o", tmp_path / "tiles")
    assert "has no CRS" in line
    assert "--assume-crs" in line
    options = ("--assume-crs", "EPSG:2994", "--gsd", 0.6096, "--size", 512)
    made = cut(tmp_path, DATA / "autzen/autzen.jpg", *options)
    assert made["gsd_m"] == 0.6096
    with rasterio.open(tmp_path / "tiles/image/autzen_r000_c000.tif") as source:
        assert source.crs == "EPSG:2994"
        assert source.res == pytest.approx((2, 2))


def test_kootenays_black_border_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    kootenay = DATA / "kootenay"
    run("check", kootenay / "rgb.tif", "--height", kootenay / "chm_m.tif", "--json")
    assert "is solid black" in capsys.readouterr().out


def test_soybean_from_surface_to_tiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, ndsm = DATA / "soybean/odm_orthophoto.tif", tmp_path / "ndsm.tif"
    line = refused(capsys, "tile", photo, "-o", tmp_path / "tiles")
    assert "pixels are float32" in line
    assert "--value-range" in line
    run("ndsm", DATA / "soybean/dsm.tif", "-o", ndsm)
    options = ("--value-range", "0,255", "--size", 256)
    made = cut(tmp_path, photo, "--height", ndsm, *options)
    assert (made["dtype"], made["value_range"]) == ("float32", [0, 255])
    # plants of a field: the surface's 100 m and more above the sea are gone
    histogram = np.array(made["targets"]["height"]["histogram"])
    assert histogram.sum() > 0.5 * 535 * 550
    with rasterio.open(tmp_path / "tiles/height/odm_orthophoto_r001_c001.tif") as source:
        heights = source.read(1, masked=True)
        assert source.res == pytest.approx((made["gsd_m"],) * 2, rel=1e-6)
    assert -1 < heights.min() < heights.max() < 5


def test_treesatais_fourth_band_is_no_mask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = DATA / "treesatai/nir_first_4band.tif"
    run("check", photo, "--json")
    assert "band 4 is taken for the mask" in capsys.readouterr().out
    bands = ("--bands", "nir,red,green,blue", "--alpha", "none")
    made = cut(tmp_path, photo, *bands, "--size", 128)
    assert made["bands"] == ["nir", "red", "green", "blue"]
    with (
        rasterio.open(photo) as scene,
        rasterio.open(tmp_path / "tiles/image/nir_first_4band_r000_c000.tif") as tile,
    ):
        np.testing.assert_array_equal(tile.read(), scene.read()[:, :128, :128])
        assert (tile.dataset_mask() == 255).all()


@pytest.mark.judge
def test_degrees_to_utm(tmp_path: Path, judge: Callable[[str], str]) -> None:
    place, how = tmp_path / "degrees.tif", ["-q", "-t_srs", "EPSG:4326", "-r", "cubic", "-dstalpha"]
    subprocess.run([judge("gdalwarp"), *how, DATA / "zurich/rgb.tif", place], check=True)
    labels = ("--labels", DATA / "zurich/label.tif", "--classes", tmp_path / "classes.yaml")
    options = ("--crs", "auto", "--gsd", 0.5, "--size", 256, "--overlap", 0)
    made = cut(tmp_path, place, *labels, *options)
    for path in (tmp_path / "tiles/segmentation").iterdir():
        with rasterio.open(path) as source:
            assert source.crs == "EPSG:32632"
            assert source.res == pytest.approx((0.5, 0.5), rel=1e-3)
    # the same ground: as many pixels of each class, but for the rims
    with rasterio.open(DATA / "zurich/label.tif") as source:
        counts = np.bincount(source.read(1).ravel(), minlength=5)
    assert made["targets"]["segmentation"]["pixels"] == pytest.approx(counts[1:5], rel=0.03)
