"""What belongs to no other class: containers, heaps, ponds."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np

from geosemimtl.data.city.buildings import is_free
from geosemimtl.data.city.geometry import Convex
from geosemimtl.data.city.greenery import scatter
from geosemimtl.data.city.materials import Material
from geosemimtl.data.city.objects import Blob, Box, Look, Plan

_CONTAINER_M = (6.1, 2.44, 2.6)


def dump(
    area: Convex,
    budget_m2: float,
    obstacles: Sequence[Box | Blob],
    angle: float,
    rng: np.random.Generator,
) -> Plan:
    """Clutter over about so many square metres of an area, clear of what stands there.

    Args:
        area: Where it may lie.
        budget_m2: How much ground it should cover.
        obstacles: What to keep clear of.
        angle: Direction of containers, radians.
        rng: What draws it.
    """
    boxes: list[Box] = []
    blobs: list[Blob] = []
    left = budget_m2 * float(rng.uniform(0.75, 1.25))
    for x, y in scatter(area, 60, obstacles, 2.0, rng):
        if left <= 4.0:
            break
        kind = float(rng.random())
        taken = (*obstacles, *boxes, *blobs)
        if kind < 0.45:
            group = _containers(float(x), float(y), angle, rng)
            placed = [box for box in group if is_free(box, taken, 0.3)]
            placed = [b for b in placed if bool(area.contains(np.array([(b.x, b.y)]), 2.0).all())]
            boxes.extend(placed)
            left -= len(placed) * _CONTAINER_M[0] * _CONTAINER_M[1]
            continue
        radius = float(min(rng.uniform(1.6, 4.6), (left / pi) ** 0.5 + 0.6))
        blob = (
            _heap(float(x), float(y), radius, rng)
            if kind < 0.8
            else _pond(float(x), float(y), radius, rng)
        )
        if area.contains(np.array([(x, y)]), radius).all() and is_free(blob.square, taken, 0.2):
            blobs.append(blob)
            left -= pi * radius**2
    return Plan((), tuple(boxes), tuple(blobs))


def _containers(x: float, y: float, angle: float, rng: np.random.Generator) -> list[Box]:
    length, width, height = _CONTAINER_M
    turn = angle + (pi / 2 if rng.random() < 0.5 else 0.0)
    group = []
    for number in range(int(rng.integers(1, 5))):
        material = Material.CONTAINER_BLUE if rng.random() < 0.55 else Material.CONTAINER_ORANGE
        look = Look(material, float(rng.normal(0, 0.6)), float(rng.uniform(0.85, 1.15)))
        step = number * (width + 0.25)
        group.append(
            Box(
                x - step * sin(turn),
                y + step * cos(turn),
                turn,
                length / 2,
                width / 2,
                height,
                look,
            )
        )
    return group


def _heap(x: float, y: float, radius_m: float, rng: np.random.Generator) -> Blob:
    top = float(rng.uniform(0.35, 0.6)) * radius_m
    look = Look(Material.RUBBLE, float(rng.normal(0, 0.5)), float(rng.uniform(0.9, 1.1)))
    return Blob(x, y, radius_m, 0.1, top, look, 1.0, 0.10, 0.12)


def _pond(x: float, y: float, radius_m: float, rng: np.random.Generator) -> Blob:
    look = Look(Material.WATER, float(rng.normal(0, 0.5)))
    return Blob(x, y, radius_m, 0.0, 0.0, look, 1.0, 0.0, 0.12)
