"""What the things of a street are: their label, and what their faces are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import Convex, Shape

#: Red, green and blue reflectance in [0, 1].
Rgb = tuple[float, float, float]


class Label(IntEnum):
    """The label ids of Cityscapes that a street has."""

    UNLABELLED = 0
    EGO_VEHICLE = 1
    ROAD = 7
    SIDEWALK = 8
    BUILDING = 11
    WALL = 12
    FENCE = 13
    POLE = 17
    TRAFFIC_LIGHT = 19
    TRAFFIC_SIGN = 20
    VEGETATION = 21
    TERRAIN = 22
    SKY = 23
    PERSON = 24
    RIDER = 25
    CAR = 26
    TRUCK = 27
    BUS = 28
    BICYCLE = 33


class Material(IntEnum):
    """How a face is coloured; ``patterns.PATTERNS`` has a function for each."""

    PLAIN = 0
    ROAD = auto()
    PAVING = auto()
    GRASS = auto()
    FACADE = auto()
    TILES = auto()
    BRICKS = auto()
    PLANKS = auto()
    FOLIAGE = auto()
    CAR_GLASS = auto()
    CAR_END = auto()
    WHEEL = auto()
    SIGN = auto()
    SIGNALS = auto()


@dataclass(frozen=True, slots=True)
class Finish:
    """How a face looks.

    Attributes:
        material: Its pattern.
        colour: Its main colour.
        accent: The colour of what is drawn on it.
        params: What the pattern needs, mostly lengths in metres.
        seed: Tells apart faces of one pattern.
    """

    material: Material
    colour: Rgb
    accent: Rgb = (0.0, 0.0, 0.0)
    params: tuple[float, ...] = ()
    seed: int = 0


_NONE, _ORIGIN, _ONES = np.zeros((1, 3)), np.zeros(3), np.ones(3)
#: How many ``params`` a finish may have.
PARAMS = 6


@dataclass(frozen=True, slots=True)
class Thing:
    """A solid with its label.

    Attributes:
        shape: The solid.
        label: What it is.
        finishes: One for all faces, or one a face.
        anchor: Where the patterns of its faces begin; the least corner unless given.
        grounded: Whether it darkens the ground under and around itself.
    """

    shape: Shape
    label: Label
    finishes: tuple[Finish, ...]
    anchor: tuple[float, float, float] | None = None
    grounded: bool = False


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces of all things, in tables; a smooth thing is one face.

    Attributes:
        label: ``(faces,)``.
        normal: Outward, in the street, ``(3, faces)``; 0 for the face of an ellipsoid.
        centre: Of ellipsoids, else 0, ``(3, faces)``.
        radii: Of ellipsoids, else 1, ``(3, faces)``.
        anchor: ``(3, faces)``.
        across: Direction of the pattern's first axis, ``(3, faces)``.
        up: Direction of its second axis, ``(3, faces)``.
        material: ``(faces,)``.
        colour: ``(3, faces)``.
        accent: ``(3, faces)``.
        params: ``(PARAMS, faces)``.
        seed: ``(faces,)``.
        first: Index of each thing's first face, ``(things,)``.
    """

    label: NDArray[np.uint8]
    normal: NDArray[np.float64]
    centre: NDArray[np.float64]
    radii: NDArray[np.float64]
    anchor: NDArray[np.float32]
    across: NDArray[np.float32]
    up: NDArray[np.float32]
    material: NDArray[np.uint8]
    colour: NDArray[np.float32]
    accent: NDArray[np.float32]
    params: NDArray[np.float32]
    seed: NDArray[np.int32]
    first: NDArray[np.int32]


def tabulate(things: tuple[Thing, ...]) -> Faces:
    """Return the tables of some things' faces, in their order."""
    own = [t.shape.planes[:, :3] if isinstance(t.shape, Convex) else _NONE for t in things]
    counts = np.array([len(normals) for normals in own])
    of_thing = np.repeat(np.arange(len(things)), counts)
    finishes = [
        finish
        for thing, count in zip(things, counts, strict=True)
        for finish in (thing.finishes * count if len(thing.finishes) == 1 else thing.finishes)
    ]
    # Most faces share a finish with others: each is looked at once.
    kinds = {id(finish): finish for finish in finishes}
    number = {key: index for index, key in enumerate(kinds)}
    of_kind = np.array([number[id(finish)] for finish in finishes])
    padded = [(*f.params, *(0.0,) * (PARAMS - len(f.params))) for f in kinds.values()]
    round_ones = [
        (_ORIGIN, _ONES) if isinstance(t.shape, Convex) else (t.shape.centre, t.shape.radii)
        for t in things
    ]
    normal = np.concatenate(own).T
    across, up = _directions(normal)

    def table(rows: Sequence[object], which: NDArray[np.intp], dtype: type[Any]) -> NDArray[Any]:
        return np.array(rows, dtype).T[..., which]

    return Faces(
        label=table([t.label for t in things], of_thing, np.uint8),
        normal=normal,
        centre=table([centre for centre, _ in round_ones], of_thing, np.float64),
        radii=table([radii for _, radii in round_ones], of_thing, np.float64),
        anchor=table([_anchor(t) for t in things], of_thing, np.float32),
        across=across,
        up=up,
        material=table([f.material for f in kinds.values()], of_kind, np.uint8),
        colour=table([f.colour for f in kinds.values()], of_kind, np.float32),
        accent=table([f.accent for f in kinds.values()], of_kind, np.float32),
        params=table(padded, of_kind, np.float32),
        seed=table([f.seed for f in kinds.values()], of_kind, np.int32),
        first=(np.cumsum(counts) - counts).astype(np.int32),
    )


def _anchor(thing: Thing) -> tuple[float, float, float]:
    if thing.anchor is not None:
        return thing.anchor
    corners = thing.shape.corners
    low = corners.min(axis=0) if len(corners) else np.zeros(3)
    return float(low[0]), float(low[1]), float(low[2])


def _directions(
    normal: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a pattern's axes: along the ground and up; x and z on what lies flat.

    A smooth thing has none of its own: any two that follow all three of the street's will do.
    """
    flat = np.abs(normal[1]) > 0.9
    along_z = np.abs(normal[0]) > np.abs(normal[2])
    across = np.zeros_like(normal)
    across[0] = np.where(flat | ~along_z, 1.0, 0.0)
    across[2] = np.where(flat | ~along_z, 0.0, 1.0)
    up = np.zeros_like(normal)
    up[1] = np.where(flat, 0.0, 1.0)
    up[2] = np.where(flat, 1.0, 0.0)
    smooth = ~normal.any(axis=0)
    across[:, smooth], up[:, smooth] = ((0.8,), (0.1,), (0.6,)), ((0.1,), (1.0,), (0.2,))
    return across.astype(np.float32), up.astype(np.float32)
