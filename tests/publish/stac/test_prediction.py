"""A prediction's item: the core by pystac, the extensions by what their schemas ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pystac.errors import STACValidationError

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.publish.stac.prediction import Described, prediction_item
from geosemimtl.raster.acquisition import TimeSpan
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import RasterKind

LAND = Described("s 1_classes.tif", "Land", RasterKind("uint8", 255, classes=ISPRS_CLASSES))
SHARES = Described("s 1_p.tif", "P", RasterKind("uint8", 255, ("a", "b"), "share", scale=0.004))
METRES = Described("s 1_height.tif", "H", RasterKind("float32", -9999.0, ("height",), "m"))
BASE = "https://stac-extensions.github.io"
Read = Callable[[str], dict[str, Any]]


@pytest.fixture
def make(stac_item: Read, make_grid: Callable[..., PixelGrid]) -> Callable[..., dict[str, Any]]:
    """Return a function that makes an item and reads it; anything by keyword."""

    def made(**changes: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "grid": make_grid((40, 60), gsd=(0.05, 0.15)),
            "rasters": {"segmentation": LAND, "probabilities": SHARES, "height": METRES},
            "scene": "s 1.tif",
            "model": "toy",
        }
        return stac_item(prediction_item("s 1", **(fields | changes)))

    return made


def test_the_core(make: Callable[..., dict[str, Any]]) -> None:
    """Pystac's schema says that it is an item of STAC 1.1; what it means is said here."""
    item = make(taken=TimeSpan.parse("2021-06-21T10:30:00Z"))
    assert (item["stac_version"], item["type"], item["id"]) == ("1.1.0", "Feature", "s 1")
    properties = item["properties"]
    assert properties["datetime"] == "2021-06-21T10:30:00Z"
    assert "start_datetime" not in properties
    assert properties["gsd"] == 0.1
    assert properties["geosemimtl:model"] == "toy"
    assert "s 1.tif" in properties["description"]
    assert item["links"] == []
    west, south, east, north = item["bbox"]
    for lon, lat in item["geometry"]["coordinates"][0]:
        assert west <= lon <= east
        assert south <= lat <= north


def test_the_judge_can_refuse(stac_item: Read, make: Callable[..., dict[str, Any]]) -> None:
    make()
    with pytest.raises(STACValidationError):
        stac_item('{"type": "Feature", "stac_version": "1.1.0", "id": "a"}\n')


def test_an_unknown_time_is_the_widest(make: Callable[..., dict[str, Any]]) -> None:
    """STAC wants a moment, or both a start and an end beside null."""
    properties = make()["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "1900-01-01T00:00:00Z"
    assert properties["end_datetime"] == "9999-12-31T23:59:59Z"


def test_a_time_from_to(make: Callable[..., dict[str, Any]]) -> None:
    properties = make(taken=TimeSpan.parse("2020-06/2020-08"))["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2020-06-01T00:00:00Z"
    assert properties["end_datetime"] == "2020-08-31T23:59:59Z"


def test_assets(make: Callable[..., dict[str, Any]]) -> None:
    assets = make()["assets"]
    assert list(assets) == ["segmentation", "probabilities", "height"]
    for asset in assets.values():
        assert asset["href"].startswith("./s%201_")
        assert asset["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"
        assert asset["roles"] == ["data"]
        assert asset["title"]


def test_the_classification_extension(make: Callable[..., dict[str, Any]]) -> None:
    """2.0.0: a class has a whole number and a plain name; a colour is six capital digits."""
    item = make()
    assert f"{BASE}/classification/v2.0.0/schema.json" in item["stac_extensions"]
    classes = item["assets"]["segmentation"]["classification:classes"]
    assert [each["value"] for each in classes] == list(range(6))
    assert [each["name"] for each in classes] == list(ISPRS_CLASSES.names)
    for each, entry in zip(classes, ISPRS_CLASSES.entries, strict=True):
        assert type(each["value"]) is int
        assert re.fullmatch(r"[0-9A-Za-z_-]+", each["name"])
        assert re.fullmatch(r"[0-9A-F]{6}", each["color_hint"])
        assert f"#{each['color_hint'].lower()}" == entry.color
    for name in ("probabilities", "height"):
        assert "classification:classes" not in item["assets"][name]
    without = make(rasters={"height": METRES})
    assert not [uri for uri in without["stac_extensions"] if "classification" in uri]


def test_the_raster_extension(make: Callable[..., dict[str, Any]]) -> None:
    """2.0.0: bands are the core's; only what the core has not is called raster:, and is needed."""
    item = make()
    assert f"{BASE}/raster/v2.0.0/schema.json" in item["stac_extensions"]
    known = {"raster:spatial_resolution", "raster:scale"}
    for asset in item["assets"].values():
        assert "raster:bands" not in asset
        for band in asset["bands"]:
            assert {key for key in band if ":" in key} <= known
            assert band["raster:spatial_resolution"] == 0.1
    height, shares = (item["assets"][name]["bands"] for name in ("height", "probabilities"))
    assert height == [
        {
            "name": "height",
            "data_type": "float32",
            "nodata": -9999.0,
            "unit": "m",
            "raster:spatial_resolution": 0.1,
        }
    ]
    assert [(band["name"], band["raster:scale"], band["unit"]) for band in shares] == [
        ("a", 0.004, "share"),
        ("b", 0.004, "share"),
    ]


def test_the_projection_extension(make: Callable[..., dict[str, Any]]) -> None:
    """2.0.0: code, rows before columns, and the transform's six numbers row by row."""
    item = make()
    assert f"{BASE}/projection/v2.0.0/schema.json" in item["stac_extensions"]
    found = {key: value for key, value in item["properties"].items() if key.startswith("proj:")}
    assert found == {
        "proj:code": "EPSG:25833",
        "proj:shape": [40, 60],
        "proj:transform": [0.05, 0, 368000, 0, -0.15, 5806000],
    }


def test_a_system_without_code(
    make: Callable[..., dict[str, Any]], make_grid: Callable[..., PixelGrid]
) -> None:
    """The code is null then, and the whole text stands beside."""
    own = "+proj=tmerc +lat_0=52 +lon_0=13 +k=0.9999 +ellps=bessel +units=m"
    properties = make(grid=make_grid((4, 4), crs=own, origin=(0, 0)))["properties"]
    assert properties["proj:code"] is None
    assert properties["proj:wkt2"].startswith("PROJCRS[")


def test_a_link_to_the_model(make: Callable[..., dict[str, Any]]) -> None:
    (link,) = make(model="7", model_href="../m.stac.json")["links"]
    assert link == {
        "rel": "derived_from",
        "href": "../m.stac.json",
        "type": "application/geo+json",
        "mlm:name": "geosemimtl 7",
    }


def test_same_input_same_text(make_grid: Callable[..., PixelGrid]) -> None:
    both = [
        prediction_item("s", make_grid((4, 4)), {"height": replace(METRES)}, scene="s", model="m")
        for _ in range(2)
    ]
    assert both[0] == both[1]
