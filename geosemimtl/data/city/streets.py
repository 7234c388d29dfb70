"""Streets cut the ground into blocks; cars, trees and paint line them."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, radians, sin

import numpy as np

from geosemimtl.data.city.geometry import Convex, Edge, Points, rectangle, strip
from geosemimtl.data.city.greenery import tree
from geosemimtl.data.city.materials import CARS, Material
from geosemimtl.data.city.objects import Blob, Box, Look, Patch, Plan
from geosemimtl.data.city.presets import CityStyle

_CAR_LENGTH_M = 4.5
_CAR_WEIGHTS = (0.27, 0.27, 0.24, 0.12, 0.10)


@dataclass(frozen=True, slots=True)
class Street:
    """The middle line of a street between two points, and half its width, in metres."""

    start: Points
    stop: Points
    half_width_m: float


@dataclass(frozen=True, slots=True)
class Network:
    """Blocks, whose sides carry half the width of the street there, and the streets between."""

    blocks: tuple[Convex, ...]
    streets: tuple[Street, ...]


def make_network(
    style: CityStyle, width_m: float, height_m: float, rng: np.random.Generator
) -> Network:
    """Cut a turned square around the scene until the pieces are as small as blocks.

    Cutting across the longer extent, slightly aslant, gives what towns have: through streets,
    side streets that end at them, and blocks of four to five sides in several directions.
    """
    centre = np.array((width_m / 2, height_m / 2))
    half = hypot(width_m, height_m) / 2 + 40.0
    root = rectangle(centre, half, half, radians(float(rng.uniform(10.0, 80.0))))
    root = Convex(root.points, np.full(4, style.main_street_m / 2))
    blocks: list[Convex] = []
    streets: list[Street] = []
    stack = [root]
    while stack:
        piece = stack.pop()
        if piece.area_m2 < style.block_m2 * float(rng.uniform(1.1, 1.7)):
            blocks.append(piece)
            continue
        is_main = piece.area_m2 > 6 * style.block_m2
        half_width = (style.main_street_m if is_main else style.side_street_m) / 2
        parts, street = _cut(piece, half_width, rng)
        streets.append(street)
        stack.extend(parts)
    return Network(tuple(b for b in blocks if _touches(b, width_m, height_m)), tuple(streets))


def _cut(
    piece: Convex, half_width_m: float, rng: np.random.Generator
) -> tuple[tuple[Convex, Convex], Street]:
    edge = piece.longest()
    along = (piece.points - edge.start) @ edge.along
    across = (piece.points - edge.start) @ edge.inward
    lengthwise = np.ptp(along) >= np.ptp(across)
    axis, reach = (edge.along, along) if lengthwise else (edge.inward, across)
    place = reach.min() + np.ptp(reach) * float(rng.uniform(0.4, 0.6))
    middle = piece.points.mean(axis=0)
    point = middle + axis * (place - (middle - edge.start) @ axis)
    turn = radians(float(rng.normal(0.0, 4.0)))
    normal = np.array(
        (axis[0] * cos(turn) - axis[1] * sin(turn), axis[0] * sin(turn) + axis[1] * cos(turn))
    )
    first = piece.clip(point, normal, half_width_m)
    second = piece.clip(point, -normal, half_width_m)
    side = np.array((-normal[1], normal[0]))
    reach = (piece.points - point) @ side
    on_line = [p for p in first.points if abs((p - point) @ normal) < 1e-6]
    ends = sorted(on_line, key=lambda p: float((p - point) @ side))
    return (first, second), Street(ends[0], ends[-1], half_width_m)


def _touches(block: Convex, width_m: float, height_m: float) -> bool:
    left, top, right, bottom = block.bounds
    return left < width_m + 15 and top < height_m + 15 and right > -15 and bottom > -15


def make_car(x: float, y: float, angle: float, rng: np.random.Generator) -> Box:
    """A car of any common size and colour, pointing along ``angle`` (radians)."""
    material = CARS[int(rng.choice(len(CARS), p=_CAR_WEIGHTS))]
    size = float(rng.uniform(0.92, 1.1))
    look = Look(material, 0.0, float(rng.uniform(0.85, 1.15)))
    return Box(
        x,
        y,
        angle + float(rng.normal(0.0, 0.02)),
        _CAR_LENGTH_M / 2 * size,
        0.92,
        float(rng.uniform(1.4, 1.65)) * size,
        look,
        "car",
    )


def line_block(style: CityStyle, block: Convex, rng: np.random.Generator) -> Plan:
    """The pavement around a block, the trees on it, and the cars at its kerb and in its lane."""
    kerb = block.inset(0.0, tag_weight=1.0)
    if kerb.is_empty:
        return Plan()
    patches = (Patch(kerb, Look(Material.SLABS, float(rng.normal(0, 0.5)))),)
    boxes: list[Box] = []
    blobs: list[Blob] = []
    for edge in kerb.edges:
        boxes.extend(_kerbside(style, edge, rng))
        blobs.extend(_street_trees(style, edge, rng))
    return Plan(patches, tuple(boxes), tuple(blobs))


def _kerbside(style: CityStyle, edge: Edge, rng: np.random.Generator) -> list[Box]:
    cars = []
    place = 5.0
    while place < edge.length_m - 5.0 - _CAR_LENGTH_M:
        if rng.random() < style.parked_share:
            x, y = edge.at(place + _CAR_LENGTH_M / 2, -1.15 + float(rng.normal(0, 0.08)))
            cars.append(make_car(float(x), float(y), edge.angle, rng))
        place += _CAR_LENGTH_M + float(rng.uniform(0.7, 1.8))
    lane = -(edge.tag + 2.1) / 2  # between the parked cars and the middle of the street
    if edge.tag >= 3.3:
        slots = np.arange(6.0, edge.length_m - 6.0, 9.0)
        for slot in slots[rng.random(len(slots)) < 9.0 * style.moving_per_m]:
            x, y = edge.at(float(slot + rng.uniform(0.0, 3.0)), lane)
            cars.append(make_car(float(x), float(y), edge.angle + pi, rng))
    return cars


def _street_trees(style: CityStyle, edge: Edge, rng: np.random.Generator) -> list[Blob]:
    if rng.random() < 0.35:  # whole street sides without trees
        return []
    trees = []
    place = float(rng.uniform(4.0, 8.0))
    while place < edge.length_m - 4.0:
        if rng.random() < style.street_tree_share:
            point = edge.at(place, 0.7)
            radius = float(rng.uniform(1.8, 3.3))
            trees.append(tree(float(point[0]), float(point[1]), radius, 0.0, rng))
        place += float(rng.uniform(7.0, 10.0))
    return trees


def paint_lines(street: Street) -> tuple[Patch, ...]:
    """The dashes along the middle of a main street."""
    axis = street.stop - street.start
    length = float(np.hypot(*axis))
    if street.half_width_m < 4.5 or length < 30.0:
        return ()
    line = Edge(street.start, axis / length, np.array((-axis[1], axis[0])) / length, length, 0.0)
    marks = np.arange(10.0, length - 13.0, 6.0)
    look = Look(Material.PAINT)
    return tuple(Patch(strip(line, (m, m + 3.0), (-0.09, 0.09)), look) for m in marks)
