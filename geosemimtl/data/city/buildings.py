"""Houses: footprints, storeys, roofs and what stands on roofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, sin
from typing import TypeVar

import numpy as np

from geosemimtl.data.city.geometry import Points, rectangle
from geosemimtl.data.city.materials import Material
from geosemimtl.data.city.objects import Blob, Box, Look, Roof, clearance
from geosemimtl.data.city.presets import CityStyle

T = TypeVar("T")

_CHIMNEY = Look(Material.BROWN_TILES, 0.3, 0.8)


def pick(weights: Mapping[T, float], rng: np.random.Generator) -> T:
    """One key of a table of weights, drawn in proportion."""
    keys, shares = list(weights), np.array(list(weights.values()))
    return keys[int(rng.choice(len(keys), p=shares / shares.sum()))]


def make_building(
    style: CityStyle,
    site: Box,
    storeys: int,
    rng: np.random.Generator,
) -> tuple[Box, ...]:
    """A house on a footprint: its body, and chimneys, upper floors or machines on its roof.

    Args:
        style: Roof forms and materials to choose from.
        site: The footprint; its height and look are not used.
        storeys: Full storeys below the roof.
        rng: What draws the roof.
    """
    form = pick(style.roofs, rng)
    eaves = storeys * style.storey_m + float(rng.uniform(0.0, 0.6))
    tint, hue = float(rng.uniform(0.82, 1.15)), float(np.clip(rng.normal(0.0, 0.6), -1.3, 1.3))
    if form in ("gable", "hip"):
        look = Look(pick(style.sloped_materials, rng), hue, tint)
        pitch = float(rng.uniform(*style.pitches))
        turned = site.half_v_m > site.half_u_m
        u, v = (site.half_v_m, site.half_u_m) if turned else (site.half_u_m, site.half_v_m)
        angle = site.angle + (np.pi / 2 if turned else 0.0)
        roof: Roof = "gable" if form == "gable" else "hip"
        body = Box(site.x, site.y, angle, u, v, eaves, look, roof, pitch)
        return body, *_chimneys(body, rng)
    look = Look(pick(style.flat_materials, rng), hue, tint)
    body = Box(site.x, site.y, site.angle, site.half_u_m, site.half_v_m, eaves, look)
    if form == "stepped":
        return body, _upper_floor(style, body, rng)
    return body, *_machines(body, rng)


def make_hall(style: CityStyle, site: Box, rng: np.random.Generator) -> tuple[Box, ...]:
    """A hall on a footprint: low, with machines on a flat roof or a gable of small pitch."""
    look = Look(
        pick(style.flat_materials, rng), float(rng.normal(0, 0.5)), float(rng.uniform(0.85, 1.1))
    )
    eaves = float(rng.uniform(5.0, 8.0))
    size = (site.x, site.y, site.angle, site.half_u_m, site.half_v_m)
    if rng.random() < 0.4:
        return (Box(*size, eaves, look, "gable", float(rng.uniform(0.1, 0.22))),)
    body = Box(*size, eaves, look)
    return body, *_machines(body, rng), *_machines(body, rng)


def _moved(
    body: Box, u_m: float, v_m: float, half_u_m: float, half_v_m: float, top_m: float, look: Look
) -> Box:
    """A smaller box on a body, at an offset in the body's own directions."""
    x = body.x + u_m * cos(body.angle) - v_m * sin(body.angle)
    y = body.y + u_m * sin(body.angle) + v_m * cos(body.angle)
    return Box(x, y, body.angle, half_u_m, half_v_m, top_m, look)


def _chimneys(body: Box, rng: np.random.Generator) -> list[Box]:
    ridge = body.eaves_m + body.pitch * body.half_v_m
    chimneys = []
    for _ in range(int(rng.integers(1, 3))):
        u = float(rng.uniform(-0.6, 0.6)) * body.half_u_m
        v = float(rng.choice((-0.25, 0.25))) * body.half_v_m
        chimneys.append(_moved(body, u, v, 0.4, 0.4, ridge + 0.6, _CHIMNEY))
    return chimneys


def _machines(body: Box, rng: np.random.Generator) -> list[Box]:
    look = Look(Material.SHEET_METAL, 0.0, 0.9)
    machines = []
    for _ in range(int(rng.integers(0, 4))):
        u = float(rng.uniform(-0.7, 0.7)) * body.half_u_m
        v = float(rng.uniform(-0.6, 0.6)) * body.half_v_m
        half_u, half_v = (float(size) for size in rng.uniform(0.6, 1.4, 2))
        machines.append(_moved(body, u, v, half_u, half_v, body.eaves_m + 1.4, look))
    return machines


def _upper_floor(style: CityStyle, body: Box, rng: np.random.Generator) -> Box:
    look = Look(pick(style.flat_materials, rng), body.look.hue, float(rng.uniform(0.9, 1.2)))
    share = float(rng.uniform(0.4, 0.75))
    shift = body.half_u_m * (1 - share) * float(rng.choice((-0.9, 0.0, 0.9)))
    floors = int(rng.integers(1, 3))
    top = body.eaves_m + floors * style.storey_m
    return _moved(body, shift, 0.0, body.half_u_m * share, body.half_v_m * 0.8, top, look)


def annex(site: Box, height_m: float, style: CityStyle, rng: np.random.Generator) -> Box:
    """A low flat thing: a garage, a shed, a back building."""
    look = Look(pick(style.flat_materials, rng), float(rng.normal(0, 0.5)), 1.0)
    return Box(site.x, site.y, site.angle, site.half_u_m, site.half_v_m, height_m, look)


def is_free(site: Box, things: Sequence[Box | Blob], gap_m: float) -> bool:
    """Whether a footprint keeps a gap in metres to other footprints."""
    u, v = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 5))
    c, s = cos(site.angle), sin(site.angle)
    u, v = u.ravel() * site.half_u_m, v.ravel() * site.half_v_m
    points = np.stack((site.x + u * c - v * s, site.y + u * s + v * c), axis=1)
    return bool((clearance(points, things) > gap_m).all())


def corners(site: Box) -> Points:
    """The four corners of a footprint, ``(4, 2)`` metres."""
    return rectangle(np.array((site.x, site.y)), site.half_u_m, site.half_v_m, site.angle).points
