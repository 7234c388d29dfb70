"""Parts of a scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from geosemimtl.errors import GridError, LabelError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.areas import read_area, window_of_bounds

OneLine = Callable[[BaseException], str]
UTM = CRS.from_epsg(25833)
GRID = PixelGrid(Affine(2, 0, 1000, 0, -2, 5000), (50, 80), UTM)


def write(path: Path, *shapes: Any, crs: str | None = "EPSG:25833") -> Path:
    """Write a layer."""
    geopandas.GeoDataFrame(geometry=list(shapes), crs=crs).to_file(path)
    return path


def test_bounds_are_the_pixels_that_they_touch() -> None:
    assert window_of_bounds((1004, 4950, 1011, 4990), GRID) == Window(2, 5, 4, 20)
    assert window_of_bounds((0, 0, 9999, 9999), GRID) == Window(0, 0, 80, 50)
    assert window_of_bounds((1004.001, 4950, 1004.5, 4951), GRID) == Window(2, 24, 1, 1)


def test_bounds_of_a_rotated_grid() -> None:
    turned = Affine.translation(1000, 5000) @ Affine.rotation(30) @ Affine.scale(2, -2)
    grid = PixelGrid(turned, (50, 80), UTM)
    x, y = turned @ (40, 25)
    window = window_of_bounds((x - 4, y - 4, x + 4, y + 4), grid)
    inside = Window(37, 22, 6, 6)  # corners of the box lie 5.5 m from its middle
    assert (window.col_off, window.row_off) == (inside.col_off, inside.row_off)
    assert (window.width, window.height) == (inside.width, inside.height)


@pytest.mark.parametrize("bounds", [(0, 0, 10, 10), (1011, 4950, 1004, 4990)])
def test_bounds_that_are_none(bounds: tuple[float, ...], one_line: OneLine) -> None:
    with pytest.raises(GridError, match="not within the scene's 1000,4900,1160,5000") as caught:
        window_of_bounds(bounds, GRID)  # type: ignore[arg-type]  # four of them
    assert "--bounds" in one_line(caught.value)


def test_pixels_whose_centre_is_inside(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", shapely.box(1003, 4981, 1011, 4991))
    area = read_area(path, GRID)
    assert area.window == Window(1, 4, 5, 6)
    whole = area.holds(Window(0, 0, 80, 50))
    # centres lie at odd metres, on the sides too: those of one of two sides count
    assert whole.sum() == 4 * 5
    assert whole[5:9, 2:5].all()
    part = Window(3, 2, 9, 6)
    np.testing.assert_array_equal(area.holds(part), whole[2:8, 3:12])
    assert area.touches(0, 0, 2, 5)
    assert not area.touches(10, 0, 20, 5)


def test_polygons_of_another_crs(tmp_path: Path) -> None:
    grid = PixelGrid(Affine(10, 0, 368000, 0, -10, 5806000), (100, 100), UTM)
    box = shapely.box(368200, 5805300, 368700, 5805800)
    there = geopandas.GeoSeries([box], crs="EPSG:25833").to_crs("EPSG:4326")
    area = read_area(write(tmp_path / "a.geojson", *there, crs="EPSG:4326"), grid)
    expected = np.zeros((100, 100), bool)
    expected[20:70, 20:70] = True
    np.testing.assert_array_equal(area.holds(Window(0, 0, 100, 100)), expected)


def test_several_polygons_with_holes(tmp_path: Path) -> None:
    ring = shapely.box(1000, 4960, 1040, 5000) - shapely.box(1010, 4970, 1030, 4990)
    path = write(tmp_path / "a.gpkg", ring, shapely.box(1100, 4900, 1110, 4910))
    held = read_area(path, GRID).holds(Window(0, 0, 80, 50))
    assert held.sum() == 20 * 20 - 10 * 10 + 5 * 5
    assert not held[10, 10]


def test_areas_that_are_none(tmp_path: Path, one_line: OneLine) -> None:
    far = write(tmp_path / "far.gpkg", shapely.box(0, 0, 10, 10))
    with pytest.raises(GridError, match=r"far\.gpkg: lies outside of the scene") as caught:
        read_area(far, GRID)
    one_line(caught.value)
    points = write(tmp_path / "points.gpkg", shapely.Point(1010, 4990))
    with pytest.raises(LabelError, match=r"feature 1 is a Point; polygons are needed"):
        read_area(points, GRID)
    with pytest.raises(LabelError, match="no such file"):
        read_area(tmp_path / "no.gpkg", GRID)


def test_a_subset_of_a_layer(tmp_path: Path, one_line: OneLine) -> None:
    """As QGIS writes filters; held-out blocks of a tile set are such a subset."""
    shapes = [shapely.box(1004, 4950, 1010, 4960), shapely.box(1020, 4950, 1030, 4960)]
    layer = geopandas.GeoDataFrame({"split": ["train", "test"]}, geometry=shapes, crs="EPSG:25833")
    layer.to_file(tmp_path / "a.gpkg")
    area = read_area(Path(f"{tmp_path / 'a.gpkg'}|layername=a|subset=split = 'test'"), GRID)
    assert area.window == Window(10, 20, 5, 5)
    for condition, said in (
        ("split = 'val'", "has no features that meet"),
        ("nope = 1", "no such column"),
    ):
        with pytest.raises(LabelError, match=said) as caught:
            read_area(Path(f"{tmp_path / 'a.gpkg'}|subset={condition}"), GRID)
        assert condition in one_line(caught.value)
