"""Data sets on the command line: by name, and a user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Make = Callable[..., Path]
PATCHES = ((2, 10), (2, 13))


@pytest.fixture
def potsdam(make_isprs: Make, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return two patches of Potsdam."""
    monkeypatch.setenv("COLUMNS", "200")
    return make_isprs("potsdam", PATCHES).rename(place / "potsdam")


def manifest(folder: str) -> dict[str, Any]:
    """Return what a tile set says of itself."""
    document: dict[str, Any] = json.loads((Path(folder) / "tileset.json").read_text())
    return document


@pytest.mark.usefixtures("potsdam")
def test_tile_cuts_as_the_data_set_says(run: Run) -> None:
    done = run("tile", "--dataset", "potsdam", "potsdam", "-o", "new")
    assert done.code == 0
    assert "36 of 38 scenes have none and are left out" in done.err
    assert "grey levels, no metres" in done.err
    assert "assume-crs" not in done.err
    said = manifest("new")
    assert (said["name"], said["gsd_m"], said["overlap_px"]) == ("potsdam", 0.09, 256)
    assert said["splits"] == {"test": 1, "train": 1}
    assert set(said["targets"]) == {"segmentation"}


@pytest.mark.usefixtures("potsdam")
def test_options_override_the_data_set(run: Run) -> None:
    """Only those that were given, whatever the others' defaults are."""
    options = ("--gsd", "0.1", "--size", "32", "--split", "none", "--name", "p", "--variant", "rgb")
    done = run("tile", "--dataset", "potsdam", "potsdam", *options, "-o", "new")
    assert done.code == 0
    said = manifest("new")
    assert (said["name"], said["gsd_m"], said["size_px"]) == ("p", 0.1, [32, 32])
    assert list(said["splits"]) == ["train"]
    assert said["bands"] == ["red", "green", "blue"]


@pytest.mark.usefixtures("potsdam")
def test_heights_of_a_scale(run: Run) -> None:
    command = ("tile", "--dataset", "potsdam", "potsdam", "--height-scale", "0.1", "-o", "new")
    assert run(*command).code == 0
    assert manifest("new")["targets"]["height"]["maximum"] == pytest.approx(5.5)


@pytest.mark.usefixtures("potsdam")
def test_check_tells_what_there_is(run: Run) -> None:
    done = run("check", "--dataset", "potsdam", "potsdam")
    assert done.code == 0
    for words in (
        "irrg images",
        "2 of 38 (3_Ortho_IRRG.zip), without top_potsdam_2_11",
        "0 of 38 (a folder ndsm)",
        "https://www.isprs.org/",
        "--height-scale METRES",
    ):
        assert words in " ".join(done.out.replace("│", " ").split())
    document = json.loads(run("check", "--dataset", "potsdam", "potsdam", "--json").out)
    assert [scene["problems"] for scene in document["scenes"]] == [[], []]
    assert document["stocks"][0]["found"] == 2
    assert document["problems"] == []


def test_check_tells_what_is_broken(potsdam: Path, run: Run) -> None:
    """Each file with its fault, and the others are looked at all the same."""
    torn = potsdam / "3_Ortho_IRRG" / "top_potsdam_2_10_IRRG.tif"
    torn.write_bytes(torn.read_bytes()[:60])
    wrong = potsdam / "5_Labels_all" / "top_potsdam_2_13_label.tif"
    wrong.write_bytes((potsdam / "3_Ortho_IRRG" / "top_potsdam_2_13_IRRG.tif").read_bytes())
    done = run("check", "--dataset", "potsdam", "potsdam")
    assert done.code == 1
    assert "0 of 38" in done.out
    errors = [line for line in done.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 2
    assert "top_potsdam_2_10_IRRG.tif" in errors[0]
    assert "top_potsdam_2_13_label.tif" in errors[1]
    assert "undeclared" in errors[1]


def test_an_empty_folder(place: Path, run: Run) -> None:
    (place / "empty").mkdir()
    for command in (("tile", "-o", "new"), ("check",)):
        done = run(*command, "--dataset", "vaihingen", "empty")
        assert done.code == 1
        (line,) = [line for line in done.err.splitlines() if line]
        assert line.startswith("Error: empty: has no irrg images of vaihingen")
        assert "https://www.isprs.org/" in line
    assert not (place / "new").exists()


@pytest.mark.usefixtures("potsdam")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--dataset", "potsdam", "potsdam", "a.tif"),
        ("--dataset", "potsdam", "potsdam", "--labels", "labels.tif"),
        ("--dataset", "potsdam", "potsdam", "--mosaic"),
        ("--dataset", "berlin", "potsdam"),
        ("a.tif", "--variant", "rgb"),
        ("mine.yaml", "--height", "heights.tif"),
    ],
)
def test_what_does_not_go_together(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("tile", *arguments, "-o", "new").code == 2
    assert not Path("new").exists()


def test_a_description_of_ones_own(place: Path, run: Run) -> None:
    text = "name: mine\nimages: [a.tif, b.tif]\nlabels: [labels.tif, labels.tif]\ngsd: 0.2\n"
    (place / "mine.yaml").write_text(text)
    assert run("check", "mine.yaml").code == 0
    assert run("tile", "mine.yaml", "--size", "32", "-o", "new").code == 0
    said = manifest("new")
    assert (said["name"], said["gsd_m"], said["size_px"]) == ("mine", 0.2, [32, 32])
    assert run("tile", "mine.yaml", "--gsd", "0.1", "--size", "32", "-o", "finer").code == 0
    assert manifest("finer")["gsd_m"] == 0.1
