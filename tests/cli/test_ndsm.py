"""``geosemimtl ndsm``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

Run = Callable[..., Any]


@pytest.fixture
def dsm(tmp_path: Path, write_tif: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a surface model of 12 m x 9 m with a building, in the working directory."""
    surface = np.full((1, 120, 90), 20, np.float32)
    surface[0, 30:60, 20:50] = 24
    write_tif(tmp_path / "dsm.tif", surface)
    write_tif(tmp_path / "dtm.tif", np.full((1, 120, 90), 19, np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "dsm.tif"


@pytest.mark.usefixtures("dsm")
def test_with_and_without_a_terrain_model(run: Run) -> None:
    done = run("ndsm", "dsm.tif", "-o", "a.tif", "--write-dtm", "ground.tif", "--width", "8")
    assert (done.code, done.out) == (0, "")
    assert "wrote a.tif and ground.tif" in done.err
    assert run("ndsm", "dsm.tif", "--dtm", "dtm.tif", "-o", "b.tif").code == 0
    for name, highest in (("a.tif", 4), ("b.tif", 5)):
        with rasterio.open(name) as source:
            assert source.read(1).max() == pytest.approx(highest, abs=0.05)
            assert source.units == ("m",)


@pytest.mark.usefixtures("dsm")
def test_quiet(run: Run) -> None:
    assert run("-q", "ndsm", "dsm.tif", "-o", "a.tif") == (0, "", "")


@pytest.mark.usefixtures("dsm")
def test_failures(run: Run) -> None:
    both = run("ndsm", "dsm.tif", "--dtm", "dtm.tif", "--write-dtm", "g.tif", "-o", "a.tif")
    assert both.code == 2
    assert run("ndsm", "dsm.tif", "-o", "a.tif", "--width", "0").code == 2
    missing = run("ndsm", "none.tif", "-o", "a.tif")
    assert missing.code == 1
    assert missing.err.startswith("Error: none.tif: no such file")
    assert run("ndsm", "dsm.tif", "-o", "dsm.tif", "--overwrite").code == 1
    assert not list(Path().glob("*a.tif"))
