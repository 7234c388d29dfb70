"""Coarse cells: their levels, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.terrain.cells import CellGrid, fine_rows, lowest_levels

MakeGrid = Callable[..., PixelGrid]


def test_cells_are_whole_pixels_and_never_finer(make_grid: MakeGrid) -> None:
    fine = CellGrid.over(make_grid((101, 60), gsd=(0.3, 0.05)), 1.0)
    assert fine.pixels == (20, 3)
    assert fine.shape == (6, 20)
    assert fine.cell_m == pytest.approx((1.0, 0.9))
    assert CellGrid.over(make_grid((7, 9), gsd=(2.5, 2.5)), 1.0).pixels == (1, 1)


def test_cells_in_feet_are_metres(make_grid: MakeGrid) -> None:
    cells = CellGrid.over(make_grid((64, 64), gsd=(0.5, 0.5), crs="EPSG:2227"), 1.0)
    assert cells.pixels == (7, 7)
    assert cells.cell_m == pytest.approx((7 * 0.5 * 1200 / 3937,) * 2)


def test_level_is_the_mean_of_the_lowest_half_metre() -> None:
    surface = np.array([[1.0, 1.4, 9.0, 9.1], [1.2, 5.0, 9.2, 9.3], [7.0, 0.0, 3.0, 3.6]])
    valid = np.ones(surface.shape, bool)
    valid[2, 1] = False
    assert lowest_levels(surface, valid, (2, 2)) == pytest.approx(
        np.array([[1.2, 9.15], [7.0, 3.0]])
    )


def test_level_without_valid_pixels_is_nan() -> None:
    levels = lowest_levels(np.zeros((2, 4)), np.array([[1, 1, 0, 0]] * 2, bool), (2, 2))
    assert levels[0, 0] == 0
    assert np.isnan(levels[0, 1])


@given(
    st.integers(2, 6),
    st.integers(2, 6),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.floats(-0.08, 0.08),
    st.floats(-0.08, 0.08),
)
def test_a_plane_returns_as_it_was(
    down: int, across: int, pixels: tuple[int, int], a: float, b: float
) -> None:
    rows, cols = down * pixels[0], across * pixels[1]
    y, x = np.mgrid[0:rows, 0:cols]
    plane = 30 + a * x / pixels[1] * 3 + b * y / pixels[0] * 3
    levels = lowest_levels(plane, np.ones(plane.shape, bool), pixels)
    top = rows // 3
    found = fine_rows(levels, pixels, top, (rows - top, cols))
    assert found == pytest.approx(plane[top:], abs=1e-4)
