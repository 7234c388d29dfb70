"""Laws of the pixel grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from geosemimtl.errors import GridError
from geosemimtl.raster.grid import PixelGrid, model_grid, shown_whole, utm_crs
from geosemimtl.tiling.layout import TileLayout

GridMaker = Callable[..., PixelGrid]
FOOT_M = 0.3048
UTM = CRS.from_epsg(25833)

steps = st.floats(0.02, 3)
sides = st.integers(1, 400)
angles = st.floats(-180, 180)


def turned(shape: tuple[int, int], across: float, down: float, degrees: float) -> PixelGrid:
    """Return a rotated grid of non-square pixels (fixtures and hypothesis do not mix)."""
    axes = Affine.rotation(degrees) @ Affine.scale(across, -down)
    return PixelGrid(Affine.translation(368000, 5806000) @ axes, shape, UTM)


@given(rows=sides, cols=sides, across=steps, down=steps, degrees=angles, gsd_m=steps)
def test_model_grid_keeps_origin_and_axes(
    rows: int, cols: int, across: float, down: float, degrees: float, gsd_m: float
) -> None:
    scene = turned((rows, cols), across, down, degrees)
    grid = model_grid(scene, gsd_m)
    assert grid.corners[0] == pytest.approx(scene.corners[0], abs=1e-9)
    assert grid.gsd_m == pytest.approx((gsd_m, gsd_m), rel=1e-5)
    for ours, theirs in (
        (grid.transform.a, scene.transform.a),
        (grid.transform.e, scene.transform.e),
    ):
        assert math.copysign(1, ours) == math.copysign(1, theirs)
    assert math.atan2(grid.transform.d, grid.transform.a) == pytest.approx(
        math.atan2(scene.transform.d, scene.transform.a), abs=1e-9
    )


@given(rows=sides, cols=sides, across=steps, down=steps, degrees=angles, gsd_m=steps)
def test_model_grid_is_just_large_enough(
    rows: int, cols: int, across: float, down: float, degrees: float, gsd_m: float
) -> None:
    assume(gsd_m <= max(rows * down, cols * across))
    grid = model_grid(turned((rows, cols), across, down, degrees), gsd_m)
    for size, extent in zip(grid.shape, (rows * down, cols * across), strict=True):
        # up to the millionth of a pixel that rounding may add to an extent
        assert size * gsd_m >= extent * (1 - 2e-6) - 1e-5 * gsd_m
        assert size == 1 or (size - 1) * gsd_m < extent * (1 + 2e-6)


def test_a_gsd_coarser_than_the_scene(
    make_grid: GridMaker, one_line: Callable[[BaseException], str]
) -> None:
    scene = make_grid((100, 40))  # 2 x 5 m
    assert model_grid(scene, 5).shape == (1, 1)
    with pytest.raises(GridError, match=r"coarser than the whole scene \(2 x 5 m\)") as caught:
        model_grid(scene, 5.01)
    assert "--gsd" in one_line(caught.value)


@given(rows=sides, cols=sides, step=steps, degrees=angles)
def test_model_grid_at_the_scenes_own_gsd_is_the_scenes_grid(
    rows: int, cols: int, step: float, degrees: float
) -> None:
    scene = turned((rows, cols), step, step, degrees)
    grid = model_grid(scene, scene.gsd_m[0])
    assert grid.matches(scene)


def test_potsdam(make_grid: GridMaker) -> None:
    grid = model_grid(make_grid((6000, 6000)), 0.09)
    assert grid.shape == (3334, 3334)
    layout = TileLayout(grid.shape, (512, 512), 256)
    assert (len(layout.row_offsets), len(layout.col_offsets)) == (13, 13)


def test_feet_are_converted(make_grid: GridMaker) -> None:
    scene = make_grid((100, 200), gsd=(1, 1), crs="EPSG:2994", origin=(636000, 849000))
    assert scene.gsd_m == pytest.approx((FOOT_M, FOOT_M))
    grid = model_grid(scene, 2 * FOOT_M)
    assert grid.shape == (50, 100)
    assert grid.transform.a == pytest.approx(2)


def test_degrees_are_half_as_wide_at_60_north(make_grid: GridMaker) -> None:
    scene = make_grid((100, 100), gsd=(1e-5, 1e-5), crs="EPSG:4326", origin=(25.0, 60.0005))
    east, north = scene.gsd_m
    assert north == pytest.approx(1.1141, rel=1e-3)
    assert east / north == pytest.approx(0.5, rel=5e-3)
    grid = model_grid(scene, 1.115)
    assert grid.gsd_m == pytest.approx((1.115, 1.115), rel=1e-6)
    assert grid.shape == (100, 51)


def test_grads_are_degrees_of_another_size(make_grid: GridMaker) -> None:
    grads = make_grid((10, 10), gsd=(1e-5, 1e-5), crs="EPSG:4807", origin=(2.0, 52.0))
    degrees = make_grid((10, 10), gsd=(0.9e-5, 0.9e-5), crs="EPSG:4326", origin=(1.8, 46.8))
    assert grads.gsd_m == pytest.approx(degrees.gsd_m, rel=1e-6)


def test_crop_may_reach_beyond(make_grid: GridMaker) -> None:
    grid = make_grid((10, 10), degrees=20)
    part = grid.crop(Window(8, -3, 5, 6))
    assert part.shape == (6, 5)
    assert part.corners[0] == pytest.approx(grid.transform @ (8, -3))


def test_grids_match_only_in_one_crs(make_grid: GridMaker) -> None:
    grid = make_grid((10, 10))
    assert grid.matches(make_grid((10, 10)))
    assert not grid.matches(make_grid((10, 11)))
    elsewhere = replace(grid, crs=CRS.from_epsg(25832))
    assert not grid.matches(elsewhere)
    assert not grid.overlays(elsewhere)


def test_overlays_forgives_another_size_and_a_thousandth_of_a_pixel(make_grid: GridMaker) -> None:
    grid = make_grid((10, 10))
    assert grid.overlays(make_grid((5, 5), gsd=(0.1, 0.1)))
    moved = replace(grid, transform=grid.transform @ Affine.translation(5e-4, 0))
    assert grid.overlays(moved)
    moved = replace(grid, transform=grid.transform @ Affine.translation(2e-3, 0))
    assert not grid.overlays(moved)


def test_a_crs_is_the_same_however_it_is_written(make_grid: GridMaker) -> None:
    grid = make_grid((10, 10))
    for spelling in (grid.ground_crs.to_wkt(), grid.ground_crs.to_wkt(version="WKT1_ESRI")):
        assert grid.matches(replace(grid, crs=CRS.from_wkt(spelling)))
    degrees = replace(grid, crs=CRS.from_epsg(4326))
    for spelling in ("OGC:CRS84", "+proj=longlat +datum=WGS84 +no_defs"):
        assert degrees.matches(replace(grid, crs=CRS.from_user_input(spelling)))


@pytest.mark.parametrize("gsd_m", [0.0, -1.0, math.nan, math.inf])
def test_a_gsd_is_above_zero(
    make_grid: GridMaker, one_line: Callable[[BaseException], str], gsd_m: float
) -> None:
    with pytest.raises(GridError, match="metres above 0") as caught:
        model_grid(make_grid((10, 10)), gsd_m)
    one_line(caught.value)


@given(
    shape=st.tuples(st.integers(5, 400), st.integers(5, 400)),
    gsd=st.tuples(steps, steps),
    degrees=angles,
    ratio=st.floats(0.3, 5),
    crs=st.sampled_from(["EPSG:25832", "EPSG:4326", "EPSG:2180", "EPSG:3857", "EPSG:3035"]),
)
def test_another_crs_covers_the_footprint(
    shape: tuple[int, int], gsd: tuple[float, float], degrees: float, ratio: float, crs: str
) -> None:
    scene = turned(shape, *gsd, degrees)
    gsd_m = ratio * min(gsd)
    wanted = CRS.from_user_input(crs)
    grid = model_grid(scene, gsd_m, wanted)
    assert grid.crs == wanted
    assert (grid.transform.b, grid.transform.d) == (0, 0)
    assert grid.transform.a > 0 > grid.transform.e
    if crs != "EPSG:3857":  # its metres are none
        assert grid.gsd_m == pytest.approx((gsd_m, gsd_m), rel=1e-4)
    rows, cols = shape
    down, across = (side.ravel() for side in np.mgrid[0:rows:9j, 0:cols:9j])
    xs, ys = scene.transform @ (across, down)
    there = transform_points(scene.crs, wanted, list(xs), list(ys))
    columns, lines = ~grid.transform @ tuple(np.array(each) for each in there)
    # no row or column too few, nor one too many
    assert columns.min() == pytest.approx(0, abs=0.01)
    assert lines.min() == pytest.approx(0, abs=0.01)
    for size, reach in zip(grid.shape, (lines.max(), columns.max()), strict=True):
        assert reach <= size + 0.01
        assert size < reach + 1.01


def test_the_scenes_own_crs_keeps_its_axes(make_grid: GridMaker) -> None:
    scene = make_grid((30, 40), degrees=20)
    again = CRS.from_wkt(scene.ground_crs.to_wkt())
    assert model_grid(scene, 0.09, again) == model_grid(scene, 0.09)


def test_a_crs_that_does_not_reach_the_scene(
    make_grid: GridMaker, one_line: Callable[[BaseException], str]
) -> None:
    pole = make_grid((100, 100), gsd=(1e-3, 1e-3), crs="EPSG:4326", origin=(10, -89.95))
    with pytest.raises(GridError, match="lies outside of EPSG:3857") as caught:
        model_grid(pole, 10, CRS.from_epsg(3857))
    assert "--crs" in one_line(caught.value)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ((13.4, 52.5), 32633),
        ((-58.4, -34.6), 32721),
        ((5.3, 60.4), 32632),  # Bergen: zone 32 is wider in south-west Norway
        ((2.5, 60.4), 32631),
        ((10.0, 78.9), 32633),  # Svalbard has no zones 32, 34 and 36
        ((8.9, 78.9), 32631),
        ((41.9, 78.9), 32637),
        ((-179.9, 10.0), 32601),
        ((179.9, -10.0), 32760),
    ],
)
def test_utm_zones(make_grid: GridMaker, place: tuple[float, float], code: int) -> None:
    scene = make_grid((10, 10), gsd=(1e-5, 1e-5), crs="EPSG:4326", origin=place)
    assert utm_crs(scene) == CRS.from_epsg(code)
    grid = model_grid(scene, 0.5, utm_crs(scene))
    assert grid.gsd_m == pytest.approx((0.5, 0.5))


def test_utm_of_a_projected_scene(make_grid: GridMaker) -> None:
    assert utm_crs(make_grid((10, 10), crs="EPSG:25833")) == CRS.from_epsg(32633)


@pytest.mark.parametrize("latitude", [85.0, -80.5, 89.9])
def test_the_poles_have_no_utm_zone(
    make_grid: GridMaker, one_line: Callable[[BaseException], str], latitude: float
) -> None:
    scene = make_grid((10, 10), gsd=(1e-5, 1e-5), crs="EPSG:4326", origin=(20, latitude))
    with pytest.raises(GridError, match=r"no UTM zone holds longitude 20\.0") as caught:
        utm_crs(scene)
    assert "--crs EPSG:" in one_line(caught.value)


@pytest.mark.parametrize(
    ("epsg", "corner", "ground"),
    [
        (3857, (951000, 6003000), 0.6785),  # Zurich: near the cosine of its latitude
        (3857, (0, 0), 1.0),  # the equator
        (3031, (0, 0), 1.0279),  # true scale at 71 degrees south, not at the pole
        (25833, (368000, 5806000), 1.0),
        (2056, (2683000, 1247000), 1.0),
    ],
)
def test_metres_are_metres_on_the_ground(
    epsg: int, corner: tuple[float, float], ground: float
) -> None:
    transform = Affine.translation(*corner) @ Affine.scale(0.5, -0.5)
    grid = PixelGrid(transform, (200, 200), CRS.from_epsg(epsg))
    np.testing.assert_allclose(grid.gsd_m, 0.5 * ground, rtol=5e-3)
    cut = model_grid(grid, 1.0)
    np.testing.assert_allclose(cut.gsd_m, 1.0, rtol=1e-4)


def test_the_ground_as_geodesics_measure_it() -> None:
    crs = CRS.from_epsg(3857)
    grid = PixelGrid(Affine(2, 0, 951000, 0, -2, 6003000), (100, 100), crs)
    geod, (left, bottom, right, top) = pyproj.Geod(ellps="WGS84"), grid.bounds
    middle = (left + right) / 2, (bottom + top) / 2
    lons, lats = transform_points(
        crs,
        CRS.from_epsg(4326),
        [left, right, middle[0], middle[0]],
        [middle[1], middle[1], bottom, top],
    )
    measured = [geod.inv(lons[i], lats[i], lons[i + 1], lats[i + 1])[2] / 100 for i in (0, 2)]
    np.testing.assert_allclose(grid.gsd_m, measured, rtol=1e-5)


def test_a_layer_of_another_size_shows_the_same_image() -> None:
    """Depths of 720 x 1440 of an image of 1024 x 2048; those of another form are another's."""
    path = Path("depth.exr")
    assert shown_whole((720, 1440), (1024, 2048), path) == Affine.scale(64 / 45, 64 / 45)
    assert shown_whole((4, 8), (4, 8), path) == Affine.identity()
    assert shown_whole((94, 311), (375, 1242), path) == Affine.scale(1242 / 311, 375 / 94)
    with pytest.raises(GridError, match=r"depth\.exr: has 720 x 1280 px, its image 1024 x 2048"):
        shown_whole((720, 1280), (1024, 2048), path)
