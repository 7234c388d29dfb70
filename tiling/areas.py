"""Parts of a scene: within bounds, or within polygons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.warp import transform
from rasterio.windows import Window

from geosemimtl.errors import GridError
from geosemimtl.raster.environment import WARNINGS
from geosemimtl.raster.grid import PixelGrid, same_crs
from geosemimtl.tiling.vectors import read_layer

#: Sides of polygons that are straight in another CRS get corners, so many along their extent.
_CORNERS = 200


@dataclass(frozen=True, slots=True)
class Area:
    """Polygons on a grid, in its pixels (column, row).

    Attributes:
        shape: One geometry.
        window: The pixels within whose bounds it lies, those of the grid only.
    """

    shape: Any
    window: Window

    def holds(self, window: Window) -> NDArray[np.bool_]:
        """Return which pixels of a window have their centre inside, (rows, columns)."""
        with WARNINGS:
            burnt = rasterize(
                [(self.shape, 1)],
                (int(window.height), int(window.width)),
                transform=Affine.translation(window.col_off, window.row_off),
                dtype="uint8",
            )
        inside: NDArray[np.bool_] = burnt > 0
        return inside

    def touches(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Return whether a rectangle in pixels has something of it."""
        return bool(shapely.intersects(self.shape, shapely.box(left, top, right, bottom)))


def read_area(path: Path, grid: PixelGrid) -> Area:
    """Read the polygons of a file as an area of a grid.

    Args:
        path: Any vector file that GDAL reads; ``file.gpkg|layername=x`` names a layer.
        grid: On which it is wanted, in any CRS.

    Raises:
        LabelError: The file cannot be read, or has no polygons or no CRS.
        GridError: It lies outside of the grid.
    """
    layer = read_layer(path, None, None)
    polygons = shapely.union_all(shapely.make_valid(layer.polygons))
    if not same_crs(layer.crs, grid.crs):
        left, bottom, right, top = shapely.bounds(polygons)
        polygons = shapely.segmentize(polygons, max(right - left, top - bottom) / _CORNERS)

        def reprojected(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.stack(transform(layer.crs, grid.crs, *points.T), axis=1)

        polygons = shapely.transform(polygons, reprojected)
    shape = shapely.transform(polygons, lambda points: _pixels(points, grid))
    window = _window(shapely.bounds(shape), grid.shape)
    if window is None:
        raise GridError(f"{path}: lies outside of the scene; check its CRS")
    shapely.prepare(shape)
    return Area(shape, window)


def window_of_bounds(bounds: tuple[float, float, float, float], grid: PixelGrid) -> Window:
    """Return the pixels of a grid that bounds touch.

    Args:
        bounds: Left, bottom, right and top in the grid's CRS.
        grid: Any.

    Raises:
        GridError: They lie outside of it, or are none.
    """
    left, bottom, right, top = bounds
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    pixels = _pixels(corners, grid)
    window = _window((*pixels.min(axis=0), *pixels.max(axis=0)), grid.shape)
    if left >= right or bottom >= top or window is None:
        own = ",".join(f"{value:.8g}" for value in grid.bounds)
        raise GridError(
            f"--bounds {','.join(f'{value:.8g}' for value in bounds)}: not within the scene's "
            f"{own} (left,bottom,right,top in its CRS)"
        )
    return window


def _pixels(points: NDArray[np.float64], grid: PixelGrid) -> NDArray[np.float64]:
    cols, rows = ~grid.transform @ (points[:, 0], points[:, 1])
    return np.stack([cols, rows], axis=1)


def _window(bounds: Any, shape: tuple[int, int]) -> Window | None:
    """Return the pixels that bounds in pixels touch; a thousandth of a pixel does not count."""
    low = np.floor(np.asarray(bounds[:2]) + 1e-3).clip(0)
    high = np.ceil(np.asarray(bounds[2:]) - 1e-3).clip(max=(shape[1], shape[0]))
    if not np.isfinite([low, high]).all() or (low >= high).any():
        return None
    width, height = (high - low).astype(int).tolist()
    return Window(int(low[0]), int(low[1]), width, height)
