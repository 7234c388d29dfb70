"""The colours of faces: masonry, windows, lane markings, leaves, from a place on the face.

Everything is a function of metres, so that a finer image shows the same street. Where a pattern is
finer than a ray's footprint it gives way to its mean, as a sensor's pixel would see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import pick
from geosemimtl.data.street.materials import Material

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spots:
    """Places on faces of one material.

    Attributes:
        u: Along the ground, metres from the face's anchor, ``(n,)``.
        v: Up, or along the street on what lies flat, ``(n,)``.
        size_m: Extent of a ray, ``(n,)``.
        colour: The faces' own, ``(3, n)``.
        accent: Theirs, ``(3, n)``.
        params: Theirs, ``(PARAMS, n)``.
        seed: Theirs, ``(n,)``.
    """

    u: Float
    v: Float
    size_m: Float
    colour: Float
    accent: Float
    params: Float
    seed: NDArray[np.int32]

    def noise(self, spot_m: float, sigma: float = 2.0) -> Float:
        """Return noise of mean 0 and deviation 1 in spots of some size, fading where finer."""
        scale = np.float32(2 * sigma / spot_m)
        column = (self.u * scale).astype(np.int32) + self.seed * 37
        row = (self.v * scale).astype(np.int32) + self.seed * 101
        return pick(sigma, row, column) * _share(self.size_m, spot_m)

    def cell(self, column: NDArray[np.int32], row: NDArray[np.int32], salt: int) -> Float:
        """Return a number of mean 0 and deviation 1 that belongs to a cell of a grid."""
        return pick(0.0, row * 29 + self.seed * 7 + salt, column * 83 + self.seed)


def _share(size_m: Float, period_m: Float | float) -> Float:
    """Return how much of a pattern a ray of some extent still shows: 1 to 0."""
    share: Float = np.clip(1.6 - 2.4 * size_m / period_m, 0, 1).astype(np.float32)
    return share


def _mix(first: Float, second: Float, share: Float | NDArray[np.bool_]) -> Float:
    mixed: Float = first + (second - first) * share
    return mixed


def _split(place: Float, period: Float | float) -> tuple[NDArray[np.int32], Float]:
    """Return the number of a period and the place in it, in [0, 1)."""
    position = place / period
    whole = np.floor(position)
    return whole.astype(np.int32), position - whole


def _line(place: Float, width: float) -> NDArray[np.bool_]:
    return np.abs(place) < width / 2


def _plain(spots: Spots) -> Float:
    return spots.colour * (1 + 0.04 * spots.noise(0.4))


def _road(spots: Spots) -> Float:
    """Asphalt and its markings.

    ``params`` are half the road, a lane, parking, and where the zebra crossing begins and ends.
    """
    half, lane, parking, zebra_from, zebra_to, _ = spots.params
    grey = 1 + 0.08 * spots.noise(4.0, 4.0) + 0.07 * spots.noise(0.05) + 0.05 * spots.noise(15.0)
    # Wheels polish two tracks a lane.
    track = np.abs(np.abs(spots.u / lane % 1 - 0.5) - 0.26)
    grey -= 0.10 * np.exp(-((track * 9) ** 2)) * (np.abs(spots.u) < half)
    colour = spots.colour * grey
    inner = half - parking
    dashes = (spots.v % 9.0) < 3.6
    between = _line((spots.u + lane / 2) % lane - lane / 2, 0.14) & (np.abs(spots.u) < inner - 1)
    edge = _line(np.abs(spots.u) - inner + 0.1, 0.12) & (parking > 0)
    in_zebra = (spots.v > zebra_from) & (spots.v < zebra_to)
    marked = ((between & dashes) | edge) & (spots.v < zebra_from - 1.0)
    marked |= in_zebra & ((spots.u % 1.0) < 0.5) & (np.abs(spots.u) < half - 0.3)
    worn = np.clip(0.85 + 0.18 * spots.noise(0.25), 0, 1)
    return _mix(colour, spots.accent, marked * worn)


def _paving(spots: Spots) -> Float:
    """Slabs: ``params`` are the length of a slab."""
    side = spots.params[0]
    column, x = _split(spots.u, side)
    row, y = _split(spots.v + 0.5 * side * (column & 1), side)
    tone = 1 + 0.06 * spots.cell(column, row, 3) * _share(spots.size_m, side)
    tone += 0.05 * spots.noise(2.0, 4.0) + 0.06 * spots.noise(0.1)
    joint = (x < 0.05) | (y < 0.05)
    return spots.colour * (tone - 0.35 * joint * _share(spots.size_m, side * 0.5))


def _grass(spots: Spots) -> Float:
    shade = 1 + 0.22 * spots.noise(0.15) + 0.20 * spots.noise(1.8, 4.0)
    dry = np.clip(0.5 + 0.3 * spots.noise(5.0, 4.0), 0, 1)
    return _mix(spots.colour, spots.accent, dry) * shade


def _foliage(spots: Spots) -> Float:
    shade = 1 + 0.30 * spots.noise(0.5, 4.0) + 0.36 * spots.noise(0.14)
    shade += 0.26 * spots.noise(0.06)
    sunny = np.clip(0.4 + 0.35 * spots.noise(0.7, 4.0), 0, 1)
    return np.maximum(_mix(spots.colour, spots.accent, sunny) * shade, 0.004)


def _bricks(spots: Spots) -> Float:
    """Courses of stone: ``params`` are their height."""
    course = spots.params[0]
    row, y = _split(spots.v, course)
    column, x = _split(spots.u + 0.5 * 2.4 * course * (row & 1), 2.4 * course)
    seen = _share(spots.size_m, course)
    tone = 1 + 0.13 * spots.cell(column, row, 5) * seen + 0.06 * spots.noise(1.5, 4.0)
    joint = ((y < 0.12) | (x < 0.05)) * seen
    return _mix(spots.colour * tone, spots.colour * 0.25 + 0.3, joint * 0.6)


def _planks(spots: Spots) -> Float:
    """Upright boards or bars: ``params`` are their distance and the share that is open."""
    pitch, opening = spots.params[:2]
    column, x = _split(spots.u, pitch)
    tone = 1 + 0.09 * spots.cell(column, column, 9)
    seen = _share(spots.size_m, pitch)
    gap = _mix(opening * np.ones_like(x), (x < opening).astype(np.float32), seen)
    rail = _line(spots.v - 0.25, 0.08) | _line(spots.v - 0.85, 0.08)
    return _mix(spots.colour * tone, spots.accent, gap * ~rail)


def _tiles(spots: Spots) -> Float:
    row, y = _split(spots.v, 0.28)
    seen = _share(spots.size_m, 0.28)
    tone = 1 + 0.08 * spots.noise(0.5) + 0.08 * spots.noise(4.0, 4.0)
    tone += seen * (0.05 * spots.cell(row, row, 2) - 0.3 * (y < 0.25))
    return spots.colour * tone


def _facade(spots: Spots) -> Float:
    """Storeys and windows.

    ``params`` are the height of a storey, the width of a bay, the shares of both that are window,
    the height of the house, and whether its ground floor is a shop.
    """
    storey, bay, wide, tall, height, shop = spots.params
    row, y = _split(spots.v, storey)
    column, x = _split(spots.u, bay)
    is_shop = (row == 0) & (shop > 0)
    wide = np.where(is_shop, 0.88, wide)
    tall = np.where(is_shop, 0.72, tall)
    plaster = 1 + 0.05 * spots.noise(2.5, 4.0) + 0.05 * spots.noise(0.2)
    # Rain and dirt: darker under the eaves and near the ground.
    plaster -= 0.10 * np.exp(-np.maximum(spots.v, 0) / 0.9)
    wall = spots.colour * plaster
    wall = _mix(wall, spots.colour * 0.55 + spots.accent * 0.25, is_shop & (y > 0.84))
    ledge = (_line(spots.v % storey, 0.14) & (row > 0)) | (height - spots.v < 0.35)
    wall = _mix(wall, np.minimum(spots.colour * 1.25, 0.9), ledge * 0.8)
    aside, above = np.abs(x - 0.5), np.abs(y - np.where(is_shop, 0.44, 0.52))
    is_window = (aside < wide / 2) & (above < tall / 2) & (spots.v < height - 0.5)
    frame_u, frame_v = 0.09 / bay, 0.09 / storey
    is_glass = is_window & (aside < wide / 2 - frame_u) & (above < tall / 2 - frame_v)
    is_glass &= (aside > frame_u * 0.4) | is_shop
    lit = spots.cell(column, row, 11)
    glass = _glass(spots, lit, y)
    awning = is_shop & (y > 0.7) & (y < 0.84) & (spots.cell(column // 3, row, 17) > 0.2)
    painted = _mix(_mix(wall, spots.accent, is_window), glass, is_glass)
    painted = _mix(painted, spots.accent, awning)
    # Far away only the mean is seen.
    share = wide * tall * 0.8 * (spots.v < height)
    return _mix(_mix(wall, glass, share), painted, _share(spots.size_m, bay * 0.45))


def _glass(spots: Spots, lit: Float, y: Float) -> Float:
    """Panes: dark rooms, some with curtains, and a reflection that brightens upwards."""
    tone = 0.05 + 0.16 * np.clip(y, 0, 1) ** 2 + 0.035 * np.clip(lit, -1.2, 2)
    glass: Float = np.stack([tone * 0.80, tone * 0.95, tone * 1.15])
    curtain = np.clip(spots.accent * 0.5 + 0.18, 0, 0.75)
    return _mix(glass, curtain, (lit > 1.05) * np.float32(0.8))


def _car_glass(spots: Spots) -> Float:
    """Windows of a vehicle: ``params`` are half its length, the lower and upper edge, pillars."""
    half, low, high, pillar = spots.params[:4]
    is_pane = (spots.v > low) & (spots.v < high) & (np.abs(spots.u) < half)
    is_pane &= ~_line((spots.u + pillar / 2) % pillar - pillar / 2, 0.09)
    tone = 0.03 + 0.16 * np.clip((spots.v - low) / (high - low), 0, 1)
    glass = np.stack([tone * 0.85, tone * 0.95, tone * 1.1])
    return _mix(spots.colour, glass, is_pane)


def _car_end(spots: Spots) -> Float:
    """Front or back of a vehicle: ``params`` are half its width, the lights' lower and upper edge.

    The accent is the lights' colour; the plate is white, the bumper dark.
    """
    half, low, high = spots.params[:3]
    aside = np.abs(spots.u)
    is_light = (aside > half * 0.62) & (aside < half * 0.96) & (spots.v > low) & (spots.v < high)
    is_plate = (aside < 0.26) & (np.abs(spots.v - low + 0.12) < 0.07)
    is_grille = (aside < half * 0.6) & (spots.v < low - 0.22)
    colour = _mix(spots.colour, spots.colour * 0.12 + 0.02, is_grille)
    colour = _mix(colour, np.full_like(colour, 0.7), is_plate)
    return _mix(colour, spots.accent, is_light)


def _wheel(spots: Spots) -> Float:
    """A wheel: ``params`` are its radius; the accent is its hub."""
    reach = np.hypot(spots.u, spots.v) / spots.params[0]
    return _mix(spots.colour, spots.accent, (reach < 0.62) & (reach > 0.12))


def _sign(spots: Spots) -> Float:
    """A sign: ``params`` are its radius and where its rim begins; the accent is the inside."""
    radius, rim = spots.params[:2]
    reach = np.maximum(np.hypot(spots.u, spots.v), 0) / radius
    symbol = (np.abs(spots.u) < radius * 0.5) & _line(spots.v, radius * 0.34)
    inner = _mix(spots.accent, 1 - spots.accent, symbol & (spots.seed % 2 == 0))
    return _mix(spots.colour, inner, reach < rim)


def _signals(spots: Spots) -> Float:
    """Three lamps over each other: ``params`` are the housing's height and which one is on."""
    height, lit = spots.params[:2]
    place = spots.v / height * 3
    lamp = np.clip(np.floor(place + 1.5), 0, 2)
    is_lamp = np.hypot(spots.u * 3 / height, place + 1.5 - lamp - 0.5) < 0.38
    lamps = np.array([(0.05, 0.9, 0.3), (1.0, 0.6, 0.05), (1.0, 0.08, 0.05)], np.float32)
    glow = lamps[lamp.astype(np.int32)].T * np.where(lamp == lit, 1.5, 0.10)
    return _mix(spots.colour, glow, is_lamp)


PATTERNS: Mapping[Material, Callable[[Spots], Float]] = MappingProxyType(
    {
        Material.PLAIN: _plain,
        Material.ROAD: _road,
        Material.PAVING: _paving,
        Material.GRASS: _grass,
        Material.FACADE: _facade,
        Material.TILES: _tiles,
        Material.BRICKS: _bricks,
        Material.PLANKS: _planks,
        Material.FOLIAGE: _foliage,
        Material.CAR_GLASS: _car_glass,
        Material.CAR_END: _car_end,
        Material.WHEEL: _wheel,
        Material.SIGN: _sign,
        Material.SIGNALS: _signals,
    }
)
