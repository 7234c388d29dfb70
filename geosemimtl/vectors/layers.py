"""Where polygons go: the layers of a GeoPackage, and a city model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from rasterio.crs import CRS

from geosemimtl.classes import LandClass
from geosemimtl.vectors.cityjson import CityJSONWriter
from geosemimtl.vectors.features import Feature
from geosemimtl.vectors.geopackage import GeoPackageWriter, Layer
from geosemimtl.vectors.regularisation import right_angled
from geosemimtl.vectors.solids import Block, block_of
from geosemimtl.vectors.styles import blocks_style, classes_style, extruded_style
from geosemimtl.vectors.zonal import HeightSums

#: The class that has layers of its own.
BUILDING = "building"
LAND_COVER, BUILDINGS, BLOCKS = "land_cover", "buildings", "buildings_lod1"

Value = str | float | None
_ALWAYS: dict[str, Callable[[Feature], Value]] = {
    "class": lambda feature: feature.class_name,
    "area_m2": lambda feature: feature.area_m2,
    "confidence": lambda feature: feature.confidence,
}
_HEIGHTS: dict[str, Callable[[HeightSums], float]] = {
    "height_mean_m": lambda heights: heights.mean_m,
    "height_median_m": lambda heights: heights.percentile_m(0.5),
    "height_p90_m": lambda heights: heights.percentile_m(0.9),
    "height_max_m": lambda heights: heights.most_m,
}
#: Shorter edges of footprints with right angles go.
_SHORTEST_M = 2.0
#: What a building is raised to.
_TOP = "height_median_m"
_VOLUME = "volume_m3"
_DECIMALS = 3


def layers_of(wanted: Sequence[LandClass], *, heights: bool, metre: float | None) -> list[Layer]:
    """Return the layers that are written.

    Args:
        wanted: The classes; buildings have a layer of their own, and where others are wanted all
            share one.
        heights: Whether heights are known.
        metre: One metre in the unit of the CRS; ``None`` makes no blocks of buildings.
    """
    measured = [*_HEIGHTS, _VOLUME] if heights else []
    fields = {name: str if name == "class" else float for name in (*_ALWAYS, *measured)}
    buildings = [entry for entry in wanted if entry.name == BUILDING]
    layers = []
    if len(wanted) > len(buildings):
        layers.append(Layer(LAND_COVER, "Polygon", fields, classes_style(wanted)))
    for entry in buildings:
        if heights and metre is not None:
            raised = extruded_style(entry, _TOP, metre)
            layers.append(Layer(BUILDINGS, "Polygon", fields, raised))
            layers.append(Layer(BLOCKS, "MultiPolygon Z", fields, blocks_style(entry)))
        else:
            layers.append(Layer(BUILDINGS, "Polygon", fields, classes_style([entry])))
    return layers


def values_of(feature: Feature) -> dict[str, Value]:
    """Return what is said of a polygon, numbers to a thousandth."""
    known = {name: value(feature) for name, value in _ALWAYS.items()}
    if feature.heights is not None:
        known |= {name: value(feature.heights) for name, value in _HEIGHTS.items()}
        known[_VOLUME] = feature.area_m2 * feature.heights.mean_m
    return {
        name: round(value, _DECIMALS) if isinstance(value, float) else value
        for name, value in known.items()
    }


@dataclass(frozen=True, slots=True)
class Outputs:
    """Takes polygons and writes them wherever they belong.

    Attributes:
        package: A GeoPackage.
        layers: Its layers.
        model: A city model for the buildings, or ``None``.
        metre: One metre in the unit of the CRS.
        right_angles: Whether footprints get right angles.
    """

    package: GeoPackageWriter
    layers: Sequence[Layer]
    model: CityJSONWriter | None
    metre: float
    right_angles: bool

    def add(self, feature: Feature) -> None:
        """Write a polygon."""
        self._add(LAND_COVER, feature.polygon, values_of(feature))
        if feature.class_name != BUILDING:
            return
        if self.right_angles and not feature.cut:  # beyond the raster's edge nobody knows
            squared = right_angled(feature.polygon, _SHORTEST_M * self.metre)
            feature = feature.with_polygon(squared)
        values = values_of(feature)
        self._add(BUILDINGS, feature.polygon, values)
        block = self._block(feature) if self._makes_blocks else None
        if block is not None:
            self._add(BLOCKS, multipolygon_of(block), values)
            if self.model is not None:
                self.model.add(block, values)

    @property
    def _makes_blocks(self) -> bool:
        return any(layer.name == BLOCKS for layer in self.layers)

    def _add(self, name: str, shape: Any, values: Mapping[str, Value]) -> None:
        """Write a geometry to the layer of a name, if there is one."""
        for layer in self.layers:
            if layer.name == name:
                self.package.add(name, shape, [values.get(field) for field in layer.fields])

    def _block(self, feature: Feature) -> Block | None:
        """Return a building up to the median of its heights; ``None`` if that is not above 0."""
        if feature.heights is None or feature.heights.percentile_m(0.5) <= 0:
            return None
        top = feature.heights.percentile_m(0.5) * self.metre
        return block_of(feature.polygon, 0.0, top, self.metre)


def multipolygon_of(block: Block) -> shapely.MultiPolygon:
    """Return the surfaces of a block as polygons in space."""
    surfaces = block.surfaces
    rings = [ring for surface in surfaces for ring in surface]
    owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    lines: Any = shapely.linearrings(np.concatenate(rings), indices=owner)
    owner = np.repeat(np.arange(len(surfaces)), [len(surface) for surface in surfaces])
    polygons: Any = shapely.polygons(lines, indices=owner)
    made: shapely.MultiPolygon = shapely.multipolygons(polygons)
    return made


def metre_in(crs: CRS) -> float | None:
    """Return a metre in the unit of a CRS, ``None`` if that is an angle."""
    return None if crs.is_geographic else 1 / float(crs.linear_units_factor[1])
