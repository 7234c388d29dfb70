"""Polygons as rings of vertices in the pixels of a grid, and those near a window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform, transform_bounds
from rasterio.windows import Window

from geosemimtl.errors import LabelError
from geosemimtl.raster.grid import PixelGrid, same_crs

#: How far a straight edge may lie from where its CRS bends it to, in pixels.
_BEND_PX = 0.01
#: Into how many parts one edge is cut at most, at a time.
_MOST_PARTS = 1024
#: Vertices lie on this fraction of a pixel: an edge meant to run through pixel centres does.
_STEPS = 2.0**20
#: Polygons of fewer vertices are drawn whole.
_FEW = 64


@dataclass(frozen=True, slots=True)
class Rings:
    """Polygons, each the rings from its outer one on, in the order in which they are drawn.

    Attributes:
        vertices: (vertices, 2) column and row in pixels of a grid; each ring is closed.
        ring_starts: (rings + 1,) first vertex of each ring, and their number.
        polygon_starts: (polygons + 1,) first ring of each polygon, and their number.
        features: (polygons,) index of the feature that a polygon is or is part of.
        tree: Finds polygons by their bounds.
    """

    vertices: NDArray[np.float64]
    ring_starts: NDArray[np.int64]
    polygon_starts: NDArray[np.int64]
    features: NDArray[np.int64]
    tree: shapely.STRtree

    @classmethod
    def on_grid(cls, shapes: NDArray[Any], crs: CRS, grid: PixelGrid) -> Rings:
        """Place polygons on a grid, without those far from it.

        Args:
            shapes: (features,) polygons and multipolygons; missing and empty ones are left out.
            crs: Of their coordinates.
            grid: In any CRS; edges are bent as its CRS bends them.

        Raises:
            LabelError: A polygon near the grid cannot be reprojected.
        """
        near = shapely.STRtree(shapes).query(shapely.box(*_reach(grid, crs)))
        near.sort()
        parts, owners = shapely.get_parts(shapes[near], return_index=True)
        full = ~shapely.is_empty(parts)
        parts, owners = parts[full], owners[full]
        if not parts.size:
            nothing = np.zeros(1, np.int64)
            return cls(np.zeros((0, 2)), nothing, nothing, nothing[:0], shapely.STRtree([]))
        _, world, (ring_starts, polygon_starts) = shapely.to_ragged_array(parts)
        vertices, rings = _to_pixels(world, ring_starts.astype(np.int64), crs, grid)
        polygons = polygon_starts.astype(np.int64)
        return cls(
            np.round(vertices * _STEPS) / _STEPS,
            rings,
            polygons,
            near[owners],
            shapely.STRtree(_boxes(vertices, rings[polygons])),
        )

    def touching(self, window: Window) -> NDArray[np.int64]:
        """Return the polygons whose bounds meet a window, in drawing order."""
        left, top = window.col_off, window.row_off
        box = shapely.box(left, top, left + window.width, top + window.height)
        return np.sort(self.tree.query(box))

    def shape(self, polygon: int, window: Window) -> dict[str, Any] | None:
        """Return a polygon as rasterio takes it, ``None`` if outside a window.

        Its coordinates are columns and rows from the window's upper-left corner.

        Of vertices in a row on the same side outside the window only the first and the last are
        kept: that changes no pixel inside, as no edge that is left moves. So a polygon across the
        whole scene costs each window little.
        """
        first, last = self.polygon_starts[polygon], self.polygon_starts[polygon + 1]
        starts = self.ring_starts[first : last + 1]
        vertices = self.vertices[starts[0] : starts[-1]] - (window.col_off, window.row_off)
        starts = starts - starts[0]
        if len(vertices) > _FEW:
            kept = _seen(vertices, starts, window)
            vertices, starts = vertices[kept], np.concatenate(([0], np.cumsum(kept)))[starts]
        rings = [
            vertices[start:stop].tolist() for start, stop in pairwise(starts) if stop - start >= 4
        ]
        return {"type": "Polygon", "coordinates": rings} if rings else None


def _reach(grid: PixelGrid, crs: CRS) -> tuple[float, float, float, float]:
    """Return bounds in a CRS that hold a grid, with some room."""
    left, bottom, right, top = transform_bounds(grid.crs, crs, *grid.bounds)
    across, up = (right - left) / 20, (top - bottom) / 20
    return left - across, bottom - up, right + across, top + up


def _to_pixels(
    world: NDArray[np.float64], starts: NDArray[np.int64], crs: CRS, grid: PixelGrid
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rings in pixels of a grid, with vertices added where its CRS bends the edges."""
    if same_crs(crs, grid.crs):
        return _pixels(world, grid), starts
    pixels = _reprojected(world, crs, grid)
    for _ in range(4):
        middle = _reprojected((world[:-1] + world[1:]) / 2, crs, grid)
        bend = np.hypot(*(middle - (pixels[:-1] + pixels[1:]) / 2).T)
        bend[starts[1:-1] - 1] = 0  # from a ring's last vertex to the next ring's first is no edge
        parts = np.clip(np.ceil(np.sqrt(bend / _BEND_PX)), 1, _MOST_PARTS).astype(np.int64)
        if (parts == 1).all():
            break
        world, starts = _cut(world, starts, parts)
        pixels = _reprojected(world, crs, grid)
    return pixels, starts


def _cut(
    vertices: NDArray[np.float64], starts: NDArray[np.int64], parts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rings with each edge, from one vertex to the next, cut into equal parts."""
    first = np.concatenate(([0], np.cumsum(parts)))  # where each old vertex goes
    edge = np.repeat(np.arange(len(parts)), parts)
    share = (np.arange(len(edge)) - first[edge]) / parts[edge]
    moved = vertices[edge] + share[:, None] * (vertices[edge + 1] - vertices[edge])
    ends = np.concatenate((first, [len(edge) + 1]))
    return np.concatenate((moved, vertices[-1:])), ends[starts]


def _reprojected(world: NDArray[np.float64], crs: CRS, grid: PixelGrid) -> NDArray[np.float64]:
    to = grid.ground_crs
    # by GDAL, as rasters are: both must agree on where things lie
    try:
        xs, ys = transform(crs, to, world[:, 0], world[:, 1])
    except RasterioError as error:
        raise LabelError(
            f"polygons cannot be reprojected from {crs.to_string()} to {to.to_string()}"
        ) from error
    placed = np.column_stack((xs, ys))
    if not np.isfinite(placed).all():
        raise LabelError(
            f"polygons in {crs.to_string()} reach beyond where {to.to_string()} holds; cut "
            "them to the scene"
        )
    return _pixels(placed, grid)


def _pixels(world: NDArray[np.float64], grid: PixelGrid) -> NDArray[np.float64]:
    a, b, c, d, e, f = tuple(~grid.transform)[:6]
    x, y = world.T
    return np.column_stack((a * x + b * y + c, d * x + e * y + f))


def _boxes(vertices: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[Any]:
    low = np.minimum.reduceat(vertices, starts[:-1], axis=0)
    high = np.maximum.reduceat(vertices, starts[:-1], axis=0)
    boxes: NDArray[Any] = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    return boxes


def _seen(
    vertices: NDArray[np.float64], starts: NDArray[np.int64], window: Window
) -> NDArray[np.bool_]:
    """Return which vertices matter inside a window whose upper-left corner is (0, 0)."""
    cols, rows = vertices.T
    outside = [cols < -1, cols > window.width + 1, rows < -1, rows > window.height + 1]
    side = np.select(outside, [1, 2, 3, 4], 0)
    seen = np.ones(len(side), bool)
    seen[1:-1] = (side[1:-1] == 0) | (side[1:-1] != side[:-2]) | (side[1:-1] != side[2:])
    seen[starts[:-1]] = seen[starts[1:] - 1] = True
    return seen
