"""Layers of a GeoPackage, written some features at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.errors import OutputError
from geosemimtl.files import REMEDY

#: Features, and bytes of their geometries, that are written at once.
_BATCH, _BATCH_BYTES = 4096, 32 << 20
#: SQLite's own limit on one value, and so on one geometry.
_MOST_BYTES = 1_000_000_000
#: GeoPackage wants a date of last change; a fixed one keeps equal input equal output.
_FIXED_DATE = "2000-01-01T00:00:00.000Z"
#: Programs of ten years ago read it without a warning.
_VERSION = "1.2"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer to be written.

    Attributes:
        name: Of the layer.
        geometry: ``Polygon`` or ``MultiPolygon Z``, as OGR calls it.
        fields: Type of each attribute: ``str``, ``int`` or ``float``; floats may be missing.
        style: QML that QGIS applies by itself; empty for none.
    """

    name: str
    geometry: str
    fields: Mapping[str, type]
    style: str = ""


@contextmanager
def geopackage_writer(path: Path, crs: CRS, layers: Sequence[Layer]) -> Iterator[GeoPackageWriter]:
    """Write a GeoPackage, whole or not at all; memory holds some features.

    Args:
        path: The file; replaced.
        crs: Of all geometries.
        layers: Its layers; one without features is there, too.

    Raises:
        OutputError: It cannot be written, or a geometry is larger than a GeoPackage can hold.
    """
    part = path.with_name(f".{path.stem}.part.gpkg")
    try:
        part.unlink(missing_ok=True)
        writer = GeoPackageWriter(part, crs, layers, path)
        yield writer
        writer.finish()
        part.replace(path)
    finally:
        for left in part.parent.glob(f"{part.name}*"):  # SQLite's journals, too
            with suppress(OSError):
                left.unlink()


class GeoPackageWriter:
    """Takes features for the layers of a GeoPackage; made by ``geopackage_writer``."""

    def __init__(self, path: Path, crs: CRS, layers: Sequence[Layer], named: Path) -> None:
        self._path, self._wkt, self._named = path, crs.to_wkt(), named
        self._layers = {layer.name: layer for layer in layers}
        self._waiting: dict[str, list[tuple[bytes, Sequence[Any]]]] = {n: [] for n in self._layers}
        self._bytes = dict.fromkeys(self._layers, 0)
        self._begun: set[str] = set()

    def add(self, layer: str, geometry: Any, values: Sequence[Any]) -> None:
        """Add a feature with a value for each of the layer's fields.

        Raises:
            OutputError: The geometry is larger than a GeoPackage can hold, or the disk is full.
        """
        shape = shapely.to_wkb(geometry)  # a fraction of what the geometry takes
        if len(shape) > _MOST_BYTES:
            raise OutputError(
                f"{self._named}: a polygon of the layer {layer} is larger than the "
                f"{_MOST_BYTES // 10**6} MB that a GeoPackage holds; leave its class out, or "
                "simplify more"
            )
        self._waiting[layer].append((shape, values))
        self._bytes[layer] += len(shape)
        if len(self._waiting[layer]) >= _BATCH or self._bytes[layer] >= _BATCH_BYTES:
            self._flush(layer)

    def finish(self) -> None:
        """Write what waits, layers without features, and the styles.

        Raises:
            OutputError: As ``add``.
        """
        for layer in self._layers:
            if self._waiting[layer] or layer not in self._begun:
                self._flush(layer)
        with closing(sqlite3.connect(self._path)) as database, database:
            _add_styles(database, [layer for layer in self._layers.values() if layer.style])
            database.execute("UPDATE gpkg_contents SET last_change = ?", (_FIXED_DATE,))

    def _flush(self, name: str) -> None:
        layer, waiting = self._layers[name], self._waiting[name]
        shapes = np.array([shape for shape, _ in waiting], object)
        data: list[NDArray[Any]] = [
            np.array([values[place] for _, values in waiting], object if kind is str else kind)
            for place, kind in enumerate(layer.fields.values())
        ]
        try:
            pyogrio.raw.write(
                self._path,
                shapes,
                data,
                list(layer.fields),
                layer=name,
                driver="GPKG",
                geometry_type=layer.geometry,
                crs=self._wkt,
                append=name in self._begun,
                promote_to_multi=False,
                dataset_options=None if self._path.exists() else {"VERSION": _VERSION},
            )
        except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError) as error:
            raise OutputError(f"{self._named}: cannot be written, disk full? {REMEDY}") from error
        self._begun.add(name)
        waiting.clear()
        self._bytes[name] = 0


def styles_in(path: Path) -> dict[str, str]:
    """Return the style of each layer of a GeoPackage that ``geopackage_writer`` wrote.

    Raises:
        OutputError: It cannot be read, or holds no styles.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT f_table_name, styleQML FROM layer_styles ORDER BY id")
            return dict(rows.fetchall())
    except sqlite3.Error as error:
        raise OutputError(
            f"{path}: is no GeoPackage of geosemimtl vectorize ({error}); move it away"
        ) from error


def _add_styles(database: sqlite3.Connection, layers: Sequence[Layer]) -> None:
    """Add the table in which QGIS looks for styles."""
    if not layers:
        return
    database.execute(
        "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
        "f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), "
        "f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, "
        "useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
        "update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"
    )
    database.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
        "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, "
        "update_time) VALUES ('', '', ?, 'geom', ?, ?, '', 1, '', '', ?)",
        [(layer.name, layer.name, layer.style, _FIXED_DATE) for layer in layers],
    )
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
        (_FIXED_DATE,),
    )
