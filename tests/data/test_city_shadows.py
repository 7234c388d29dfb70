"""Shadows of a box of known height, against the length that the sun's elevation gives."""

from __future__ import annotations

from math import cos, radians, sin, tan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.data.city.rendering import cast_shadows

GSD_M = 0.25
HEIGHT_M = 10.0
MIDDLE_PX = 120


def _tower() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    heights = np.zeros((241, 241), dtype=np.float32)
    heights[MIDDLE_PX - 4 : MIDDLE_PX + 5, MIDDLE_PX - 4 : MIDDLE_PX + 5] = HEIGHT_M
    return heights


@pytest.mark.parametrize("azimuth_deg", [0.0, 30.0, 45.0, 90.0, 135.0, 180.0, 218.0, 270.0, 300.0])
@pytest.mark.parametrize("elevation_deg", [35.0, 45.0, 60.0])
def test_shadow_of_a_tower_points_away_from_the_sun_and_is_as_long_as_the_law_says(
    azimuth_deg: float, elevation_deg: float
) -> None:
    shadow = cast_shadows(_tower(), GSD_M, azimuth_deg, elevation_deg)
    # Walk from the tower's middle away from the sun and find the last pixel in shadow.
    away_row, away_col = cos(radians(azimuth_deg)), -sin(radians(azimuth_deg))
    main = max(abs(away_row), abs(away_col))
    steps = np.arange(110) / main  # one row, or one column, at a time
    rows = np.rint(MIDDLE_PX + away_row * steps).astype(int)
    cols = np.rint(MIDDLE_PX + away_col * steps).astype(int)
    along = shadow[rows, cols]
    length_m = HEIGHT_M / tan(radians(elevation_deg))
    wall_px = 4 / main  # from the middle to the tower's last pixel
    assert along.any()
    last_px = float(steps[along].max())
    # The tip's pixel is dark or not, and half a pixel of slack shortens the shadow.
    error_px = (last_px - wall_px) - length_m / GSD_M
    assert -1 / main - 0.5 - 1e-3 < error_px < 1e-3
    # Nothing towards the sun, and the tower's top is lit.
    back_rows = np.rint(MIDDLE_PX - away_row * steps).astype(int)
    back_cols = np.rint(MIDDLE_PX - away_col * steps).astype(int)
    assert not shadow[back_rows, back_cols].any()
    # No hole between the wall and the tip.
    assert along[(steps > wall_px + 1) & (steps < last_px - 1)].all()


def test_shadow_has_the_towers_width() -> None:
    shadow = cast_shadows(_tower(), GSD_M, 180.0, 45.0)
    assert (shadow.sum(axis=1)[MIDDLE_PX - 20 : MIDDLE_PX - 6] == 9).all()


def test_no_shadow_under_a_sun_straight_above_and_none_on_flat_ground() -> None:
    assert not cast_shadows(_tower(), GSD_M, 137.0, 90.0).any()
    assert not cast_shadows(np.full((30, 50), 7.0, dtype=np.float32), GSD_M, 137.0, 30.0).any()


def test_a_slope_flatter_than_the_light_is_lit_and_a_steeper_one_is_dark() -> None:
    fall = np.linspace(30, 0, 121, dtype=np.float32)  # one metre a metre, to the right
    heights = np.tile(fall, (60, 1))
    inner = (slice(5, -5), slice(5, -5))
    assert not cast_shadows(heights, GSD_M, 270.0, 55.0)[inner].any()
    assert cast_shadows(heights, GSD_M, 270.0, 20.0)[inner].all()


@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    azimuth_deg=st.integers(0, 359).filter(lambda a: a % 90 != 45),
    elevation_deg=st.floats(5, 89),
)
def test_turning_scene_and_sun_together_turns_the_shadow(
    rows: int, cols: int, azimuth_deg: int, elevation_deg: float
) -> None:
    heights = np.random.default_rng(0).uniform(0, 9, (rows, cols)).astype(np.float32)
    shadow = cast_shadows(heights, 1.0, azimuth_deg, elevation_deg)
    assert shadow.shape == (rows, cols)
    assert not shadow[heights == heights.max()].any()
    for turns in (1, 2, 3):
        turned = cast_shadows(
            np.rot90(heights, turns), 1.0, azimuth_deg - 90 * turns, elevation_deg
        )
        assert np.array_equal(turned, np.rot90(shadow, turns))
