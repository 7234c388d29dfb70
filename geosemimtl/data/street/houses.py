"""Houses with storeys, windows and roofs, and what stands between them and the sidewalk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geosemimtl.data.street.furniture import bush, hedge, tree
from geosemimtl.data.street.geometry import box, frustum
from geosemimtl.data.street.looks import StreetStyle
from geosemimtl.data.street.materials import Finish, Label, Material, Rgb, Thing

_ROOFS: tuple[Rgb, ...] = ((0.30, 0.11, 0.07), (0.20, 0.10, 0.07), (0.10, 0.10, 0.11))
_TRIMS: tuple[Rgb, ...] = ((0.72, 0.71, 0.68), (0.20, 0.14, 0.10), (0.10, 0.11, 0.13))
_AWNINGS: tuple[Rgb, ...] = ((0.45, 0.05, 0.05), (0.05, 0.22, 0.12), (0.06, 0.10, 0.32))
#: Height of gardens and yards above the road.
GARDEN_M = 0.10


@dataclass(frozen=True, slots=True)
class Plot:
    """The ground of a house.

    Attributes:
        x: Least and greatest, metres.
        z: Least and greatest.
    """

    x: tuple[float, float]
    z: tuple[float, float]


def house(plot: Plot, style: StreetStyle, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return a house: a box with facades, and a roof."""
    storey = float(rng.uniform(*style.storey_m))
    height = storey * int(rng.integers(style.storeys[0], style.storeys[1] + 1)) + 0.6
    colour = _shifted(style.facades[int(rng.integers(len(style.facades)))], rng)
    has_shop = rng.random() < style.shop_share
    trims = _AWNINGS if has_shop and rng.random() < 0.5 else _TRIMS
    trim = trims[int(rng.integers(len(trims)))]
    params = (
        storey,
        float(rng.uniform(*style.bay_m)),
        float(rng.uniform(*style.glass)),
        float(rng.uniform(0.48, 0.68)),
        height,
        float(has_shop),
    )
    wall = Finish(Material.FACADE, colour, trim, params, int(rng.integers(1000)))
    flat = Finish(Material.PLAIN, (0.22, 0.22, 0.22))
    things = [
        Thing(
            box(plot.x, (0.0, height), plot.z),
            Label.BUILDING,
            (wall, wall, wall, wall, flat, flat),
            (plot.x[0], 0.0, plot.z[0]),
        )
    ]
    if rng.random() < style.gable_share:
        things.append(_roof(plot, height, rng))
    elif rng.random() < 0.4:
        things.append(_penthouse(plot, height, colour))
    return tuple(things)


def _shifted(colour: Rgb, rng: np.random.Generator) -> Rgb:
    tone = rng.uniform(0.82, 1.15)
    red, green, blue = (float(np.clip(c * tone * rng.uniform(0.96, 1.04), 0, 1)) for c in colour)
    return red, green, blue


def _roof(plot: Plot, height_m: float, rng: np.random.Generator) -> Thing:
    """Return a roof whose ridge runs along the street; it overhangs a little."""
    (left, right), (near, far) = plot.x, plot.z
    middle, rise = (left + right) / 2, float(rng.uniform(2.4, 4.2))
    hip = float(rng.choice((0.0, 0.0, 1.5)))
    tiles = Finish(Material.TILES, _ROOFS[int(rng.integers(len(_ROOFS)))])
    shape = frustum(
        (left - 0.4, right + 0.4, near, far),
        (middle, middle, near + hip, far - hip),
        height_m,
        height_m + rise,
    )
    return Thing(shape, Label.BUILDING, (tiles,))


def _penthouse(plot: Plot, height_m: float, colour: Rgb) -> Thing:
    (left, right), (near, far) = plot.x, plot.z
    shape = box((left + 2, right - 2), (height_m, height_m + 2.6), (near + 1.5, far - 1.5))
    return Thing(shape, Label.BUILDING, (Finish(Material.PLAIN, colour),))


def garden(plot: Plot, inner_x: float, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return what is between a sidewalk and a house that stands back.

    Args:
        plot: The garden's ground.
        inner_x: Its limit towards the road, one of the plot's two.
        rng: Draws what it has.
    """
    near, far = plot.z
    inside = 1.0 if inner_x == plot.x[0] else -1.0
    low, high = sorted((inner_x + inside * 0.05, inner_x + inside * 0.25))
    kind = rng.choice(("fence", "wall", "hedge", "bars"))
    height = float(rng.uniform(0.9, 1.6))
    limit = (near + 0.02, far - 0.02)
    things: list[Thing] = []
    if kind == "hedge":
        wide = sorted((inner_x + inside * 0.05, inner_x + inside * 0.75))
        things.append(hedge((wide[0], wide[1]), limit, height, rng))
    elif kind == "wall":
        stone: Rgb = (0.42, 0.36, 0.29) if rng.random() < 0.5 else (0.34, 0.15, 0.10)
        finish = Finish(Material.BRICKS, stone, params=(0.22,), seed=int(rng.integers(1000)))
        things.append(Thing(box((low, high), (0.0, height), limit), Label.WALL, (finish,)))
    else:
        wood: Rgb = (0.30, 0.20, 0.12) if kind == "fence" else (0.05, 0.08, 0.06)
        pitch = (0.14, 0.10) if kind == "fence" else (0.12, 0.55)
        finish = Finish(Material.PLANKS, wood, (0.06, 0.07, 0.05), pitch, int(rng.integers(1000)))
        thin = sorted((inner_x + inside * 0.05, inner_x + inside * 0.10))
        shape = box((thin[0], thin[1]), (0.0, height), limit)
        things.append(Thing(shape, Label.FENCE, (finish,)))
    depth = plot.x[1] - plot.x[0]
    for _ in range(int(rng.integers(0, 4))):
        x = inner_x + inside * float(rng.uniform(0.35, 0.8)) * depth
        z = float(rng.uniform(near + 1, max(far - 1, near + 1.1)))
        if rng.random() < 0.3:
            things += tree(x, z, GARDEN_M, rng)
        else:
            things.append(bush(x, z, rng))
    return tuple(things)
