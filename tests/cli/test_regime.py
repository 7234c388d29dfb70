"""What ``geosemimtl regime`` draws, converts, prints and refuses."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from geosemimtl.data.regimes import draw_regime, read_regime

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("place")

NAMES = [f"{number}" for number in range(795)]
TASKS = "segmentation,depth,normals"


@pytest.fixture
def names(place: Path) -> Path:
    """Return a list of NYUv2's training images."""
    path = place / "nyuv2.txt"
    path.write_text("\n".join(["", *NAMES, " "]))
    return path


@pytest.fixture
def both(place: Path, run: Run) -> Path:
    """Return a tile set of three scenes with land cover and heights."""
    scenes = "a.tif b.tif c.tif"
    layers = "--labels labels.tif --height heights.tif " * 3
    done = run(*f"tile {scenes} {layers} --size 64 -o tiles_both".split())
    assert done.code == 0, done.err
    return place / "tiles_both"


def rows(out: str) -> dict[str, str]:
    """Return the second cell of a table's row by its first."""
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    return {row[0]: row[1] for row in cells if len(row) == 2}


def test_a_draw_of_a_list_is_counted_and_written(run: Run, names: Path) -> None:
    done = run("regime", names, "--tasks", TASKS, "--kind", "third", "--seed", 7, "-o", "r/x.json")
    assert done.code == 0, done.err
    assert rows(done.out) == {
        "segmentation": "265",
        "depth": "265",
        "normals": "265",
        "0": "530",
        "1": "0",
        "2": "0",
        "3": "265",
    }
    assert "Regime third, seed 7: 795 images" in done.out
    assert "wrote r/x.json" in done.err
    assert read_regime(Path("r/x.json")) == draw_regime(NAMES, TASKS.split(","), "third", 7)


def test_nothing_is_written_unless_asked(run: Run, names: Path, place: Path) -> None:
    before = sorted(place.iterdir())
    done = run("regime", names, "--tasks", TASKS, "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "version": 1,
        "tasks": TASKS.split(","),
        "kind": "one",
        "seed": 0,
        "counts": dict.fromkeys(TASKS.split(","), 265),
        "images": 795,
        "labels_per_image": [0, 795, 0, 0],
    }
    assert sorted(place.iterdir()) == before


def test_tiles_of_a_scene_keep_the_same(run: Run, both: Path) -> None:
    assert run("regime", both, "-o", "scenes.json", "-q").out != ""
    found = read_regime(Path("scenes.json"))
    assert (found.tasks, found.kind) == (("segmentation", "height"), "one")
    assert sorted(found.images) == ["a", "b", "c"]
    assert found.counts == {"segmentation": 1, "height": 2}
    done = run("regime", both, "--per", "tile", "--kind", "1:2", "-o", "tiles.json")
    assert done.code == 0, done.err
    tiles = sorted(path.stem for path in (both / "image").glob("*.tif"))
    assert sorted(read_regime(Path("tiles.json")).images) == tiles
    assert f"{len(tiles)} tiles" in done.out


def test_a_file_is_counted_and_checked(run: Run, both: Path) -> None:
    assert run("regime", both, "--kind", "1:2", "-o", "x.json").code == 0
    for where in (both, "three.txt"):
        Path("three.txt").write_text("a\nb\nc\n")
        done = run("regime", where, "--file", "x.json")
        assert done.code == 0, done.err
        assert rows(done.out)["height"] == "2"
    Path("three.txt").write_text("a\nd\n")
    done = run("regime", "three.txt", "--file", "x.json")
    assert done.code == 1
    assert "says nothing of 1 image(s), such as d" in done.err


def test_a_released_split_is_converted(run: Run, names: Path) -> None:
    marks = torch.zeros((795, 3))
    marks[torch.arange(795), torch.arange(795) % 3] = 1
    torch.save({"labels_weights": marks}, "onelabel.pth")
    done = run("regime", names, "--tasks", TASKS, "--file", "onelabel.pth", "-o", "x.json")
    assert done.code == 0, done.err
    assert "Regime released: 795 images" in done.out
    found = read_regime(Path("x.json"))
    assert [found.images[str(n)] for n in (0, 10, 2)] == [
        ("segmentation",),
        ("depth",),
        ("normals",),
    ]


def test_an_existing_file_stays(run: Run, names: Path) -> None:
    Path("x.json").write_text("mine")
    command = ("regime", names, "--tasks", TASKS, "-o", "x.json")
    refused = run(*command)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert Path("x.json").read_text() == "mine"
    assert run(*command, "--overwrite").code == 0
    assert read_regime(Path("x.json")).kind == "one"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("nyuv2.txt --tasks depth,normals --kind on", 2, "'on': choose one, random"),
        ("nyuv2.txt --tasks depth,normals --kind 1:0", 2, "1 or more"),
        ("nyuv2.txt --tasks depth,normals --file x.pth --kind one", 2, "--file is drawn already"),
        ("nyuv2.txt --tasks depth,normals --file x.pth --seed 1", 2, "--file is drawn already"),
        ("nyuv2.txt --tasks depth,normals --file x.json", 2, "leave out --tasks"),
        ("nyuv2.txt --tasks depth,normals --kind 1:2:3", 1, "3 numbers for 2 tasks"),
        ("nyuv2.txt", 1, "say with --tasks"),
        ("nyuv2.txt --file no.json", 1, "no.json: cannot be read"),
        ("nyuv2.txt --tasks depth,normals --file nyuv2.txt", 1, "is no file of tensors"),
        ("a.tif --tasks depth,normals", 1, "a.tif: is no text"),
        ("nowhere", 1, "nowhere: is no tile set"),
        ("tiles/a", 1, "parts labels among tasks, of which there is only one"),
        ("tiles/a --kind third --tasks depth", 1, "is for depth, which the tiles have no labels"),
    ],
)
@pytest.mark.usefixtures("names")
def test_what_is_refused(run: Run, arguments: str, code: int, words: str) -> None:
    done = run("regime", *shlex.split(arguments), "-o", "new.json")
    assert (done.code, done.out) == (code, "")
    assert words in " ".join(done.err.split())
    assert not Path("new.json").exists()
