"""Trees, and the scattering of things over open ground."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np

from geosemimtl.data.city.geometry import Convex, Points
from geosemimtl.data.city.materials import Material
from geosemimtl.data.city.objects import Blob, Box, Look, clearance
from geosemimtl.data.city.presets import CityStyle

TREE_TOP_M = (3.0, 18.0)


def tree(
    x: float, y: float, radius_m: float, conifer_share: float, rng: np.random.Generator
) -> Blob:
    """A tree with a crown of a given radius, as high as such trees are: 3 to 18 m."""
    conifer = rng.random() < conifer_share
    slenderness = float(rng.uniform(3.6, 4.8) if conifer else rng.uniform(2.3, 3.4))
    top = float(np.clip(radius_m * slenderness, *TREE_TOP_M))
    look = Look(
        Material.CONIFER if conifer else Material.BROADLEAF,
        float(rng.normal(0.0, 0.5)),
        float(rng.uniform(0.85, 1.15)),
    )
    return Blob(
        x,
        y,
        radius_m,
        top * (0.25 if conifer else 0.5),
        top,
        look,
        sharpness=1.4 if conifer else 0.5,
        roughness_m=0.08 * radius_m,
        raggedness=0.05 if conifer else 0.10,
    )


def scatter(
    area: Convex,
    count: int,
    obstacles: Sequence[Box | Blob],
    gap_m: float,
    rng: np.random.Generator,
) -> Points:
    """At most ``count`` random points of an area, a gap away from obstacles, ``(k, 2)``."""
    if area.is_empty or count < 1:
        return np.empty((0, 2))
    left, top, right, bottom = area.bounds
    points = rng.uniform((left, top), (right, bottom), size=(4 * count + 8, 2))
    points = points[area.contains(points)]
    return points[clearance(points, obstacles) >= gap_m][:count]


def plant(
    style: CityStyle,
    area: Convex,
    share: float,
    obstacles: Sequence[Box | Blob],
    rng: np.random.Generator,
) -> tuple[Blob, ...]:
    """Trees over a share of an area, in loose groups, clear of what stands there."""
    if area.is_empty:
        return ()
    mean_crown = pi * 2.9**2
    count = int(rng.poisson(max(0.0, area.area_m2 * share / mean_crown)))
    trees = []
    points = scatter(area, count, obstacles, 1.2, rng)
    for (x, y), room in zip(points, clearance(points, obstacles), strict=True):
        radius = float(np.clip(rng.gamma(9.0, 0.34), 1.4, min(5.4, 1.25 * room)))
        trees.append(tree(float(x), float(y), radius, style.conifer_share, rng))
    return tuple(trees)
