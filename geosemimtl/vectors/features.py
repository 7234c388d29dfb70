"""Polygons on the map with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from affine import Affine

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.vectors.rings import polygon_of
from geosemimtl.vectors.tracing import Face
from geosemimtl.vectors.zonal import HeightSums


@dataclass(frozen=True, slots=True)
class Feature:
    """One polygon.

    Attributes:
        class_name: Its class.
        polygon: In the raster's CRS, its shell counter-clockwise.
        area_m2: Of the polygon, on the ground.
        confidence: Mean of its pixels in per cent, where known.
        heights: Of its pixels, where known.
        cut: Whether it ends where the raster does.
    """

    class_name: str
    polygon: shapely.Polygon
    area_m2: float
    confidence: float | None = None
    heights: HeightSums | None = None
    cut: bool = False

    def with_polygon(self, polygon: shapely.Polygon) -> Feature:
        """Return the same with another outline."""
        return replace(
            self, polygon=polygon, area_m2=self.area_m2 * polygon.area / self.polygon.area
        )


def feature_of(face: Face, class_name: str, grid: PixelGrid, hole_m2: float) -> Feature:
    """Return a face as a polygon on the map; holes smaller than ``hole_m2`` are filled."""
    across_m, down_m = grid.gsd_m
    pixel_m2 = across_m * down_m
    polygon = polygon_of(face.sides, hole_m2 / pixel_m2)
    left, top, right, bottom = polygon.bounds
    rows, cols = grid.shape
    return Feature(
        class_name,
        placed(polygon, grid.transform),
        polygon.area * pixel_m2,
        None if face.confidence is None else face.confidence.mean,
        face.heights,
        cut=left == 0 or top == 0 or right == cols or bottom == rows,
    )


def placed(polygon: shapely.Polygon, transform: Affine) -> shapely.Polygon:
    """Return a polygon of columns and rows on the map, its shell counter-clockwise."""
    a, b, c, d, e, f = tuple(transform)[:6]
    matrix, origin = np.array([[a, d], [b, e]]), np.array([c, f])
    moved = shapely.transform(polygon, lambda points: points @ matrix + origin)
    oriented: shapely.Polygon = shapely.orient_polygons(moved)
    return oriented
