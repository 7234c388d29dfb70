"""``geosemimtl predict`` and ``evaluate --model`` as a user runs them."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely

Run = Callable[..., Any]
Write = Callable[..., Path]
WAIT_S = 120


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(1, 256, shape, np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (20, 130), (300, 1)])
def test_scenes_smaller_than_a_tile(
    place: Path, run: Run, shape: tuple[int, int], write_tif: Write
) -> None:
    scene = write_tif(place / "small" / "x.tif", noise(3, *shape))
    done = run("-q", "predict", str(scene), "-o", "small", "--overwrite")
    assert (done.code, done.err) == (0, "")
    with rasterio.open(place / "small" / "x_classes.tif") as source:
        assert source.shape == shape
        assert (source.read() != 255).all()


def test_a_scene_without_data(
    place: Path, run: Run, write_tif: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write_tif(place / "void" / "x.tif", np.zeros((3, 70, 90), np.uint8), nodata=0)
    with caplog.at_level(logging.WARNING, "geosemimtl"):
        assert run("predict", "void/x.tif").code == 0
    assert "void/x.tif: a sample of it has no valid pixel" in caplog.text
    with rasterio.open(place / "void" / "x_height.tif") as source:
        assert (source.read() == -9999).all()


def test_more_bands_than_the_model_wants(place: Path, run: Run, write_tif: Write) -> None:
    write_tif(place / "four" / "x.tif", noise(4, 70, 90))
    write_tif(place / "four" / "y.tif", noise(4, 70, 90)[:3])
    assert run("-q", "predict", "four").code == 0
    made = [(place / "four" / f"{name}_height.tif").read_bytes() for name in "xy"]
    assert made[0] == made[1]


def test_numbers_that_are_none(place: Path, run: Run, write_tif: Write) -> None:
    pixels = noise(3, 70, 90).astype(np.float32) / 255
    pixels[1, 10:20, 30:40] = np.nan
    write_tif(place / "nan" / "x.tif", pixels)
    bands = ("--bands", "red,green,blue")
    refused = run("predict", "nan/x.tif", *bands)
    assert refused.code == 1
    assert "--value-range 0,1" in refused.err
    assert run("-q", "predict", "nan/x.tif", *bands, "--value-range", "0,1").code == 0
    with rasterio.open(place / "nan" / "x_classes.tif") as source:
        hole = source.read(1) == 255
    assert hole[10:20, 30:40].all()
    assert hole.sum() == 100


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pickle", "is no whole safetensors file"),
        ("short", "is no whole safetensors file"),
        ("newer", "was written by a newer geosemimtl (model card 2, known up to 1): upgrade"),
    ],
)
def test_model_files_that_are_none(place: Path, run: Run, name: str, words: str) -> None:
    whole = (place / "runs" / "tiny" / "tiny.safetensors").read_bytes()
    key = b'\\"version\\":'
    assert key + b"1" in whole
    damaged = {
        "pickle": pickle.dumps({"weights": [1, 2, 3]}),
        "short": whole[: len(whole) // 2],
        "newer": whole.replace(key + b"1", key + b"2", 1),
    }
    (place / "bad").mkdir(exist_ok=True)
    (place / "bad" / f"{name}.safetensors").write_bytes(damaged[name])
    done = run("predict", "c.tif", "--model", f"bad/{name}.safetensors", "-o", "bad/out")
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith(f"Error: bad/{name}.safetensors: ")
    assert words in line
    assert not (place / "bad" / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--bounds 0,0,1,1", ("--bounds 0,0,1,1", "not within the scene's")),
        ("--aoi no.gpkg", ("no.gpkg", "no such file")),
        ("--sensor mars", ("--sensor mars", "learned from a, b")),
        ("--devices cuda:77", ("--devices cuda:77", "GPU(s) here")),
        ("--devices toaster", ("--devices toaster", "write cpu, or GPUs by number")),
        ("--overlap 1.5", ("--overlap 1.5", "below 1")),
        ("--overlap 64px", ("--overlap 64px", "0 to 63 px")),
        ("--grid 100000", ("--grid 100000", "coarser than the whole scene")),
        ("--devices meta", ("--devices meta", "cannot be used")),
    ],
)
def test_options_that_do_not_fit(
    place: Path, run: Run, arguments: str, words: tuple[str, ...]
) -> None:
    done = run("predict", "c.tif", "-o", "new", *arguments.split())
    assert done.code == 1
    line = done.err.splitlines()[-1]
    assert line.startswith("Error: ")
    for word in words:
        assert word in line
    assert not (place / "new").exists()


def test_jobs_beside_devices(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "-o", "new", "--devices", "cpu", "--jobs", "2")
    assert done.code == 2
    assert "--jobs is for the processor: with --devices leave it out" in done.err
    assert not (place / "new").exists()


def test_topping_up_and_replacing(place: Path, run: Run) -> None:
    def there() -> list[str]:
        return sorted(path.name for path in (place / "top").glob("*.tif"))

    assert run("-q", "predict", "c.tif", "-o", "top").code == 0
    before = (place / "top" / "c_height.tif").stat().st_mtime_ns
    assert "exists already" in run("predict", "c.tif", "a.tif", "-o", "top").err
    assert run("-q", "predict", "c.tif", "a.tif", "-o", "top", "--skip-existing").code == 0
    assert (place / "top" / "c_height.tif").stat().st_mtime_ns == before
    assert len(there()) == 6
    # what a prediction that is replaced had, and this one has not, would be taken for its own
    foreign = place / "top" / "a_disagreement.tif"
    shutil.copy(place / "labels.tif", foreign)
    assert run("-q", "predict", "a.tif", "-o", "top", "--overwrite", "--no-confidence").code == 0
    assert "a_confidence.tif" not in there()
    assert not (place / "top" / "a_confidence.qml").exists()
    assert "c_confidence.tif" in there()
    assert foreign.exists()


def test_an_area(place: Path, run: Run) -> None:
    with rasterio.open(place / "c.tif") as source:
        left, bottom, right, top = source.bounds
    wedge = shapely.Polygon([(left, top), (right, top), (left, bottom)])
    geopandas.GeoDataFrame(geometry=[wedge], crs="EPSG:25833").to_file(place / "wedge.gpkg")
    done = run("-q", "predict", "c.tif", "-o", "wedge", "--aoi", "wedge.gpkg", "--overlap", "0")
    assert (done.code, done.err) == (0, "")
    with rasterio.open(place / "wedge" / "c_classes.tif") as source:
        assert 0.4 < (source.read() != 255).mean() < 0.6


def test_a_table_and_every_raster(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "a.tif", "-o", "all", "--probabilities", "--disagreement")
    assert done.code == 0
    assert done.out == ""
    for word in ("Mpx/s", "peak MB", "c.tif", "a.tif", "open in QGIS: qgis all/c_classes.tif"):
        assert word in done.err
    assert len(list((place / "all").glob("*.tif"))) == 10
    assert len(list((place / "all").glob("*.qml"))) == 10


def test_pictures_and_arrays(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "-o", "plain", "--format", "png", "--json")
    assert done.code == 0
    (made,) = json.loads(done.out)
    files = {kind: Path(path).name for kind, path in made["rasters"].items()}
    assert files == {
        "segmentation": "c_classes.png",
        "height": "c_height.npy",
        "confidence": "c_confidence.png",
    }
    assert (place / "plain" / "c_height_preview.png").exists()
    again = run("predict", "c.tif", "-o", "plain", "--format", "png", "--overwrite")
    assert again.code == 0
    assert "wrote" in again.err
    assert "QGIS" not in again.err


@pytest.mark.parametrize("flag", ["--project", "--stac"])
def test_pictures_make_no_companions(place: Path, run: Run, flag: str) -> None:
    done = run("predict", "c.tif", "-o", "plain", "--format", "png", flag)
    assert done.code == 1
    assert done.err.endswith(
        "--format png: a project and a STAC item are made of GeoTIFFs; leave --project and --stac "
        "out, or --format\n"
    )
    assert not (place / "plain").exists()


def test_an_item_for_catalogues(
    place: Path, run: Run, stac_item: Callable[[str], dict[str, Any]]
) -> None:
    done = run("predict", "c.tif", "-o", "cat", "--stac", "--datetime", "2021-06", "--json")
    assert done.code == 0
    (made,) = json.loads(done.out)
    assert made["companions"] == ["cat/c.stac.json"]
    item = stac_item((place / "cat" / "c.stac.json").read_text())
    assert item["properties"]["end_datetime"] == "2021-06-30T23:59:59Z"
    assert set(item["assets"]) == set(made["rasters"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stac", "--datetime", "soon"), "--datetime soon: is no date; write 2020"),
        (("--stac", "--datetime", ""), "is no date"),
    ],
)
def test_times_that_are_none(place: Path, run: Run, arguments: tuple[str, ...], words: str) -> None:
    done = run("predict", "c.tif", "-o", "new", *arguments)
    assert done.code == 1
    assert words in done.err.splitlines()[-1]
    assert not (place / "new").exists()


def test_a_time_without_an_item(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "-o", "new", "--datetime", "2021")
    assert (done.code, "add --stac" in done.err) == (2, True)
    assert not (place / "new").exists()


def test_a_bad_scene_among_good_ones(place: Path, run: Run, write_tif: Write) -> None:
    write_tif(place / "mixed" / "bad.tif", noise(2, 40, 40))
    done = run("predict", "mixed/bad.tif", "c.tif", "-o", "mixed", "--json")
    assert done.code == 1
    good, bad = json.loads(done.out)
    assert "bad.tif: has 2 band(s)" in bad["error"]
    assert good["scene"] == "c.tif"
    assert Path(good["rasters"]["height"]).exists()
    assert "Error: 1 of 2 scenes failed:" in done.err
    assert "mixed/bad.tif: has 2 band(s)" in done.err


@pytest.mark.usefixtures("place")
def test_evaluate_says_what_does_not_fit_before_it_predicts(run: Run) -> None:
    model = ("--model", "runs/tiny/tiny.safetensors")
    for arguments, words in (
        (("c.tif",), "nothing to compare: name --labels or --height"),
        (("c.tif", "a.tif", "--labels", "labels.tif"), "2 scene(s) but 1 --labels"),
    ):
        done = run("evaluate", *arguments, *model)
        assert done.code == 1
        assert words in done.err
        assert "predicting" not in done.err


@pytest.mark.usefixtures("place")
def test_evaluate_a_model(run: Run) -> None:
    """The same scores as by way of rasters."""
    truth = ("--labels", "labels.tif", "--height", "heights.tif", "--json")
    by_model = run("evaluate", "c.tif", "--model", "runs/tiny/tiny.safetensors", *truth)
    assert run("-q", "predict", "c.tif", "-o", "way").code == 0
    by_rasters = run("evaluate", "way/c_classes.tif", "way/c_height.tif", *truth)
    assert by_model.code == by_rasters.code == 0
    assert json.loads(by_model.out) == json.loads(by_rasters.out)


def test_an_interruption_says_how_to_go_on(place: Path, write_tif: Write) -> None:
    scene = write_tif(place / "long" / "x.tif", noise(3, 1500, 700))
    command = [sys.executable, "-m", "geosemimtl.cli.main", "predict", str(scene), "--batch", "1"]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as process:
        strips, end = place / "long" / ".x.prediction.part" / "strips", time.monotonic() + WAIT_S
        while not strips.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        assert process.poll() is None, "it was over before: make the scene larger"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "The same command goes on from here." in said
    assert said.splitlines()[-1] == "Interrupted."
    assert not list((place / "long").glob("x_*"))
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "going on with x.tif" in done.stderr
    assert not list((place / "long").glob(".*"))


def test_a_project_in_one_command(place: Path, run: Run, write_tif: Write) -> None:
    write_tif(place / "one" / "x.tif", noise(3, 70, 90))
    done = run("predict", "one/x.tif", "--project", "-o", "out", "--json")
    assert done.code == 0
    (facts,) = json.loads(done.out)
    assert facts["companions"][-1] == "out/x.qgz"
    assert (place / "out" / "x.qgz").is_file()
    again = run("predict", "one/x.tif", "--project", "-o", "out", "--skip-existing")
    assert (again.code, "wrote" in again.err) == (0, False)
    (place / "out" / "x.qgz").unlink()
    again = run("predict", "one/x.tif", "--project", "-o", "out", "--skip-existing")
    assert again.code == 0
    assert "wrote out/x.qgz\n" in again.err
    assert "qgis out/x.qgz" in again.err
    replaced = run("predict", "one/x.tif", "-o", "out", "--overwrite")
    assert replaced.code == 0
    assert "out/x.qgz: is of the prediction that was replaced; --project renews it" in replaced.err
