"""The index of a tile set: one polygon a tile, in a GeoPackage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import pyogrio

from geosemimtl.errors import OutputError

#: GeoPackage wants a date of last change; a fixed one keeps equal input equal output.
_FIXED_DATE = "2000-01-01T00:00:00.000Z"


def write_index(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the tiles' polygons in the first scene's CRS, with what else is known of each.

    Args:
        path: The GeoPackage.
        rows: One a tile, with ``geometry`` and ``crs`` among its values.

    Raises:
        OutputError: It cannot be written.
    """
    crs = rows[0]["crs"]
    parts = [
        geopandas.GeoSeries([row["geometry"]], crs=row["crs"]).to_crs(crs)[0]
        if row["crs"] != crs
        else row["geometry"]
        for row in rows
    ]
    columns = [{k: v for k, v in row.items() if k not in ("crs", "geometry")} for row in rows]
    frame = geopandas.GeoDataFrame(columns, geometry=parts, crs=crs)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_DATE})
    try:
        frame.to_file(path, layer="tiles", driver="GPKG", engine="pyogrio")
    except pyogrio.errors.DataSourceError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from error
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
