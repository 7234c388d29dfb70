"""Ground beneath cities and buildings on slopes: the accuracy that is claimed."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.truth import make_truth
from geosemimtl.errors import ConfigError
from geosemimtl.terrain.cells import lowest_levels
from geosemimtl.terrain.filtering import GroundFilter
from geosemimtl.terrain.ground import ground_surface

GROUND_M, BUILDING_M = 0.30, 0.50
CELL = (1.0, 1.0)


def terrain(side: int, seed: int, plane: float, step: float = 1.0) -> np.ndarray:
    """Return a plane plus waves of 100 to 300 m on a square; the steepest slope is 15 %."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] * step
    made = np.zeros((side, side))
    for _ in range(4):
        length, angle, phase = random.uniform(100, 300), *random.uniform(0, 2 * np.pi, 2)
        across = x * np.cos(angle) + y * np.sin(angle)
        made += length * np.cos(2 * np.pi * across / length + phase)
    made *= (1 - plane) / np.hypot(*np.gradient(made, step)).max()
    made += plane * (0.8 * x - 0.6 * y)
    return np.asarray(made * 0.15 / np.hypot(*np.gradient(made, step)).max() + 300)


def errors(ndsm: np.ndarray, ground: np.ndarray, building: np.ndarray) -> tuple[float, float]:
    """Return the ground's mean absolute error beside and beneath what stands."""
    noise = np.random.default_rng(0).normal(0, 0.03, ndsm.shape)
    found, _ = ground_surface(ndsm + ground + noise, CELL, GroundFilter())
    wrong = np.abs(found - ground)
    return float(wrong[ndsm <= 0].mean()), float(wrong[building].mean())


@pytest.mark.parametrize(("name", "seed"), [("potsdam", 1), ("vaihingen", 2)])
def test_cities_on_terrain(name: str, seed: int) -> None:
    truth = make_truth(preset(name).style, 200, 200, 0.5, seed)
    ground = terrain(400, seed, plane=0.5, step=0.5)
    surface = truth.ndsm_m + ground
    lowest = lowest_levels(surface, np.ones(surface.shape, bool), (2, 2))
    found, _ = ground_surface(lowest, CELL, GroundFilter())
    wrong = np.abs(found - ground.reshape(200, 2, 200, 2).mean(axis=(1, 3)))
    beneath = truth.classes[::2, ::2] == 1
    assert wrong[~beneath].mean() <= GROUND_M
    assert wrong[beneath].mean() <= BUILDING_M


@pytest.mark.parametrize("plane", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("height", [4.0, 30.0])
def test_buildings_60_m_wide_on_slopes(plane: float, height: float) -> None:
    ndsm = np.zeros((200, 200))
    ndsm[70:130, 60:120] = height
    beside, beneath = errors(ndsm, terrain(200, 3, plane), ndsm > 0)
    assert beside <= GROUND_M
    assert beneath <= BUILDING_M


def test_the_trend_matters() -> None:
    """A building low beside the fall of the ground under it is found all the same."""
    ndsm = np.zeros((160, 160))
    ndsm[50:110, 50:110] = 3
    ground = np.mgrid[0:160, 0:160][0] * 0.4
    _, beneath = errors(ndsm, ground, ndsm > 0)
    assert beneath <= BUILDING_M


def test_no_data_and_pits_are_no_ground() -> None:
    lowest = terrain(150, 1, 0.5)
    truth = lowest.copy()
    lowest[20:60, 90:] = np.nan
    lowest[100, 40] = lowest[30, 30] = lowest[31, 30] = 150.0
    found, is_ground = ground_surface(lowest, CELL, GroundFilter())
    known = ~np.isnan(lowest)
    assert not is_ground[~known].any()
    assert not is_ground[lowest == 150].any()
    assert np.abs(found - truth)[known].max() < GROUND_M


def test_nothing_known_is_nothing_found() -> None:
    found, is_ground = ground_surface(np.full((5, 6), np.nan), CELL, GroundFilter())
    assert np.isnan(found).all()
    assert not is_ground.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (9, 25)])
def test_small_scenes(shape: tuple[int, int]) -> None:
    found, _ = ground_surface(np.full(shape, 7.0), CELL, GroundFilter())
    assert found == pytest.approx(np.full(shape, 7.0))


def test_cells_need_not_be_square() -> None:
    ndsm = np.zeros((120, 60))
    ndsm[40:80, 20:40] = 5  # 40 m x 40 m
    ground = np.mgrid[0:120, 0:60][1] * 0.2
    found, _ = ground_surface(ndsm + ground, (1.0, 2.0), GroundFilter())
    assert np.abs(found - ground).max() < BUILDING_M


@pytest.mark.parametrize("wrong", [{"cell_m": 0}, {"width_m": -1}, {"slope": float("nan")}])
def test_parameters_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        GroundFilter(**wrong)
