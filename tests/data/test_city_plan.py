"""Where things stand: houses keep off the streets, cars keep on them, trees off the roofs."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.data.city.blocks import FILLERS, make_plan
from geosemimtl.data.city.materials import CARS, SURFACES, Material
from geosemimtl.data.city.objects import Box, Look, Patch, Plan, clearance, merge
from geosemimtl.data.city.presets import PRESETS
from geosemimtl.data.city.streets import make_network
from geosemimtl.data.city.truth import paint

IMPERVIOUS = 0
SHAPE, GSD_M = (500, 600), 0.4
CASES = [(name, seed) for name in sorted(PRESETS) for seed in (1, 2)]


def _plan(name: str, seed: int) -> Plan:
    return make_plan(PRESETS[name].style, SHAPE[1] * GSD_M, SHAPE[0] * GSD_M, seed)


def _covered(boxes: tuple[Box, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return paint(Plan((), boxes), SHAPE, GSD_M, 0).ndsm_m > 0


def _class(box: Box) -> str:
    return SURFACES[box.look.material].land_class


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_houses_and_clutter_keep_off_streets_and_pavements(name: str, seed: int) -> None:
    style = PRESETS[name].style
    rng = np.random.default_rng((seed, 0))
    network = make_network(style, SHAPE[1] * GSD_M, SHAPE[0] * GSD_M, rng)
    lots = tuple(
        Patch(block.inset(style.pavement_m - 0.3, tag_weight=1.0), Look(Material.LAWN))
        for block in network.blocks
    )
    street = paint(Plan(lots), SHAPE, GSD_M, 0).material == Material.ASPHALT
    assert 0.15 < street.mean() < 0.4
    plan = _plan(name, seed)
    standing = tuple(box for box in plan.boxes if _class(box) != "car")
    assert _covered(standing).mean() > 0.1
    assert not (_covered(standing) & street).any()


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_cars_stand_on_paved_ground_and_apart(name: str, seed: int) -> None:
    plan = _plan(name, seed)
    cars = tuple(box for box in plan.boxes if box.look.material in CARS)
    ground = paint(Plan(plan.patches), SHAPE, GSD_M, 0).classes
    assert (ground[_covered(cars)] == IMPERVIOUS).mean() > 0.98
    houses = tuple(box for box in plan.boxes if _class(box) == "building")
    assert (_covered(houses) & _covered(cars)).mean() < 2e-4
    centres = np.array([(car.x, car.y) for car in cars])
    apart = np.hypot(*(centres[:, None] - centres).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert (apart.min(axis=1) < 1.5).mean() < 0.01


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_trunks_stand_clear_of_houses(name: str, seed: int) -> None:
    plan = _plan(name, seed)
    trees = [b for b in plan.blobs if SURFACES[b.look.material].land_class == "tree"]
    trunks = np.array([(tree.x, tree.y) for tree in trees])
    houses = [box for box in plan.boxes if _class(box) == "building"]
    assert len(trees) > 100
    assert (clearance(trunks, houses) < 0.5).mean() < 0.02
    assert all(3.0 <= tree.top_m <= 18.0 for tree in trees)


def test_houses_point_in_several_directions() -> None:
    houses = [box for box in _plan("vaihingen", 1).boxes if box.roof in ("gable", "hip")]
    quarter = np.degrees([box.angle for box in houses]) % 90
    assert len(np.unique(np.round(quarter / 3))) >= 4


def test_every_kind_of_block_is_known_and_used() -> None:
    used = {kind for preset in PRESETS.values() for kind in preset.style.block_kinds}
    assert used == set(FILLERS)


def test_merge_keeps_everything_in_order() -> None:
    car = Box(0.0, 0.0, 0.0, 2.0, 1.0, 1.5, Look(Material.CAR_RED), "car")
    shed = Box(9.0, 0.0, 0.0, 2.0, 1.0, 2.5, Look(Material.SLATE))
    assert merge((Plan((), (car,)), Plan((), (shed,)))).boxes == (car, shed)


def test_clearance_is_the_distance_to_the_nearest_side() -> None:
    shed = Box(0.0, 0.0, np.pi / 2, 4.0, 1.0, 2.5, Look(Material.SLATE))
    points = np.array(((0.0, 3.9), (3.0, 0.0), (4.0, 8.0)))
    assert clearance(points, [shed]) == pytest.approx((0.0, 2.0, 5.0))
    assert np.isinf(clearance(points, [])).all()


def test_a_gable_and_a_flat_roof_have_the_heights_they_are_drawn_with() -> None:
    gable = Box(10.0, 10.0, 0.0, 6.0, 4.0, 5.0, Look(Material.RED_TILES), "gable", 0.5)
    flat = Box(30.0, 10.0, 0.0, 6.0, 4.0, 7.0, Look(Material.BITUMEN))
    truth = paint(Plan((), (gable, flat)), (200, 400), 0.1, 0)
    heights = truth.ndsm_m
    assert heights[62, 100] == pytest.approx(5.0 + 0.5 * 0.25, abs=1e-4)
    assert heights[99, 100] == pytest.approx(5.0 + 0.5 * 3.95, abs=1e-4)
    assert heights[80, 300] == 7.0
    assert (heights > 0).sum() == 2 * 120 * 80
