"""Bad input: one line that says what, where and the remedy, and nothing half-written."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from geosemimtl.cli.main import main
from geosemimtl.errors import SceneError
from geosemimtl.inference.inspection import contents

Run = Callable[..., Any]
IMAGE = np.ones((3, 64, 64), np.uint8)
LABELS = np.zeros((1, 96, 130), np.uint8)
#: 255 classes.
MANY = "entries:\n" + "".join(
    f"  - {{name: c{index}, color: '#{index:06x}', from: [{index}]}}\n" for index in range(255)
)
ELSEWHERE = Affine(0.1, 0, 500000, 0, -0.1, 5806000)

#: Arguments, files to write first (name, pixels, profile), and words of the message.
CASES: dict[str, tuple[str, list[tuple[str, Any, dict[str, Any]]], tuple[str, ...]]] = {
    "missing scene": ("tile no.tif -o new", [], ("no.tif", "no such file", "check the path")),
    "missing scene to predict": ("predict no.tif -o new", [], ("no.tif", "no such file")),
    "missing scene to check": ("check no.tif", [], ("no.tif", "no such file")),
    "unreadable scene": ("tile b.safetensors -o new", [], ("b.safetensors", "not a raster")),
    "no description": ("tile tiny.yaml -o new", [], ("tiny.yaml", "images is missing")),
    "data set elsewhere": ("tile --dataset potsdam gone -o new", [], ("gone", "is no folder")),
    "unknown variant": (
        "tile --dataset vaihingen . --variant rgb -o new",
        [],
        ("--variant rgb", "vaihingen comes as irrg"),
    ),
    "heights of unknown unit": (
        "tile a.tif --height x.jpg -o new",
        [],
        ("x.jpg", "grey levels are no metres", "--height-scale"),
    ),
    "unreadable scene to predict": ("predict tiny.yaml -o new", [], ("tiny.yaml", "not a raster")),
    "too few bands": (
        "predict x.tif -o new",
        [("x.tif", IMAGE[:1], {})],
        ("x.tif", "1 band", "red, green, blue", "too few"),
    ),
    "too few names": (
        "tile a.tif --bands nir,red -o new",
        [],
        ("a.tif", "3 band", "--bands names 2", "nir,red"),
    ),
    "no CRS": ("tile x.tif -o new", [("x.tif", IMAGE, {"crs": None})], ("x.tif", "--assume-crs")),
    "no CRS to predict": (
        "predict x.tif -o new",
        [("x.tif", IMAGE, {"crs": None})],
        ("x.tif", "no CRS", "--assume-crs"),
    ),
    "unknown CRS": (
        "predict x.tif --assume-crs EPSG:1 -o new",
        [("x.tif", IMAGE, {"crs": None})],
        ("--assume-crs EPSG:1", "EPSG:25832"),
    ),
    "no georeference": (
        "predict x.tif -o new",
        [("x.tif", IMAGE, {"crs": None, "transform": Affine.identity()})],
        ("x.tif", "no georeference", "world file"),
    ),
    "metres called degrees": (
        "predict x.tif -o new",
        [("x.tif", IMAGE, {"crs": "EPSG:4326"})],
        ("x.tif", "EPSG:4326", "degrees", "gdal_edit.py"),
    ),
    "undeclared label value": (
        "tile a.tif --labels x.tif -o new",
        [("x.tif", LABELS + 42, {})],
        ("x.tif", "value 42 at row 0, column 0", "12480", "declare it with --classes"),
    ),
    "labels elsewhere": (
        "tile a.tif --labels x.tif -o new",
        [("x.tif", LABELS, {"transform": ELSEWHERE})],
        ("x.tif", "does not overlap its scene", "--labels"),
    ),
    "too few labels": ("tile a.tif b.tif --labels labels.tif -o new", [], ("2 scene", "1 --label")),
    "no range": (
        "tile x.tif -o new",
        [("x.tif", IMAGE.astype(np.uint16), {})],
        ("x.tif", "uint16", "--value-range"),
    ),
    "no tile set": ("train tiny.yaml -s domains.0.tiles=gone -o new", [], ("gone", "tileset.json")),
    "overlap of a whole tile": ("tile a.tif --overlap 1 -o new", [], ("--overlap 1:", "128px")),
    "overlap of more": ("tile a.tif --overlap 150% -o new", [], ("--overlap 1.5:", "below 1")),
    "overlap in pixels": (
        "tile a.tif --overlap 128px --size 128 -o new",
        [],
        ("--overlap 128px", "tiles of 128 px", "can share 0 to 127 px"),
    ),
    "coarser than the scene": ("tile a.tif --gsd 50 -o new", [], ("a.tif", "GSD of 50 m")),
    "two scenes of one name": (
        "tile s.csv t.csv -o new",
        [],
        ("2 scenes are called x", "rename"),
    ),
    "block too small": (
        "tile a.tif --size 32 --split blocks --block 1 -o new",
        [],
        ("--block 1", "give at least 4 metres"),
    ),
    "splits without a list": ("tile a.tif --split no.yaml -o new", [], ("no.yaml", "potsdam")),
    "smaller than a tile": (
        "tile a.tif --edge drop -o new",
        [],
        ("a.tif", "smaller than a tile", "--edge pad"),
    ),
    "classes beyond 254": (
        "tile a.tif --labels labels.tif --classes many.yaml -o new",
        [],
        ("many.yaml", "254"),
    ),
    "unknown CRS of tiles": ("tile a.tif --crs EPSG:1 -o new", [], ("--crs EPSG:1", "auto")),
    "folder that takes no files": ("tile a.tif -o /proc/new", [], ("/proc", "-o")),
    "empty tile set": (
        "tile a.tif --min-valid 1 --size 512 -o new",
        [],
        ("a.tif", "no tile", "--min-valid"),
    ),
    "no model": ("predict a.tif --model no.safetensors", [], ("no.safetensors", "train")),
    "no model file": ("predict a.tif --model b.safetensors -o new", [], ("b.safetensors",)),
    "model of another type": (
        "predict x.tif --bands red,green,blue -o new",
        [("x.tif", IMAGE.astype(np.uint16), {})],
        ("x.tif", "uint16", "uint8", "--value-range"),
    ),
    "output that exists": (
        "tile a.tif -o tiles/a",
        [],
        ("tiles/a", "--overwrite"),
    ),
    "foreign folder": ("tile a.tif -o runs --overwrite", [], ("runs", "never replaced")),
    "run that exists": ("train tiny.yaml", [], ("runs/tiny", "--overwrite")),
    "unknown key": ("train tiny.yaml -s optimizer.lr=1 -o new", [], ("optimizer", "optimiser")),
    "unknown inner key": ("train tiny.yaml -s network.encodr=x -o new", [], ("encodr", "encoder")),
    "bad value": ("train tiny.yaml -s batch=0 -o new", [], ("tiny.yaml", "batch", "0")),
    "missing configuration": ("train no.yaml", [], ("no.yaml", "check the path")),
    "truth missing": ("evaluate labels.tif", [], ("--labels",)),
    "no class raster": (
        "evaluate labels.tif --labels labels.tif",
        [],
        ("labels.tif", "does not name its classes"),
    ),
    "info of nothing": ("info no", [], ("no", "tile set")),
}


def tree(folder: Path) -> dict[str, int]:
    """Return every file below a folder, through links, with its size."""
    found = {}
    for path in _walk(folder):
        found[path.relative_to(folder).as_posix()] = path.stat().st_size
    return found


def _walk(folder: Path) -> list[Path]:
    return [
        inner for path in folder.iterdir() for inner in (_walk(path) if path.is_dir() else [path])
    ]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_bad_input(place: Path, run: Run, write_tif: Callable[..., None], case: str) -> None:
    arguments, files, words = CASES[case]
    (place / "b.safetensors").write_bytes(b"no tensors")
    (place / "s.csv").write_text("image,scene\na.tif,x\n")
    (place / "t.csv").write_text("image,scene\nb.tif,x\n")
    (place / "many.yaml").write_text(MANY)
    for name, pixels, profile in files:
        write_tif(place / name, pixels, **profile)
    before = tree(place)
    done = run(*arguments.split())
    assert done.code == 1
    assert done.out == ""
    said = (line for line in done.err.splitlines() if line.strip())
    (line,) = [
        text for text in said if not text.startswith(("model runs", "tiles of", "values of"))
    ]
    assert line.startswith("Error: ")
    assert "Traceback" not in done.err
    assert [word for word in words if word not in line] == [], line
    assert tree(place) == before


@pytest.mark.usefixtures("place")
def test_degrees_are_no_error(run: Run, write_tif: Callable[..., None]) -> None:
    write_tif(Path("x.tif"), IMAGE, crs="EPSG:4326", transform=Affine(1e-6, 0, 13, 0, -1e-6, 52))
    assert run("tile", "x.tif", "--gsd", "0.1", "--size", "64", "-o", "new").code == 0
    assert "degrees" in run("check", "x.tif").out


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "tille a.tif",
        "tile",
        "tile a.tif",
        "tile a.tif -o x --gsd 0",
        "tile a.tif -o x --size 0",
        "tile a.tif -o x --overlap much",
        "tile a.tif -o x --edge fold",
        "tile a.tif -o x --split-shares 1,2",
        "tile a.tif -o x --jobs 0",
        "predict a.tif --value-range 5",
        "predict a.tif --value-range 5,5",
        "predict a.tif --bands nir,,red",
        "predict a.tif --alpha some",
        "predict a.tif --grid mine",
        "train",
        "info",
    ],
)
@pytest.mark.usefixtures("place")
def test_wrong_usage(run: Run, arguments: str) -> None:
    done = run(*arguments.split())
    assert done.code == 2
    assert done.out == ""
    assert "Usage: geosemimtl" in done.err


@pytest.mark.usefixtures("place")
def test_a_traceback_only_when_asked_for(run: Run) -> None:
    assert "Traceback" not in run("tile", "no.tif", "-o", "new").err
    with pytest.raises(SceneError):
        main(["--debug", "tile", "no.tif", "-o", "new"])


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(("numbers", "code"), [((), 130), ((signal.SIGTERM,), 143)])
def test_an_interruption(
    run: Run, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...], code: int
) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt(*numbers)

    monkeypatch.setattr(contents, "info", interrupted)
    done = run("info", "tiles/a")
    assert done.code == code
    assert done.err.strip() == "Interrupted."


def test_a_damaged_scene(place: Path, run: Run) -> None:
    """Found only when its pixels are read: the bar goes, the message stays, nothing is left."""
    whole = (place / "c.tif").read_bytes()
    (place / "x.tif").write_bytes(whole[: len(whole) // 2])
    done = run("predict", "x.tif", "-o", "new")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("Error: x.tif: ")
    assert not (place / "new").exists()


def test_a_folder_that_cannot_be_made(place: Path, run: Run) -> None:
    done = run("predict", "c.tif", "-o", "tiny.yaml/new")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("Error: tiny.yaml/new: ")
    shutil.rmtree(place / "new", ignore_errors=True)


def test_no_model_at_all(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("predict", "a.tif")
    assert done.code == 1
    assert "train one with geosemimtl train or name one with --model" in done.err
