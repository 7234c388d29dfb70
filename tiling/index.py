"""The index of a tile set: one polygon a tile, in a GeoPackage.

A GeoPackage is an SQLite file with a few fixed tables, and Python brings SQLite: the vector
libraries take longer to import than a small scene takes to cut. GDAL and QGIS judge it in tests.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import shapely
from rasterio.crs import CRS
from rasterio.warp import transform

from geosemimtl.errors import OutputError, TileSetError
from geosemimtl.raster.grid import PixelGrid, same_crs
from geosemimtl.tiling.tileset import INDEX

_TABLE = "tiles"
#: GeoPackage wants a date of last change; a fixed one keeps equal input equal output.
_FIXED_DATE = "2000-01-01T00:00:00.000Z"
#: "GPKG", and version 1.3 (OGC 12-128r17, requirement 2).
_APPLICATION, _VERSION = 0x47504B47, 10300
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
    organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
    identifier TEXT UNIQUE, description TEXT DEFAULT '', last_change DATETIME NOT NULL,
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
    srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL UNIQUE REFERENCES
    gpkg_contents(table_name), column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys(srs_id), z TINYINT NOT NULL,
    m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name));
"""
_UNDEFINED = (
    ("Undefined cartesian SRS", -1, "NONE", -1, "undefined", None),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
)
#: Number of a CRS without an EPSG code in this file.
_OWN_SRS = 100000


def write_index(path: Path, rows: Sequence[dict[str, Any]], grids: Sequence[PixelGrid]) -> None:
    """Write the tiles' polygons in the first tile's CRS, with what else is known of each.

    Of images that lie nowhere on the ground it is a table without polygons.

    Args:
        path: The GeoPackage; replaced.
        rows: What is known of each tile; all have the same keys, values may be ``None``.
        grids: The grid of each tile.

    Raises:
        OutputError: It cannot be written.
    """
    crs = grids[0].crs
    outlines = [] if crs is None else [_outline(grid, crs) for grid in grids]
    srs = None if crs is None else _srs(crs)
    try:
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as database, database:
            # the file is new, and nobody sees it before it is whole
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {_VERSION}")
            database.executescript(_TABLES)
            _add_srs(database, srs)
            _add_tiles(database, rows, outlines, None if srs is None else srs[1])
    except (sqlite3.Error, OSError) as error:
        raise OutputError(f"{path}: cannot be written ({error}); is the disk full?") from error


def tile_names(folder: Path, split: str = "train") -> tuple[str, ...]:
    """Return the file names of a split's tiles, in the order of the index.

    Raises:
        TileSetError: The index is missing, damaged or has no tile of this split.
    """
    return tuple(str(name) for (name,) in _read_columns(folder, ("tile",), split))


def tile_class_shares(
    folder: Path, classes: Sequence[str], split: str = "train"
) -> tuple[tuple[float, ...], ...]:
    """Return by tile, in the order of the index, the share of its pixels that is of each class.

    Raises:
        TileSetError: As ``tile_names``, or the tiles have no labels.
    """
    return _read_columns(folder, tuple(f"share_{name}" for name in classes), split)


def _read_columns(folder: Path, columns: Sequence[str], split: str) -> tuple[tuple[Any, ...], ...]:
    path = folder / INDEX
    names = ", ".join(_quoted(column) for column in columns)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute(
                f"SELECT {names} FROM {_TABLE} WHERE split = ? ORDER BY fid",  # noqa: S608  (constants, and names that are quoted)
                (split,),
            ).fetchall()
    except sqlite3.Error as error:
        raise TileSetError(f"{path}: cannot be read ({error}); cut the tiles again") from error
    if not found:
        raise TileSetError(f"{path}: has no tile of the split {split}")
    return tuple(found)


def _outline(grid: PixelGrid, crs: CRS) -> shapely.Polygon:
    xs, ys = zip(*grid.corners, strict=True)
    if grid.crs is not None and not same_crs(grid.crs, crs):
        xs, ys = transform(grid.crs, crs, xs, ys)
    return shapely.Polygon(list(zip(xs, ys, strict=True)))


def _srs(crs: CRS) -> tuple[str, int, str, int, str, None]:
    code = crs.to_epsg()
    name = crs.to_wkt().split('"')[1]
    if code is None:
        return name, _OWN_SRS, "NONE", _OWN_SRS, crs.to_wkt(), None
    return name, code, "EPSG", code, crs.to_wkt(), None


def _add_srs(database: sqlite3.Connection, srs: tuple[Any, ...] | None) -> None:
    wgs84 = _srs(CRS.from_epsg(4326))
    rows = {row[1]: row for row in (*_UNDEFINED, wgs84, *([] if srs is None else [srs]))}
    database.executemany(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", rows.values()
    )


def _add_tiles(
    database: sqlite3.Connection,
    rows: Sequence[dict[str, Any]],
    outlines: Sequence[shapely.Polygon],
    srs_id: int | None,
) -> None:
    kind, bounds = "attributes", [None] * 4
    if srs_id is not None:
        kind, bounds = "features", shapely.total_bounds(outlines).tolist()
    database.execute(
        "INSERT INTO gpkg_contents VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
        (_TABLE, kind, _TABLE, _FIXED_DATE, *bounds, srs_id),
    )
    geometries: list[tuple[bytes, ...]] = [()] * len(rows)
    columns = [f"{_quoted(key)} {kind}" for key, kind in _columns(rows)]
    names = [_quoted(key) for key in rows[0]]
    if srs_id is not None:
        database.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', ?, 0, 0)",
            (_TABLE, srs_id),
        )
        columns, names = ["geom POLYGON", *columns], ["geom", *names]
        geometries = [(_geometry(outline, srs_id),) for outline in outlines]
    database.execute(
        f"CREATE TABLE {_TABLE} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
        f"{', '.join(columns)})"
    )
    database.executemany(
        f"INSERT INTO {_TABLE} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608  (quoted names, bound values)
        ((*geometry, *row.values()) for geometry, row in zip(geometries, rows, strict=True)),
    )


def _columns(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name and GeoPackage type of each column."""
    kinds = {str: "TEXT", bool: "BOOLEAN", int: "INTEGER", float: "DOUBLE"}
    for key in rows[0]:
        known = next((row[key] for row in rows if row[key] is not None), 0.0)
        yield key, kinds[type(known)]


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _geometry(outline: shapely.Polygon, srs_id: int) -> bytes:
    """Return a geometry as GeoPackage stores it: header, envelope (x first), WKB."""
    left, bottom, right, top = outline.bounds
    header = struct.pack("<2sBBi4d", b"GP", 0, 0b11, srs_id, left, right, bottom, top)
    wkb: bytes = shapely.to_wkb(outline, byte_order=1)
    return header + wkb
