"""What stands between the streets: perimeter blocks, houses in gardens, parks, yards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import pi

import numpy as np

from geosemimtl.data.city.buildings import annex, corners, is_free, make_building, make_hall
from geosemimtl.data.city.clutter import dump
from geosemimtl.data.city.geometry import Convex, Edge, rectangle, strip
from geosemimtl.data.city.greenery import plant
from geosemimtl.data.city.materials import Material
from geosemimtl.data.city.objects import Blob, Box, Look, Patch, Plan, merge
from geosemimtl.data.city.presets import CityStyle
from geosemimtl.data.city.streets import line_block, make_car, make_network, paint_lines

Filler = Callable[[CityStyle, Convex, np.random.Generator], Plan]

_NOTHING = Look(Material.BITUMEN)


def make_plan(style: CityStyle, width_m: float, height_m: float, seed: int) -> Plan:
    """Draw a city: its streets, and what stands between them.

    Args:
        style: How it is built.
        width_m: Extent in x, metres.
        height_m: Extent in y, metres.
        seed: What names it.
    """
    rng = np.random.default_rng((seed, 0))
    network = make_network(style, width_m, height_m, rng)
    plans = [Plan(tuple(mark for street in network.streets for mark in paint_lines(street)))]
    middle = np.array((width_m / 2, height_m / 2))
    order = sorted(network.blocks, key=lambda b: float(np.hypot(*(b.points.mean(axis=0) - middle))))
    kinds = _share_out(style.block_kinds, len(order), rng)
    for number, (block, kind) in enumerate(zip(order, kinds, strict=True)):
        block_rng = np.random.default_rng((seed, 1, number))
        plans.append(line_block(style, block, block_rng))
        lot = block.inset(style.pavement_m, tag_weight=1.0)
        if not lot.is_empty:
            plans.append(FILLERS[kind](style, lot, block_rng))
    return merge(plans)


def _share_out(weights: Mapping[str, float], count: int, rng: np.random.Generator) -> list[str]:
    """Kinds in proportion to their weights, in few blocks too: the most overdue comes next."""
    names, shares = list(weights), np.array(list(weights.values()))
    shares = shares / shares.sum()
    due = rng.uniform(0, 1, len(names)) * shares
    chosen = []
    for _ in range(count):
        due += shares
        index = int(np.argmax(due))
        due[index] -= 1
        chosen.append(names[index])
    return chosen


def _ground(shape: Convex, material: Material, rng: np.random.Generator) -> Patch:
    hue = float(np.clip(rng.normal(0, 0.6), -1.5, 1.5))
    return Patch(shape, Look(material, hue, float(rng.uniform(0.9, 1.1))))


def _yard_material(style: CityStyle, rng: np.random.Generator) -> Material:
    paved = (Material.SLABS, Material.COBBLES, Material.ASPHALT)
    green = (Material.LAWN, Material.LAWN, Material.MEADOW, Material.BED)
    choices = paved if rng.random() < style.sealed_share else green
    return choices[int(rng.integers(len(choices)))]


def _sites(
    lot: Convex,
    edge: Edge,
    widths_m: tuple[float, float],
    inward_m: tuple[float, float],
    rng: np.random.Generator,
) -> Iterator[tuple[float, float, Box]]:
    """Footprints side by side along one side of a lot: start, width, and the rectangle."""
    place, (near, far) = 0.0, inward_m
    while place < edge.length_m:
        width = float(rng.uniform(*widths_m))
        x, y = edge.at(place + width / 2, (near + far) / 2)
        site = Box(float(x), float(y), edge.angle, width / 2, (far - near) / 2, 0.0, _NOTHING)
        if bool(lot.contains(corners(site), -0.05).all()):
            yield place, width, site
            place += width
        else:
            place += 1.0


def fill_perimeter(style: CityStyle, lot: Convex, rng: np.random.Generator) -> Plan:
    """Houses wall to wall along the streets, yards and back buildings behind them."""
    depth = min(float(rng.uniform(11.0, 14.0)), 0.3 * lot.breadth_m)
    patches = [_ground(lot, Material.LAWN, rng)]
    boxes: list[Box] = []
    low, high = style.storeys
    usual = int(rng.integers(low, high + 1))
    for edge in lot.edges:
        for start, width, site in _sites(lot, edge, (13.0, 24.0), (0.3, 0.3 + depth), rng):
            yard = strip(edge, (start, start + width), (0.0, depth + float(rng.uniform(8, 16))))
            patches.append(_ground(yard.intersect(lot), _yard_material(style, rng), rng))
            if rng.random() < 0.12:  # a gateway or a gap
                continue
            storeys = int(np.clip(usual + rng.integers(-1, 2), low, high))
            boxes.extend(make_building(style, site, storeys, rng))
    court = lot.inset(depth + 4.0)
    if not court.is_empty and court.area_m2 > 150:
        plan = _court(style, court, boxes, rng)
        patches.extend(plan.patches)
        boxes.extend(plan.boxes)
    return _overgrown(style, lot, Plan(tuple(patches), tuple(boxes)), (1.0, 1.0), rng)


def _court(style: CityStyle, court: Convex, things: list[Box], rng: np.random.Generator) -> Plan:
    """A courtyard: a back building or two, and a paved place with cars."""
    edge = court.longest()
    patches: list[Patch] = []
    boxes: list[Box] = []
    for start, width, site in _sites(court, edge, (9.0, 16.0), (2.0, 10.0), rng):
        if not is_free(site, [*things, *boxes], 2.5):
            continue
        chance = float(rng.random())
        if chance < 0.35:
            boxes.append(annex(site, style.storey_m * int(rng.integers(1, 4)), style, rng))
        elif chance < 0.75:
            paved = strip(edge, (start - 0.5, start + width + 0.5), (1.0, 11.0))
            patches.append(_ground(paved, Material.COBBLES, rng))
            stalls = np.arange(start + 1.3, start + width - 1.0, 2.6)
            for stall in stalls[rng.random(len(stalls)) < 0.7]:
                x, y = edge.at(float(stall), 4.5)
                boxes.append(make_car(float(x), float(y), edge.angle + pi / 2, rng))
    return Plan(tuple(patches), tuple(boxes))


def fill_detached(style: CityStyle, lot: Convex, rng: np.random.Generator) -> Plan:
    """Houses in their own gardens, with garages, drives and cars."""
    patches = [_ground(lot, Material.LAWN, rng)]
    boxes: list[Box] = []
    depth = min(26.0, 0.5 * lot.breadth_m)
    for edge in sorted(lot.edges, key=lambda e: -e.length_m):
        for start, width, plot in _sites(lot, edge, (16.5, 20.5), (0.0, depth), rng):
            if not is_free(plot, boxes, 0.5):
                continue
            plan = _homestead(style, lot, edge, (start, width, depth), rng)
            patches.extend(plan.patches)
            boxes.extend(plan.boxes)
    return _overgrown(style, lot, Plan(tuple(patches), tuple(boxes)), (1.0, 1.0), rng)


def _homestead(
    style: CityStyle,
    lot: Convex,
    edge: Edge,
    plot: tuple[float, float, float],
    rng: np.random.Generator,
) -> Plan:
    """One house on its plot (start, width and depth in metres along and inside of an edge)."""
    start, width, depth = plot
    garden = strip(edge, (start, start + width), (0.0, depth)).intersect(lot)
    materials = (Material.LAWN, Material.LAWN, Material.MEADOW, Material.BED)
    patches = [_ground(garden, materials[int(rng.integers(len(materials)))], rng)]
    front = float(rng.uniform(3.0, 5.5))
    long, deep = float(rng.uniform(11.0, 14.5)), float(rng.uniform(10.0, min(13.0, depth - front)))
    centre = start + 1.5 + long / 2
    x, y = edge.at(centre, front + deep / 2)
    site = Box(float(x), float(y), edge.angle, long / 2, deep / 2, 0.0, _NOTHING)
    low, high = style.storeys
    storeys = int(rng.integers(low, min(high, 2) + 1)) if low < 2 else low
    boxes = list(make_building(style, site, storeys, rng))
    path = strip(edge, (centre - 0.8, centre + 0.8), (0.0, front))
    back = front + deep
    terrace = strip(edge, (centre - 3.0, centre + 2.5), (back, back + 3.0))
    patches += [_ground(path, Material.SLABS, rng), _ground(terrace, Material.SLABS, rng)]
    drive = start + 1.5 + long + 2.2
    if drive + 1.7 <= start + width:
        garage = front + float(rng.uniform(2.0, 5.0))
        lane = strip(edge, (drive - 1.6, drive + 1.6), (0.0, garage))
        patches.append(_ground(lane, Material.COBBLES, rng))
        x, y = edge.at(drive, garage + 3.0)
        shed = Box(float(x), float(y), edge.angle, 1.6, 3.0, 0.0, _NOTHING)
        boxes.append(annex(shed, 2.6, style, rng))
        if rng.random() < 0.55:
            x, y = edge.at(drive, garage - 2.6)
            boxes.append(make_car(float(x), float(y), edge.angle + pi / 2, rng))
    return Plan(tuple(patches), tuple(boxes))


def fill_park(style: CityStyle, lot: Convex, rng: np.random.Generator) -> Plan:
    """Meadows, paths that cross, many trees, a pond and a pavilion."""
    patches = [_ground(lot, Material.MEADOW, rng)]
    middle = lot.points.mean(axis=0) + rng.normal(0, 4, 2)
    for edge in lot.edges:
        gate = edge.at(edge.length_m * float(rng.uniform(0.3, 0.7)), 0.0)
        run = gate - middle
        angle = float(np.arctan2(run[1], run[0]))
        path = rectangle((gate + middle) / 2, float(np.hypot(*run)) / 2, 1.3, angle)
        patches.append(_ground(path.intersect(lot), Material.SLABS, rng))
    bed = rectangle(middle, 5.0, 5.0, lot.longest().angle)
    patches.append(_ground(bed.intersect(lot), Material.COBBLES, rng))
    edge = lot.longest()
    boxes: list[Box] = []
    sites = [site for _, _, site in _sites(lot, edge, (14.0, 22.0), (3.0, 13.0), rng)]
    if sites:
        boxes.extend(make_building(style, sites[len(sites) // 2], style.storeys[0], rng))
    pond_m = min(9.0, 0.1 * lot.breadth_m)
    x, y = middle + rng.normal(0, 1, 2) + 0.22 * lot.breadth_m
    pond = Blob(float(x), float(y), pond_m, 0.0, 0.0, Look(Material.WATER), 1.0, 0.0, 0.1)
    # Not every park has room for a pond: one over a path's end or a street would be nonsense.
    fits = bool(lot.contains(np.array([(x, y)]), 1.4 * pond_m).all())
    ponds = (pond,) if fits and is_free(pond.square, boxes, 1.0) else ()
    plan = Plan(tuple(patches), tuple(boxes), ponds)
    return _overgrown(style, lot, plan, (1.5, 0.4), rng)


def fill_slabs(style: CityStyle, lot: Convex, rng: np.random.Generator) -> Plan:
    """Blocks of flats in parallel rows on a common lawn, with a row of stalls at the street."""
    patches = [_ground(lot, Material.LAWN, rng)]
    boxes: list[Box] = []
    edge = sorted(lot.edges, key=lambda e: -e.length_m)[int(rng.integers(0, 2))]
    stalls = _stalls(lot, edge, (1.0, 1), rng)
    paved = strip(edge, (2.0, edge.length_m - 2.0), (0.0, 6.5)).intersect(lot)
    patches += [_ground(paved, Material.ASPHALT, rng), *stalls.patches]
    boxes.extend(stalls.boxes)
    low, high = style.storeys
    storeys = int(rng.integers(max(low, high - 2), high + 1))
    spacing = float(rng.uniform(22.0, 28.0))
    for row in np.arange(10.0, lot.breadth_m * 1.5, spacing):
        for start, width, site in _sites(lot, edge, (26.0, 42.0), (row, row + 11.5), rng):
            walk = strip(edge, (start - 2, start + width + 2), (row - 2.5, row - 1.0))
            patches.append(_ground(walk.intersect(lot), Material.SLABS, rng))
            short = Box(site.x, site.y, site.angle, site.half_u_m - 4.0, 5.75, 0.0, _NOTHING)
            boxes.extend(make_building(style, short, storeys, rng))
    return _overgrown(style, lot, Plan(tuple(patches), tuple(boxes)), (1.0, 1.0), rng)


def fill_yard(style: CityStyle, lot: Convex, rng: np.random.Generator) -> Plan:
    """A hall, a car park behind it, containers and heaps between; grass around."""
    inner = lot.inset(3.0)
    patches = [_ground(lot, Material.LAWN, rng), _ground(inner, Material.ASPHALT, rng)]
    edge = lot.longest()
    boxes: list[Box] = []
    hall_m = min(24.0, 0.36 * lot.breadth_m)
    reach = edge.length_m * 0.7
    halls = _sites(lot, edge, (0.75 * reach, reach), (4.0, 4.0 + hall_m), rng)
    for _, _, site in list(halls)[:1]:
        boxes.extend(make_hall(style, site, rng))
    stalls = _stalls(lot, edge, (hall_m + 12.0, 2), rng)
    patches.extend(stalls.patches)
    boxes.extend(stalls.boxes)
    green = inner.clip(edge.at(0.0, hall_m + 30.0), edge.inward)
    patches.append(_ground(green, Material.MEADOW, rng))
    return _overgrown(style, lot, Plan(tuple(patches), tuple(boxes)), (0.5, 2.2), rng)


def _overgrown(
    style: CityStyle,
    lot: Convex,
    plan: Plan,
    factors: tuple[float, float],
    rng: np.random.Generator,
) -> Plan:
    """A plan with clutter, then trees, on what it leaves open; factors on trees and clutter."""
    trees, clutter = factors
    budget = clutter * style.clutter_share * lot.area_m2
    scrap = dump(lot.inset(1.5), budget, plan.boxes, lot.longest().angle, rng)
    things: list[Box | Blob] = [*plan.boxes, *plan.blobs, *scrap.boxes, *scrap.blobs]
    crowns = plant(style, lot.inset(1.5), trees * style.tree_share, things, rng)
    return merge((plan, scrap, Plan((), (), crowns)))


def _stalls(lot: Convex, edge: Edge, rows: tuple[float, int], rng: np.random.Generator) -> Plan:
    """One or two rows of marked stalls: where they start inside of an edge, and how many."""
    patches: list[Patch] = []
    boxes: list[Box] = []
    start, count = rows
    inner = lot.inset(0.8)
    for place in np.arange(3.0, edge.length_m - 5.0, 2.6):
        ends = np.array((edge.at(place, start), edge.at(place + 2.6, start + 5.2 * count)))
        if not bool(inner.contains(ends).all()):
            continue
        line = strip(edge, (place - 0.06, place + 0.06), (start, start + 5.0 * count))
        patches.append(Patch(line, Look(Material.PAINT)))
        for row in range(count):
            if rng.random() < 0.4:
                x, y = edge.at(float(place) + 1.3, start + 2.5 + 5.2 * row)
                boxes.append(make_car(float(x), float(y), edge.angle + pi / 2, rng))
    return Plan(tuple(patches), tuple(boxes))


FILLERS: Mapping[str, Filler] = {
    "perimeter": fill_perimeter,
    "detached": fill_detached,
    "slabs": fill_slabs,
    "park": fill_park,
    "yard": fill_yard,
}
