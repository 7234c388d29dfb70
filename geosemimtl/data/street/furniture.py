"""Trees, hedges, lamps, signs and traffic lights."""

from __future__ import annotations

import numpy as np

from geosemimtl.data.street.geometry import ball, box, prism
from geosemimtl.data.street.materials import Finish, Label, Material, Rgb, Thing

_STEEL = Finish(Material.PLAIN, (0.20, 0.21, 0.22))
_BARK = Finish(Material.PLAIN, (0.10, 0.08, 0.06))
_LEAVES: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.045, 0.085, 0.022), (0.13, 0.19, 0.05)),
    ((0.035, 0.070, 0.028), (0.09, 0.15, 0.055)),
    ((0.075, 0.095, 0.025), (0.19, 0.20, 0.06)),
)
#: Rim and inside of signs, and how much of the radius the inside is.
_SIGNS: tuple[tuple[Rgb, Rgb, float, int], ...] = (
    ((0.60, 0.02, 0.03), (0.80, 0.80, 0.78), 0.72, 12),
    ((0.80, 0.80, 0.78), (0.02, 0.10, 0.50), 0.92, 4),
    ((0.60, 0.02, 0.03), (0.02, 0.10, 0.50), 0.74, 12),
    ((0.80, 0.80, 0.78), (0.78, 0.52, 0.03), 0.84, 4),
    ((0.60, 0.02, 0.03), (0.60, 0.02, 0.03), 0.95, 8),
)


def _leaf(rng: np.random.Generator) -> Finish:
    dark, sunny = _LEAVES[int(rng.integers(len(_LEAVES)))]
    return Finish(Material.FOLIAGE, dark, sunny, seed=int(rng.integers(1000)))


def tree(x: float, z: float, ground_m: float, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return a tree: a trunk and a crown of lumps."""
    trunk = float(rng.uniform(2.2, 3.4))
    radius = float(rng.uniform(1.3, 2.4))
    rise = radius * float(rng.uniform(0.9, 1.35))
    thickness = float(rng.uniform(0.10, 0.2))
    leaf = _leaf(rng)
    half = (trunk + rise * 0.6 - ground_m) / 2
    stem = prism(1, (x, ground_m + half, z), thickness, half, 8)
    things = [Thing(stem, Label.VEGETATION, (_BARK,), grounded=True)]
    centre = ground_m + trunk + rise
    lumps = [((0.0, 0.0, 0.0), 0.82)]
    for _ in range(7):
        way = rng.standard_normal(3)
        way *= rng.uniform(0.45, 0.62) / np.linalg.norm(way)
        lumps.append(((float(way[0]), float(way[1]), float(way[2])), float(rng.uniform(0.4, 0.6))))
    for (right, up, along), size in lumps:
        place = (x + right * radius, centre + up * rise, z + along * radius)
        shape = ball(place, (size * radius, size * rise, size * radius), 0.5)
        things.append(Thing(shape, Label.VEGETATION, (leaf,)))
    return tuple(things)


def hedge(
    x: tuple[float, float], z: tuple[float, float], height_m: float, rng: np.random.Generator
) -> Thing:
    """Return a hedge."""
    return Thing(box(x, (0.0, height_m), z), Label.VEGETATION, (_leaf(rng),))


def bush(x: float, z: float, rng: np.random.Generator) -> Thing:
    """Return a bush."""
    size = float(rng.uniform(0.5, 1.1))
    return Thing(
        ball((x, size * 0.6, z), (size, size * 0.8, size), 0.4), Label.VEGETATION, (_leaf(rng),)
    )


def _pole(x: float, z: float, ground_m: float, height_m: float, radius_m: float) -> Thing:
    half = height_m / 2
    shape = prism(1, (x, ground_m + half, z), radius_m, half, 8)
    return Thing(shape, Label.POLE, (_STEEL,))


def lamp(x: float, z: float, ground_m: float, height_m: float) -> tuple[Thing, ...]:
    """Return a street lamp whose arm reaches over the road."""
    top = ground_m + height_m
    reach = -1.6 if x > 0 else 1.6
    low, high = sorted((x, x + reach))
    arm = box((low, high), (top - 0.1, top), (z - 0.05, z + 0.05))
    head = box((x + reach - 0.35, x + reach + 0.35), (top - 0.2, top - 0.06), (z - 0.14, z + 0.14))
    shade = Finish(Material.PLAIN, (0.55, 0.56, 0.55))
    return (
        _pole(x, z, ground_m, height_m, 0.08),
        Thing(arm, Label.POLE, (_STEEL,)),
        Thing(head, Label.POLE, (shade,)),
    )


def sign(x: float, z: float, ground_m: float, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return a traffic sign on its pole; its back is grey."""
    rim, inside, share, sides = _SIGNS[int(rng.integers(len(_SIGNS)))]
    radius, height = float(rng.uniform(0.28, 0.38)), float(rng.uniform(2.1, 2.6))
    centre = (x, ground_m + height, z - 0.09)
    face = Finish(Material.SIGN, rim, inside, (radius, share), int(rng.integers(1000)))
    plate = prism(2, centre, radius, 0.02, sides)
    finishes = (face, _STEEL, *(_STEEL,) * sides)
    return (
        _pole(x, z, ground_m, height + 0.1, 0.035),
        Thing(plate, Label.TRAFFIC_SIGN, finishes, centre),
    )


def traffic_light(
    x: float, z: float, ground_m: float, lit: int, *, over_road: bool
) -> tuple[Thing, ...]:
    """Return a traffic light at the kerb, with a second one over the road if wanted.

    Args:
        x: Of its pole.
        z: Of its pole.
        ground_m: Height of what it stands on.
        lit: Which lamp is on: 0 green, 1 yellow, 2 red.
        over_road: Whether an arm carries a second one.
    """
    height = 5.6 if over_road else 3.2
    things = [_pole(x, z, ground_m, height, 0.07), *_housing(x, z, ground_m + 2.6, lit)]
    if over_road:
        end = x - 3.6 if x > 0 else x + 3.6
        low, high = sorted((x, end))
        top = ground_m + height
        arm = box((low, high), (top - 0.12, top), (z - 0.06, z + 0.06))
        things += [Thing(arm, Label.POLE, (_STEEL,)), *_housing(end, z, top - 0.2, lit)]
    return tuple(things)


def _housing(x: float, z: float, middle_m: float, lit: int) -> tuple[Thing, ...]:
    dark = Finish(Material.PLAIN, (0.02, 0.025, 0.022))
    lamps = Finish(Material.SIGNALS, dark.colour, params=(0.9, float(lit)))
    shape = box((x - 0.17, x + 0.17), (middle_m - 0.45, middle_m + 0.45), (z - 0.34, z - 0.09))
    finishes = (dark, dark, lamps, dark, dark, dark)
    return (Thing(shape, Label.TRAFFIC_LIGHT, finishes, (x, middle_m, z)),)
