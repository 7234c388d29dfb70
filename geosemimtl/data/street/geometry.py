"""Solids of a street in metres, what a camera's rays are, and where both meet.

The street's coordinates are x to the right, y up from the road and z along the road; a camera's
are x to the right, y down and z forward. A ray's direction has the forward component 1 in camera
coordinates, so that the distance along it, in units of itself, is the depth along the optical axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import cos, pi, radians, sin

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Float = NDArray[np.float64]

#: Nearer than this to the camera's plane nothing is projected; metres.
_NEAR_M = 0.05
_SIGNS = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], np.float64)
#: Side of the tiles of noise, which repeat; a power of two.
TILE = 256


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera over a street.

    Attributes:
        focal_px: Focal length in pixels, the same for rows and columns.
        baseline_m: Distance to a second camera to its right, which makes disparity of depth.
        height_m: Height of its centre above the road.
        pitch_deg: How far it looks down.
        shape: Rows and columns; the principal point is the middle.
        heading_deg: How far it looks to the right of the street's direction.
        offset_m: How far it stands to the right of the road's middle.
    """

    focal_px: float
    baseline_m: float
    height_m: float
    pitch_deg: float
    shape: tuple[int, int]
    heading_deg: float = 0.0
    offset_m: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the principal point, whole numbers being pixels' centres."""
        return (self.shape[0] - 1) / 2, (self.shape[1] - 1) / 2

    @property
    def position(self) -> Float:
        """Where it stands in the street, ``(3,)``."""
        return np.array((self.offset_m, self.height_m, 0.0))

    @property
    def axes(self) -> Float:
        """Its axes right, down and forward in the street: the columns of ``(3, 3)``."""
        return _axes(radians(self.pitch_deg), radians(self.heading_deg))

    def rays(self, rows: Float, cols: Float) -> Float:
        """Return the directions of rays in the street.

        Args:
            rows: Positions in pixels, ``(n,)``.
            cols: Positions in pixels, ``(m,)``.

        Returns:
            ``(3, n, m)``.
        """
        down = ((rows - self.centre[0]) / self.focal_px)[:, None]
        right = ((cols - self.centre[1]) / self.focal_px)[None]
        axes = self.axes
        return np.stack([axes[k, 0] * right + (axes[k, 1] * down + axes[k, 2]) for k in range(3)])

    def bounds(self, points: Float, first: NDArray[np.intp]) -> Float:
        """Return between which rows and columns the hulls of some groups of points are seen.

        Args:
            points: In the street, ``(n, 3)``.
            first: Index of each group's first point, ``(groups,)``.

        Returns:
            First and last row, first and last column of each group, in pixels, and its least
            depth, ``(5, groups)``; NaN in place of pixels if it lies behind.
        """
        seen = np.stack([_part(points - self.position, axis) for axis in self.axes.T])
        depth = seen[2]
        nearest, farthest = np.minimum.reduceat(depth, first), np.maximum.reduceat(depth, first)
        with np.errstate(divide="ignore", invalid="ignore"):
            place = seen[1::-1] / depth * self.focal_px + np.array(self.centre)[:, None]
        low, high = (f.reduceat(place, first, axis=1) for f in (np.minimum, np.maximum))
        found = np.stack([low[0], high[0], low[1], high[1], nearest])
        found[:4, farthest <= _NEAR_M] = np.nan
        for group in np.flatnonzero((nearest <= _NEAR_M) & (farthest > _NEAR_M)):
            end = first[group + 1] if group + 1 < len(first) else len(points)
            found[:4, group] = self._clipped_bounds(seen[:, first[group] : end].T)
        return found

    def _clipped_bounds(self, seen: Float) -> tuple[float, float, float, float]:
        """Return the bounds of what lies in front of the near plane, in camera coordinates."""
        front = seen[:, 2] > _NEAR_M
        # Where lines from what is in front to what is behind cross the near plane.
        near, far = seen[front][:, None], seen[~front][None]
        share = (near[..., 2:] - _NEAR_M) / (near[..., 2:] - far[..., 2:])
        seen = np.concatenate([seen[front], (near + share * (far - near)).reshape(-1, 3)])
        place = seen[:, :2] / seen[:, 2:] * self.focal_px
        (left, top), (right, bottom) = place.min(axis=0), place.max(axis=0)
        row, col = self.centre
        return top + row, bottom + row, left + col, right + col


def _part(vectors: Float, axis: Float) -> Float:
    """Return the part of vectors ``(n, 3)`` along an axis, summed in a fixed order."""
    along: Float = vectors[:, 0] * axis[0] + vectors[:, 1] * axis[1] + vectors[:, 2] * axis[2]
    return along


@cache
def _axes(pitch: float, heading: float) -> Float:
    right = (cos(heading), 0.0, -sin(heading))
    down = (-sin(pitch) * sin(heading), -cos(pitch), -sin(pitch) * cos(heading))
    forward = (cos(pitch) * sin(heading), -sin(pitch), cos(pitch) * cos(heading))
    axes = np.array((right, down, forward)).T
    axes.flags.writeable = False
    return axes


@dataclass(frozen=True, slots=True)
class Convex:
    """A convex solid: all points ``p`` with ``normal . p <= distance`` for each of its planes.

    Attributes:
        planes: Outward unit normal and distance of each face, ``(faces, 4)``.
        corners: ``(n, 3)``; none if it has no end.
    """

    planes: Float
    corners: Float


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid along the street's axes.

    Attributes:
        centre: ``(3,)``.
        radii: ``(3,)``.
        ragged: Share of the outline that rays pass, as between leaves; 0 for a smooth one.
    """

    centre: Float
    radii: Float
    ragged: float = 0.0

    @property
    def corners(self) -> Float:
        """Corners of the box around it, ``(8, 3)``."""
        return self.centre + _SIGNS * self.radii


Shape = Convex | Ellipsoid


def frustum(
    bottom: tuple[float, float, float, float],
    top: tuple[float, float, float, float],
    low_m: float,
    high_m: float,
) -> Convex:
    """Return a solid between two rectangles, one above the other; the upper may be a line.

    Args:
        bottom: Least and greatest x, least and greatest z, below.
        top: The same above.
        low_m: Height of the lower rectangle.
        high_m: Height of the upper one.

    Returns:
        Faces in this order: least x, greatest x, least z, greatest z, top, bottom.
    """
    rise = high_m - low_m
    planes = []
    for index, sign in enumerate((-1.0, 1.0, -1.0, 1.0)):
        # A side leans by run over rise: its normal is (sign, lean) in its own plane.
        lean = sign * (bottom[index] - top[index]) / rise
        length = float(np.hypot(1.0, lean))
        axis = 0 if index < 2 else 2
        normal = np.zeros(3)
        normal[axis], normal[1] = sign / length, lean / length
        distance = (sign * bottom[index] + lean * low_m) / length
        planes.append((*normal, distance))
    planes += [(0.0, 1.0, 0.0, high_m), (0.0, -1.0, 0.0, -low_m)]
    corners = [
        (x, height, z)
        for height, (x0, x1, z0, z1) in ((low_m, bottom), (high_m, top))
        for x in (x0, x1)
        for z in (z0, z1)
    ]
    return Convex(np.array(planes), np.array(corners))


def box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Convex:
    """Return a box between two limits an axis; its faces are in the order of ``frustum``."""
    return frustum((*x, *z), (*x, *z), *y)


def prism(
    axis: int, centre: Sequence[float], radius_m: float, half_m: float, sides: int = 8
) -> Convex:
    """Return a prism over a regular polygon: a pole, a wheel, a sign.

    Args:
        axis: Along which it is straight: 0, 1 or 2.
        centre: ``(3,)``.
        radius_m: Distance of its sides from the axis.
        half_m: Half its length.
        sides: How many.

    Returns:
        Faces in this order: the two ends, then the sides.
    """
    first, second = [k for k in range(3) if k != axis]
    middle = np.asarray(centre, dtype=np.float64)
    angles = (np.arange(sides) + 0.5) * (2 * pi / sides)
    normals = np.zeros((sides + 2, 3))
    normals[0, axis], normals[1, axis] = -1, 1
    normals[2:, first], normals[2:, second] = np.cos(angles), np.sin(angles)
    reach = np.array([half_m, half_m] + [radius_m] * sides)
    ring = np.zeros((sides, 3))
    turned = angles + pi / sides
    ring[:, first], ring[:, second] = np.cos(turned), np.sin(turned)
    ring *= radius_m / cos(pi / sides)
    end = np.zeros(3)
    end[axis] = half_m
    corners = middle + np.concatenate([ring - end, ring + end])
    return Convex(np.column_stack([normals, normals @ middle + reach]), corners)


def ball(centre: Sequence[float], radii: Sequence[float], ragged: float = 0.0) -> Ellipsoid:
    """Return an ellipsoid of plain numbers."""
    return Ellipsoid(np.array(centre, float), np.array(radii, float), ragged)


def meet_convex(
    shape: Convex, origin: Float, rays: Float
) -> tuple[Float, NDArray[np.int32]] | None:
    """Return where rays enter a convex solid.

    Args:
        shape: The solid.
        origin: Where the rays begin, ``(3,)``.
        rays: Directions, ``(3, ...)``.

    Returns:
        Distance in units of the rays, infinite where they miss, and the index of the face;
        ``None`` if the rays begin inside.
    """
    outside = shape.planes[:, :3] @ origin - shape.planes[:, 3]
    if (outside <= 0).all():
        return None
    is_seen, column = outside > 0, (-1,) + (1,) * (rays.ndim - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A face that the origin sees is entered against its normal or never ...
        speed = _along(shape.planes[is_seen], rays)
        reached = -outside[is_seen].reshape(column) / speed
        reached[speed >= 0] = np.inf
        face = reached.argmax(axis=0)
        enter = reached.max(axis=0)
        # ... and the others are left along it.
        speed = _along(shape.planes[~is_seen], rays)
        reached = -outside[~is_seen].reshape(column) / speed
        reached[speed <= 0] = np.inf
        enter[enter >= reached.min(axis=0, initial=np.inf)] = np.inf
    return enter, np.flatnonzero(is_seen).astype(np.int32)[face]


def _along(planes: Float, rays: Float) -> Float:
    """Return the part of rays along planes' normals, ``(planes, ...)``.

    Sums in a fixed order, unlike a product of matrices: the same bits on every machine.
    """
    speed = np.zeros((len(planes), *rays.shape[1:]))
    for axis, ray in enumerate(rays):
        for index in np.flatnonzero(planes[:, axis]):
            speed[index] += planes[index, axis] * ray
    return speed


def meet_ellipsoid(shape: Ellipsoid, origin: Float, rays: Float) -> Float | None:
    """Return where rays enter an ellipsoid.

    The outline of a ragged one lets rays pass; where they do not, they meet the ellipsoid itself.

    Args:
        shape: The solid.
        origin: Where the rays begin, ``(3,)``.
        rays: Directions, ``(3, ...)``.

    Returns:
        Distance in units of the rays, infinite where they miss; ``None`` if they begin inside.
    """
    start = (origin - shape.centre) / shape.radii
    excess = float(start @ start) - 1.0
    if excess <= 0:
        return None
    x, y, z = (ray / radius for ray, radius in zip(rays, shape.radii, strict=True))
    square = x * x + y * y + z * z
    along = start[0] * x + start[1] * y + start[2] * z
    # The square of half the chord, of the unit ball: 1 through the centre, 0 at the outline.
    chord = along * along / square - excess
    if shape.ragged:
        chord -= shape.ragged * _leaves(start, (x, y, z), along / square, shape)
    with np.errstate(invalid="ignore"):
        half = np.sqrt((along * along - square * excess).clip(0))
        return np.where((chord > 0) & (along < 0), (-along - half) / square, np.inf)


def _leaves(
    start: Float, ray: tuple[Float, Float, Float], back: Float, shape: Ellipsoid
) -> NDArray[np.float32]:
    """Return noise in [0, 1] where rays come nearest to the centre: a place of the crown."""
    near = [s - back * r for s, r in zip(start, ray, strict=True)]
    # Leaves are of some size: 6 cm a value of the tile, which is smooth over two of them.
    scale = shape.radii / 0.06
    u = (near[0] * scale[0] + near[2] * scale[2]).astype(np.int32) + int(shape.centre[2] * 31)
    v = (near[1] * scale[1]).astype(np.int32) + int(shape.centre[0] * 17)
    share: NDArray[np.float32] = np.clip(0.5 + 0.35 * pick(2.0, v, u), 0, 1)
    return share


def pick(sigma: float, rows: NDArray[np.int32], cols: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return values of a repeating tile of noise at any whole places."""
    index = (rows & (TILE - 1)) * TILE + (cols & (TILE - 1))
    picked: NDArray[np.float32] = noise_tile(sigma).ravel().take(index)
    return picked


@cache
def noise_tile(sigma: float) -> NDArray[np.float32]:
    """Return noise of mean 0 and deviation 1 that repeats, smooth over so many values.

    Returns:
        ``(TILE, TILE)``; read only.
    """
    white = np.random.default_rng(20).standard_normal((TILE, TILE))
    smooth = gaussian_filter(white, sigma, mode="wrap") if sigma else white
    smooth -= smooth.mean()
    tile: NDArray[np.float32] = (smooth / smooth.std()).astype(np.float32)
    tile.flags.writeable = False
    return tile
