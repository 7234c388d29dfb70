"""Polygons and their class column, read from any vector file that GDAL reads."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from geosemimtl.errors import LabelError

_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclass(frozen=True, slots=True)
class Layer:
    """The polygons of one layer, in file order.

    Attributes:
        path: The file, with its layer where one was named.
        files: The files it is stored in.
        crs: Of the coordinates.
        polygons: (features,) polygons and multipolygons, or empty.
        values: (features,) what the column holds; ``None`` for NULL, or without a column.
        ids: (features,) feature numbers as QGIS shows them.
    """

    path: Path
    files: tuple[Path, ...]
    crs: CRS
    polygons: NDArray[Any]
    values: tuple[Any, ...]
    ids: NDArray[np.int64]


def read_layer(path: Path, column: str | None, assume_crs: str | None) -> Layer:
    """Read the polygons of a layer and one column, or none.

    Args:
        path: A vector file; ``file.gpkg|layername=parcels``, as QGIS writes it, names a layer.
        column: The column wanted, if any.
        assume_crs: CRS of files that carry none.

    Raises:
        LabelError: The file cannot be read, or the layer, column, polygons or CRS are missing.
    """
    file, wanted, subset = split_layer(path)
    try:
        name = _layer_name(file, wanted)
        info = pyogrio.read_info(file, layer=name)
        if not info["features"]:
            raise LabelError(f"{path}: has no features; draw some, or name another file")
        if column is not None:
            _require_column(path, column, list(info["fields"]))
        meta, ids, geometries, fields = pyogrio.raw.read(
            file,
            layer=name,
            columns=[column] if column else [],
            where=subset,
            force_2d=True,
            return_fids=True,
        )
        if not len(geometries):
            raise LabelError(f"{path}: has no features that meet the subset; write another")
        polygons = shapely.from_wkb(geometries)
    except pyogrio.errors.FeatureError as error:
        raise LabelError(
            f"{path}: features cannot be read ({error}); check the file, and the subset if there "
            "is one"
        ) from error
    except (pyogrio.errors.DataSourceError, shapely.GEOSException) as error:
        reason = "no such file" if not file.exists() else "not a vector file that GDAL reads"
        raise LabelError(f"{file}: {reason}; check the path") from error
    _require_polygons(path, polygons, ids)
    values = fields[0].tolist() if fields else [None] * len(polygons)
    return Layer(
        path=path,
        files=_files(file),
        crs=_crs(path, meta["crs"], assume_crs),
        polygons=polygons,
        values=tuple(None if value != value else value for value in values),  # noqa: PLR0124  (NaN is NULL)
        ids=np.asarray(ids),
    )


class Source(NamedTuple):
    """What of a vector file is meant: QGIS's way to write it, ``file.gpkg|layername=parcels``.

    Attributes:
        file: The file.
        layer: Name of the layer, if one is named.
        subset: An SQL condition that features have to meet, ``|subset=split = 'test'``.
    """

    file: Path
    layer: str | None
    subset: str | None


def split_layer(path: Path) -> Source:
    """Return what a path and what stands behind its bars mean.

    Raises:
        LabelError: It is something else.
    """
    file, *options = str(path).split("|")
    known = {"layername": "", "subset": "", "geometrytype": ""}
    for option in options:
        key, _, value = option.partition("=")
        if key not in known or not value:
            raise LabelError(f"{path}: {option} is not understood; write FILE|layername=NAME")
        known[key] = value
    return Source(Path(file), known["layername"] or None, known["subset"] or None)


def _layer_name(file: Path, wanted: str | None) -> str:
    layers = {str(name): kind for name, kind in pyogrio.list_layers(file)}
    # tables without geometry, such as QGIS's layer_styles, are no choice
    choice = [name for name, kind in layers.items() if kind is not None]
    if wanted is not None:
        if wanted not in layers:
            raise LabelError(f"{file}: has no layer {wanted}; it has {', '.join(layers) or 'none'}")
        return wanted
    if not choice:
        raise LabelError(f"{file}: has no layer with geometries; name another file")
    if len(choice) > 1:
        raise LabelError(
            f"{file}: has the layers {', '.join(choice)}; name one, such as "
            f'"{file.name}|layername={choice[0]}"'
        )
    return choice[0]


def _require_column(path: Path, column: str, columns: Sequence[str]) -> None:
    if column not in columns:
        near = difflib.get_close_matches(column.lower(), [one.lower() for one in columns], n=1)
        likely = [one for one in columns if near and one.lower() == near[0]] or list(columns[:1])
        raise LabelError(
            f"{path}: has no column {column}; it has {', '.join(columns) or 'none'}; name the "
            f"classes' column, such as --class-column {likely[0] if likely else 'class'}"
        )


def _require_polygons(path: Path, shapes: NDArray[Any], ids: NDArray[np.int64]) -> None:
    drawn = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    wrong = np.flatnonzero(drawn & ~np.isin(shapely.get_type_id(shapes), _POLYGONS))
    if wrong.size:
        raise LabelError(
            f"{path}: feature {ids[wrong[0]]} is a {shapes[wrong[0]].geom_type}; polygons "
            "are needed"
        )
    if not drawn.any():
        raise LabelError(f"{path}: has no polygons; name another layer or file")


def _crs(path: Path, text: str | None, assume_crs: str | None) -> CRS:
    if text is None and assume_crs is None:
        raise LabelError(f"{path}: has no CRS; name it, such as --assume-crs EPSG:25832")
    try:
        return CRS.from_user_input(text or assume_crs)
    except CRSError as error:
        raise LabelError(f"{path}: has an unknown CRS, {text or assume_crs}") from error


def _files(file: Path) -> tuple[Path, ...]:
    beside = [file.with_suffix(suffix) for suffix in (".dbf", ".shx", ".prj")]
    return (file, *(b for b in beside if file.suffix.lower() == ".shp" and b.is_file()))
