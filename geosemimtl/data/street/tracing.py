"""What each ray of a camera meets: depth and face, thing by thing into one depth buffer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import Camera, Convex, Float, meet_convex, meet_ellipsoid
from geosemimtl.data.street.materials import Faces, Label, Thing, tabulate

#: Face of a ray that meets nothing.
SKY = -1


@dataclass(frozen=True, slots=True)
class Hits:
    """What rays meet.

    Attributes:
        rays: Directions in the street, ``(3, n, m)``.
        depth_m: Along the optical axis, infinite in the sky, ``(n, m)``.
        face: Index into ``faces``, ``SKY`` in the sky, ``(n, m)``.
        faces: The tables.
        origin: Where the camera stands, ``(3,)``.
    """

    rays: Float
    depth_m: Float
    face: NDArray[np.int32]
    faces: Faces
    origin: Float

    def centres(self) -> Hits:
        """Return the hits of pixels' centres alone, of rays that ``trace`` shot at half pixels."""
        return Hits(
            self.rays[:, 1::2, 1::2],
            self.depth_m[1::2, 1::2],
            self.face[1::2, 1::2],
            self.faces,
            self.origin,
        )

    def normals(self) -> Float:
        """Return unit normals in the street, ``(3, n, m)``; 0 in the sky."""
        normal = self.faces.normal[:, self.face]
        normal[:, self.face == SKY] = 0
        smooth = (self.face != SKY) & ~np.any(self.faces.normal, axis=0)[self.face]
        face = self.face[smooth]
        point = self.origin[:, None] + self.depth_m[smooth] * self.rays[:, smooth]
        slope = (point - self.faces.centre[:, face]) / self.faces.radii[:, face] ** 2
        normal[:, smooth] = slope / np.sqrt((slope * slope).sum(axis=0))
        return normal

    def labels(self) -> NDArray[np.uint8]:
        """Return label ids, ``(n, m)``."""
        return np.where(self.face == SKY, np.uint8(Label.SKY), self.faces.label[self.face])


def trace(things: tuple[Thing, ...], camera: Camera) -> Hits:
    """Shoot rays at pixels' centres and at what is half way between, around the image, too.

    Odd rows and columns are pixels' centres: pixel (r, c) is ray (2 r + 1, 2 c + 1). The others
    make the image smooth at the edges of things.

    Args:
        things: What there is.
        camera: What looks.

    Returns:
        Hits of ``(2 rows + 1, 2 cols + 1)`` rays.
    """
    rows, cols = (np.arange(2 * count + 1) / 2 - 0.5 for count in camera.shape)
    rays, origin, faces = camera.rays(rows, cols), camera.position, tabulate(things)
    depth = np.full(rays.shape[1:], np.inf)
    face = np.full(rays.shape[1:], SKY, dtype=np.int32)
    for nearest, index in sorted((_nearest(t, camera), k) for k, t in enumerate(things)):
        window = _window(things[index], camera)
        if window is None or depth[window].max() <= nearest:
            continue  # not seen, or behind what is there
        first = int(faces.first[index])
        _meet(things[index], origin, rays[:, *window], depth[window], face[window], first)
    return Hits(rays, depth, face, faces, origin)


def _meet(
    thing: Thing, origin: Float, rays: Float, depth: Float, face: NDArray[np.int32], first: int
) -> None:
    """Put a thing into a window of the depth buffer, which is changed."""
    if isinstance(thing.shape, Convex):
        met = meet_convex(thing.shape, origin, rays)
        if met is None:
            return
        reached, own = met
        own += first
    else:
        smooth = meet_ellipsoid(thing.shape, origin, rays)
        if smooth is None:
            return
        reached, own = smooth, np.full_like(face, first)
    nearer = reached < depth
    np.copyto(depth, reached, where=nearer)
    np.copyto(face, own, where=nearer)


def _nearest(thing: Thing, camera: Camera) -> float:
    """Return a depth before which a thing does not begin."""
    corners = thing.shape.corners
    if not len(corners):
        return 0.0
    return float(((corners - camera.position) @ camera.axes[:, 2]).min())


def _window(thing: Thing, camera: Camera) -> tuple[slice, slice] | None:
    """Return the rays that may meet a thing."""
    if not len(thing.shape.corners):
        return slice(None), slice(None)
    return window_of(thing.shape.corners, camera, 2)


def window_of(points: Float, camera: Camera, rays_per_px: int) -> tuple[slice, slice] | None:
    """Return which rays may meet the hull of some points.

    Args:
        points: In the street, ``(n, 3)``.
        camera: What looks.
        rays_per_px: 2 for the rays of ``trace``, 1 for pixels' centres.
    """
    bounds = camera.bounds(points)
    if bounds is None:
        return None
    slices = []
    shift = 0.5 if rays_per_px == 2 else 0.0
    for low, high, count in zip(bounds[::2], bounds[1::2], camera.shape, strict=True):
        last = rays_per_px * count + (rays_per_px == 2)
        start = max(floor((max(low, -1.0) + shift) * rays_per_px), 0)
        stop = min(ceil((min(high, count + 1.0) + shift) * rays_per_px) + 1, last)
        if start >= stop:
            return None
        slices.append(slice(start, stop))
    return slices[0], slices[1]
