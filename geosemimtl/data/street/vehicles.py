"""Cars, trucks, buses, bicycles and who rides them, out of a few solids each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geosemimtl.data.street.geometry import ball, box, frustum, prism
from geosemimtl.data.street.materials import Finish, Label, Material, Rgb, Thing

_RUBBER: Rgb = (0.022, 0.022, 0.024)
_HUB: Rgb = (0.30, 0.31, 0.32)
_DARK: Rgb = (0.03, 0.03, 0.034)
_RED: Rgb = (0.55, 0.02, 0.02)
_LAMP: Rgb = (0.85, 0.86, 0.84)
_PAINTS: tuple[tuple[Rgb, float], ...] = (
    ((0.035, 0.035, 0.04), 0.24),
    ((0.36, 0.37, 0.39), 0.22),
    ((0.72, 0.72, 0.71), 0.18),
    ((0.13, 0.14, 0.15), 0.14),
    ((0.05, 0.10, 0.30), 0.09),
    ((0.42, 0.03, 0.03), 0.08),
    ((0.10, 0.16, 0.12), 0.03),
    ((0.55, 0.36, 0.06), 0.02),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands.

    Attributes:
        x: To the right of the road's middle, metres.
        z: Along the street, metres.
        ground_m: Height of what it stands on.
        away: Whether it shows its back to who comes along the street.
    """

    x: float
    z: float
    ground_m: float = 0.0
    away: bool = True


def draw_paint(rng: np.random.Generator) -> Rgb:
    """Draw the colour of a car."""
    shares = np.array([share for _, share in _PAINTS])
    red, green, blue = _PAINTS[int(rng.choice(len(_PAINTS), p=shares / shares.sum()))][0]
    tone = float(rng.uniform(0.85, 1.15))
    return red * tone, green * tone, blue * tone


def _flat(colour: Rgb) -> Finish:
    return Finish(Material.PLAIN, colour)


def car(spot: Spot, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return a car: body, shoulder, cabin and wheels."""
    length, width = rng.uniform(3.7, 4.8), rng.uniform(1.68, 1.86)
    height, estate = rng.uniform(1.40, 1.68), rng.random() < 0.5
    paint = draw_paint(rng)
    half_x, half_z = width / 2, length / 2
    x, z = spot.x, spot.z
    # Forward along z is +1 for what drives away.
    ahead = 1.0 if spot.away else -1.0

    def lengthwise(back: float, front: float) -> tuple[float, float]:
        low, high = sorted((z + ahead * back, z + ahead * front))
        return low, high

    def across(half: float) -> tuple[float, float]:
        return x - half, x + half

    glass = Finish(Material.CAR_GLASS, paint, params=(2.6, 0.90, height - 0.09, 1.15))
    pane = Finish(Material.CAR_GLASS, paint, params=(half_x * 0.80, 0.92, height - 0.08, 9.0))
    rear = Finish(Material.CAR_END, paint, _RED, (half_x, 0.66, 0.84))
    front = Finish(Material.CAR_END, paint, _LAMP, (half_x, 0.60, 0.74))
    near, far = (rear, front) if spot.away else (front, rear)
    body, sill = _flat(paint), _flat(_DARK)
    anchor = (x, spot.ground_m, z)
    lower, upper = lengthwise(-half_z, half_z), lengthwise(-half_z + 0.06, half_z - 0.22)
    foot = lengthwise(-half_z + (0.30 if estate else 0.55), half_z * 0.42)
    roof = lengthwise(-half_z + (0.62 if estate else 1.05), half_z * 0.08)
    ends = (body, body, near, far, body, sill)
    parts = (
        (box(across(half_x), (0.20, 0.62), lower), ends),
        (frustum((*across(half_x), *lower), (*across(half_x - 0.05), *upper), 0.62, 0.90), ends),
        (
            frustum((*across(half_x - 0.07), *foot), (*across(half_x - 0.24), *roof), 0.90, height),
            (glass, glass, pane, pane, body, sill),
        ),
    )
    things = [
        Thing(shape, Label.CAR, finishes, anchor, grounded=index == 0)
        for index, (shape, finishes) in enumerate(parts)
    ]
    things += _wheels(Label.CAR, x, half_x, (z - half_z * 0.62, z + half_z * 0.62), 0.32)
    return tuple(things)


def _wheels(
    label: Label, x: float, half_m: float, places: tuple[float, ...], radius_m: float
) -> list[Thing]:
    finish = Finish(Material.WHEEL, _RUBBER, _HUB, (radius_m,))
    made = []
    for z in places:
        for side in (-1, 1):
            centre = (x + side * (half_m - 0.09), radius_m, z)
            made.append(Thing(prism(0, centre, radius_m, 0.11, 12), label, (finish,), centre))
    return made


def large_vehicle(spot: Spot, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Return a bus or a truck."""
    is_bus = rng.random() < 0.5
    label = Label.BUS if is_bus else Label.TRUCK
    length = rng.uniform(10.5, 12.5) if is_bus else rng.uniform(6.5, 9.5)
    height = rng.uniform(2.9, 3.2) if is_bus else rng.uniform(2.9, 3.6)
    x, half_x, near, far = spot.x, 1.24, spot.z - length / 2, spot.z + length / 2
    paint = draw_paint(rng) if rng.random() < 0.5 else (0.66, 0.64, 0.58)
    side = (
        Finish(Material.CAR_GLASS, paint, params=(length / 2 - 0.3, 1.2, height - 0.6, 1.5))
        if is_bus
        else _flat(paint)
    )
    lights = Finish(Material.CAR_END, paint, _RED if spot.away else _LAMP, (half_x, 0.75, 0.98))
    window = Finish(Material.CAR_GLASS, paint, params=(1.08, 1.3, height - 0.45, 9.0))
    anchor = (x, 0.0, spot.z)
    wide, top = (x - half_x, x + half_x), _flat((0.5, 0.5, 0.5))
    things = [
        Thing(
            box(wide, (0.35, 1.1), (near, far)),
            label,
            (_flat(paint), _flat(paint), lights, lights, top, _flat(_DARK)),
            anchor,
            grounded=True,
        ),
    ]
    if is_bus:
        ends = (side, side, window, window, top, top)
        things.append(Thing(box(wide, (1.1, height), (near, far)), label, ends, anchor))
    else:
        cab = (far - 1.9, far) if spot.away else (near, near + 1.9)
        load = (near, far - 2.1) if spot.away else (near + 2.1, far)
        sheet = _flat(paint if spot.away else (0.55, 0.56, 0.58))
        ends = (window, window, window, window, top, top)
        things.append(Thing(box(wide, (1.1, 2.7), cab), label, ends, anchor))
        things.append(Thing(box((x - 1.27, x + 1.27), (0.95, height), load), label, (sheet,)))
    return (*things, *_wheels(label, x, half_x, (near + 1.6, far - 1.6), 0.48))


def bicycle(spot: Spot, rng: np.random.Generator, *, ridden: bool) -> tuple[Thing, ...]:
    """Return a bicycle along the street, and its rider if it has one."""
    frame = _flat(draw_paint(rng))
    x, z, base = spot.x, spot.z, spot.ground_m
    tyre = Finish(Material.WHEEL, (0.02, 0.02, 0.02), (0.24, 0.24, 0.24), (0.34,))
    things = [
        Thing(
            prism(0, (x, base + 0.34, z + end), 0.34, 0.025, 12),
            Label.BICYCLE,
            (tyre,),
            (x, base + 0.34, z + end),
            grounded=True,
        )
        for end in (-0.52, 0.52)
    ]
    bars = (
        ((0.04, 0.04), (0.55, 0.61), (-0.45, 0.42)),
        ((0.04, 0.04), (0.40, 0.86), (-0.22, -0.16)),
        ((0.30, 0.30), (0.96, 1.02), (0.38, 0.44)),
        ((0.03, 0.03), (0.34, 1.0), (0.40, 0.45)),
    )
    for (left, right), (low, high), (back, front) in bars:
        shape = box((x - left, x + right), (base + low, base + high), (z + back, z + front))
        things.append(Thing(shape, Label.BICYCLE, (frame,)))
    return (*things, *(person(spot, rng, rides=True) if ridden else ()))


_CLOTHES: tuple[Rgb, ...] = (
    (0.05, 0.05, 0.07),
    (0.10, 0.13, 0.26),
    (0.45, 0.08, 0.08),
    (0.50, 0.48, 0.44),
    (0.16, 0.22, 0.16),
    (0.28, 0.20, 0.13),
    (0.62, 0.60, 0.20),
    (0.24, 0.34, 0.52),
)
_SKINS: tuple[Rgb, ...] = ((0.52, 0.34, 0.25), (0.34, 0.20, 0.13), (0.60, 0.42, 0.33))


def person(spot: Spot, rng: np.random.Generator, *, rides: bool = False) -> tuple[Thing, ...]:
    """Return somebody who stands, walks or rides: legs, a trunk, arms and a head."""
    label = Label.RIDER if rides else Label.PERSON
    tall = rng.uniform(1.55, 1.9)
    coat, trousers = (Finish(Material.PLAIN, _CLOTHES[int(rng.integers(8))]) for _ in range(2))
    skin = Finish(Material.PLAIN, _SKINS[int(rng.integers(3))])
    hair = _CLOTHES[0] if rng.random() < 0.6 else (0.20, 0.12, 0.06)
    x, z, foot = spot.x, spot.z, spot.ground_m + (0.28 if rides else 0.0)
    hip, step = foot + 0.48 * tall, float(rng.uniform(0.02, 0.22))
    trunk_z = z - 0.12 if rides else z
    things = [
        Thing(
            frustum(
                (x + s * 0.10 - 0.06, x + s * 0.10 + 0.06, z + s * step - 0.08, z + s * step + 0.1),
                (x + s * 0.09 - 0.09, x + s * 0.09 + 0.09, trunk_z - 0.1, trunk_z + 0.1),
                foot,
                hip + 0.03,
            ),
            label,
            (trousers,),
            grounded=True,
        )
        for s in (-1, 1)
    ]
    trunk = foot + 0.66 * tall
    things.append(Thing(ball((x, trunk, trunk_z), (0.185, 0.20 * tall, 0.13)), label, (coat,)))
    things += [
        Thing(
            ball((x + s * 0.20, trunk - 0.04, trunk_z + s * step), (0.06, 0.33, 0.09)),
            label,
            (coat,),
        )
        for s in (-1, 1)
    ]
    head = foot + 0.93 * tall
    things.append(Thing(ball((x, head, trunk_z), (0.09, 0.135, 0.105)), label, (skin,)))
    cap = Finish(Material.PLAIN, hair)
    things.append(
        Thing(ball((x, head + 0.045, trunk_z + 0.02), (0.095, 0.095, 0.11)), label, (cap,))
    )
    return tuple(things)
