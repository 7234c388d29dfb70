"""Where the sun does not reach, and how much of the sky is open near what stands on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import Camera, Convex, Float
from geosemimtl.data.street.materials import Thing
from geosemimtl.data.street.tracing import SKY, Hits, window_of

#: Nearer than this a thing casts no shadow: it would shade itself by rounding.
_NEAR_M = 0.03
#: How far around things the ground is darker, metres.
_CONTACT_M = 0.35


def shade(
    hits: Hits, things: tuple[Thing, ...], camera: Camera, towards_sun: Float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what reaches the places that pixels' centres see.

    Args:
        hits: Of pixels' centres.
        things: What there is.
        camera: What looks.
        towards_sun: Unit vector in the street, ``(3,)``.

    Returns:
        Whether the sun is seen, 1 or 0, and the share of the sky, in [0, 1]; ``(rows, cols)``.
    """
    sunlit = np.ones(hits.face.shape, np.float32)
    sky = np.ones(hits.face.shape, np.float32)
    # The sky's face has no depth: any place will do, it is not used.
    depth = np.where(hits.face == SKY, 0, hits.depth_m)
    point = hits.origin[:, None, None] + depth * hits.rays
    for thing in things:
        corners = thing.shape.corners
        if not len(corners):
            continue
        cast = corners - towards_sun * (corners[:, 1:2] / towards_sun[1])
        window = window_of(np.concatenate([corners, cast]), camera, 1)
        if window is not None and sunlit[window].any():
            sunlit[window][_stands_between(thing, point[:, *window], towards_sun)] = 0
        if thing.grounded:
            _darken_ground(thing, camera, point, sky)
    # In a street, the higher the more sky.
    sky *= (0.72 + 0.28 * (1 - np.exp(-np.clip(point[1], 0, None) / 3.0))).astype(np.float32)
    return sunlit, sky


def _stands_between(thing: Thing, point: Float, towards_sun: Float) -> NDArray[np.bool_]:
    """Return whether a thing is met on the way from places to the sun."""
    if not isinstance(thing.shape, Convex):
        start = [
            (p - c) / r
            for p, c, r in zip(point, thing.shape.centre, thing.shape.radii, strict=True)
        ]
        way = towards_sun / thing.shape.radii
        square = float(way @ way)
        along = way[0] * start[0] + way[1] * start[1] + way[2] * start[2]
        inside = start[0] ** 2 + start[1] ** 2 + start[2] ** 2 - 1
        met: NDArray[np.bool_] = (along < 0) & (along * along > square * inside) & (inside > 0.02)
        return met
    enter = np.full(point.shape[1:], _NEAR_M)
    leave = np.full(point.shape[1:], np.inf)
    for *normal, distance in thing.shape.planes:
        speed = float(np.dot(normal, towards_sun))
        room = distance - sum(n * p for n, p in zip(normal, point, strict=True) if n)
        if abs(speed) < 1e-9:
            leave[room < 0] = -np.inf
        elif speed > 0:
            np.minimum(leave, room / speed, out=leave)
        else:
            np.maximum(enter, room / speed, out=enter)
    return enter < leave


def _darken_ground(thing: Thing, camera: Camera, point: Float, sky: NDArray[np.float32]) -> None:
    """Darken the ground under a thing and around it; ``sky`` is changed."""
    low, high = thing.shape.corners.min(axis=0), thing.shape.corners.max(axis=0)
    reach = 3 * _CONTACT_M
    around = np.array(
        [
            (x, y, z)
            for x in (low[0] - reach, high[0] + reach)
            for y in (0.0, 0.15)
            for z in (low[2] - reach, high[2] + reach)
        ]
    )
    window = window_of(around, camera, 1)
    if window is None:
        return
    x, y, z = point[:, *window]
    aside = np.maximum(np.maximum(low[0] - x, x - high[0]), 0)
    along = np.maximum(np.maximum(low[2] - z, z - high[2]), 0)
    near = np.exp(-(aside * aside + along * along) / _CONTACT_M**2)
    sky[window] *= np.where(y < 0.16, 1 - 0.75 * near, 1.0).astype(np.float32)
