"""A street drawn from a seed: road and sidewalks, what stands and moves there, what ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from geosemimtl.data.street.furniture import lamp, sign, traffic_light, tree
from geosemimtl.data.street.geometry import Camera, Convex, ball, box
from geosemimtl.data.street.houses import GARDEN_M, Plot, garden, house
from geosemimtl.data.street.looks import Optics, Span, StreetStyle
from geosemimtl.data.street.materials import Finish, Label, Material, Thing
from geosemimtl.data.street.vehicles import Spot, bicycle, car, large_vehicle, person

#: Height of sidewalks above the road.
KERB_M = 0.12
#: Where what is drawn begins, behind the camera.
_BEGIN_M = -16.0
_PARKING_M = 2.2


@dataclass(frozen=True, slots=True)
class Section:
    """The measures of a street, in metres.

    Attributes:
        lanes: Number of lanes.
        lane_m: Width of a lane.
        parking: Whether the left and the right side have a parking lane.
        verge_m: Width of the grass along the left and the right kerb, 0 for none.
        sidewalk_m: Width of a sidewalk.
        end_m: Where the street ends.
        crossing: Where another street crosses, from and to.
        trees: Whether the left and the right side have trees.
    """

    lanes: int
    lane_m: float
    parking: tuple[bool, bool]
    verge_m: tuple[float, float]
    sidewalk_m: float
    end_m: float
    crossing: Span
    trees: tuple[bool, bool]

    def kerb_m(self, side: int) -> float:
        """Return the distance of a side's kerb from the road's middle; -1 is left, 1 right."""
        return self.lanes * self.lane_m / 2 + _PARKING_M * self.parking[side > 0]

    def walk_m(self, side: int) -> float:
        """Return the distance of a side's sidewalk from the road's middle."""
        return self.kerb_m(side) + self.verge_m[side > 0]

    def is_crossing(self, z: float, margin_m: float = 0.0) -> bool:
        """Return whether a place along the street lies in the crossing or near it."""
        return self.crossing[0] - margin_m < z < self.crossing[1] + margin_m


def draw_section(style: StreetStyle, rng: np.random.Generator) -> Section:
    """Draw a street's measures."""
    end = float(rng.uniform(*style.length_m))
    begin = float(rng.uniform(22.0, max(end - 20.0, 30.0)))
    return Section(
        lanes=int(rng.choice(style.lanes)),
        lane_m=float(rng.uniform(*style.lane_m)),
        parking=(
            bool(rng.random() < style.parking_share),
            bool(rng.random() < style.parking_share),
        ),
        verge_m=(_verge(style, rng), _verge(style, rng)),
        sidewalk_m=float(rng.uniform(*style.sidewalk_m)),
        end_m=end,
        crossing=(begin, begin + float(rng.uniform(8.0, 14.0))),
        trees=(bool(rng.random() < style.tree_share), bool(rng.random() < style.tree_share)),
    )


def _verge(style: StreetStyle, rng: np.random.Generator) -> float:
    width = float(rng.uniform(1.2, 2.2))
    return width if rng.random() < style.verge_share else 0.0


def draw_camera(
    optics: Optics, section: Section, shape: tuple[int, int], rng: np.random.Generator
) -> Camera:
    """Draw a camera that drives in the right lane."""
    return Camera(
        focal_px=float(rng.uniform(*optics.focal)) * shape[1],
        baseline_m=optics.baseline_m,
        height_m=float(rng.uniform(*optics.height_m)),
        pitch_deg=float(rng.uniform(*optics.pitch_deg)),
        shape=shape,
        heading_deg=float(rng.uniform(-optics.heading_deg, optics.heading_deg)),
        offset_m=section.lane_m * (0.5 + float(rng.uniform(-0.12, 0.12))),
    )


def draw_street(
    style: StreetStyle, section: Section, rng: np.random.Generator
) -> tuple[Thing, ...]:
    """Draw everything that is in a street."""
    things = list(_ground(section))
    for side in (-1, 1):
        things += _houses(side, style, section, rng)
        things += _sidewalk_things(side, style, section, rng)
    things += _traffic(style, section, rng)
    things += _crossing(section, rng)
    things += _ending(style, section, rng)
    return tuple(things)


def bonnet(camera: Camera) -> Thing:
    """Return the bonnet of the car that carries a camera."""
    place = camera.position + np.array((0.0, -0.60, 1.05))
    x, y, z = (float(value) for value in place)
    shape = ball((x, y, z), (0.95, 0.30, 1.0))
    return Thing(shape, Label.EGO_VEHICLE, (Finish(Material.PLAIN, (0.19, 0.19, 0.20)),))


def _places(spacing: Span, start: float, stop: float, rng: np.random.Generator) -> Iterator[float]:
    place = start + float(rng.uniform(0, spacing[1]))
    while place < stop:
        yield place
        place += float(rng.uniform(*spacing))


def _ground(section: Section) -> Iterator[Thing]:
    """Yield the road, which has no end, and on it sidewalks and what lies behind them."""
    half = max(section.kerb_m(-1), section.kerb_m(1))
    parking = _PARKING_M * (section.parking[0] and section.parking[1])
    zebra = (section.crossing[0] - 4.5, section.crossing[0] - 1.0)
    asphalt = Finish(
        Material.ROAD,
        (0.115, 0.115, 0.12),
        (0.62, 0.62, 0.60),
        (half, section.lane_m, parking, *zebra),
    )
    plane = Convex(np.array([(0.0, 1.0, 0.0, 0.0)]), np.empty((0, 3)))
    yield Thing(plane, Label.ROAD, (asphalt,))
    slabs = Finish(Material.PAVING, (0.30, 0.29, 0.275), params=(0.6,))
    kerb = Finish(Material.PLAIN, (0.42, 0.41, 0.39))
    grass = Finish(Material.GRASS, (0.10, 0.15, 0.045), (0.22, 0.20, 0.09))
    begin, end = section.crossing
    for side in (-1, 1):
        edge, inner = side * section.kerb_m(side), side * section.walk_m(side)
        outer = inner + side * section.sidewalk_m
        for z in ((_BEGIN_M, begin), (end, section.end_m)):
            low, high = sorted((inner, outer))
            faces = (kerb, kerb, kerb, kerb, slabs, slabs)
            yield Thing(box((low, high), (0.0, KERB_M), z), Label.SIDEWALK, faces)
            if inner != edge:
                low, high = sorted((edge, inner))
                yield Thing(box((low, high), (0.0, KERB_M), z), Label.TERRAIN, (grass,))
            low, high = sorted((outer, outer + side * 70))
            yield Thing(box((low, high), (0.0, GARDEN_M), z), Label.TERRAIN, (grass,))


def _houses(
    side: int, style: StreetStyle, section: Section, rng: np.random.Generator
) -> Iterator[Thing]:
    """Yield a side's houses and gardens, and a second row behind them."""
    front = section.walk_m(side) + section.sidewalk_m
    has_gardens = rng.random() < style.garden_share
    setback = float(rng.uniform(3.0, 6.0)) if has_gardens else 0.0
    z = _BEGIN_M
    while z < section.end_m:
        far = z + float(rng.uniform(*style.house_m))
        if z < section.crossing[0] < far + 4:
            far = section.crossing[0] - 0.3
        if section.is_crossing(z):
            z = section.crossing[1] + 0.3
            continue
        far = min(far, section.end_m)
        if far - z < 3:
            z = max(far, z + 1) + 0.31
            continue
        is_gap = rng.random() < style.gap_share and z > 4
        low, high = sorted((side * front, side * (front + setback)))
        if setback or is_gap:
            yield from garden(
                Plot((low, high) if setback else _behind(side, front), (z, far)), side * front, rng
            )
        if not is_gap:
            gap = float(rng.uniform(1.5, 4.0)) if has_gardens else 0.0
            depth = float(rng.uniform(9.0, 13.0))
            low, high = sorted((side * (front + setback), side * (front + setback + depth)))
            yield from house(Plot((low, high), (z, max(far - gap, z + 3))), style, rng)
        z = far
    for z in np.arange(_BEGIN_M, section.end_m + 60, 22.0):
        inner = front + float(rng.uniform(30.0, 45.0))
        low, high = sorted((side * inner, side * (inner + 14)))
        yield from house(Plot((low, high), (float(z), float(z) + 20.0)), style, rng)


def _behind(side: int, front: float) -> tuple[float, float]:
    low, high = sorted((side * front, side * (front + 8.0)))
    return low, high


def _sidewalk_things(
    side: int, style: StreetStyle, section: Section, rng: np.random.Generator
) -> Iterator[Thing]:
    """Yield lamps, trees, signs, parked bicycles and people of a side."""
    kerb, taken = section.kerb_m(side), list[float]()
    edge = side * (kerb + 0.45)
    kinds: list[tuple[Span, float, Callable[[float], tuple[Thing, ...]]]] = [
        ((22.0, 32.0), 2.0, lambda z: lamp(edge, z, KERB_M, float(rng.uniform(5.5, 8.0)))),
        (style.trees_m, 2.0, lambda z: tree(side * (kerb + 0.8), z, KERB_M, rng)),
        (style.signs_m, 1.2, lambda z: sign(edge, z, KERB_M, rng)),
        (style.bicycles_m, 1.2, lambda z: bicycle(Spot(edge, z, KERB_M), rng, ridden=False)),
    ]
    if not section.trees[side > 0]:
        del kinds[1]
    for spacing, room_m, make in kinds:
        for z in _places(spacing, 4.5, section.end_m, rng):
            if section.is_crossing(z, 1.0) or any(abs(z - other) < room_m for other in taken):
                continue
            taken.append(z)
            yield from make(z)
    for z in _places(style.people_m, 4.0, section.end_m, rng):
        if not section.is_crossing(z):
            aside = float(rng.uniform(1.0, section.sidewalk_m - 0.4))
            yield from person(Spot(side * (section.walk_m(side) + aside), z, KERB_M), rng)


def _traffic(style: StreetStyle, section: Section, rng: np.random.Generator) -> Iterator[Thing]:
    """Yield what drives and what is parked."""
    half = section.lanes // 2
    for lane in range(-half, half):
        x = (lane + 0.5) * section.lane_m
        is_own = lane == 0
        start = 11.0 if is_own else 5.0
        for z in _places(style.traffic_m, start, section.end_m + 20, rng):
            spot = Spot(x + float(rng.uniform(-0.25, 0.25)), z, 0.0, lane >= 0)
            is_large = rng.random() < style.large_share and z > 16
            yield from (large_vehicle if is_large else car)(spot, rng)
    for side in (-1, 1):
        lane_edge = section.lanes * section.lane_m / 2
        for z in _places(style.bicycles_m, 12.0, section.end_m, rng):
            if rng.random() < 0.6:
                x = side * (lane_edge - 0.45)
                yield from bicycle(Spot(x, z, 0.0, side > 0), rng, ridden=True)
        if not section.parking[side > 0]:
            continue
        for z in np.arange(_BEGIN_M + 14, section.end_m, 5.6):
            if rng.random() < style.parked_share and not section.is_crossing(float(z), 6.0):
                x = side * (lane_edge + _PARKING_M / 2 + float(rng.uniform(-0.1, 0.1)))
                place = float(z) + float(rng.uniform(-0.3, 0.3))
                yield from car(Spot(x, place, 0.0, bool(side > 0 or rng.random() < 0.3)), rng)


def _crossing(section: Section, rng: np.random.Generator) -> Iterator[Thing]:
    """Yield traffic lights before the crossing and people on the zebra crossing."""
    begin = section.crossing[0]
    if rng.random() < 0.65:
        lit, over = int(rng.choice((0, 0, 1, 2, 2))), bool(rng.random() < 0.5)
        for side in (-1, 1):
            x = side * (section.kerb_m(side) + 0.5)
            yield from traffic_light(x, begin - 0.6, KERB_M, lit, over_road=over and side > 0)
    for _ in range(int(rng.integers(0, 4))):
        x = float(rng.uniform(-section.kerb_m(-1), section.kerb_m(1)))
        yield from person(Spot(x, begin - float(rng.uniform(1.3, 4.2))), rng)


def _ending(style: StreetStyle, section: Section, rng: np.random.Generator) -> Iterator[Thing]:
    """Yield what closes the view: a street across, houses behind it or a park."""
    near = section.end_m + float(rng.uniform(10.0, 16.0))
    slabs = Finish(Material.PAVING, (0.30, 0.29, 0.275), params=(0.6,))
    yield Thing(box((-160, 160), (0.0, KERB_M), (near, near + 3)), Label.SIDEWALK, (slabs,))
    grass = Finish(Material.GRASS, (0.10, 0.15, 0.045), (0.22, 0.20, 0.09))
    yield Thing(box((-400, 400), (0.0, GARDEN_M), (near + 3, near + 900)), Label.TERRAIN, (grass,))
    is_park = rng.random() < 0.35
    for x in np.arange(-150.0, 150.0, 18.0):
        if is_park and abs(x) < 40:
            for _ in range(3):
                spot = float(rng.uniform(x, x + 18)), near + float(rng.uniform(5, 22))
                yield from tree(*spot, GARDEN_M, rng)
        back = near + (28.0 if is_park and abs(x) < 40 else 3.0)
        yield from house(Plot((float(x), float(x) + 18.0), (back, back + 12)), style, rng)
