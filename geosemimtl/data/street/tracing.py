"""What each ray of a camera meets: depth and face, thing by thing into one depth buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    windows, nearest = windows_of([thing.shape.corners for thing in things], camera, 2)
    for index in np.argsort(nearest, kind="stable"):
        window = windows[index]
        if window is None or depth[window].max() <= nearest[index]:
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


Window = tuple[slice, slice]


def windows_of(
    hulls: Sequence[Float], camera: Camera, rays_per_px: int
) -> tuple[list[Window | None], Float]:
    """Return which rays may meet some things.

    Args:
        hulls: Points in whose hull each thing lies, ``(n, 3)`` each; none if it has no end.
        camera: What looks.
        rays_per_px: 2 for the rays of ``trace``, 1 for pixels' centres.

    Returns:
        Slices of rows and columns of each, ``None`` if it is not seen, and depths before which
        they do not begin, ``(things,)``.
    """
    windows: list[Window | None] = [(slice(None), slice(None))] * len(hulls)
    nearest = np.zeros(len(hulls))
    sizes = np.array([len(hull) for hull in hulls])
    bounded = np.flatnonzero(sizes)
    if not len(bounded):
        return windows, nearest
    ends = np.cumsum(sizes[bounded])
    *bounds, nearest[bounded] = camera.bounds(np.concatenate(hulls), ends - sizes[bounded])
    pairs = [
        _rays_between(low, high, count, rays_per_px)
        for low, high, count in zip(bounds[::2], bounds[1::2], camera.shape, strict=True)
    ]
    for index, rows, cols in zip(bounded, *pairs, strict=True):
        is_seen = rows[0] < rows[1] and cols[0] < cols[1]
        windows[index] = (slice(*rows), slice(*cols)) if is_seen else None
    return windows, nearest


def _rays_between(low: Float, high: Float, count: int, rays_per_px: int) -> list[list[int]]:
    """Return first ray and end along one axis, of each thing; none where bounds are NaN."""
    shift = 0.5 if rays_per_px == 2 else 0.0
    last = rays_per_px * count + (rays_per_px == 2)
    start = np.floor((low.clip(-1, count + 1) + shift) * rays_per_px).clip(0)
    stop = np.ceil((high.clip(-1, count + 1) + shift) * rays_per_px + 1).clip(None, last)
    start[np.isnan(low)], stop[np.isnan(high)] = 1, 0
    pairs: list[list[int]] = np.stack([start, stop], axis=1).astype(int).tolist()
    return pairs
