"""The commands, from scenes to scores."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import rasterio

from geosemimtl.cli.main import COMMANDS, cli

Run = Callable[..., Any]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_fits_the_terminal(name: str, run: Run) -> None:
    done = run(name, "--help")
    assert done.code == 0
    assert f"geosemimtl {name} " in done.out.partition("Example:")[2]
    assert max(map(len, done.out.splitlines())) <= 80
    assert run(name, "-h").out == done.out


def test_the_list_of_commands_is_readable(run: Run) -> None:
    text = run("--help").out
    assert all(f"\n  {name} " in text for name in COMMANDS)
    listed = text.partition("Commands:")[2]
    assert "..." not in listed, "shorten the first sentence of the command's docstring"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert not [p.name for p in command.params if isinstance(p, click.Option) and not p.help]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["tile", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom geosemimtl.cli.main import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'rasterio', 'numpy', 'rich', 'pydantic'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_newest_model_predicts_and_is_scored(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "-o", "out")
    assert done.code == 0
    assert done.out == ""
    assert "model runs/tiny/tiny.safetensors" in done.err
    with rasterio.open(place / "out" / "c_height.tif") as height, rasterio.open("c.tif") as scene:
        assert (height.transform, height.shape) == (scene.transform, scene.shape)
    truth = ("--labels", "labels.tif", "--height", "heights.tif")
    files = [f"out/c_{kind}.tif" for kind in ("classes", "confidence", "height")]
    shown = run("evaluate", *files, *truth)
    assert shown.code == 0
    for text in ("low vegetation", "always the most common class", "always 0 m", "RMSE m"):
        assert text in shown.out
    document = json.loads(run("evaluate", *files, *truth, "--json").out)
    assert document["segmentation"]["pixels"] == document["height"]["pixels"] == 96 * 130


def test_predict_says_what_it_wrote_in_json(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "-o", "out", "--json")
    (written,) = json.loads(done.out)
    assert written["pixels"] / written["seconds"]["total"] > 0
    assert {Path(path).name for path in written["rasters"].values()} == {
        path.name for path in (place / "out").glob("*.tif")
    }


def test_overwrite(place: Path, run: Run) -> None:
    assert run("predict", "c.tif", "-o", "out").code == 0
    path = place / "out" / "c_classes.tif"
    path.write_text("mine")
    refused = run("predict", "c.tif", "-o", "out")
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert path.read_text() == "mine"
    assert run("predict", "c.tif", "-o", "out", "--overwrite").code == 0
    assert path.read_bytes()[:2] == b"II"


@pytest.mark.parametrize("order", [("-q", "predict", "c.tif"), ("predict", "-q", "c.tif")])
@pytest.mark.usefixtures("place")
def test_quiet_is_silent(run: Run, order: tuple[str, ...]) -> None:
    assert run(*order, "-o", "out") == (0, "", "")


@pytest.mark.parametrize("what", ["tiles/a", "runs/tiny/tiny.safetensors"])
@pytest.mark.usefixtures("place")
def test_info(run: Run, what: str) -> None:
    shown = run("info", what)
    assert shown.code == 0
    assert "0.1 m" in shown.out
    done = run("info", what, "--json")
    assert done.err == ""
    assert json.loads(done.out)["gsd_m"] == pytest.approx(0.1)


@pytest.mark.usefixtures("place")
def test_check(run: Run) -> None:
    shown = run("check", "c.tif", "--gsd", "0.2", "--size", "32")
    assert shown.code == 0
    assert "130 x 96 px" in shown.out
    assert "65 x 48 px of 0.2 m" in shown.out
    done = run("check", "c.tif", "labels.tif", "--model", "runs/tiny/tiny.safetensors", "--json")
    assert done.code == 1
    fine, other = json.loads(done.out)
    assert fine["problems"] == []
    assert "too few" in other["problems"][0]
    text = run("check", "labels.tif", "--model", "runs/tiny/tiny.safetensors")
    assert text.code == 1
    assert "problem" in text.out


@pytest.mark.usefixtures("place")
def test_square_brackets_are_no_markup(run: Run, write_tif: Callable[..., None]) -> None:
    with rasterio.open("c.tif") as source:
        write_tif(Path("c[red].tif"), source.read())
    assert "c[red].tif" in run("check", "c[red].tif").out
