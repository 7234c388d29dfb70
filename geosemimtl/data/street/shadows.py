"""Where the sun does not reach, and how much of the sky is open near what stands on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import Camera, Convex, Float
from geosemimtl.data.street.materials import Label, Thing
from geosemimtl.data.street.tracing import SKY, Hits, Window, windows_of

#: Nearer than this a thing casts no shadow: it would shade itself by rounding.
_NEAR_M = 0.03
#: Farther away only houses cast shadows: those of smaller things are less than some pixels.
_FAR_M = 60.0
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
    for thing, window in zip(things, _reaches(things, camera, towards_sun), strict=True):
        if window is not None and sunlit[window].any():
            sunlit[window][_stands_between(thing, point[:, *window], towards_sun)] = 0
    standing = [thing for thing in things if thing.grounded]
    surroundings = [_around(thing) for thing in standing]
    for thing, window in zip(standing, windows_of(surroundings, camera, 1)[0], strict=True):
        if window is not None:
            _darken_ground(thing, point[:, *window], sky[window])
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
    for *normal, distance in thing.shape.planes.tolist():
        speed = sum(n * way for n, way in zip(normal, towards_sun.tolist(), strict=True))
        room = np.float64(distance)
        for n, p in zip(normal, point, strict=True):
            if n:
                room = room - n * p
        if abs(speed) < 1e-9:
            leave[room < 0] = -np.inf
        elif speed > 0:
            np.minimum(leave, room / speed, out=leave)
        else:
            np.maximum(enter, room / speed, out=enter)
    return enter < leave


def _reaches(things: tuple[Thing, ...], camera: Camera, towards_sun: Float) -> list[Window | None]:
    """Return where things and their shadows down to the road are seen."""
    hulls = []
    for thing in things:
        corners = thing.shape.corners
        cast = corners - towards_sun * (corners[:, 1:2] / towards_sun[1])
        hulls.append(np.concatenate([corners, cast]))
    windows, nearest = windows_of(hulls, camera, 1)
    # What has no end is the road: it shades nothing.
    return [
        window if len(hull) and (near < _FAR_M or thing.label == Label.BUILDING) else None
        for thing, window, hull, near in zip(things, windows, hulls, nearest, strict=True)
    ]


def _around(thing: Thing) -> Float:
    """Return corners of the ground that a thing darkens."""
    low, high = thing.shape.corners.min(axis=0), thing.shape.corners.max(axis=0)
    reach = 3 * _CONTACT_M
    return np.array(
        [
            (x, y, z)
            for x in (low[0] - reach, high[0] + reach)
            for y in (0.0, 0.16)
            for z in (low[2] - reach, high[2] + reach)
        ]
    )


def _darken_ground(thing: Thing, point: Float, sky: NDArray[np.float32]) -> None:
    """Darken the ground under a thing and around it; ``sky`` is changed."""
    corners = thing.shape.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y, z = point
    aside = np.maximum(np.maximum(low[0] - x, x - high[0]), 0)
    along = np.maximum(np.maximum(low[2] - z, z - high[2]), 0)
    near = np.exp(-(aside * aside + along * along) / _CONTACT_M**2)
    sky *= np.where(y < 0.16, 1 - 0.75 * near, 1.0).astype(np.float32)
