"""``geosemimtl tile`` as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
#: Modules that take longer to import than a small scene takes to cut.
HEAVY = ("torch", "torchgeo", "lightning", "pandas", "geopandas", "pyogrio", "matplotlib", "scipy")


def manifest(folder: str) -> dict[str, Any]:
    """Return what a tile set says of itself."""
    document: dict[str, Any] = json.loads((Path(folder) / "tileset.json").read_text())
    return document


@pytest.mark.usefixtures("place")
def test_it_says_what_was_made(run: Run) -> None:
    """96 x 130 px are 3 x 5 tiles of 32 px, the last column moved inwards."""
    done = run("tile", "a.tif", "--size", "32", "--overlap", "0", "-o", "new")
    assert done.code == 0
    assert done.out == ""
    *_, made, hint = done.err.splitlines()
    assert made == "15 train tile(s) in new"
    assert hint == "See them: geosemimtl info new --map tiles.png"
    assert "values of" not in done.err, "there is nothing to check without labels"
    assert run(*hint.removeprefix("See them: geosemimtl ").split()).code == 0


@pytest.mark.usefixtures("place")
def test_splits_and_what_was_dropped_are_said(run: Run) -> None:
    arguments = ("--size", "32", "--overlap", "8px", "--split", "blocks", "--block", "4")
    done = run("tile", "a.tif", *arguments, "-o", "new")
    assert done.code == 0
    made = done.err.splitlines()[-2]
    document = manifest("new")
    counts = document["splits"]
    assert made.startswith(", ".join(f"{n} {split}" for split, n in sorted(counts.items())))
    assert made.endswith(f"in new, {document['dropped']['astride']} dropped (astride)")
    assert document["overlap_px"] == 8


@pytest.mark.parametrize(
    ("given", "overlap_px"), [("0.25", 16), ("25%", 16), ("20px", 20), ("1px", 1), ("0", 0)]
)
@pytest.mark.usefixtures("place")
def test_overlap_as_share_or_pixels(run: Run, given: str, overlap_px: int) -> None:
    assert run("-q", "tile", "a.tif", "--size", "64", "--overlap", given, "-o", "new").code == 0
    assert manifest("new")["overlap_px"] == overlap_px


@pytest.mark.usefixtures("place")
def test_quiet_is_silent(run: Run) -> None:
    assert run("tile", "-q", "a.tif", "--labels", "labels.tif", "-o", "new") == (0, "", "")


def test_bad_scenes_are_listed_at_the_end(place: Path, run: Run) -> None:
    """The others are done all the same."""
    (place / "bad.tif").write_bytes(Path("b.tif").read_bytes()[:9000])
    scenes = ("a.tif", "bad.tif", "no.tif", "c.tif")
    done = run("tile", *scenes, "--size", "64", "-o", "new")
    assert done.code == 1
    first, *others = done.err.splitlines()[-3:]
    assert first == "Error: 2 of 4 scenes failed; new holds the others:"
    # the one that cannot even be opened is known first
    assert others[0].startswith("  no.tif: no such file")
    assert others[1].startswith("  bad.tif: cannot be read")
    assert [source["name"] for source in manifest("new")["sources"]] == ["a", "c"]
    assert not list(Path("new").rglob("bad*"))
    assert not [path.name for path in place.iterdir() if path.name.startswith(".")]


def test_no_good_scene_leaves_nothing(place: Path, run: Run) -> None:
    done = run("tile", "no.tif", "nor.tif", "-o", "new")
    assert done.code == 1
    assert [line.split(":")[0] for line in done.err.splitlines()] == [
        "Error",
        "  no.tif",
        "  nor.tif",
    ]
    assert not [path for path in place.iterdir() if "new" in path.name]


@pytest.mark.parametrize(
    "options", [("--help",), ("--labels", "labels.tif", "--height", "heights.tif")]
)
def test_start_up_loads_nothing_heavy(place: Path, options: tuple[str, ...]) -> None:
    arguments = ["-q", "tile", "a.tif", "--size", "256", *options, "-o", "new"]
    script = (
        "import sys\nfrom geosemimtl.cli.main import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit as stop:\n    assert not stop.code\n"
        f"sys.exit(sorted(set({HEAVY}) & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(place / "new", ignore_errors=True)
