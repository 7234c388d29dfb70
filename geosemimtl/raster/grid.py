"""The pixel grid of a raster, and the one grid that tile, predict, check and evaluate share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyproj
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from geosemimtl.errors import GridError

#: Two grids closer than this share of a pixel are the same grid.
TOLERANCE_PX = 1e-3


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """Where the pixels of a raster lie on the ground; rotated and non-square pixels included.

    Attributes:
        transform: Maps (column, row) to world (x, y).
        shape: (rows, columns).
        crs: Coordinate reference system of the world coordinates.
    """

    transform: Affine
    shape: tuple[int, int]
    crs: CRS

    @property
    def gsd_m(self) -> tuple[float, float]:
        """Ground sample distance in metres along a (row's step to the right, column's step down).

        Feet and other linear units are converted; in degrees the metres at the grid's centre on
        the WGS 84 ellipsoid are taken.

        Raises:
            GridError: The CRS has no unit that can be converted to metres.
        """
        to_x, to_y = self._metres_per_unit()
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return math.hypot(a * to_x, d * to_y), math.hypot(b * to_x, e * to_y)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of the grid's four corners, in world units."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """World (x, y) of the upper-left, upper-right, lower-right and lower-left corner."""
        rows, cols = self.shape
        return tuple(
            self.transform @ corner for corner in ((0, 0), (cols, 0), (cols, rows), (0, rows))
        )

    def crop(self, window: Window) -> PixelGrid:
        """Return the grid of a window in whole pixels; it may reach beyond this grid."""
        moved = self.transform @ Affine.translation(window.col_off, window.row_off)
        return PixelGrid(moved, (int(window.height), int(window.width)), self.crs)

    def matches(self, other: PixelGrid) -> bool:
        """Return whether the other grid has the same CRS and shape and overlays this one."""
        return self.shape == other.shape and self.overlays(other)

    def overlays(self, other: PixelGrid) -> bool:
        """Return whether both have one CRS and corners within a thousandth of a pixel."""
        inverse = ~self.transform
        return same_crs(self.crs, other.crs) and all(
            math.dist(inverse @ theirs, inverse @ ours) < TOLERANCE_PX
            for theirs, ours in zip(other.corners, self.corners, strict=True)
        )

    def _metres_per_unit(self) -> tuple[float, float]:
        if not self.crs.is_geographic:
            try:
                factor = float(self.crs.linear_units_factor[1])
            except (ValueError, AttributeError) as error:
                raise GridError(
                    f"CRS {self.crs.to_string()} has no linear unit; reproject the scene to a "
                    "projected CRS in metres"
                ) from error
            return factor, factor
        left, bottom, right, top = self.bounds
        degrees = math.degrees(self.crs.units_factor[1])  # some geographic CRS count in grads
        lon, lat, step = (left + right) / 2 * degrees, (bottom + top) / 2 * degrees, 1e-4
        geod = pyproj.Geod(ellps="WGS84")
        east = geod.inv(lon - step, lat, lon + step, lat)[2] / (2 * step)
        north = geod.inv(lon, lat - step, lon, lat + step)[2] / (2 * step)
        return east * degrees, north * degrees


def same_crs(one: CRS, other: CRS) -> bool:
    """Return whether two CRS place the same coordinates alike, however they are written."""
    if one == other:
        return True
    # GDAL tells an EPSG code and the same CRS as a GeoTIFF spells it apart now and then
    ours, theirs = (pyproj.CRS.from_wkt(crs.to_wkt()) for crs in (one, other))
    return bool(ours.equals(theirs, ignore_axis_order=True))


def model_grid(scene: PixelGrid, gsd_m: float) -> PixelGrid:
    """Return the grid at a GSD on which a scene is cut, predicted and checked.

    Its origin is the scene's upper-left corner and its axes are the scene's own, rotation kept.
    Its size is ceil(extent / GSD): the last pixel of a row or column may be partial.

    Args:
        scene: The scene's grid.
        gsd_m: Metres on the ground, the same along both axes.

    Raises:
        GridError: The GSD is not above 0, or the scene's CRS has no usable unit.
    """
    if not 0 < gsd_m < math.inf:
        raise GridError(f"a GSD of {gsd_m} m makes no grid; give metres above 0")
    steps = tuple(_snapped_ratio(gsd_m / own) for own in scene.gsd_m)
    rows, cols = scene.shape
    shape = (_ceil(rows / steps[1]), _ceil(cols / steps[0]))
    return PixelGrid(scene.transform @ Affine.scale(*steps), shape, scene.crs)


def _snapped_ratio(ratio: float) -> float:
    # 0.09 / 0.09 metres should not become 1.0000000000000002 pixels and a row too many
    return 1.0 if abs(ratio - 1) < 1e-6 else ratio


def _ceil(value: float) -> int:
    return max(1, math.ceil(value - 1e-6))
