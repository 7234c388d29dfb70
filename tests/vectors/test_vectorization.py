"""Class rasters to GeoPackages, as GDAL reads them back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from numpy.typing import NDArray

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.errors import ConfigError, LabelError, OutputError, SceneError
from geosemimtl.vectors import geopackage, vectorization
from geosemimtl.vectors.options import VectorOptions
from geosemimtl.vectors.vectorization import vectorize

OneLine = Callable[[BaseException], str]
Write = Callable[..., Path]
QGIS_CHECK = Path(__file__).parents[1] / "judges" / "qgis_vectors_check.py"
EXACT = VectorOptions(simplify_m=0)


def read(path: Path, layer: str = "buildings") -> geopandas.GeoDataFrame:
    return geopandas.read_file(path, layer=layer)


def test_buildings_are_the_raster_s(classes: Path, heights: Path, tmp_path: Path) -> None:
    made = vectorize(classes, tmp_path / "x.gpkg", heights=heights, options=EXACT)
    assert made.counts == {"building": 3}  # the speck is smaller than 10 m2
    found = read(tmp_path / "x.gpkg").sort_values("area_m2")
    assert list(found["area_m2"]) == [80, 150, 194]  # the tree in the roof is filled
    assert found.area.to_list() == [80, 150, 194]
    assert [len(shape.interiors) for shape in found.geometry] == [0, 0, 1]
    assert found.exterior.is_ccw.all()
    assert set(found["class"]) == {"building"}
    assert list(found["height_median_m"]) == [6, 9, 6]
    assert list(found["height_max_m"]) == [6, 9, 6]
    assert list(found["volume_m3"]) == [480, 1350, 1164]
    assert found["confidence"].isna().all()
    assert found.crs.to_epsg() == 25833
    west, south, east, north = found.total_bounds.tolist()
    assert (west, east, south, north) == (368002, 368045, 5805965, 5805998)


def test_all_classes_share_their_borders(classes: Path, tmp_path: Path) -> None:
    options = VectorOptions(("all",), min_area_m2=0)
    made = vectorize(classes, tmp_path / "x.gpkg", options=options)
    assert made.counts["building"] == 4
    assert made.counts["clutter"] == 0
    land = read(tmp_path / "x.gpkg", "land_cover")
    assert land.area.sum() == pytest.approx(60 * 40)
    assert shapely.union_all(land.geometry).area == pytest.approx(60 * 40)
    assert len(read(tmp_path / "x.gpkg", "buildings")) == 4
    assert "height_mean_m" not in land


def test_the_confidence_beside_is_taken(classes: Path, write: Write, tmp_path: Path) -> None:
    percent = np.full((80, 120), 70, np.uint8)
    percent[:, 50:] = 90
    write(tmp_path / "town_confidence.tif", percent, classes=None)
    vectorize(classes, tmp_path / "x.gpkg", options=EXACT)
    assert sorted(read(tmp_path / "x.gpkg")["confidence"]) == [70, 70, 90]


def test_blocks_and_the_city_model(classes: Path, heights: Path, tmp_path: Path) -> None:
    model = tmp_path / "x.city.json"
    vectorize(classes, tmp_path / "x.gpkg", heights=heights, cityjson=model, options=EXACT)
    blocks = read(tmp_path / "x.gpkg", "buildings_lod1").sort_values("area_m2")
    assert set(blocks.geom_type) == {"MultiPolygon"}
    assert [len(shape.geoms) for shape in blocks.geometry] == [6, 6, 10]
    tops = [shapely.get_coordinates(shape, include_z=True)[:, 2].max() for shape in blocks.geometry]
    assert tops == [6, 9, 6]
    city = json.loads(model.read_text())
    assert (city["type"], city["version"]) == ("CityJSON", "2.0")
    assert city["metadata"]["referenceSystem"].endswith("/EPSG/0/25833")
    assert len(city["CityObjects"]) == 3
    scale, shift = (np.array(city["transform"][key]) for key in ("scale", "translate"))
    corners = np.array(city["vertices"]) * scale + shift
    for building in city["CityObjects"].values():
        (solid,) = building["geometry"]
        (shell,) = solid["boundaries"]
        assert len(solid["semantics"]["values"][0]) == len(shell)
        at = [corners[ring] for surface in shell for ring in surface]
        assert max(ring[:, 2].max() for ring in at) == building["attributes"]["height_median_m"]
        rings = [ring for surface in shell for ring in surface]
        used = [pair for ring in rings for pair in pairwise([*ring, ring[0]])]
        assert sorted(used) == sorted((b, a) for a, b in used)
        assert len(set(used)) == len(used)


def test_the_same_bytes(classes: Path, heights: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        vectorize(
            classes,
            tmp_path / f"{name}.gpkg",
            heights=heights,
            cityjson=tmp_path / f"{name}.json",
        )
    for end in ("gpkg", "json"):
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()


def test_degrees_have_no_blocks(write: Write, town: NDArray[np.uint8], tmp_path: Path) -> None:
    classes = write(tmp_path / "a_classes.tif", town, crs="EPSG:4326", step=1e-5, corner=(13, 52))
    metres = np.full(town.shape, 5, np.float32)
    heights = write(tmp_path / "a_height.tif", metres, crs="EPSG:4326", step=1e-5, corner=(13, 52))
    vectorize(classes, tmp_path / "x.gpkg", heights=heights, options=EXACT)
    assert "buildings_lod1" not in pyogrio.list_layers(tmp_path / "x.gpkg")[:, 0]
    pixels = max(read(tmp_path / "x.gpkg")["area_m2"]) / (1.113 * 0.685)  # of 1e-5 degrees at 52 N
    assert pixels == pytest.approx(936 - 160, rel=0.01)


def test_heights_in_feet(write: Write, town: NDArray[np.uint8], tmp_path: Path) -> None:
    """Attributes are metres, geometry is in the unit of the CRS."""
    classes = write(tmp_path / "a_classes.tif", town, crs="EPSG:2994")
    heights = write(tmp_path / "a_height.tif", np.full(town.shape, 5, np.float32), crs="EPSG:2994")
    options = VectorOptions(min_area_m2=1)
    vectorize(classes, tmp_path / "x.gpkg", heights=heights, options=options)
    blocks = read(tmp_path / "x.gpkg", "buildings_lod1")
    tops = [shapely.get_coordinates(s, include_z=True)[:, 2].max() for s in blocks.geometry]
    assert tops == pytest.approx([5 / 0.3048] * 3)
    assert set(blocks["height_median_m"]) == {5}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": ("houses",)}, "has no class houses; choose --classes from impervious, "),
        ({"classes": ("clutter",)}, "has no pixel of clutter; it has impervious, building, low"),
        ({"classes": ("all",), "fill_m2": 20}, "raise --min-area, lower --fill-holes"),
    ],
)
def test_options_that_do_not_fit(
    classes: Path, tmp_path: Path, one_line: OneLine, options: dict[str, Any], said: str
) -> None:
    with pytest.raises((ConfigError, LabelError)) as caught:
        vectorize(classes, tmp_path / "x.gpkg", options=VectorOptions(**options))
    assert said in one_line(caught.value)
    assert not list(tmp_path.glob("*x.*gpkg"))


def test_rasters_that_do_not_fit(
    classes: Path, write: Write, town: NDArray[np.uint8], tmp_path: Path, one_line: OneLine
) -> None:
    strange = write(tmp_path / "strange.tif", np.where(town == 3, 17, town).astype(np.uint8))
    nameless = write(tmp_path / "nameless.tif", town, classes=None)
    small = write(tmp_path / "small.tif", np.ones((80, 100), np.float32))
    floats = write(tmp_path / "floats.tif", town.astype(np.float32), classes=ISPRS_CLASSES)
    moved = write(tmp_path / "moved.tif", np.ones((80, 120), np.float32), corner=(368003, 5806000))
    empty = write(tmp_path / "empty.tif", np.full((80, 120), -9999, np.float32))
    cases: list[tuple[Path, Path | None, str]] = [
        (strange, None, "has the value 17, which is none of its 6 classes"),
        (nameless, None, "does not name its classes"),
        (floats, None, "holds float32, classes are uint8; convert it with gdal_translate"),
        (classes, small, "(100 x 80 px of 0.5 x 0.5 m from 368000, 5806000 in EPSG:25833) than t"),
        (classes, moved, "moved.tif: lies on another grid (120 x 80 px of 0.5 x 0.5 m from 368003"),
        (classes, empty, "empty.tif: has no pixel with a height; name what was predicted with t"),
        (tmp_path / "none.tif", None, "none.tif"),
    ]
    for raster, heights, said in cases:
        with pytest.raises((LabelError, SceneError)) as caught:
            vectorize(raster, tmp_path / "x.gpkg", heights=heights)
        assert said in one_line(caught.value)
        assert not list(tmp_path.glob("*x.*gpkg"))


def test_what_is_read_is_not_replaced(classes: Path, heights: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.gpkg"
    before = heights.read_bytes()
    for model in (heights, output):
        with pytest.raises(OutputError, match="is read or written twice"):
            vectorize(classes, output, heights=heights, cityjson=model, overwrite=True)
    with pytest.raises(OutputError, match=r"name a file that ends in \.gpkg"):
        vectorize(classes, tmp_path / "x.shp")
    assert heights.read_bytes() == before
    assert not [*tmp_path.glob("x.*"), *tmp_path.glob(".x.*")]


def test_several_bands(classes: Path, heights: Path, tmp_path: Path, one_line: OneLine) -> None:
    doubled = {}
    for path in (classes, heights):
        doubled[path] = tmp_path / f"double_{path.name}"
        with rasterio.open(path) as source:
            profile = source.profile | {"count": 2, "driver": "GTiff"}
            with rasterio.open(doubled[path], "w", **profile) as target:
                target.write(np.repeat(source.read(), 2, axis=0))
                target.update_tags(**source.tags())
    for raster, metres in ((doubled[classes], None), (classes, doubled[heights])):
        with pytest.raises(SceneError, match="has 2 bands; name a raster of one") as caught:
            vectorize(raster, tmp_path / "x.gpkg", heights=metres)
        one_line(caught.value)


def test_a_city_model_needs_heights(classes: Path, tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(ConfigError, match="needs the class building, heights") as caught:
        vectorize(classes, tmp_path / "x.gpkg", cityjson=tmp_path / "x.json")
    one_line(caught.value)


def test_files_are_replaced_only_when_asked(classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.gpkg"
    output.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        vectorize(classes, output)
    assert output.read_text() == "mine"
    vectorize(classes, output, overwrite=True)
    assert len(read(output)) == 3


def test_a_polygon_too_large_for_a_geopackage(
    classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_line: OneLine
) -> None:
    monkeypatch.setattr(geopackage, "_MOST_BYTES", 100)
    with pytest.raises(OutputError, match="leave its class out, or simplify more") as caught:
        vectorize(classes, tmp_path / "x.gpkg")
    assert one_line(caught.value).startswith(str(tmp_path / "x.gpkg"))
    assert not list(tmp_path.glob("*.gpkg*"))


def test_many_bytes_are_written_in_parts(
    classes: Path, heights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for the file is bounded by its size, not only by its number."""
    sizes: list[int] = []
    write = pyogrio.raw.write

    def watched(path: Path, shapes: NDArray[Any], *args: Any, **kwargs: Any) -> None:
        sizes.append(len(shapes))
        write(path, shapes, *args, **kwargs)

    monkeypatch.setattr(pyogrio.raw, "write", watched)
    monkeypatch.setattr(geopackage, "_BATCH_BYTES", 500)
    vectorize(classes, tmp_path / "x.gpkg", heights=heights, options=EXACT)
    assert sorted(sizes) == [1, 1, 1, 3]  # blocks are large, outlines small
    assert len(read(tmp_path / "x.gpkg", "buildings_lod1")) == 3


def test_gdal_keeps_little_of_what_it_has_read(
    classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself it would keep a share of the machine's memory."""
    entered: list[str] = []

    @contextmanager
    def environment() -> Iterator[None]:
        entered.append("environment")
        yield

    monkeypatch.setattr(vectorization, "gdal_environment", environment)
    vectorize(classes, tmp_path / "x.gpkg")
    assert entered == ["environment"]


@pytest.mark.judge
def test_qgis_finds_the_styles(
    judge: Callable[[str], str], classes: Path, heights: Path, tmp_path: Path
) -> None:
    options = VectorOptions(("all",))
    vectorize(classes, tmp_path / "x.gpkg", heights=heights, options=options)
    names = ("land_cover", "buildings", "buildings_lod1")
    done = subprocess.run(
        [judge("qgis"), str(QGIS_CHECK), str(tmp_path / "x.gpkg"), *names],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    found = json.loads(done.stdout)
    assert [layer["valid"] for layer in found.values()] == [True] * 3
    assert {layer["crs"] for layer in found.values()} == {"EPSG:25833"}
    assert found["land_cover"]["sound"]
    assert found["buildings"]["sound"]
    assert found["buildings"]["features"] == found["buildings_lod1"]["features"] == 3
    entries = [[e.name.replace("_", " "), e.color.lower()] for e in ISPRS_CLASSES.entries]
    assert found["land_cover"]["legend"] == entries
    assert found["buildings"]["legend"] == found["buildings_lod1"]["legend"] == entries[1:2]
    assert found["land_cover"]["raised"] == ""
    assert "height_median_m" in found["buildings"]["raised"]
    assert 'alt-clamping="absolute"' in found["buildings_lod1"]["raised"]


def test_degrees_have_no_blocks_of_courts_that_touch_the_street(
    write: Write, town: NDArray[np.uint8], heights: Path, tmp_path: Path
) -> None:
    town[22:30, 30:40] = 2  # a yard at the court's corner
    place: dict[str, Any] = {"crs": "EPSG:4326", "step": 1e-5, "corner": (13, 52)}
    classes = write(tmp_path / "a_classes.tif", town, **place)
    with rasterio.open(heights) as source:
        metres = write(tmp_path / "a_height.tif", source.read(1), **place)
    made = vectorize(classes, tmp_path / "x.gpkg", heights=metres, options=EXACT)
    assert made.counts == {"building": 3}


@pytest.mark.parametrize("kind", ["classes", "percent", "feet"])
def test_heights_that_are_none(
    write: Write, classes: Path, heights: Path, tmp_path: Path, kind: str
) -> None:
    with rasterio.open(heights) as source:
        metres = source.read(1)
    wrong = {
        "classes": classes,
        "percent": write(tmp_path / "p.tif", metres, unit="%"),
        "feet": write(tmp_path / "f.tif", metres, unit="ft"),
    }
    with pytest.raises(
        SceneError, match=r"holds (classes, not values in m|%, wanted is m|ft, wanted is m)"
    ):
        vectorize(classes, tmp_path / "x.gpkg", heights=wrong[kind])
    right = write(tmp_path / "m.tif", metres, unit="m")
    assert vectorize(classes, tmp_path / "x.gpkg", heights=right).counts == {"building": 3}
    with pytest.raises(SceneError, match=r"m\.tif: holds m, wanted is %"):
        vectorize(classes, tmp_path / "y.gpkg", confidence=right)
    assert not (tmp_path / "y.gpkg").exists()


def test_nothing_that_is_large_enough_is_said(
    classes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vectorize(classes, tmp_path / "x.gpkg", options=VectorOptions(min_area_m2=1e9))
    assert "x.gpkg: no polygon of at least --min-area 1e+09 m²" in caplog.text
