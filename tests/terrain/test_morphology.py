"""Openings, what stands, and pits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from geosemimtl.terrain.filtering import GroundFilter
from geosemimtl.terrain.morphology import opened, pits, radii_m, raised

CELL = (1.0, 1.0)


def block(width: int, height: float, side: int = 90) -> np.ndarray:
    """Return flat ground with one square building in the middle."""
    surface = np.zeros((side, side))
    first = (side - width) // 2
    surface[first : first + width, first : first + width] = height
    return surface


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_opening_is_scipys_and_stays_below(down: int, across: int, seed: int) -> None:
    surface = np.random.default_rng(seed).normal(size=(17, 13))
    made = opened(surface, (down, across))
    inside = (slice(2 * down, -2 * down or None), slice(2 * across, -2 * across or None))
    theirs = ndimage.grey_opening(surface, (2 * down + 1, 2 * across + 1))
    assert np.array_equal(made[inside], theirs[inside])
    assert (made <= surface).all()
    assert np.array_equal(opened(made, (down, across)), made)


def test_opening_knows_no_data() -> None:
    surface = block(5, 9.0, 31)
    surface[:, :6] = np.nan
    made = opened(surface, (3, 3))
    assert np.isnan(made[:, :6]).all()
    assert (made[:, 6:] == 0).all()


@pytest.mark.parametrize(("cell", "width"), [(1.0, 60.0), (0.9, 7.0), (5.0, 60.0), (4.0, 3.0)])
def test_the_largest_window_is_wider_than_the_largest_building(cell: float, width: float) -> None:
    radii = radii_m(cell, width)
    assert radii == sorted(set(radii))
    assert 2 * np.ceil(radii[-1] / cell) + 1 > width / cell


@pytest.mark.parametrize("width", [1, 3, 20, 59])
def test_buildings_are_raised_and_ground_is_not(width: int) -> None:
    surface = block(width, 4.0)
    found = raised(surface, CELL, GroundFilter(), slope=0.15)
    assert np.array_equal(found, surface > 0)


def test_a_wider_building_is_ground() -> None:
    assert not raised(block(64, 30.0, 130), CELL, GroundFilter(), slope=0.15).any()


def test_a_plane_is_ground_at_any_slope() -> None:
    plane = np.mgrid[0:90, 0:90][0] * 0.6
    found = raised(plane, CELL, GroundFilter(width_m=20), slope=0.0)
    assert not found[:-24].any()  # at the upper edge nothing tells a slope from a building


def test_pits_are_single_and_gaps_in_a_canopy_are_many() -> None:
    surface = np.full((96, 96), 12.0)
    surface[50, 50] = 3.0
    assert np.argwhere(pits(surface, CELL, 60)).tolist() == [[50, 50]]
    surface[4::16, 4::16] = 3.0
    assert not pits(surface, CELL, 60).any()
