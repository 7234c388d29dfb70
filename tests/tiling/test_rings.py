"""Polygons in pixels: where vertices lie, and which a window needs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.warp import transform as reproject_points
from rasterio.windows import Window

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.rings import Rings

MakeGrid = Callable[..., PixelGrid]
UTM = CRS.from_epsg(25833)


def test_vertices_parts_and_holes(make_grid: MakeGrid) -> None:
    grid = make_grid((20, 20), gsd=(0.5, 0.25), origin=(100, 200))
    holed = shapely.Polygon(
        [(101, 199), (105, 199), (105, 196), (101, 196)],
        [[(102, 198), (103, 198), (103, 197), (102, 198)]],
    )
    pair = shapely.MultiPolygon([shapely.box(100, 199, 101, 200), shapely.box(102, 199, 103, 200)])
    shapes = np.array([None, holed, shapely.box(900, 900, 901, 901), pair], dtype=object)
    rings = Rings.on_grid(shapes, UTM, grid)
    np.testing.assert_array_equal(rings.features, [1, 3, 3])
    np.testing.assert_array_equal(rings.ring_starts, [0, 5, 9, 14, 19])
    np.testing.assert_array_equal(rings.polygon_starts, [0, 2, 3, 4])
    np.testing.assert_array_equal(rings.vertices[:2], [[2, 4], [10, 4]])
    np.testing.assert_array_equal(rings.touching(Window(0, 0, 1, 1)), [1])
    np.testing.assert_array_equal(rings.touching(Window(0, 0, 20, 20)), [0, 1, 2])
    shape = rings.shape(0, Window(1, 2, 5, 5))
    assert shape is not None
    assert [len(ring) for ring in shape["coordinates"]] == [5, 4]
    assert shape["coordinates"][0][0] == [1, 2]


def test_nothing_near(make_grid: MakeGrid) -> None:
    rings = Rings.on_grid(np.array([shapely.box(0, 0, 1, 1)]), UTM, make_grid((9, 9)))
    assert not rings.features.size
    assert not rings.touching(Window(0, 0, 9, 9)).size


def pixels_from(start: float) -> Affine:
    """Return the transform of pixels of one unit, rows downwards, from (start, start) on."""
    return Affine.translation(start, start)


@given(
    seed=st.integers(0, 2**20),
    window=st.tuples(
        st.integers(-5, 60), st.integers(-5, 60), st.integers(1, 20), st.integers(1, 20)
    ),
)
def test_vertices_left_out_change_no_pixel(seed: int, window: tuple[int, int, int, int]) -> None:
    """Even of rings that cross themselves, and run around the window's corners."""
    draw = np.random.default_rng(seed)
    grid = PixelGrid(pixels_from(0), (60, 60), UTM)
    ring = np.cumsum(draw.normal(0, 12, (80, 2)), axis=0)
    ring += draw.uniform(0, 60, 2) - ring.mean(axis=0)
    shape = shapely.Polygon(ring, [(ring + ring.mean(axis=0)) / 2])
    whole = rasterize([shape], out_shape=(200, 200), transform=pixels_from(-70))
    left, top, width, height = window
    cut = Window(left, top, width, height)
    rings = Rings.on_grid(np.array([shape]), UTM, grid)
    found = np.zeros((height, width), np.uint8)
    near = [rings.shape(polygon, cut) for polygon in rings.touching(cut)]
    if any(near):
        rasterize([one for one in near if one], out=found)
    np.testing.assert_array_equal(found, whole[70 + top :, 70 + left :][:height, :width])


def test_edges_bend_within_a_hundredth_of_a_pixel(make_grid: MakeGrid) -> None:
    """Each straight edge that is drawn lies near what it stands for, midway too."""
    wgs84 = CRS.from_epsg(4326)
    (x,), (y,) = reproject_points(wgs84, UTM, [13.0], [52.0])
    grid = make_grid((1000, 1000), gsd=(0.1, 0.1), origin=(x, y))
    shape = shapely.box(12.9, 51.9, 13.1, 52.0001)
    rings = Rings.on_grid(np.array([shape]), wgs84, grid)
    assert len(rings.vertices) > 50
    north = [
        (one, other)
        for one, other in itertools.pairwise(rings.vertices)
        if abs(one[1] - other[1]) < abs(one[0] - other[0]) and max(one[1], other[1]) < 5000
    ]
    middle = np.array([(one + other) / 2 for one, other in north])
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    xs, ys = a * middle[:, 0] + b * middle[:, 1] + c, d * middle[:, 0] + e * middle[:, 1] + f
    _, lats = reproject_points(UTM, wgs84, xs, ys)
    off_px = (np.array(lats) - 52.0001) * 111_200 / 0.1
    assert len(north) > 10
    assert np.abs(off_px).max() < 0.02
