"""What ``geosemimtl check`` prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
Write = Callable[..., None]


@pytest.fixture(autouse=True)
def wide(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    return place


def test_layers_and_what_they_cost(run: Run) -> None:
    layers = ("--labels", "labels.tif", "--height", "heights.tif")
    done = run("check", "a.tif", *layers, "--gsd", "0.18", "--size", "32")
    assert done.code == 0
    for words in (
        "0.1 m to 0.18 m: shrinks 1.8 times, averaged",
        "shrinks 1.8 times, the most frequent class",
        "labels lie",
        "cannot be told",
        "on disk",
        "median",
    ):
        assert words in done.out


def test_enlarged_and_as_it_is(run: Run) -> None:
    assert "0.1 m: taken as it is" in run("check", "a.tif").out
    assert "enlarged 2 times" in run("check", "a.tif", "--gsd", "0.05").out


def test_json_is_complete(run: Run) -> None:
    layers = ("--labels", "labels.tif", "--height", "heights.tif")
    (document,) = json.loads(run("check", "a.tif", *layers, "--json").out)
    assert document["shape"] == [96, 130]
    assert [step["layer"] for step in document["would_be"]["steps"]] == [
        "image",
        "labels",
        "heights",
    ]
    assert set(document["cost"]) == {"bytes_on_disk", "minutes", "memory_bytes"}
    assert set(document["shifts"]) == {"labels", "heights"}
    assert document["values"][0]["percentiles"]["50"] == pytest.approx(128, abs=6)


def test_one_bad_scene_among_good_ones(run: Run) -> None:
    done = run("check", "a.tif", "no.tif", "b.tif")
    assert done.code == 1
    assert "a.tif" in done.out
    assert "b.tif" in done.out
    (line,) = done.err.splitlines()
    assert line.startswith("Error: no.tif: no such file")
    as_json = run("check", "a.tif", "no.tif", "b.tif", "--json")
    assert as_json.code == 1
    first, bad, last = json.loads(as_json.out)
    assert list(first) == list(bad) == list(last)
    assert "no such file" in bad["problems"][0]
    assert bad["shape"] is None


def test_undeclared_labels_stand_in_the_way(run: Run, write_tif: Write) -> None:
    write_tif(Path("x.tif"), np.full((1, 96, 130), 42, np.uint8))
    done = run("check", "a.tif", "--labels", "x.tif")
    assert done.code == 1
    assert "value 42" in done.out


def test_classes_of_ones_own(run: Run, write_tif: Write) -> None:
    write_tif(Path("x.tif"), np.full((1, 96, 130), 42, np.uint8))
    entries = "".join(
        f'  - {{name: {name}, from: [{value}], color: "{color}"}}\n'
        for name, value, color in (("land", 42, "#00ff00"), ("water", 43, "#0000ff"))
    )
    Path("c.yaml").write_text(f"entries:\n{entries}")
    assert run("check", "a.tif", "--labels", "x.tif", "--classes", "c.yaml").code == 0


def test_one_label_file_a_scene(run: Run) -> None:
    done = run("check", "a.tif", "b.tif", "--labels", "labels.tif")
    assert done.code == 1
    assert "labels" in done.err


def test_nothing_is_left_behind(run: Run, place: Path) -> None:
    before = sorted(path.name for path in place.iterdir())
    assert run("check", "a.tif", "--height", "heights.tif").code == 0
    assert sorted(path.name for path in place.iterdir()) == before
