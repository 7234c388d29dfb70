"""Laws of the pixel grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.windows import Window

from geosemimtl.errors import GridError
from geosemimtl.raster.grid import PixelGrid, model_grid
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
    grid = model_grid(turned((rows, cols), across, down, degrees), gsd_m)
    for size, extent in zip(grid.shape, (rows * down, cols * across), strict=True):
        # up to the millionth of a pixel that rounding may add to an extent
        assert size * gsd_m >= extent * (1 - 2e-6) - 1e-5 * gsd_m
        assert size == 1 or (size - 1) * gsd_m < extent * (1 + 2e-6)


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
    layout = TileLayout(grid.shape, 512, 256)
    assert (len(layout.row_offsets), len(layout.col_offsets)) == (13, 13)


def test_feet_are_converted(make_grid: GridMaker) -> None:
    scene = make_grid((100, 200), gsd=(1, 1), crs="EPSG:2994")
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
    for spelling in (grid.crs.to_wkt(), grid.crs.to_wkt(version="WKT1_ESRI")):
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
