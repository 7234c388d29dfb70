"""Where rasters lie on the globe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyproj
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from geosemimtl.errors import GridError
from geosemimtl.raster.globe import footprint
from geosemimtl.raster.grid import PixelGrid

Make = Callable[..., PixelGrid]


def degrees_grid(west: float, north: float, cols: int, rows: int) -> PixelGrid:
    """Return a grid of pixels of a degree."""
    return PixelGrid(Affine(1, 0, west, 0, -1, north), (rows, cols), CRS.from_epsg(4326))


@pytest.mark.parametrize("turned", [0.0, 30.0])
def test_a_small_scene_has_its_four_corners(make_grid: Make, turned: float) -> None:
    """Counter-clockwise from any corner, by pyproj to a centimetre."""
    grid = make_grid((100, 200), degrees=turned)
    place = footprint(grid)
    to_degrees = pyproj.Transformer.from_crs(25833, 4326, always_xy=True)
    expected = {to_degrees.transform(*corner) for corner in grid.corners}
    assert isinstance(place.geometry, shapely.Polygon)
    ring = place.geometry.exterior
    assert len(ring.coords) == 5
    assert ring.is_ccw
    for lon, lat in expected:
        assert min(abs(x - lon) + abs(y - lat) for x, y in ring.coords) < 2e-7
    lons, lats = zip(*expected, strict=True)
    assert place.bbox == pytest.approx((min(lons), min(lats), max(lons), max(lats)), abs=1e-7)


def test_long_sides_are_curves(make_grid: Make) -> None:
    """A UTM zone's parallel bends away from its chord by kilometres over 600 km."""
    grid = make_grid((10, 600), gsd=(1000, 1000), crs="EPSG:32633", origin=(200000, 6600000))
    place = footprint(grid)
    corners = shapely.Polygon(
        [
            pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(*corner)
            for corner in grid.corners
        ]
    )
    middle = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(500000, 6599990)
    assert place.geometry.covers(shapely.Point(middle))
    assert not corners.covers(shapely.Point(middle))
    assert place.bbox[3] == pytest.approx(middle[1], abs=1e-3)
    assert shapely.get_num_coordinates(place.geometry) > 20


def test_across_the_date_line() -> None:
    """From 178 E to 176 W: two parts, and a box whose west is above its east."""
    place = footprint(degrees_grid(178, -10, 6, 4))
    assert place.bbox == (178, -14, -176, -10)
    parts = shapely.get_parts(place.geometry)
    assert sorted(part.bounds for part in parts) == [(-180, -14, -176, -10), (178, -14, 180, -10)]
    assert all(part.exterior.is_ccw for part in parts)
    assert footprint(degrees_grid(-182, -10, 6, 4)).bbox == place.bbox


def test_up_to_the_date_line_is_one_part() -> None:
    place = footprint(degrees_grid(174, -10, 6, 4))
    assert place.geometry.geom_type == "Polygon"
    assert place.bbox == (174, -14, 180, -10)


@pytest.mark.parametrize(("crs", "edge"), [("EPSG:3995", 1), ("EPSG:3031", -1)])
def test_around_a_pole(crs: str, edge: int) -> None:
    grid = PixelGrid(Affine(1e4, 0, -1e5, 0, -1e4, 1e5), (20, 20), CRS.from_user_input(crs))
    west, south, east, north = footprint(grid).bbox
    assert (west, east) == (-180, 180)
    assert (north if edge > 0 else south) == 90 * edge
    assert 88 < abs(south if edge > 0 else north) < 89


def test_beyond_the_crs_is_an_error(one_line: Callable[[Any], str]) -> None:
    grid = PixelGrid(Affine(1, 0, 1e30, 0, -1, 1e30), (4, 4), CRS.from_epsg(32633))
    with pytest.raises(GridError) as caught:
        footprint(grid)
    assert "check the scene's CRS" in one_line(caught.value)


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        ("EPSG:25833", "EPSG:25833"),
        ("ESRI:54009", "ESRI:54009"),
        ("+proj=tmerc +lat_0=1 +lon_0=3 +k=0.9 +ellps=bessel +units=m", None),
    ],
)
def test_codes_of_reference_systems(make_grid: Make, crs: str, code: str | None) -> None:
    assert make_grid((4, 4), crs=crs).authority_code == code
