"""Buildings as CityJSON 2.0, written one by one (https://www.cityjson.org/specs/2.0.1)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from rasterio.crs import CRS

from geosemimtl.files import whole_file, write_all
from geosemimtl.vectors.solids import Block

#: Coordinates are whole thousandths of the CRS's unit, counted from an origin.
_STEPS = 1000
_LEVEL_OF_DETAIL = "1.2"
_SURFACES = ("GroundSurface", "RoofSurface", "WallSurface")
_FLOOR, _ROOF, _WALL = range(3)
_COPIED = 1 << 20


class CityJSONWriter:
    """Takes buildings one after the other; made by ``cityjson_writer``."""

    def __init__(
        self, objects: IO[bytes], vertices: IO[bytes], origin: tuple[float, float]
    ) -> None:
        self._objects, self._vertices = objects, vertices
        self._origin = np.array((*origin, 0.0))
        self._count = self._buildings = 0

    def add(self, block: Block, attributes: Mapping[str, Any]) -> None:
        """Add a building; its name is a number."""
        surfaces = block.surfaces
        rings = [ring for surface in surfaces for ring in surface]
        steps = np.rint((np.concatenate(rings) - self._origin) * _STEPS).astype(np.int64)
        corners, which = np.unique(steps, axis=0, return_inverse=True)
        numbers = iter((which.ravel() + self._count).tolist())
        boundaries = [[[next(numbers) for _ in ring] for ring in surface] for surface in surfaces]
        kinds = [_FLOOR, _ROOF, *[_WALL] * (len(surfaces) - 2)]
        geometry = {
            "type": "Solid",
            "lod": _LEVEL_OF_DETAIL,
            "boundaries": [boundaries],
            "semantics": {"surfaces": [{"type": kind} for kind in _SURFACES], "values": [kinds]},
        }
        city_object = {"type": "Building", "attributes": attributes, "geometry": [geometry]}
        comma = "," if self._count else ""
        self._buildings += 1
        name = f"building_{self._buildings}"
        _write(self._objects, f'{comma}\n"{name}": {json.dumps(city_object)}')
        _write(self._vertices, comma + json.dumps(corners.tolist())[1:-1])
        self._count += len(corners)


@contextmanager
def cityjson_writer(path: Path, crs: CRS, origin: tuple[float, float]) -> Iterator[CityJSONWriter]:
    """Write a CityJSON file, whole or not at all; memory holds one building.

    Args:
        path: The file.
        crs: Of the footprints; projected.
        origin: Near the footprints: it keeps the numbers short.

    Raises:
        OutputError: It cannot be written, or the disk is full.
    """
    head = {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [1 / _STEPS] * 3, "translate": [*origin, 0.0]},
        "metadata": _metadata(crs),
    }
    with tempfile.TemporaryFile(dir=path.parent) as vertices, whole_file(path) as file:
        _write(file, json.dumps(head)[:-1] + ', "CityObjects": {')
        yield CityJSONWriter(file, vertices, origin)
        _write(file, '},\n"vertices": [')
        vertices.seek(0)
        while data := vertices.read(_COPIED):
            write_all(file, data)
        _write(file, "]}\n")


def _metadata(crs: CRS) -> dict[str, str]:
    """Return the CRS, where it has a code to be named by."""
    code = crs.to_epsg()
    if code is None:
        return {}
    return {"referenceSystem": f"https://www.opengis.net/def/crs/EPSG/0/{code}"}


def _write(file: IO[bytes], text: str) -> None:
    write_all(file, text.encode())
