"""What ``geosemimtl info`` prints and draws."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("place")


def test_who_supervises_what(run: Run) -> None:
    """96 x 130 px of 0.1 m are 12,480 px, 0.000125 km2."""
    done = run("info", "tiles/a", "tiles/b")
    assert done.code == 0
    table = done.out.partition("Which sensor supervises which task")[2]
    rows = {
        cells[0]: cells[1:]
        for line in table.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("│ ").split("│")]) == 3
    }
    assert rows["a"] == ["12,480 (0.000125)", "-"]
    assert rows["b"] == ["-", "12,480 (0.000125)"]
    assert rows["total"] == ["12,480 (0.000125)", "12,480 (0.000125)"]
    assert "Which sensor" not in run("info", "tiles/a").out


def test_json_of_one_and_of_several(run: Run) -> None:
    one = json.loads(run("info", "tiles/a", "--json").out)
    assert one["name"] == "a"
    several = json.loads(run("info", "tiles/a", "tiles/b", "--json").out)
    assert [each["name"] for each in several] == ["a", "b"]
    assert several[0] == one


def test_a_map(run: Run, place: Path) -> None:
    done = run("info", "tiles/a", "--map", "a.png")
    assert done.code == 0
    assert "map in a.png" in done.err
    assert (place / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("paths", [("tiles/a", "tiles/b"), ("runs/tiny/tiny.safetensors",)])
def test_a_map_shows_one_tile_set(run: Run, paths: tuple[str, ...]) -> None:
    done = run("info", *paths, "--map", "a.png")
    assert done.code == 2
    assert "--map draws" in done.err
    assert not Path("a.png").exists()


def test_a_model_s_item(run: Run, place: Path, stac_item: Callable[[str], dict[str, Any]]) -> None:
    """Its address of the model leads there from the item's own folder."""
    done = run("info", "runs/tiny/tiny.safetensors", "--stac", "tiny.stac.json")
    assert (done.code, "item in tiny.stac.json" in done.err) == (0, True)
    item = stac_item((place / "tiny.stac.json").read_text())
    assert item["properties"]["mlm:name"] == "tiny"
    href = item["assets"]["model"]["href"]
    assert (place / href).samefile("runs/tiny/tiny.safetensors")
    assert not Path(href).is_absolute()
    again = run("info", "runs/tiny/tiny.safetensors", "--stac", "tiny.stac.json")
    assert again.code == 1
    assert "--overwrite" in again.err
    command = ("info", "runs/tiny/tiny.safetensors", "--stac", "tiny.stac.json", "--overwrite")
    assert run(*command).code == 0


@pytest.mark.parametrize("paths", [("tiles/a",), ("runs/tiny/tiny.safetensors",) * 2])
def test_an_item_describes_one_model(run: Run, paths: tuple[str, ...]) -> None:
    done = run("info", *paths, "--stac", "a.json")
    assert done.code == 2
    assert "--stac describes" in done.err
    assert not Path("a.json").exists()
