"""The layers of polygons, and what they say of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from geosemimtl.vectors.features import Feature
from geosemimtl.vectors.geopackage import Layer
from geosemimtl.vectors.zonal import HeightSums

#: The class that has layers of its own.
BUILDING = "building"
LAND_COVER, BUILDINGS = "land_cover", "buildings"

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
_VOLUME = "volume_m3"
_DECIMALS = 3


def layers_of(wanted: Sequence[str], *, with_heights: bool) -> list[Layer]:
    """Return the layers that are written: buildings, and all classes where others are wanted."""
    measured = [*_HEIGHTS, _VOLUME] if with_heights else []
    fields = {name: str if name == "class" else float for name in (*_ALWAYS, *measured)}
    names = [LAND_COVER] * (tuple(wanted) != (BUILDING,)) + [BUILDINGS] * (BUILDING in wanted)
    return [Layer(name, "Polygon", fields) for name in names]


def values_of(feature: Feature, layer: Layer) -> list[Value]:
    """Return the values of a layer's fields, numbers to a thousandth."""
    known = {name: value(feature) for name, value in _ALWAYS.items()}
    if feature.heights is not None:
        known |= {name: value(feature.heights) for name, value in _HEIGHTS.items()}
        known[_VOLUME] = feature.area_m2 * feature.heights.mean_m
    values = [known.get(name) for name in layer.fields]
    return [round(each, _DECIMALS) if isinstance(each, float) else each for each in values]
