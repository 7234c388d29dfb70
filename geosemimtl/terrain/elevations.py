"""Rasters of elevations: their unit, and values that cannot be one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.errors import ConfigError, LabelError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, height_filter, read_on_grid
from geosemimtl.raster.scene import Scene, open_scene, opened

_LOG = logging.getLogger(__name__)

#: Metres of each unit of height.
UNITS_M = {"m": 1.0, "ft": 0.3048, "us-ft": 1200 / 3937}
#: No land, open pit or building is lower or higher.
PLAUSIBLE_M = (-1000.0, 9500.0)
#: How files spell the units, in lower case.
_SPELLINGS = {
    "m": ("m", "metre", "metres", "meter", "meters"),
    "ft": ("ft", "foot", "feet", "international foot", "foot (international)"),
    "us-ft": ("us-ft", "ftus", "us_ft", "us survey foot", "foot_us", "us foot", "sfoot"),
}
_NAMES = {spelling: unit for unit, names in _SPELLINGS.items() for spelling in names}


@dataclass(frozen=True, slots=True)
class ElevationReader:
    """Reads elevations in metres, window by window; made by ``elevations_on_grid``."""

    path: Path
    factor_m: float
    reader: GridReader

    def read(self, top: int, rows: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return full rows (rows, columns) in metres, 0 where not valid, and where valid.

        Raises:
            LabelError: A value is no elevation.
            SceneError: The pixels cannot be read.
        """
        cols = self.reader.grid.shape[1]
        pixels, valid = self.reader.read(Window(0, top, cols, rows))
        values = pixels[0].astype(np.float32)
        low, high = (limit / self.factor_m for limit in PLAUSIBLE_M)
        wrong = valid & ((values < low) | (values > high))
        if wrong.any():
            row, col = (int(places[0]) for places in np.nonzero(wrong))
            raise LabelError(
                f"{self.path}: {values[row, col]:g} near row {top + row}, column {col} is no "
                f"elevation ({low:.0f} to {high:.0f}); if it means no data, declare it: "
                "gdal_edit.py -a_nodata VALUE"
            )
        return values if self.factor_m == 1 else values * np.float32(self.factor_m), valid


def open_elevations(
    path: Path, unit: str | None, assume_crs: str | None = None
) -> tuple[Scene, float]:
    """Look at a raster of elevations.

    Args:
        path: One band of elevations.
        unit: A key of ``UNITS_M``; ``None`` believes the file, and takes metres where it is
            silent.
        assume_crs: CRS of a file that carries none.

    Returns:
        The scene, and what its values are to be multiplied with to be metres.

    Raises:
        LabelError: It has several bands, or says that its heights are not metres.
        ConfigError: The unit is unknown.
    """
    if unit is not None and unit not in UNITS_M:
        raise ConfigError(f"unit {unit}: unknown; choose one of {', '.join(UNITS_M)}")
    scene = open_scene(path, assume_crs=assume_crs)
    if len(scene.indexes) != 1:
        raise LabelError(f"{path}: has {len(scene.indexes)} bands; elevations need one")
    with opened(scene.path) as source:
        declared, packed = _declared_unit(source), (source.scales[0], source.offsets[0])
    if packed != (1.0, 0.0):
        raise LabelError(
            f"{path}: its values are packed (scale {packed[0]:g}, offset {packed[1]:g}); unpack "
            "them: gdal_translate -unscale -ot Float32"
        )
    if declared is None:
        return scene, UNITS_M[unit or "m"]
    known = _NAMES.get(declared.lower())
    if unit is None and known != "m":
        raise LabelError(
            f"{path}: says that its heights are in {declared!r}; pass --unit {known or 'ft'}, or "
            "--unit m if they are metres"
        )
    if unit is not None and known != unit:
        _LOG.warning("%s: says that heights are in %r; read as %s", path, declared, unit)
    return scene, UNITS_M[unit or "m"]


def _declared_unit(source: Any) -> str | None:
    """Return the unit of heights that the band or the CRS declares."""
    if source.units[0]:
        return str(source.units[0])
    if source.crs is None:
        return None
    vertical = list(pyproj.CRS.from_wkt(source.crs.to_wkt()).sub_crs_list)[1:]
    return str(vertical[0].axis_info[0].unit_name) if vertical else None


@contextmanager
def elevations_on_grid(
    elevations: tuple[Scene, float], grid: PixelGrid
) -> Iterator[ElevationReader]:
    """Open elevations on a grid: averaged where pixels grow, else interpolated linearly."""
    scene, factor_m = elevations
    with read_on_grid(scene, grid, height_filter(scene.grid, grid)) as reader:
        yield ElevationReader(scene.path, factor_m, reader)
