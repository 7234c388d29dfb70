"""Paint a plan: classes, heights and what the surfaces are made of, at any pixel size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, cos, floor, pi, sin

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.city.blocks import make_plan
from geosemimtl.data.city.materials import SURFACES, Material, class_table, texture_tables
from geosemimtl.data.city.noise import value_noise
from geosemimtl.data.city.objects import Blob, Box, Look, Patch, Plan
from geosemimtl.data.city.presets import CityStyle

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is there, before any sensor looks at it; all arrays are ``(rows, cols)``.

    Attributes:
        classes: Index into ``ISPRS_CLASSES``.
        ndsm_m: Height above ground in metres.
        material: Value of ``Material``.
        hue: Shift of the reflectance along the material's spread.
        albedo: Factor on the reflectance: the thing's tint times its texture.
        gsd_m: Metres of a pixel.
    """

    classes: NDArray[np.uint8]
    ndsm_m: Float
    material: NDArray[np.uint8]
    hue: Float
    albedo: Float
    gsd_m: float


def make_truth(style: CityStyle, width_m: float, height_m: float, gsd_m: float, seed: int) -> Truth:
    """Draw a city from a seed; the same seed is the same city at every pixel size.

    Args:
        style: How the city is built.
        width_m: Extent in x, metres.
        height_m: Extent in y, metres.
        gsd_m: Metres of a pixel.
        seed: What names the city.
    """
    shape = max(1, round(height_m / gsd_m)), max(1, round(width_m / gsd_m))
    plan = make_plan(style, width_m, height_m, seed)
    return paint(plan, shape, gsd_m, seed)


def paint(plan: Plan, shape: tuple[int, int], gsd_m: float, seed: int) -> Truth:
    """Paint a plan on asphalt: patches in order, then what stands, the higher over the lower.

    Args:
        plan: The things, in metres.
        shape: Rows and columns.
        gsd_m: Metres of a pixel.
        seed: What names the texture.
    """
    canvas = _Canvas(
        np.full(shape, Material.ASPHALT, dtype=np.uint8),
        np.zeros(shape, dtype=np.float32),
        np.zeros(shape, dtype=np.float32),
        np.ones(shape, dtype=np.float32),
        _bumps(shape, gsd_m, seed),
        gsd_m,
    )
    for patch in plan.patches:
        _paint_patch(canvas, patch)
    for box in plan.boxes:
        _paint_box(canvas, box)
    for blob in plan.blobs:
        _paint_blob(canvas, blob)
    _weather(canvas, seed)
    return Truth(
        class_table()[canvas.material],
        canvas.ndsm_m,
        canvas.material,
        canvas.hue,
        canvas.albedo,
        gsd_m,
    )


def _bumps(shape: tuple[int, int], gsd_m: float, seed: int) -> Float:
    """Clumps of leaves and stones: noise of two sizes, deviation about 1."""
    large = value_noise(shape, gsd_m, 1.9, (seed, 1, 0))
    large *= np.float32(0.8)
    if gsd_m < 0.7:
        large += np.float32(0.6) * value_noise(shape, gsd_m, 0.7, (seed, 1, 1))
    return large


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The arrays being painted; private to ``paint``, which alone writes to them."""

    material: NDArray[np.uint8]
    ndsm_m: Float
    hue: Float
    albedo: Float
    bumps: Float
    gsd_m: float

    def window(
        self, bounds: tuple[float, float, float, float]
    ) -> tuple[tuple[slice, slice], Float, Float] | None:
        """Pixels within bounds, and their centres: x as a row, y as a column; None outside."""
        rows, cols = self.material.shape
        left = max(0, floor(bounds[0] / self.gsd_m))
        top = max(0, floor(bounds[1] / self.gsd_m))
        right = min(cols, ceil(bounds[2] / self.gsd_m))
        bottom = min(rows, ceil(bounds[3] / self.gsd_m))
        if left >= right or top >= bottom:
            return None
        x = ((np.arange(left, right) + 0.5) * self.gsd_m).astype(np.float32)[None, :]
        y = ((np.arange(top, bottom) + 0.5) * self.gsd_m).astype(np.float32)[:, None]
        return (slice(top, bottom), slice(left, right)), x, y

    def put(
        self,
        where: tuple[slice, slice],
        mask: NDArray[np.bool_],
        look: Look,
        texture: Float | np.float32,
    ) -> None:
        """Give the pixels of a mask a material, a hue and a brightness."""
        self.material[where][mask] = look.material
        self.hue[where][mask] = look.hue
        np.copyto(self.albedo[where], np.float32(look.tint) * texture, where=mask)


def _paint_patch(canvas: _Canvas, patch: Patch) -> None:
    if patch.shape.is_empty:
        return
    found = canvas.window(patch.shape.bounds)
    if found is None:
        return
    where, x, y = found
    inside = np.ones((y.shape[0], x.shape[1]), dtype=np.bool_)
    for edge in patch.shape.edges:
        limit = float(edge.start @ edge.inward)
        across = x * np.float32(edge.inward[0]) - np.float32(limit)
        inside &= across >= -y * np.float32(edge.inward[1])
    canvas.put(where, inside, patch.look, np.float32(1.0))


def _paint_box(canvas: _Canvas, box: Box) -> None:
    c, s = cos(box.angle), sin(box.angle)
    reach_x = abs(c) * box.half_u_m + abs(s) * box.half_v_m
    reach_y = abs(s) * box.half_u_m + abs(c) * box.half_v_m
    found = canvas.window((box.x - reach_x, box.y - reach_y, box.x + reach_x, box.y + reach_y))
    if found is None:
        return
    where, x, y = found
    dx, dy = x - np.float32(box.x), y - np.float32(box.y)
    u = dx * np.float32(c) + dy * np.float32(s)
    v = dy * np.float32(c) - dx * np.float32(s)
    to_end: Float = np.float32(box.half_u_m) - np.abs(u)
    to_side: Float = np.float32(box.half_v_m) - np.abs(v)
    height = _ROOFS[box.roof](box, u, v, to_end, to_side)
    mask = (to_end >= 0) & (to_side >= 0) & (height > canvas.ndsm_m[where])
    texture = _rib(canvas.gsd_m, box, u, v)
    if box.roof == "flat":
        texture = texture * np.where(np.minimum(to_end, to_side) < 0.3, np.float32(1.18), 1)
    elif box.roof in ("gable", "hip"):
        texture = texture * np.where(np.abs(v) < 0.16, np.float32(1.14), 1)
    elif box.roof == "car":
        texture = _car_paint(box, u, to_side)
    canvas.put(where, mask, box.look, texture.astype(np.float32))
    np.copyto(canvas.ndsm_m[where], height, where=mask)


def _rib(gsd_m: float, box: Box, u: Float, v: Float) -> Float:
    surface = SURFACES[box.look.material]
    # Ribs that pixels cannot resolve would alias into broad stripes: fade them out.
    depth = surface.rib * min(1.0, max(0.0, surface.rib_m / gsd_m / 2 - 1))
    if depth <= 0:
        return np.ones_like(u)
    along = u if box.roof == "flat" else v
    ribs: Float = 1 + np.float32(depth) * np.sin(along * np.float32(2 * pi / surface.rib_m))
    return ribs


def _car_paint(box: Box, u: Float, to_side: Float) -> Float:
    # Dark windscreens before and behind the cabin, as seen from above.
    glass = (np.abs(np.abs(u + 0.25) / box.half_u_m - 0.52) < 0.1) & (to_side > 0.15)
    return np.where(glass, np.float32(0.35), np.float32(1.0))


_Form = Callable[[Box, Float, Float, Float, Float], Float]


def _flat(box: Box, u: Float, _v: Float, _end: Float, _side: Float) -> Float:
    return np.full_like(u, box.eaves_m)


def _gable(box: Box, _u: Float, _v: Float, _end: Float, side: Float) -> Float:
    return np.float32(box.eaves_m) + np.float32(box.pitch) * side


def _hip(box: Box, _u: Float, _v: Float, end: Float, side: Float) -> Float:
    return np.float32(box.eaves_m) + np.float32(box.pitch) * np.minimum(end, side)


def _car(box: Box, u: Float, _v: Float, _end: Float, _side: Float) -> Float:
    fall = (0.72 - np.abs(u + 0.25) / box.half_u_m) * 2.5
    height: Float = np.float32(box.eaves_m) * np.clip(fall, 0.6, 1.0).astype(np.float32)
    return height


_ROOFS: dict[str, _Form] = {
    "flat": _flat,
    "gable": _gable,
    "hip": _hip,
    "car": _car,
}


def _paint_blob(canvas: _Canvas, blob: Blob) -> None:
    reach = blob.radius_m * (1 + 1.5 * blob.raggedness)
    found = canvas.window((blob.x - reach, blob.y - reach, blob.x + reach, blob.y + reach))
    if found is None:
        return
    where, x, y = found
    bumps = canvas.bumps[where]
    distance = np.hypot(x - np.float32(blob.x), y - np.float32(blob.y)) / np.float32(blob.radius_m)
    distance -= np.float32(blob.raggedness) * np.clip(bumps, -1.5, 1.5)
    dome = np.clip(1 - distance * distance, 0, 1) ** np.float32(blob.sharpness)
    height = blob.base_m + (blob.top_m - blob.base_m) * dome + blob.roughness_m * bumps
    height = np.clip(height, 0.0, max(blob.top_m, 0.0))
    # Ponds have no height: they replace the ground only.
    mask = (distance < 1) & (height >= canvas.ndsm_m[where])
    canvas.put(where, mask, blob.look, np.float32(1.0))
    np.copyto(canvas.ndsm_m[where], height.astype(np.float32), where=mask)


def _weather(canvas: _Canvas, seed: int) -> None:
    """Irregular texture by material: spots of three sizes in brightness, patches in hue."""
    mottle, patchiness = texture_tables()
    shape, gsd = canvas.material.shape, canvas.gsd_m
    grain = 0.45 * canvas.bumps
    for number, (spacing, weight) in enumerate(((9.0, 0.4), (2.7, 0.4), (0.25, 0.7))):
        if spacing > gsd:
            grain += np.float32(weight) * value_noise(
                (shape[0], shape[1]), gsd, spacing, (seed, 2, number)
            )
    np.clip(grain, -2.2, 2.2, out=grain)
    grain *= mottle[canvas.material]
    grain += 1
    np.multiply(canvas.albedo, np.maximum(grain, 0.15), out=canvas.albedo)
    patches = value_noise((shape[0], shape[1]), gsd, 5.0, (seed, 3))
    patches *= patchiness[canvas.material]
    np.add(canvas.hue, patches, out=canvas.hue)
