"""Shifts between layers that are known, on synthetic cities with cast shadows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from geosemimtl.classes import IGNORE
from geosemimtl.data.city.blocks import make_plan
from geosemimtl.data.city.objects import Plan
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.rendering import render
from geosemimtl.data.city.truth import paint
from geosemimtl.raster.registration import (
    TRUSTED,
    Edges,
    Shift,
    class_edges,
    common_shift,
    correlation,
    estimate_shift,
    height_edges,
    image_edges,
    layer_shift,
    peak,
    spread_windows,
)

SIZE_PX = 512
ALL = np.ones((SIZE_PX, SIZE_PX), bool)
GSD_M = 0.2
#: (rows, columns) in pixels.
SHIFTS = [(0, 0), (0.3, -0.7), (0.7, 0.3), (-1.5, 0), (5, -5), (-12, 5)]


def moved(plan: Plan, rows_m: float, cols_m: float) -> Plan:
    """Return a city that lies further down and to the right."""
    by = np.array([cols_m, rows_m])
    return Plan(
        tuple(
            replace(one, shape=replace(one.shape, points=one.shape.points + by))
            for one in plan.patches
        ),
        tuple(replace(one, x=one.x + cols_m, y=one.y + rows_m) for one in plan.boxes),
        tuple(replace(one, x=one.x + cols_m, y=one.y + rows_m) for one in plan.blobs),
    )


class City:
    """A city seen by a sensor, and its labels and heights from anywhere beside."""

    def __init__(self, name: str, seed: int) -> None:
        self._style, extent_m = preset(name), SIZE_PX * GSD_M
        self._plan, self._seed = make_plan(self._style.style, extent_m, extent_m, seed), seed
        truth = paint(self._plan, ALL.shape, GSD_M, seed)
        self.image = render(truth, self._style.sensor, seed)

    def layers(self, rows_px: float, cols_px: float) -> tuple[Edges, Edges]:
        """Return the edges of labels and of heights that lie elsewhere."""
        plan = moved(self._plan, rows_px * GSD_M, cols_px * GSD_M)
        truth = paint(plan, ALL.shape, GSD_M, self._seed)
        return class_edges(truth.classes), height_edges(truth.ndsm_m, ALL)


@pytest.fixture(scope="module", params=["potsdam", "vaihingen"])
def city(request: pytest.FixtureRequest) -> City:
    return City(request.param, 1)


@pytest.mark.parametrize("shift", SHIFTS)
def test_known_shifts_are_found(city: City, shift: tuple[float, float]) -> None:
    """In one window of 100 m; its few shadows pull the worst of 48 numbers by 0.31 px."""
    reference = image_edges(city.image, ALL)
    for layer in city.layers(*shift):
        found = estimate_shift(reference, layer)
        assert found is not None
        assert (found.rows_px, found.cols_px) == pytest.approx(shift, abs=0.35)


def test_layers_that_lie_right_raise_no_alarm(city: City) -> None:
    reference = image_edges(city.image, ALL)
    for layer in city.layers(0, 0):
        found = estimate_shift(reference, layer)
        assert found is not None
        assert found.length_px < 0.35


def test_another_place_cannot_be_told(city: City) -> None:
    reference = image_edges(city.image, ALL)
    for seed in (2, 3):
        for layer in City("potsdam", seed).layers(0, 0):
            assert estimate_shift(reference, layer) is None


@pytest.mark.parametrize("seed", range(4))
def test_noise_cannot_be_told(seed: int) -> None:
    one, other = (
        gaussian_filter(np.random.default_rng((seed, which)).normal(size=ALL.shape), 2)
        for which in (0, 1)
    )
    assert estimate_shift(image_edges(one[None], ALL), height_edges(other * 9, ALL)) is None


def test_what_has_no_edges_cannot_be_told(city: City) -> None:
    reference = image_edges(city.image, ALL)
    for labels in (np.zeros(ALL.shape, np.uint8), np.full(ALL.shape, IGNORE, np.uint8)):
        assert not class_edges(labels).any()
        assert estimate_shift(reference, class_edges(labels)) is None
    assert not image_edges(city.image, ~ALL).any()
    assert not height_edges(np.zeros(ALL.shape, np.float32), ~ALL).any()
    assert common_shift([]) is None


def test_missing_pixels_make_no_edges(city: City) -> None:
    """The same hole in both layers would be found at no shift, whatever the layers' own is."""
    hole = ALL.copy()
    hole[100:300, 150:400] = False
    pixels = np.where(hole, city.image, 0)
    assert not image_edges(pixels, hole)[~hole].any()
    flat = np.where(hole, 100, 0).astype(np.uint8)
    assert not image_edges(flat[None], hole).any()
    labels = np.where(hole, 3, IGNORE).astype(np.uint8)
    assert not class_edges(labels).any()
    assert not height_edges(np.where(hole, 7.0, -9999.0), hole).any()


def test_the_brighter_side_does_not_matter(city: City) -> None:
    negative = 255 - city.image
    found = estimate_shift(image_edges(city.image, ALL), image_edges(negative, ALL))
    assert found is not None
    assert found.length_px < 0.05


@pytest.mark.parametrize(("rows", "cols"), [(0, 0), (3, -7), (-20, 31)])
def test_whole_pixels_of_one_layer(rows: int, cols: int) -> None:
    """The same noise on both sides: nothing beside the true edges, and no bias."""
    pixels = gaussian_filter(np.random.default_rng(0).normal(size=(640, 640)), 2)
    first = pixels[64:-64, 64:-64]
    second = pixels[64 - rows : -64 - rows, 64 - cols : -64 - cols]
    found = estimate_shift(image_edges(first[None], ALL), image_edges(second[None], ALL))
    assert found is not None
    assert (found.rows_px, found.cols_px) == pytest.approx((rows, cols), abs=0.05)


def test_a_parabola_by_hand() -> None:
    """Values 1, 4, 3 beside each other: the top is a quarter of a pixel after the 4."""
    surface = np.zeros((33, 33), np.float32)
    surface[:, ::2] += 0.01  # others that deviate
    surface[18, 11:14] = 1, 4, 3
    found = peak(surface)
    assert found.cols_px == pytest.approx(12 - 16 + 0.25)
    assert found.rows_px == pytest.approx(2)
    assert found.confidence > TRUSTED


def test_a_peak_at_the_rim_may_be_a_slope() -> None:
    surface = np.random.default_rng(0).normal(size=(33, 33)).astype(np.float32)
    surface[0, 5] = 99
    assert peak(surface).confidence == 0
    assert common_shift([surface]) is None


def test_windows_that_disagree_cannot_be_told() -> None:
    surfaces = []
    for col in (4, 28):
        surface = np.random.default_rng(col).normal(size=(33, 33)).astype(np.float32)
        surface[16, col] = 50 + col
        surfaces.append(surface)
    assert common_shift(surfaces[:1]) == peak(surfaces[0])
    assert common_shift(surfaces) is None


def test_a_window_can_be_too_small() -> None:
    edges = image_edges(np.random.default_rng(0).normal(size=(1, 40, 40)), ALL[:40, :40])
    assert correlation(edges, edges) is None
    assert estimate_shift(edges, edges) is None


@pytest.mark.parametrize("shape", [(400, 875), (512, 512), (30, 40), (9000, 700), (4000, 4000)])
def test_windows_lie_inside_and_are_few(shape: tuple[int, int]) -> None:
    windows = spread_windows(shape, 512, 24)
    assert 1 <= len(windows) <= 24
    assert len({window.width for window in windows} | {w.height for w in windows}) == 1
    assert len({(window.row_off, window.col_off) for window in windows}) == len(windows)
    assert all(w.row_off + w.height <= shape[0] and w.row_off >= 0 for w in windows)
    assert all(w.col_off + w.width <= shape[1] and w.col_off >= 0 for w in windows)


def test_a_scene_of_several_windows() -> None:
    """The shift is found although half of the scene has no labels at all."""
    image = gaussian_filter(np.random.default_rng(3).normal(size=(300, 900)), 2)
    height = np.roll(image, (2, -4), (0, 1)) * 20
    height[:, 450:] = 0

    def part(values: NDArray[np.float64], window: Any) -> NDArray[np.float64]:
        seen: NDArray[np.float64] = values[window.toslices()]
        return seen

    found = layer_shift(
        (300, 900),
        lambda window: image_edges(part(image, window)[None], ALL[:300, :300]),
        lambda window: height_edges(part(height, window), ALL[:300, :300]),
    )
    assert isinstance(found, Shift)
    assert (found.rows_px, found.cols_px) == pytest.approx((2, -4), abs=0.2)
