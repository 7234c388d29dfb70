"""Items beside rasters, each as the raster itself says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio

from geosemimtl.inference.choosing import Chosen
from geosemimtl.progress import silent
from geosemimtl.publish.stac.companions import items
from geosemimtl.raster.acquisition import TimeSpan

Choose = Callable[..., Chosen]
Read = Callable[[str], dict[str, Any]]
YEAR = TimeSpan.parse("2021")


def made(
    chosen: Chosen, model: Path = Path("any.safetensors"), taken: TimeSpan | None = YEAR
) -> str:
    companion = items(model, taken)
    companion.look(chosen)
    companion.make(chosen, companion.path(chosen), silent)
    return companion.path(chosen).read_text(encoding="utf-8")


def test_an_item_of_what_was_written(choose: Choose, stac_item: Read, tmp_path: Path) -> None:
    """Its assets are the rasters, each as the raster itself says."""
    chosen = choose(probabilities=True, disagreement=True)
    item = stac_item(made(chosen))
    assert item["id"] == "scene"
    assert set(item["assets"]) == set(chosen.paths)
    for kind, asset in item["assets"].items():
        path = tmp_path / "out" / asset["href"]
        assert path.resolve() == chosen.paths[kind].resolve()
        with rasterio.open(path) as source:
            assert [band["name"] for band in asset["bands"]] == list(source.descriptions)
            assert [band["data_type"] for band in asset["bands"]] == list(source.dtypes)
            assert [band["nodata"] for band in asset["bands"]] == list(source.nodatavals)
            assert [band.get("unit") for band in asset["bands"]] == list(source.units)
            assert [band.get("raster:scale", 1) for band in asset["bands"]] == list(source.scales)
            assert item["properties"]["proj:shape"] == list(source.shape)
            assert item["properties"]["proj:transform"] == list(source.transform)[:6]


def test_the_model_s_item_is_linked_where_it_lies(choose: Choose, tmp_path: Path) -> None:
    chosen, model = choose(), tmp_path / "any.safetensors"
    assert json.loads(made(chosen, model))["links"] == []
    (tmp_path / "any.stac.json").write_text("{}")
    (link,) = json.loads(made(chosen, model))["links"]
    assert link["href"] == "../any.stac.json"


def test_same_input_same_bytes(choose: Choose, tmp_path: Path) -> None:
    chosen = choose()
    first = made(chosen)
    assert made(chosen) == first
    assert str(tmp_path) not in first


def test_what_a_scene_says_of_its_time(
    choose: Choose, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Unknown, or the file's own date: either is said before the work."""
    chosen = choose()
    with caplog.at_level(logging.WARNING):
        assert json.loads(made(chosen, taken=None))["properties"]["datetime"] is None
    assert "does not say when it was taken" in caplog.text
    with rasterio.open(tmp_path / "scene.tif", "r+") as target:
        target.update_tags(TIFFTAG_DATETIME="2019:05:01 09:10:11")
    with caplog.at_level(logging.WARNING):
        properties = json.loads(made(chosen, taken=None))["properties"]
    assert properties["datetime"] == "2019-05-01T09:10:11Z"
    assert "TIFFTAG_DATETIME, 2019-05-01" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        properties = json.loads(made(chosen))["properties"]
    assert properties["start_datetime"] == "2021-01-01T00:00:00Z"
    assert "taken" not in caplog.text
