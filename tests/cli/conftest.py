"""The program as a user runs it, and a folder in which the whole way was gone once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.cli.main import main

CONFIG = """\
name: tiny
domains:
  - {name: a, tiles: tiles/a, supervises: [segmentation]}
  - {name: b, tiles: tiles/b, supervises: [height]}
network:
  encoder: resnet18
  weights: null
  output_stride: 32
  segmentation: {name: upsampling, channels: 16}
  height: {name: upsampling, channels: 16}
method: {name: semimtl, width: 8}
iterations: 2
batch: 2
crop_px: 64
"""


class Ran(NamedTuple):
    """What a run of the program left behind."""

    code: object
    out: str
    err: str


def call(*arguments: str) -> object:
    """Run the program in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return stop.value.code or 0


def write(path: Path, pixels: NDArray[Any], **profile: Any) -> Path:
    """Write a GeoTIFF of 0.1 m pixels, in a folder that is made where there is none."""
    path.parent.mkdir(exist_ok=True)
    options = {
        "count": len(pixels),
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": str(pixels.dtype),
        "crs": "EPSG:25833",
        "transform": Affine(0.1, 0, 368000, 0, -0.1, 5806000),
    }
    with rasterio.open(path, "w", driver="GTiff", **(options | profile)) as target:
        target.write(pixels)
    return path


@pytest.fixture(scope="session")
def whole_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with scenes, tile sets, a configuration and a trained model."""
    folder = tmp_path_factory.mktemp("whole_way")
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        write(folder / f"{name}.tif", random.integers(0, 256, (3, 96, 130), np.uint8))
    write(folder / "labels.tif", random.integers(0, 6, (1, 96, 130), np.uint8))
    write(folder / "heights.tif", random.uniform(0, 9, (1, 96, 130)).astype(np.float32))
    (folder / "tiny.yaml").write_text(CONFIG)
    size = ("--size", "64")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert call("tile", "a.tif", "--labels", "labels.tif", *size, "-o", "tiles/a") == 0
        assert call("tile", "b.tif", "--height", "heights.tif", *size, "-o", "tiles/b") == 0
        assert call("train", "tiny.yaml") == 0
    return folder


@pytest.fixture
def place(whole_way: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory of this test's own with links to what ``whole_way`` holds."""
    here = tmp_path / "here"
    here.mkdir()
    for path in whole_way.iterdir():
        (here / path.name).symlink_to(path)
    monkeypatch.chdir(here)
    monkeypatch.setenv("COLUMNS", "80")
    return here


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs the program and captures what it prints."""

    def captured(*arguments: object) -> Ran:
        capfd.readouterr()
        code = call(*map(str, arguments))
        return Ran(code, *capfd.readouterr())

    return captured


@pytest.fixture
def write_tif() -> Callable[..., Path]:
    """Return the function that writes a GeoTIFF: path, pixels, anything of its profile."""
    return write
