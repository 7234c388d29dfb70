"""The things a city is made of, in metres and without pixels.

A plan is drawn once from a seed and painted at any ground sampling distance, so that a finer
raster shows the same city.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.city.geometry import Convex
from geosemimtl.data.city.materials import Material

Roof = Literal["flat", "gable", "hip", "car"]


@dataclass(frozen=True, slots=True)
class Look:
    """Material of one thing and how it departs from the material's mean.

    Attributes:
        material: What it is made of.
        hue: Shift along the material's spread, about -1 to 1.
        tint: Factor on its brightness.
    """

    material: Material
    hue: float = 0.0
    tint: float = 1.0


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of ground: painted over what lies below, height zero."""

    shape: Convex
    look: Look


@dataclass(frozen=True, slots=True)
class Box:
    """A thing on a turned rectangle: a building or a part of one, a car, a container.

    Attributes:
        x: Centre, metres.
        y: Centre, metres.
        angle: Direction of its length in radians, from x towards y.
        half_u_m: Half its length.
        half_v_m: Half its width; gables fall to the two long sides.
        eaves_m: Height of its lowest roof edge (for a car: of its top).
        pitch: Rise over run of a sloped roof.
        roof: The form of its top.
        look: How it looks.
    """

    x: float
    y: float
    angle: float
    half_u_m: float
    half_v_m: float
    eaves_m: float
    look: Look
    roof: Roof = "flat"
    pitch: float = 0.0

    @property
    def footprint(self) -> tuple[float, float, float, float, float]:
        """Centre, angle and half extents: what ``clearance`` reads."""
        return self.x, self.y, self.angle, self.half_u_m, self.half_v_m


@dataclass(frozen=True, slots=True)
class Blob:
    """A round thing with an irregular outline: a tree crown, a heap, a pond.

    Its height is ``base + (top - base) * (1 - d**2) ** sharpness`` at the relative distance d
    from its centre, plus ``roughness_m`` times a noise.

    Attributes:
        x: Centre, metres.
        y: Centre, metres.
        radius_m: Mean radius.
        base_m: Height at its rim.
        top_m: Height at its centre.
        sharpness: 0.5 for a dome, above 1 for a cone.
        roughness_m: Height of the bumps.
        raggedness: How far the outline departs from a circle, relative to the radius.
        look: How it looks.
    """

    x: float
    y: float
    radius_m: float
    base_m: float
    top_m: float
    look: Look
    sharpness: float = 0.5
    roughness_m: float = 0.0
    raggedness: float = 0.2

    @property
    def footprint(self) -> tuple[float, float, float, float, float]:
        """The square around it: what ``clearance`` reads."""
        return self.square.footprint

    @property
    def square(self) -> Box:
        """The square around it, as a box."""
        return Box(self.x, self.y, 0.0, self.radius_m, self.radius_m, self.top_m, self.look)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything in a city, in the order of painting: patches, then boxes, then blobs."""

    patches: tuple[Patch, ...] = ()
    boxes: tuple[Box, ...] = ()
    blobs: tuple[Blob, ...] = field(default=())


def merge(plans: Iterable[Plan]) -> Plan:
    """One plan with everything of several, in their order."""
    parts = tuple(plans)
    return Plan(
        tuple(chain.from_iterable(part.patches for part in parts)),
        tuple(chain.from_iterable(part.boxes for part in parts)),
        tuple(chain.from_iterable(part.blobs for part in parts)),
    )


def clearance(points: NDArray[np.float64], things: Iterable[Box | Blob]) -> NDArray[np.float64]:
    """Distance of each point to the nearest footprint, zero inside of one.

    Args:
        points: ``(k, 2)`` in metres.
        things: What to keep clear of.

    Returns:
        ``(k,)`` metres; infinite where there is nothing.
    """
    table = np.array([thing.footprint for thing in things])
    if not len(table):
        return np.full(len(points), np.inf)
    x, y, angle, half_u, half_v = table.T
    dx, dy = points[:, :1] - x, points[:, 1:] - y
    u = np.abs(dx * np.cos(angle) + dy * np.sin(angle)) - half_u
    v = np.abs(dy * np.cos(angle) - dx * np.sin(angle)) - half_v
    distance: NDArray[np.float64] = np.hypot(np.maximum(u, 0), np.maximum(v, 0)).min(axis=1)
    return distance
