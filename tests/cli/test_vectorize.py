"""``geosemimtl vectorize``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio

from geosemimtl.classes import ISPRS_CLASSES

Run = Callable[..., Any]
CLASSES_TAG = {"GEOSEMIMTL_CLASSES": ISPRS_CLASSES.model_dump_json()}


@pytest.fixture
def town(tmp_path: Path, write_tif: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with classes and heights of two buildings of 36 m2 and 4 m2."""
    codes = np.zeros((1, 120, 120), np.uint8)
    codes[0, 20:80, 20:80] = codes[0, 90:110, 90:110] = 1
    write_tif(tmp_path / "town_classes.tif", codes, nodata=255)
    with rasterio.open(tmp_path / "town_classes.tif", "r+") as target:
        target.update_tags(**CLASSES_TAG)
    write_tif(tmp_path / "town_height.tif", np.full((1, 120, 120), 5, np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("town")
def test_beside_the_raster(run: Run) -> None:
    done = run("vectorize", "town_classes.tif", "--min-area", "1")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("wrote town_polygons.gpkg: 2 building\n")
    assert pyogrio.read_info("town_polygons.gpkg", layer="buildings")["features"] == 2
    again = run("vectorize", "town_classes.tif")
    assert again.code == 1
    assert "exists already; pass --overwrite" in again.err


@pytest.mark.usefixtures("town")
def test_heights_right_angles_and_a_city_model(run: Run) -> None:
    options = ("--height", "town_height.tif", "--right-angles", "--cityjson", "town.city.json")
    done = run("-q", "vectorize", "town_classes.tif", *options, "-o", "a.gpkg")
    assert done == (0, "", "")
    (building,) = json.loads(Path("town.city.json").read_text())["CityObjects"].values()
    assert building["attributes"]["volume_m3"] == pytest.approx(180)


def test_failures(town: Path, run: Run, write_tif: Callable[..., Path]) -> None:
    write_tif(town / "moved.tif", np.ones((1, 60, 120), np.float32))
    cases = {
        ("--classes", "tree"): "has no pixel of tree; it has impervious, building",
        ("--classes", "roof"): "has no class roof; choose",
        ("--height", "town_classes.tif"): "town_classes.tif: holds classes, not values in m",
        ("--cityjson", "x.json"): "a city model needs the class building, heights (--height)",
        ("--height", "moved.tif"): "moved.tif: lies on another grid (120 x 60 px of",
        ("--height", "x.gpkg"): "x.gpkg: no such file",
    }
    for options, said in cases.items():
        done = run("vectorize", "town_classes.tif", *options, "-o", "x.gpkg")
        assert done.code == 1
        assert said in done.err
        assert "Traceback" not in done.err
    assert run("vectorize", "town_classes.tif", "--min-area", "-1").code == 2
    assert not [*Path().glob("x.*"), *Path().glob(".x.*")]
