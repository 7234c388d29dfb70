"""Laws of the order in which a scene is predicted."""

from __future__ import annotations

from itertools import pairwise

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.windows import Window

from geosemimtl.inference import planning
from geosemimtl.inference.planning import Plan, plan_scene, strips_left, tile_rows
from geosemimtl.inference.workers import units_left
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.resample import reach
from geosemimtl.tiling.layout import TileLayout

UTM = CRS.from_epsg(25833)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw scenes of any size and ratio to the model, and a part of them."""
    rows, cols = draw(st.integers(1, 120)), draw(st.integers(1, 120))
    own_m = draw(st.floats(0.02, 0.4))
    whole = PixelGrid(Affine(own_m, 0, 0, 0, -own_m, 0), (rows, cols), UTM)
    gsd_m = draw(st.floats(0.05, 0.2))
    grid = model_grid(whole, min(gsd_m, own_m * max(rows, cols)))
    size = draw(st.tuples(st.integers(1, 32), st.integers(1, 32)))
    layout = TileLayout(grid.shape, size, draw(st.integers(0, min(size) - 1)))
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    window = Window(left, top, draw(st.integers(1, cols - left)), draw(st.integers(1, rows - top)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "BAND_PX", draw(st.sampled_from([40, 90, 10**6])))
        return plan_scene(grid, whole, layout, window)


@given(plan=plans())
def test_every_pixel_belongs_to_one_strip_of_one_band(plan: Plan) -> None:
    window = plan.window
    for ranges, begin, length in (
        ([strip.rows for strip in plan.strips], window.row_off, window.height),
        ([band.cols for band in plan.bands], window.col_off, window.width),
    ):
        assert ranges[0].start == begin
        assert ranges[-1].stop == begin + length
        assert all(one.stop == other.start for one, other in pairwise(ranges))
        assert all(len(each) > 0 for each in ranges)


@given(plan=plans())
def test_a_strip_waits_for_all_tiles_that_it_draws_on(plan: Plan) -> None:
    first, end = reach(plan.down)
    tops, size = plan.layout.row_offsets, plan.layout.size_px[0]
    for strip in plan.strips:
        rows = tile_rows([strip])
        low, high = first[strip.rows.start], end[strip.rows.stop - 1]
        touching = [i for i, top in enumerate(tops) if top < high and top + size > low]
        assert set(touching) <= set(rows)
        assert rows[-1] == strip.tile_row
        below = strip.tile_row + 1
        assert below == len(tops) or tops[below] >= high, "a later tile would still change it"


@given(plan=plans())
def test_a_band_has_all_tiles_that_it_draws_on(plan: Plan) -> None:
    first, end = reach(plan.across)
    lefts, size = plan.layout.col_offsets, plan.layout.size_px[1]
    for band in plan.bands:
        low, high = first[band.cols.start], end[band.cols.stop - 1]
        touching = [j for j, left in enumerate(lefts) if left < high and left + size > low]
        assert list(band.tiles) == touching
        assert band.model_cols.start == lefts[touching[0]]
        assert band.model_cols.stop == min(lefts[touching[-1]] + size, plan.grid.shape[1])


@given(plan=plans(), parts=st.integers(1, 5), data=st.data())
def test_what_is_left_is_shared_out_once(plan: Plan, parts: int, data: st.DataObject) -> None:
    every = [(band.index, strip.tile_row) for band, strip in strips_left(plan, set())]
    sealed = data.draw(st.sets(st.sampled_from(every)))
    shares = units_left(plan, sealed, parts)
    given_out = [
        (unit.band.index, strip.tile_row)
        for part in shares
        for unit in part
        for strip in unit.strips
    ]
    assert given_out == [each for each in every if each not in sealed]
    sizes = [sum(len(unit.strips) for unit in part) for part in shares]
    assert not sizes or max(sizes) - min(sizes) <= 1
    for part in shares:
        for unit in part:
            assert all(one.rows.stop == other.rows.start for one, other in pairwise(unit.strips))


def test_a_wide_scene_is_cut_in_the_middle_of_a_step() -> None:
    whole = PixelGrid(Affine(1, 0, 0, 0, -1, 0), (600, 20000), UTM)
    plan = plan_scene(whole, whole, TileLayout(whole.shape, (512, 512), 256))
    widths = [len(band.model_cols) for band in plan.bands]
    assert len(widths) == 3
    assert max(widths) <= planning.BAND_PX
    shared = sum(len(band.tiles) for band in plan.bands) - len(plan.layout.col_offsets)
    assert shared == 4, "one column of tiles on each side of a cut is run twice"


def test_output_that_is_much_finer_than_the_model() -> None:
    whole = PixelGrid(Affine(0.05, 0, 0, 0, -0.05, 0), (2000, 100000), UTM)
    plan = plan_scene(model_grid(whole, 1), whole, TileLayout((100, 5000), (512, 512), 256))
    assert max(len(band.cols) for band in plan.bands) <= planning.BAND_OUTPUT_PX
