"""Where a raster lies on the globe: its outline in longitudes and latitudes, for catalogues."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import shapely
from rasterio.crs import CRS
from shapely import MultiPolygon, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from geosemimtl.errors import GridError
from geosemimtl.raster.grid import PixelGrid, outline, transformed

_WGS84 = CRS.from_epsg(4326)
#: Decimals of a degree that are kept, about a centimetre, and how far a side may be off.
_DECIMALS, _TOLERANCE = 7, 1e-7


class Footprint(NamedTuple):
    """A raster's place on WGS 84.

    Attributes:
        geometry: Outline, counter-clockwise; in two parts where it crosses the date line.
        bbox: West, south, east and north in degrees; across the date line west is above east.
    """

    geometry: BaseGeometry
    bbox: tuple[float, float, float, float]


def footprint(grid: PixelGrid) -> Footprint:
    """Return where a grid lies, as GeoJSON wants it (RFC 7946).

    Sides are curves there: they get as many corners as keep them within a centimetre or two, so
    the sides of a small scene stay straight.

    Raises:
        GridError: Part of the grid lies where its CRS does not reach.
    """
    lons, lats = transformed(grid.crs, _WGS84, *zip(*outline(grid), strict=True))
    if not all(map(math.isfinite, (*lons, *lats))):
        raise GridError(
            f"{grid.ground_crs.to_string()}: a part of the scene has no longitude and latitude in "
            "it; check the scene's CRS"
        )
    unwrapped = _unwrapped(lons)
    if abs(unwrapped[-1] - unwrapped[0]) > 180:
        return _around_a_pole(lats)
    ring = Polygon(zip(unwrapped[:-1], lats, strict=True))
    turns = math.floor((ring.bounds[0] + 180) / 360)
    whole = translate(shapely.orient_polygons(ring.simplify(_TOLERANCE)), -360 * turns)
    west, south, east, north = map(_rounded, whole.bounds)
    if east <= 180:
        return Footprint(_on_decimals(whole), (west, south, east, north))
    here, beyond = (
        shapely.intersection(whole, shapely.box(edge, -90, edge + 360, 90)) for edge in (-180, 180)
    )
    parts = MultiPolygon([*_parts(here), *_parts(translate(beyond, -360))])
    return Footprint(_on_decimals(parts), (west, south, _rounded(east - 360), north))


def _unwrapped(lons: Sequence[float]) -> list[float]:
    """Return the longitudes of a closed ring, without leaps at the date line; the first again."""
    steps = [(b - a + 180) % 360 - 180 for a, b in pairwise([*lons, lons[0]])]
    found = [lons[0]]
    for step in steps:
        found.append(found[-1] + step)
    return found


def _around_a_pole(lats: Sequence[float]) -> Footprint:
    """Return all that is as near to the pole as the outline's farthest point."""
    north = sum(lats) > 0
    south_edge, north_edge = (min(lats), 90.0) if north else (-90.0, max(lats))
    box = shapely.box(-180, _rounded(south_edge), 180, _rounded(north_edge))
    return Footprint(shapely.orient_polygons(box), box.bounds)


def _parts(geometry: BaseGeometry) -> list[Polygon]:
    return [shapely.orient_polygons(part) for part in shapely.get_parts(geometry)]


def _on_decimals(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.transform(geometry, lambda corners: corners.round(_DECIMALS))


def _rounded(degrees: float) -> float:
    return round(degrees, _DECIMALS)
