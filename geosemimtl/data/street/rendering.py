"""How a look sees a street: colours, light, shadows, sky, air, optics, noise and digits."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from geosemimtl.data.street.geometry import Camera, pick
from geosemimtl.data.street.looks import Light, Optics, Span
from geosemimtl.data.street.materials import Material, Thing
from geosemimtl.data.street.patterns import PATTERNS, Spots
from geosemimtl.data.street.shadows import shade
from geosemimtl.data.street.tracing import SKY, Hits

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weather:
    """The light of one view.

    Attributes:
        towards_sun: Unit vector in the street, ``(3,)``.
        sun: Strength of its light.
        cloud: Share of clouds.
        haze_per_m: How much of the horizon's colour the air adds.
        exposure: Factor on all light.
    """

    towards_sun: NDArray[np.float64]
    sun: float
    cloud: float
    haze_per_m: float
    exposure: float


def draw_weather(light: Light, optics: Optics, rng: np.random.Generator) -> Weather:
    """Draw the light of one view."""

    def even(span: Span) -> float:
        return float(rng.uniform(*span))

    elevation, azimuth = radians(even(light.elevation_deg)), float(rng.uniform(0, 2 * np.pi))
    towards = (cos(elevation) * sin(azimuth), sin(elevation), cos(elevation) * cos(azimuth))
    return Weather(
        np.array(towards),
        even(light.sun),
        even(light.cloud),
        even(light.haze_per_m),
        even(optics.exposure),
    )


def render(
    hits: Hits,
    things: tuple[Thing, ...],
    camera: Camera,
    light: Light,
    optics: Optics,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Turn what rays meet into an image.

    Args:
        hits: Of ``tracing.trace``.
        things: What there is.
        camera: What looks.
        light: The light.
        optics: The camera's.
        rng: Draws weather and noise.

    Returns:
        ``(3, rows, cols)`` red, green and blue.
    """
    weather = draw_weather(light, optics, rng)
    scene = _sky(hits, light, weather)
    met = np.flatnonzero(hits.face != SKY)
    colour = _albedo(hits, camera, met)
    irradiance = _irradiance(hits, things, camera, light, weather)
    path_m = hits.depth_m.ravel().take(met).astype(np.float32)
    thickness = 1 - np.exp(path_m * np.float32(-weather.haze_per_m))
    for band, air in enumerate(light.horizon):
        colour[band] *= irradiance[band].ravel().take(met)
        colour[band] += (np.float32(air) - colour[band]) * thickness
        scene[band].ravel()[met] = colour[band]
    return _expose(_average(scene), optics, weather.exposure, rng)


def _albedo(hits: Hits, camera: Camera, met: NDArray[np.intp]) -> Float:
    """Return the colours of what is met, ``(3, n)``; ``met`` counts rays through."""
    faces = hits.faces
    face = hits.face.ravel().take(met)
    depth = hits.depth_m.ravel().take(met).astype(np.float32)
    rays = hits.rays.reshape(3, -1)
    material = faces.material.take(face)
    colour = np.empty((3, len(face)), np.float32)
    for kind in Material:
        at = np.flatnonzero(material == kind)
        if not len(at):
            continue
        own, far, rays_at = face.take(at), depth.take(at), met.take(at)
        u, v = np.zeros((2, len(at)), np.float32)
        only = np.flatnonzero(faces.material == kind)
        if len(only) == 1:
            own = only.astype(np.int32)  # one face: its values hold for all places
        for axis in range(3):
            offset = rays[axis].take(rays_at).astype(np.float32)
            offset *= far
            offset += (np.float32(hits.origin[axis]) - faces.anchor[axis]).take(own)
            u += offset * faces.across[axis].take(own)
            v += offset * faces.up[axis].take(own)
        spots = Spots(
            u,
            v,
            far * np.float32(0.5 / camera.focal_px),
            faces.colour.take(own, axis=1),
            faces.accent.take(own, axis=1),
            faces.params.take(own, axis=1),
            faces.seed.take(own),
        )
        colour[:, at] = PATTERNS[kind](spots)
    return colour


def _irradiance(
    hits: Hits, things: tuple[Thing, ...], camera: Camera, light: Light, weather: Weather
) -> Float:
    """Return the light that falls on what is met, ``(3, n, m)`` for the rays of ``trace``."""
    centres = hits.centres()
    normal = centres.normals().astype(np.float32)
    towards = weather.towards_sun.astype(np.float32)
    direct = np.clip(np.tensordot(towards, normal, 1), 0, None) * np.float32(weather.sun)
    sunlit, open_sky = shade(centres, things, camera, weather.towards_sun)
    direct *= sunlit
    # What lies flat sees all of the sky, a wall half of it and half of the street.
    diffuse = (0.62 + 0.38 * normal[1]) * open_sky
    # Walls that face different ways differ even under clouds.
    diffuse *= 1 + 0.10 * normal[0] - 0.08 * normal[2]
    fine = [_doubled(part) for part in (direct, diffuse)]
    sun, ambient = (
        np.array(c, np.float32)[:, None, None] for c in (light.sun_colour, light.ambient)
    )
    return sun * fine[0] + ambient * fine[1]


def _doubled(coarse: Float) -> Float:
    """Return values of pixels' centres for the rays of ``trace``: those beside take the nearest."""
    fine = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)
    return np.pad(fine, ((0, 1), (0, 1)), mode="edge")


def _sky(hits: Hits, light: Light, weather: Weather) -> Float:
    """Return the sky's colours where it is seen, ``(3, n, m)``; 0 elsewhere."""
    sky = np.zeros(hits.rays.shape, np.float32)
    above = np.flatnonzero(hits.face == SKY)
    x, y, z = hits.rays.reshape(3, -1).take(above, axis=1).astype(np.float32)
    rise = np.clip(y / np.sqrt(x * x + y * y + z * z), 0.0, 1.0)
    # Clouds lie on a plane above; near the horizon they run together.
    scale = 18.0 / (rise + 0.12)
    column = (x * scale).astype(np.int32) + int(400 * weather.cloud)
    row = (z * scale).astype(np.int32)
    field = pick(6.0, row, column) + 0.5 * pick(2.0, row, column)
    cover = np.clip(field * 0.45 - 0.75 + np.float32(1.5 * weather.cloud), 0, 0.9)
    white = np.float32(0.93) - 0.10 * np.clip(field, -1, 2)
    share = np.sqrt(rise)
    for band, (low, high) in enumerate(zip(light.horizon, light.zenith, strict=True)):
        blue = low + (high - low) * share
        sky[band].ravel()[above] = blue + (white - blue) * cover
    return sky


def _average(scene: Float) -> Float:
    """Return pixels as weighted means of the rays at and around them, ``(3, rows, cols)``."""
    down = scene[:, 1::2] * np.float32(0.5)
    down += (scene[:, :-1:2] + scene[:, 2::2]) * np.float32(0.25)
    pixels: Float = down[:, :, 1::2] * np.float32(0.5)
    pixels += (down[:, :, :-1:2] + down[:, :, 2::2]) * np.float32(0.25)
    return pixels


def _expose(
    pixels: Float, optics: Optics, exposure: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Pass light through lens, sensor and tone curve."""
    _, rows, cols = pixels.shape
    if optics.blur:
        for axis in (1, 2):
            pixels = gaussian_filter1d(pixels, optics.blur * cols, axis=axis, truncate=2.5)
    pixels = pixels * (np.array(optics.gain, np.float32) * np.float32(exposure))[:, None, None]
    if optics.vignette:
        row = (np.arange(rows, dtype=np.float32) - (rows - 1) / 2) / (cols / 2)
        col = (np.arange(cols, dtype=np.float32) - (cols - 1) / 2) / (cols / 2)
        pixels *= 1 - np.float32(optics.vignette) * (row[:, None] ** 2 + col**2) / np.float32(1.25)
    if optics.noise:
        # Light's own noise grows with its root; it is added before the tone curve.
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        pixels += noise * (np.float32(optics.noise) * np.sqrt(pixels.clip(0.003) / np.float32(0.4)))
    np.clip(pixels, 0, 1, out=pixels)
    np.power(pixels, np.float32(1 / optics.gamma), out=pixels)
    pixels += np.float32(optics.contrast) * (pixels * pixels * (3 - 2 * pixels) - pixels)
    grey = np.tensordot(np.array((0.299, 0.587, 0.114), np.float32), pixels, 1)
    pixels = grey + (pixels - grey) * np.float32(optics.saturation)
    pixels = np.float32(optics.black) + pixels * np.float32(1 - optics.black)
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
