"""How a sensor sees a city: light, shadow, air, optics, noise and digits."""

from __future__ import annotations

from math import cos, radians, sin, tan

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from geosemimtl.data.city.materials import reflectance_tables
from geosemimtl.data.city.presets import Sensor
from geosemimtl.data.city.truth import Truth

Float = NDArray[np.float32]

#: Slopes above this rise over run are walls: an orthophoto does not see them.
_WALL = 2.6


def render(truth: Truth, sensor: Sensor, seed: int) -> NDArray[np.uint8]:
    """Look at a city with a sensor.

    Args:
        truth: What is there.
        sensor: What looks; its own GSD is not used, the truth's is.
        seed: What names the noise.

    Returns:
        ``(bands, rows, cols)``.
    """
    shadow = cast_shadows(
        truth.ndsm_m, truth.gsd_m, sensor.sun_azimuth_deg, sensor.sun_elevation_deg
    )
    direct = _lambert(truth.ndsm_m, truth.gsd_m, sensor)
    direct[shadow] = 0
    mean, spread = reflectance_tables(sensor.bands, sensor.greenness)
    # Half a pixel stands for the detector's own extent.
    sigma_px = float(np.hypot(0.45, sensor.blur_m / truth.gsd_m))
    rng = np.random.default_rng((seed, 7))
    image = np.empty((len(sensor.bands), *truth.classes.shape), dtype=np.uint8)
    for band in range(len(sensor.bands)):
        light = mean[:, band][truth.material]
        light += spread[:, band][truth.material] * truth.hue
        light *= truth.albedo
        ambient = np.float32(sensor.ambient[band])
        light *= ambient + (1 - ambient) * direct
        light = gaussian_filter(light, sigma_px, truncate=2.5)
        light += np.float32(sensor.haze[band])
        light *= np.float32(sensor.gain[band])
        light += rng.standard_normal(light.shape, dtype=np.float32) * np.float32(sensor.noise)
        np.clip(light, 0, 1, out=light)
        if sensor.gamma != 1:
            np.power(light, np.float32(sensor.gamma), out=light)
        image[band] = (light * 255 + 0.5).astype(np.uint8)
    return image


def _lambert(ndsm_m: Float, gsd_m: float, sensor: Sensor) -> Float:
    """Direct light on a slope relative to that on flat ground, ``(rows, cols)``."""
    azimuth, elevation = radians(sensor.sun_azimuth_deg), radians(sensor.sun_elevation_deg)
    fall_y, fall_x = _slopes(ndsm_m, gsd_m)
    steep = (np.abs(fall_x) > _WALL) | (np.abs(fall_y) > _WALL)
    fall_x[steep] = 0
    fall_y[steep] = 0
    # Normal (-dz/dx, -dz/dy, 1), sun (sin az, -cos az, tan el) in x right, y down.
    towards: Float = -fall_x * np.float32(sin(azimuth)) + fall_y * np.float32(cos(azimuth))
    light: Float = towards * np.float32(1 / tan(elevation))
    light += 1
    light /= np.sqrt(1 + fall_x * fall_x + fall_y * fall_y)
    np.maximum(light, 0, out=light)
    return light


def _slopes(ndsm_m: Float, gsd_m: float) -> tuple[Float, Float]:
    """Rise over run along rows and columns, ``(rows, cols)`` each; zero on an axis of one pixel."""
    fall_y, fall_x = np.zeros_like(ndsm_m), np.zeros_like(ndsm_m)
    half = np.float32(0.5 / gsd_m)
    fall_y[1:-1] = (ndsm_m[2:] - ndsm_m[:-2]) * half
    fall_x[:, 1:-1] = (ndsm_m[:, 2:] - ndsm_m[:, :-2]) * half
    return fall_y, fall_x


def cast_shadows(
    ndsm_m: Float, gsd_m: float, sun_azimuth_deg: float, sun_elevation_deg: float
) -> NDArray[np.bool_]:
    """Which pixels the sun does not reach because something higher stands in its way.

    A shadow's edge falls by ``tan(elevation)`` a metre. Walking away from the sun one row (or
    column, whichever the light crosses more of) at a time, one vector holds the height of that
    edge over every line of light: it sinks by a constant, is compared with the ground, and is
    raised by it. That is exact along each line, unlike doubling shifts, whose roundings add up,
    and takes one pass.

    Args:
        ndsm_m: ``(rows, cols)`` heights in metres.
        gsd_m: Metres of a pixel.
        sun_azimuth_deg: Where the sun stands, clockwise from north (up).
        sun_elevation_deg: Its height above the horizon, in (0, 90].

    Returns:
        ``(rows, cols)``.
    """
    azimuth = radians(sun_azimuth_deg)
    away_y, away_x = cos(azimuth), -sin(azimuth)
    if sun_elevation_deg >= 90:
        return np.zeros(ndsm_m.shape, dtype=np.bool_)
    if abs(away_x) > abs(away_y):
        return _sweep(ndsm_m.T, gsd_m, away_x, away_y, sun_elevation_deg).T
    return _sweep(ndsm_m, gsd_m, away_y, away_x, sun_elevation_deg)


def _sweep(
    heights: Float, gsd_m: float, main: float, side: float, elevation_deg: float
) -> NDArray[np.bool_]:
    """Sweep the rows along the light, which moves ``side / main`` columns a row."""
    rows, cols = heights.shape
    ordered = heights if main > 0 else heights[::-1]
    offsets = np.rint(np.arange(rows) * (-side / abs(main))).astype(int)
    offsets -= offsets.min()
    sink = np.float32(gsd_m / abs(main) * tan(radians(elevation_deg)))
    # Lines of light are rounded to whole columns: within half a pixel of it, a slope that is
    # parallel to the light would be striped by its own shadow.
    slack = np.float32(0.5 * gsd_m * tan(radians(elevation_deg)))
    edge = np.full(cols + int(offsets.max()), -np.inf, dtype=np.float32)
    shadow = np.empty((rows, cols), dtype=np.bool_)
    for row, start in enumerate(offsets.tolist()):
        edge -= sink
        lit = edge[start : start + cols]
        np.greater(lit, ordered[row] + slack, out=shadow[row])
        np.maximum(lit, ordered[row], out=lit)
    return shadow if main > 0 else shadow[::-1]
