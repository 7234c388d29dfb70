"""``geosemimtl evaluate`` as a user sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
TRUTH = ("--labels", "labels.tif", "--height", "heights.tif")
SCENE = ("evaluate", "c.tif", "--model", "runs/tiny/tiny.safetensors", *TRUTH)


@pytest.fixture
def rasters(place: Path, run: Run) -> tuple[str, ...]:
    """Return the arguments that evaluate predicted rasters."""
    assert place
    assert run("predict", "c.tif", "-o", "out").code == 0
    return ("evaluate", "out/c_classes.tif", "out/c_height.tif", *TRUTH)


def test_tables_fit_the_terminal(rasters: tuple[str, ...], run: Run) -> None:
    shown = run(*rasters, "--erode", "1")
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    for text in (
        "Whole rasters: each pixel counts once.",
        "all pixels, 5 without clutter",
        "eroded, 6 classes",
        "precision",
        "above 0.5 m",
        "20 m and up",
        "Height by true class",
    ):
        assert text in shown.out


def test_what_is_asked_for_is_in_json(rasters: tuple[str, ...], run: Run) -> None:
    asked = ("--json", "--height-bins", "2,8", "--without", "car,tree")
    scores = json.loads(run(*rasters, *asked).out)
    assert [each["to_m"] for each in scores["height"]["bins"]] == [2, 8, None]
    assert scores["segmentation"]["without"]["classes"] == ["car", "tree"]
    assert "eroded" not in scores["segmentation"]
    assert scores["per_tile"] is False


def test_a_folder_of_scores(rasters: tuple[str, ...], place: Path, run: Run) -> None:
    assert run(*rasters, "-o", "scores").code == 0
    names = sorted(path.name for path in (place / "scores").iterdir())
    assert names == ["confusion.png", "scores.csv", "scores.json", "scores.md"]
    again = run(*rasters, "-o", "scores")
    assert again.code == 1
    assert "--overwrite" in again.err
    assert run(*rasters, "-o", "scores", "--overwrite").code == 0
    foreign = run(*rasters, "-o", "out", "--overwrite")
    assert foreign.code == 1
    assert "never replaced" in foreign.err
    assert foreign.out == ""


@pytest.mark.usefixtures("place")
def test_tiles_count_overlaps(run: Run) -> None:
    whole = json.loads(run(*SCENE, "--json").out)
    tiles = json.loads(run(*SCENE, "--json", "--per-tile").out)
    assert (whole["per_tile"], tiles["per_tile"]) == (False, True)
    # tiles of 64 px that overlap by half, on 96 x 130 px: two rows of four
    assert whole["segmentation"]["pixels"] == 96 * 130
    assert tiles["segmentation"]["pixels"] == 2 * 4 * 64 * 64
    assert tiles["height"]["pixels"] == 2 * 4 * 64 * 64
    assert "once a tile" in run(*SCENE, "--per-tile").out


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--without", "pond"), 1, "--without pond: the classes are impervious,"),
        (("--height-bins", "3,1"), 1, "--height-bins 3,1: write rising metres"),
        (("--height-bins", "low"), 2, "write rising metres"),
        (("--erode", "0"), 2, "'--erode'"),
    ],
)
@pytest.mark.parametrize("tiles", [(), ("--per-tile",)])
@pytest.mark.usefixtures("place")
def test_wrong_options(
    run: Run, more: tuple[str, ...], code: int, words: str, tiles: tuple[str, ...]
) -> None:
    done = run(*SCENE, *tiles, *more, "-o", "new")
    assert done.code == code
    assert words in done.err
    assert done.out == ""
    assert not Path("new").exists()


@pytest.mark.usefixtures("place")
def test_a_part_of_a_scene(run: Run) -> None:
    """The same pixels as where that part is predicted first."""
    part = ("--bounds", "368000.5,5805998,368003,5805999.5")
    assert run("predict", "c.tif", *part, "-o", "part").code == 0
    rasters = ("part/c_classes.tif", "part/c_height.tif")
    first = json.loads(run("evaluate", *rasters, *TRUTH, "--json").out)
    once = json.loads(run(*SCENE, *part, "--json").out)
    assert first["segmentation"]["pixels"] < 96 * 130
    assert once["segmentation"] == first["segmentation"]
    assert once["height"] == first["height"]
    done = run("evaluate", *rasters, *TRUTH, *part)
    assert done.code == 2
    assert "name the model, too" in done.err


@pytest.mark.usefixtures("place")
def test_tiles_need_a_model(run: Run) -> None:
    done = run("evaluate", "c.tif", *TRUTH, "--per-tile")
    assert done.code == 2
    assert "name it with --model" in done.err
