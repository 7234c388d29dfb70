"""``geosemimtl evaluate --report`` as a user sees it, and as a browser does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geosemimtl.training.model_file import read_card

Run = Callable[..., Any]
TRUTH = ("--labels", "labels.tif", "--height", "heights.tif")
MODEL = "runs/tiny/tiny.safetensors"
CHECK = Path(__file__).parents[1] / "judges" / "chromium_check.py"
#: As the judge names the views of a desk and of a phone, by light and by dark.
VIEWS = {"desk": 1200, "desk_dark": 1200, "phone": 360, "phone_dark": 360}


@pytest.fixture
def predicted(place: Path, run: Run) -> Path:
    """Return the working directory, with a folder of predicted rasters in it."""
    assert run("predict", "c.tif", "--model", MODEL, "-o", "out").code == 0
    return place


def report_of(run: Run, *arguments: object) -> str:
    done = run("evaluate", *arguments, "--report", "r.html", "--overwrite")
    assert done.code == 0, done.err
    assert "report in r.html" in done.err
    return Path("r.html").read_text(encoding="utf-8")


def test_a_folder_with_all_that_belongs_to_it(
    predicted: Path, run: Run, read_page: Callable[[str], Any]
) -> None:
    (predicted / "truth").mkdir()
    (predicted / "truth" / "c_labels.tif").symlink_to(predicted / "labels.tif")
    truth = ("--labels", "truth", "--height", "heights.tif")
    extra = ("--image", predicted / "c.tif", "--card", MODEL, "--erode", "1")
    text = report_of(run, "out", *truth, *extra)
    (predicted / "scenes").mkdir()
    (predicted / "scenes" / "c.tif").symlink_to(predicted / "c.tif")
    of_folder = report_of(run, "out", *truth, "--image", "scenes", *extra[2:])
    assert of_folder == text.replace("--image c.tif", "--image scenes")
    assert str(predicted) not in text
    page = read_page(text)
    (command,) = page.texts["code"]
    assert command.startswith("geosemimtl evaluate out --labels truth --height heights.tif --image")
    assert "--image c.tif --card tiny.safetensors" in command
    sections = [a["id"] for tag, a in page.elements if tag == "section"]
    assert sections == [
        "maps",
        "land-cover",
        "calibration",
        "heights",
        "training",
        "data",
        "model",
        "made",
    ]
    assert len([a for tag, a in page.elements if tag == "img"]) == 7
    assert text == report_of(run, "out", *truth, *extra)


def test_a_model_brings_the_rest(place: Path, run: Run, read_page: Callable[[str], Any]) -> None:
    assert place
    page = read_page(report_of(run, "c.tif", "--model", MODEL, *TRUTH))
    assert page.texts["h1"] == ["Evaluation of c"]
    assert page.texts["figcaption"][:2] == ["Image", "True land cover"]
    assert len([a for tag, a in page.elements if tag == "img"]) == 7
    assert {"calibration", "data", "model"} <= set(page.all("id"))
    tiles = read_page(report_of(run, "c.tif", "--model", MODEL, *TRUTH, "--per-tile"))
    assert "maps" not in tiles.all("id")
    assert "calibration" in tiles.all("id")


def test_one_task_is_enough(predicted: Path, run: Run, read_page: Callable[[str], Any]) -> None:
    assert predicted
    land = read_page(report_of(run, "out/c_classes.tif", *TRUTH[:2]))
    assert "heights" not in land.all("id")
    heights = read_page(report_of(run, "out/c_height.tif", *TRUTH[2:]))
    assert "land-cover" not in heights.all("id")


def test_it_is_refused_before_work_begins(predicted: Path, run: Run) -> None:
    rasters = ("evaluate", "out", *TRUTH)
    there = predicted / "there.html"
    there.write_text("mine")
    other = predicted / "other.safetensors"
    other.write_bytes(
        (predicted / MODEL).read_bytes().replace(b'"name\\":\\"tiny', b'"name\\":\\"tinx')
    )
    for more, code, words in (
        (("--report", "r.pdf"), 1, "call it r.html"),
        (("--report", there), 1, "--overwrite"),
        (("--report", "r.html", "--image", "missing.tif"), 1, "missing.tif: no such file"),
        (
            ("--report", "r.html", "--card", other),
            1,
            "by the model tiny, not by tinx",
        ),
        (("--card", MODEL), 2, "name it with --report"),
    ):
        done = run(*rasters, *more)
        assert done.code == code, done.err
        assert words in done.err
        assert "comparing" not in done.err
    model = run(*("evaluate", "c.tif", "--model", MODEL, *TRUTH), "--report", "r", "--card", MODEL)
    assert model.code == 2
    assert there.read_text() == "mine"
    assert not (predicted / "r.html").exists()


def test_the_card_says_how_many_pixels_were_labelled(place: Path) -> None:
    pixels = [domain.pixels for domain in read_card(place / MODEL).domains]
    assert pixels == [{"segmentation": 96 * 130}, {"height": 96 * 130}]


@pytest.mark.judge
def test_a_browser_shows_it(
    predicted: Path, run: Run, judge: Callable[[str], str], tmp_path: Path
) -> None:
    """At a desk and on a phone, by light and by dark, with keys alone; nothing is complained of."""
    assert (predicted / "out").is_dir()
    chromium = judge("chromium")
    report_of(run, "out", *TRUTH, "--image", "c.tif", "--card", MODEL)
    shots = Path(os.environ.get("GEOSEMIMTL_SHOTS", tmp_path))
    done = subprocess.run(
        [sys.executable, str(CHECK), chromium, "r.html", str(shots)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, width in VIEWS.items():
        seen = found[name]
        assert seen["complaints"] == []
        assert seen["requests"] == []
        assert seen["overflow"] == []
        assert seen["scroll_width"] <= width
        assert seen["pictures"]
        assert seen["images"] == 7 + 2  # the maps, and the two that are compared
        assert (shots / f"{name}.png").stat().st_size > 20_000
    keys = found["keyboard"]
    assert keys["stops"][-1][:2] == ["INPUT", "range"]
    assert all(is_seen for *_, is_seen in keys["stops"])
    assert (keys["before"], keys["after"]) == ("50%", "45%")
    assert (shots / "paper.pdf").read_bytes().startswith(b"%PDF")
