"""Lists of scenes that a user writes: CSV, GeoPackage or GeoJSON, one row a file."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from geosemimtl.errors import TileSetError

#: The columns that are read; all but the first may be missing, or empty in a row.
COLUMNS = ("image", "scene", "labels", "height", "split")
#: Columns called so much like another are taken for misspelt.
_ALIKE = 0.75
#: What GeoPackages call tables of rows; the others hold rasters.
_ROWS = ("features", "attributes")


def is_scene_list(path: Path) -> bool:
    """Return whether a file is a list of scenes by its suffix; a GeoPackage by what it holds."""
    if path.suffix.lower() == ".gpkg":
        return bool(vector_layers(path))
    return path.suffix.lower() in {".csv", ".geojson"}


def vector_layers(path: Path) -> tuple[str, ...]:
    """Return the layers of a GeoPackage that are no rasters; none if it is no GeoPackage."""
    query = f"SELECT table_name FROM gpkg_contents WHERE data_type IN {_ROWS} ORDER BY table_name"  # noqa: S608  (a constant)
    try:
        with closing(_database(path)) as database:
            return tuple(name for (name,) in database.execute(query))
    except sqlite3.Error:
        return ()


def read_scene_list(path: Path) -> tuple[dict[str, str], ...]:
    """Read a list of scenes.

    Returns:
        For each row, the columns of ``COLUMNS`` that are not empty in it, ``image`` always.

    Raises:
        TileSetError: It cannot be read, or a row names no image.
    """
    rows = enumerate(read_rows(path), start=1)
    return tuple(_checked(row, path, number) for number, row in rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV, GeoPackage or GeoJSON: text by column name in lower case.

    Raises:
        TileSetError: It cannot be read, or has no row.
    """
    readers = {".csv": _csv_rows, ".gpkg": _geopackage_rows, ".geojson": _geojson_rows}
    try:
        rows = [*readers[path.suffix.lower()](path)]
    except OSError as error:
        reason = error.strerror or "damaged"
        raise TileSetError(f"{path}: cannot be read ({reason}); check the path") from error
    except UnicodeDecodeError as error:
        raise TileSetError(
            f"{path}: is not UTF-8 text (byte {error.start}); save the list as CSV in UTF-8"
        ) from error
    except (csv.Error, sqlite3.Error, ValueError) as error:
        problem = " ".join(str(error).split())
        raise TileSetError(f"{path}: cannot be read ({problem}); write the list anew") from error
    if not rows:
        raise TileSetError(f"{path}: lists no scene; write one row a file")
    return rows


def _checked(row: Mapping[str, str], path: Path, number: int) -> dict[str, str]:
    for name in row:
        meant = get_close_matches(name, COLUMNS, n=1, cutoff=_ALIKE)
        if meant and name not in COLUMNS and meant[0] not in row:
            raise TileSetError(
                f"{path}: has a column {name}; if it means {meant[0]}, call it so, else otherwise"
            )
    cells = {name: row[name] for name in COLUMNS if row.get(name)}
    if "image" not in row:
        raise TileSetError(
            f"{path}: has no column image, only {', '.join(row)}; name its columns "
            f"{', '.join(COLUMNS)} (all but image may be missing)"
        )
    if "image" not in cells:
        raise TileSetError(f"{path}: row {number} names no image; fill it in or delete the row")
    return cells


def _csv_rows(path: Path) -> Iterable[dict[str, str]]:
    text = path.read_text(encoding="utf-8-sig")  # Excel begins its UTF-8 with a mark
    header = text.partition("\n")[0]
    separator = next((each for each in ",;\t" if each in header), ",")  # by the system's language
    for cells in csv.DictReader(StringIO(text, newline=""), delimiter=separator, strict=True):
        if None in cells:
            raise ValueError(f"more cells than columns beside {cells.get('image', '')}")
        yield _normal(cells)


def _geojson_rows(path: Path) -> Iterable[dict[str, str]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise ValueError("no GeoJSON features in it")
    for feature in features:
        yield _normal(feature.get("properties") or {})


def _geopackage_rows(path: Path) -> Iterable[dict[str, str]]:
    # not by OGR: it would load pandas, which takes longer than cutting a small scene
    names: Sequence[str] = ()
    with closing(_database(path)) as database:
        for layer in vector_layers(path):
            quoted = layer.replace('"', '""')
            cursor = database.execute(f'SELECT * FROM "{quoted}" ORDER BY rowid')  # noqa: S608  (quoted)
            names = [each[0] for each in cursor.description]
            if "image" in map(str.lower, names):
                return [_normal(dict(zip(names, row, strict=True))) for row in cursor]
    return [_normal(dict.fromkeys(names))]


def _database(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _normal(cells: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(name).strip().lower(): "" if value is None else str(value).strip()
        for name, value in cells.items()
        if not isinstance(value, bytes)  # geometries
    }
