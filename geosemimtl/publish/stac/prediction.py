"""The STAC item of a prediction: where and when, on which grid, and what each raster holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pystac

from geosemimtl.publish.stac.parts import (
    ANY_TIME,
    MODEL_KEY,
    class_objects,
    mlm_name,
    new_item,
    text_of,
)
from geosemimtl.raster.acquisition import TimeSpan
from geosemimtl.raster.globe import footprint
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import RasterKind

#: Versions that belong to STAC 1.1, where bands, units and nodata are the core's own.
EXTENSIONS = (
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
)


@dataclass(frozen=True, slots=True)
class Described:
    """One raster of a prediction.

    Attributes:
        file: Its name, in the item's own folder.
        title: What it shows.
        kind: What it holds.
    """

    file: str
    title: str
    kind: RasterKind


def prediction_item(
    name: str,
    grid: PixelGrid,
    rasters: Mapping[str, Described],
    *,
    scene: str,
    model: str,
    taken: TimeSpan | None = None,
    model_href: str | None = None,
) -> str:
    """Return a prediction's item: STAC 1.1 with its classification, projection and raster fields.

    Args:
        name: The item's.
        grid: Of all rasters.
        rasters: By the names of their assets.
        scene: Name of the file that was predicted.
        model: The model's name.
        taken: When the scene was taken; an unknown time is the widest that STAC can say.
        model_href: The model's item, from the folder of this one.

    Raises:
        GridError: The grid reaches beyond its CRS.
    """
    gsd_m = round(sum(grid.gsd_m) / 2, 6)
    properties = {
        "description": f"Predicted from {scene} by the model {model}",
        MODEL_KEY: model,
        "gsd": gsd_m,
        **_projection(grid),
    }
    used = [uri for uri in EXTENSIONS if _is_used(uri, rasters)]
    item = new_item(name, taken or ANY_TIME, properties, used, footprint(grid))
    for key, raster in rasters.items():
        item.add_asset(key, _asset(raster, gsd_m))
    if model_href is not None:
        item.add_link(
            pystac.Link(
                pystac.RelType.DERIVED_FROM,
                model_href,
                pystac.MediaType.GEOJSON,
                extra_fields={"mlm:name": mlm_name(model)},
            )
        )
    return text_of(item)


def _is_used(extension: str, rasters: Mapping[str, Described]) -> bool:
    classes = any(raster.kind.classes is not None for raster in rasters.values())
    return classes or "/classification/" not in extension


def _projection(grid: PixelGrid) -> dict[str, Any]:
    code = grid.authority_code
    exact = {} if code is not None else {"proj:wkt2": grid.ground_crs.to_wkt(version="WKT2_2019")}
    return {
        "proj:code": code,
        **exact,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
    }


def _asset(raster: Described, gsd_m: float) -> pystac.Asset:
    kind = raster.kind
    units = kind.units or (None,) * len(kind.band_names)
    bands = [_band(kind, *each, gsd_m) for each in zip(kind.band_names, units, strict=True)]
    fields: dict[str, Any] = {"bands": bands}
    if kind.classes is not None:
        fields["classification:classes"] = class_objects(kind.classes)
    return pystac.Asset(
        f"./{quote(raster.file)}",
        title=raster.title,
        media_type=pystac.MediaType.COG,
        roles=["data"],
        extra_fields=fields,
    )


def _band(kind: RasterKind, name: str, unit: str | None, gsd_m: float) -> dict[str, Any]:
    band = {
        "name": name,
        "data_type": kind.dtype,
        "nodata": kind.nodata,
        "unit": unit,
        "raster:spatial_resolution": gsd_m,
        "raster:scale": kind.scale,
    }
    return {key: value for key, value in band.items() if value is not None}
