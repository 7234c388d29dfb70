"""The index of a tile set, judged by those who read GeoPackages."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.warp import transform
from shapely.geometry import Polygon

from geosemimtl.errors import OutputError, TileSetError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.index import tile_names, write_index

OneLine = Callable[[BaseException], str]
Grid = Callable[..., PixelGrid]
#: Transverse Mercator with an offset of its own; no EPSG code says that.
OWN = "+proj=tmerc +lat_0=52.5 +lon_0=13.4 +k=1 +x_0=4321 +y_0=1234 +ellps=GRS80 +units=m"
QGIS_CHECK = Path(__file__).parents[1] / "judges" / "qgis_tiles_check.py"


def rows(*names: str, **known: Any) -> list[dict[str, Any]]:
    """Return what is known of tiles."""
    return [
        {"tile": name, "row": row, "split": "train", "valid_share": 0.5, "padded": False} | known
        for row, name in enumerate(names)
    ]


@pytest.fixture
def grids(make_grid: Grid) -> list[PixelGrid]:
    """Return grids of two tiles of 8 x 8 px of 0.5 m."""
    return [make_grid((8, 8), gsd=(0.5, 0.5), origin=(368000 + 4 * i, 5806000)) for i in (0, 1)]


def test_it_is_read_back(tmp_path: Path, grids: list[PixelGrid]) -> None:
    known = rows("b.tif", "a.tif")
    known[0] |= {"height_max_m": None, "share_low vegetation": 0.25, 'a "quoted" name': "x"}
    known[1] |= {"height_max_m": 3.5, "share_low vegetation": 1.0, 'a "quoted" name': "y"}
    known[1]["padded"] = True
    write_index(tmp_path / "tiles.gpkg", known, grids)
    found = geopandas.read_file(tmp_path / "tiles.gpkg")
    assert found.crs.to_epsg() == 25833
    assert list(found.columns) == [*known[0], "geometry"]
    assert found.tile.tolist() == ["b.tif", "a.tif"]
    assert found.padded.tolist() == [False, True]
    assert found.padded.dtype == bool
    assert found["row"].dtype.kind == "i"
    np.testing.assert_array_equal(found.height_max_m, [np.nan, 3.5])
    for shape, grid in zip(found.geometry, grids, strict=True):
        assert shape.equals(Polygon(grid.corners))
    info = pyogrio.read_info(tmp_path / "tiles.gpkg")
    assert (info["features"], info["geometry_type"]) == (2, "Polygon")
    assert info["total_bounds"] == pytest.approx((368000, 5805996, 368008, 5806000))
    (near,) = geopandas.read_file(
        tmp_path / "tiles.gpkg", bbox=(368005, 5805998, 368006, 5805999)
    ).tile
    assert near == "a.tif"


def test_nothing_is_known_anywhere(tmp_path: Path, grids: list[PixelGrid]) -> None:
    write_index(tmp_path / "tiles.gpkg", rows("a", "b", height_min_m=None), grids)
    found = geopandas.read_file(tmp_path / "tiles.gpkg")
    assert found.height_min_m.isna().all()
    assert found.height_min_m.dtype.kind == "f"


def test_tiles_of_several_crs_lie_in_the_first(tmp_path: Path, make_grid: Grid) -> None:
    other = make_grid((8, 8), gsd=(0.5, 0.5), crs="EPSG:25832", origin=(780000, 5806000))
    write_index(tmp_path / "tiles.gpkg", rows("a", "b"), [make_grid((8, 8)), other])
    found = geopandas.read_file(tmp_path / "tiles.gpkg")
    assert found.crs.to_epsg() == 25833
    xs, ys = zip(*other.corners, strict=True)
    wanted = Polygon(list(zip(*transform(other.crs, found.crs, xs, ys), strict=True)))
    assert found.geometry[1].symmetric_difference(wanted).area < 1e-6
    assert wanted.area == pytest.approx(16, rel=0.01)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2994", OWN, "EPSG:25832+7837"])
def test_any_crs(tmp_path: Path, crs: str) -> None:
    grid = PixelGrid(rasterio.Affine(1e-4, 0, 10, 0, -1e-4, 45), (8, 8), CRS.from_user_input(crs))
    write_index(tmp_path / "tiles.gpkg", rows("a"), [grid])
    found = geopandas.read_file(tmp_path / "tiles.gpkg")
    assert CRS.from_wkt(found.crs.to_wkt()) == grid.crs
    assert found.geometry[0].equals(Polygon(grid.corners)), "x first, as a GeoPackage has it"


def test_same_rows_same_bytes(tmp_path: Path, grids: list[PixelGrid]) -> None:
    for name in ("one.gpkg", "two.gpkg"):
        write_index(tmp_path / name, rows("a", "b"), grids)
    assert (tmp_path / "one.gpkg").read_bytes() == (tmp_path / "two.gpkg").read_bytes()
    before = (tmp_path / "one.gpkg").read_bytes()
    write_index(tmp_path / "one.gpkg", rows("c"), grids[:1])
    write_index(tmp_path / "one.gpkg", rows("a", "b"), grids)
    assert (tmp_path / "one.gpkg").read_bytes() == before, "one that is there is replaced"
    assert {path.name for path in tmp_path.iterdir()} == {"one.gpkg", "two.gpkg"}


def test_names_come_in_the_order_of_the_index(tmp_path: Path, grids: list[PixelGrid]) -> None:
    folder = tmp_path / "a #1 100% set?"
    folder.mkdir()
    known = rows("b.tif", "c.tif", "a.tif")
    known[1]["split"] = "val"
    write_index(folder / "tiles.gpkg", known, [*grids, grids[0]])
    assert tile_names(folder) == ("b.tif", "a.tif")
    assert tile_names(folder, "val") == ("c.tif",)
    with pytest.raises(TileSetError, match="has no tile of the split test"):
        tile_names(folder, "test")


@pytest.mark.parametrize("content", [None, b"", b"no geopackage" * 100, "truncated"])
def test_a_damaged_index(
    tmp_path: Path, grids: list[PixelGrid], one_line: OneLine, content: bytes | str | None
) -> None:
    path = tmp_path / "tiles.gpkg"
    if content == "truncated":
        write_index(path, rows("a", "b"), grids)
        content = path.read_bytes()[:4096]
    if isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(TileSetError, match=r"cannot be read \(.*\); cut the tiles again") as caught:
        tile_names(tmp_path)
    assert str(path) in one_line(caught.value)
    assert path.exists() == (content is not None), "reading makes no file"


def test_a_folder_that_is_gone(tmp_path: Path, grids: list[PixelGrid], one_line: OneLine) -> None:
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_index(tmp_path / "no" / "tiles.gpkg", rows("a", "b"), grids)
    one_line(caught.value)


def test_sqlite_finds_it_whole(tmp_path: Path, grids: list[PixelGrid]) -> None:
    write_index(tmp_path / "tiles.gpkg", rows("a", "b"), grids)
    with closing(sqlite3.connect(tmp_path / "tiles.gpkg")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA application_id").fetchone() == (0x47504B47,)


@pytest.mark.judge
@pytest.mark.parametrize("crs", ["EPSG:25833", OWN])
def test_ogrinfo_has_nothing_to_say(
    tmp_path: Path, make_grid: Grid, judge: Callable[[str], str], crs: str
) -> None:
    grids = [make_grid((8, 8), crs=crs)] * 2
    path = tmp_path / "tiles.gpkg"
    write_index(path, rows("a.tif", "b.tif", height_max_m=None), grids)
    done = subprocess.run(
        [judge("ogrinfo"), "-ro", "-al", str(path)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "Warning" not in done.stdout
    assert "Feature Count: 2" in done.stdout
    assert "padded: Integer(Boolean)" in done.stdout
    assert "height_max_m: Real" in done.stdout
    assert "height_max_m (Real) = (null)" in done.stdout
    if crs == OWN:
        assert '"False easting",4321' in done.stdout.replace("\n", "")


@pytest.mark.judge
@pytest.mark.parametrize(("crs", "authid"), [("EPSG:25833", "EPSG:25833"), (OWN, "")])
def test_qgis_opens_it(
    tmp_path: Path, make_grid: Grid, judge: Callable[[str], str], crs: str, authid: str
) -> None:
    grids = [make_grid((8, 8), gsd=(0.5, 0.5), crs=crs)] * 2
    path = tmp_path / "tiles.gpkg"
    write_index(path, rows("a.tif", "b.tif", height_max_m=None), grids)
    before = path.read_bytes()
    done = subprocess.run(
        [judge("qgis"), str(QGIS_CHECK), str(path)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["valid"]
    assert found["said"] == []
    assert "arning" not in done.stderr.replace("QStandardPaths", "")
    assert found["crs"] == authid
    if crs == OWN:
        assert "+x_0=4321" in found["proj"]
    assert [row["tile"] for row in found["rows"]] == ["a.tif", "b.tif"]
    assert [row["area"] for row in found["rows"]] == pytest.approx([16, 16])
    assert all(row["sound"] for row in found["rows"])
    assert {row["height_max_m"] for row in found["rows"]} == {"NULL"}
    assert found["left"] == pytest.approx(368000)
    assert path.read_bytes() == before
