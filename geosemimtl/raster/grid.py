"""The pixel grid of a raster, and the one grid that tile, predict, check and evaluate share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.warp import transform
from rasterio.windows import Window

from geosemimtl.errors import GridError

#: Two grids closer than this share of a pixel are the same grid.
TOLERANCE_PX = 1e-3
_SIDE_POINTS = 32
#: WGS 84: half the equator's diameter, and the square of the ellipsoid's eccentricity.
_EQUATOR_M, _ECCENTRICITY_2 = 6378137.0, 0.0066943799901413165
#: Projections for maps of land, such as UTM, are closer to the ground than this.
_SCALE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """Where the pixels of a raster lie on the ground; rotated and non-square pixels included.

    Attributes:
        transform: Maps (column, row) to world (x, y).
        shape: (rows, columns).
        crs: Coordinate reference system of the world coordinates; ``None`` of an image that lies
            nowhere on the ground, such as a street's: its world is its own pixels, y down.
    """

    transform: Affine
    shape: tuple[int, int]
    crs: CRS | None

    @classmethod
    def of_image(cls, shape: tuple[int, int]) -> PixelGrid:
        """Return the grid of an image that lies nowhere on the ground."""
        return cls(Affine.identity(), shape, None)

    @property
    def ground_crs(self) -> CRS:
        """The CRS, where there must be one.

        Raises:
            GridError: There is none.
        """
        if self.crs is None:
            raise GridError("the image lies nowhere on the ground: it has no CRS")
        return self.crs

    @property
    def gsd_m(self) -> tuple[float, float]:
        """Ground sample distance in metres along a (row's step to the right, column's step down).

        Feet and other linear units are converted; in degrees the metres at the grid's centre on
        the WGS 84 ellipsoid are taken, and so where a projection's metres are off the ground's by
        more than a hundredth, as web maps' are.

        Raises:
            GridError: There is no CRS, or it has no unit that can be converted to metres.
        """
        return self._steps(*self._metres_per_unit())

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Length of a pixel along both axes, to compare grids of one world by.

        In metres as ``gsd_m``, or in an image's own pixels where there is no ground.
        """
        return self._steps(1.0, 1.0) if self.crs is None else self.gsd_m

    def _steps(self, to_x: float, to_y: float) -> tuple[float, float]:
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

    @property
    def authority_code(self) -> str | None:
        """The CRS by authority and code, such as ``EPSG:25832``; ``None`` if no code says it."""
        authority = self.crs.to_authority() if self.crs else None
        if authority is None or not same_crs(CRS.from_authority(*authority), self.crs):
            return None
        return ":".join(authority)

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
        crs = self.ground_crs
        if not crs.is_geographic:
            try:
                factor = float(crs.linear_units_factor[1])
            except (ValueError, AttributeError) as error:
                raise GridError(
                    f"CRS {crs.to_string()} has no linear unit; reproject the scene to a "
                    "projected CRS in metres"
                ) from error
            left, bottom, right, top = self.bounds
            across, down = _ground_scale(crs, (left + right) / 2, (bottom + top) / 2, factor)
            return factor * across, factor * down
        left, bottom, right, top = self.bounds
        degrees = math.degrees(crs.units_factor[1])  # some geographic CRS count in grads
        lon, lat, step = (left + right) / 2 * degrees, (bottom + top) / 2 * degrees, 1e-4
        import pyproj  # noqa: PLC0415  (a tenth of a second that scenes in metres need not wait)

        geod = pyproj.Geod(ellps="WGS84")
        east = geod.inv(lon - step, lat, lon + step, lat)[2] / (2 * step)
        north = geod.inv(lon, lat - step, lon, lat + step)[2] / (2 * step)
        return east * degrees, north * degrees


@lru_cache(maxsize=64)
def _ground_scale(crs: CRS, x: float, y: float, factor: float) -> tuple[float, float]:
    """Return the ground's metres along x and y for a metre of a projection; about 1 is 1."""
    step = 10 / factor
    lons, lats = transformed(
        crs, CRS.from_epsg(4326), [x - step, x + step, x, x], [y, y, y - step, y + step]
    )
    if not all(map(math.isfinite, (*lons, *lats))):
        return 1.0, 1.0
    latitude = math.radians(sum(lats) / 4)
    bent = 1 - _ECCENTRICITY_2 * math.sin(latitude) ** 2
    east = math.radians(1) * _EQUATOR_M / math.sqrt(bent) * math.cos(latitude)
    north = math.radians(1) * _EQUATOR_M * (1 - _ECCENTRICITY_2) / bent**1.5
    across, down = (
        math.hypot(east * ((lons[j] - lons[i] + 180) % 360 - 180), north * (lats[j] - lats[i])) / 20
        for i, j in ((0, 1), (2, 3))
    )
    off = max(abs(across - 1), abs(down - 1))
    return (across, down) if off > _SCALE_TOLERANCE else (1.0, 1.0)


def same_crs(one: CRS | None, other: CRS | None) -> bool:
    """Return whether two CRS place the same coordinates alike, however they are written."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    # GDAL tells an EPSG code and the same CRS as a GeoTIFF spells it apart now and then
    import pyproj  # noqa: PLC0415  (as above)

    ours, theirs = (pyproj.CRS.from_wkt(crs.to_wkt()) for crs in (one, other))
    return bool(ours.equals(theirs, ignore_axis_order=True))


def model_grid(scene: PixelGrid, gsd_m: float, crs: CRS | None = None) -> PixelGrid:
    """Return the grid at a GSD on which a scene is cut, predicted and checked.

    Its origin is the scene's upper-left corner and its axes are the scene's own, rotation kept.
    Its size is ceil(extent / GSD): the last pixel of a row or column may be partial. In another
    CRS it has that CRS's axes, and covers the scene's footprint from its upper-left bound.

    Args:
        scene: The scene's grid.
        gsd_m: Metres on the ground, the same along both axes.
        crs: CRS of the grid; the scene's own by default.

    Raises:
        GridError: The GSD is not above 0 or coarser than the whole scene, or a CRS has no usable
            unit.
    """
    if not 0 < gsd_m < math.inf:
        raise GridError(f"a GSD of {gsd_m} m makes no grid; give metres above 0")
    rows, cols = scene.shape
    across_m, down_m = scene.gsd_m
    if gsd_m > max(cols * across_m, rows * down_m) * (1 + 1e-6):
        raise GridError(
            f"a GSD of {gsd_m:g} m is coarser than the whole scene ({cols * across_m:.4g} x "
            f"{rows * down_m:.4g} m); give fewer metres with --gsd"
        )
    if crs is not None and not same_crs(crs, scene.crs):
        return _covering_grid(scene, gsd_m, crs)
    steps = tuple(_snapped_ratio(gsd_m / own) for own in (across_m, down_m))
    shape = (_ceil(rows / steps[1]), _ceil(cols / steps[0]))
    return PixelGrid(scene.transform @ Affine.scale(*steps), shape, scene.crs)


def resized_grid(image: PixelGrid, shape: tuple[int, int]) -> PixelGrid:
    """Return the grid of the whole of an image in so many (rows, columns)."""
    steps = (image.shape[1] / shape[1], image.shape[0] / shape[0])
    return PixelGrid(image.transform @ Affine.scale(*steps), shape, image.crs)


def shown_whole(shape: tuple[int, int], image: tuple[int, int], path: Path) -> Affine:
    """Return the transform, in an image's pixels, of a layer that shows the whole of the image.

    Args:
        shape: (rows, columns) of the layer.
        image: (rows, columns) of the image.
        path: Of the layer, for messages.

    Raises:
        GridError: The two are not of one form, to one of the layer's pixels.
    """
    rows, cols = image
    if abs(shape[0] * cols / rows - shape[1]) > 1:
        raise GridError(
            f"{path}: has {shape[0]} x {shape[1]} px, its image {rows} x {cols}, which are not of "
            "one form; check which files belong together"
        )
    return Affine.scale(cols / shape[1], rows / shape[0])


def utm_crs(scene: PixelGrid) -> CRS:
    """Return the WGS 84 UTM zone of a scene's centre.

    With the wider zones of south-west Norway and Svalbard, which national maps keep to.

    Raises:
        GridError: There is none, as at the poles.
    """
    left, bottom, right, top = scene.bounds
    centre = [(left + right) / 2], [(bottom + top) / 2]
    (lon,), (lat,) = transformed(scene.crs, CRS.from_epsg(4326), *centre)
    if not (-80 <= lat <= 84 and math.isfinite(lon)):
        raise GridError(
            f"no UTM zone holds longitude {lon:.4f}, latitude {lat:.4f}; name a CRS: --crs EPSG:..."
        )
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + _utm_zone(lon, lat))


def _utm_zone(lon: float, lat: float) -> int:
    lon = (lon + 180) % 360 - 180
    if 56 <= lat < 64 and 3 <= lon < 12:
        return 32
    if lat >= 72 and 0 <= lon < 42:
        return 31 + 2 * int((lon + 3) // 12)  # 31, 33, 35 and 37 only
    return int((lon + 180) // 6) + 1


def transformed(
    source: CRS, target: CRS, xs: Sequence[float], ys: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Return coordinates in another CRS; infinite where it does not reach."""
    try:
        xs, ys = transform(source, target, xs, ys)
    except CPLE_BaseError:  # some projections fail as a whole, as Mercator's at the poles
        xs = ys = [math.inf] * len(xs)
    return xs, ys


def _covering_grid(scene: PixelGrid, gsd_m: float, crs: CRS) -> PixelGrid:
    xs, ys = transformed(scene.crs, crs, *zip(*outline(scene), strict=True))
    if not all(map(math.isfinite, (*xs, *ys))):
        raise GridError(f"the scene lies outside of {crs.to_string()}; name another with --crs")
    left, top = min(xs), max(ys)
    width, height = max(xs) - left, top - min(ys)
    whole = PixelGrid(Affine(width, 0, left, 0, -height, top), (1, 1), crs)
    across_m, down_m = whole.gsd_m
    steps = (gsd_m / across_m * width, gsd_m / down_m * height)
    return PixelGrid(
        Affine(steps[0], 0, left, 0, -steps[1], top),
        (_ceil(height / steps[1]), _ceil(width / steps[0])),
        crs,
    )


def outline(grid: PixelGrid) -> Iterator[tuple[float, float]]:
    """Yield world (x, y) of points along a grid's sides, which are curves in another CRS."""
    corners = grid.corners
    for (x, y), (next_x, next_y) in zip(corners, (*corners[1:], corners[0]), strict=True):
        for step in range(_SIDE_POINTS):
            part = step / _SIDE_POINTS
            yield x + part * (next_x - x), y + part * (next_y - y)


def _snapped_ratio(ratio: float) -> float:
    # 0.09 / 0.09 metres should not become 1.0000000000000002 pixels and a row too many
    return 1.0 if abs(ratio - 1) < 1e-6 else ratio


def _ceil(value: float) -> int:
    return max(1, math.ceil(value - 1e-6))
