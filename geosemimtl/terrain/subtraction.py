"""From a surface model to heights above ground, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError, LabelError, OutputError
from geosemimtl.files import require_absent, require_separate
from geosemimtl.progress import Track, silent
from geosemimtl.raster.cog import RawRaster, cog_writer
from geosemimtl.raster.environment import gdal_environment
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import overlap
from geosemimtl.raster.styles import elevation_ramp, height_ramp, ramp_style
from geosemimtl.raster.writing import RasterKind
from geosemimtl.tasks import NODATA
from geosemimtl.terrain.cells import CellGrid, fine_rows, lowest_levels
from geosemimtl.terrain.elevations import ElevationReader, elevations_on_grid, open_elevations
from geosemimtl.terrain.filtering import GroundFilter
from geosemimtl.terrain.ground import ground_surface

#: Pixels of a strip: memory is a few of these and the coarse grid.
_STRIP_PX = 1_000_000
#: The style's colours end at this share of the pixels, counted in metres up to the highest.
_STYLED_SHARE = 0.995
_HIGHEST_M = 1000
_HEIGHT = RasterKind("float32", NODATA, ("height above ground",), "m")
_GROUND = RasterKind("float32", NODATA, ("ground elevation",), "m")

#: Gives the ground of rows from a first one on: (rows, columns) of metres, and where it is known.
Ground = Callable[[int, int], tuple[NDArray[np.float32], NDArray[np.bool_] | bool]]


@dataclass(frozen=True, slots=True)
class NdsmOptions:
    """How heights above ground are made.

    Attributes:
        unit: Of the elevations: ``m``, ``ft`` or ``us-ft``; what the files say by default.
        assume_crs: CRS of files that carry none.
        ground: How the ground is found where no terrain model is given.
    """

    unit: str | None = None
    assume_crs: str | None = None
    ground: GroundFilter = field(default_factory=GroundFilter)


def ndsm(
    dsm: Path,
    output: Path,
    *,
    dtm: Path | None = None,
    write_dtm: Path | None = None,
    options: NdsmOptions | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> Path:
    """Write heights above ground: a surface model minus a terrain model, or minus its own ground.

    Heights are not cut off at 0: bare ground scatters about it. Without a terrain model memory
    grows with the coarse grid, some 150 bytes a cell; with one it depends on the width only.

    Args:
        dsm: Surface model; one band of elevations.
        output: GeoTIFF to write on the surface model's grid: float32 metres, nodata -9999.
        dtm: Terrain model on any grid; the ground is estimated without.
        write_dtm: GeoTIFF for the estimated ground, on the same grid.
        options: Unit and ground filter.
        overwrite: Replace existing outputs.
        track: Shows progress.

    Returns:
        The output.

    Raises:
        SceneError: A raster cannot be read.
        LabelError: A raster has values that are no elevations, or the two do not overlap.
        ConfigError: A terrain model is both given and to be written.
        OutputError: An output exists or cannot be written.
    """
    options = options or NdsmOptions()
    if dtm is not None and write_dtm is not None:
        raise ConfigError("--write-dtm is the estimated ground; leave it out where --dtm is given")
    outputs = [path for path in (output, write_dtm) if path is not None]
    how = (options.unit, options.assume_crs)
    surface = open_elevations(dsm, *how)
    terrain = None if dtm is None else open_elevations(dtm, *how)
    require_separate(outputs, [path for path in (dsm, dtm) if path is not None])
    grid = surface[0].grid
    if terrain is not None and not overlap(terrain[0].grid, grid):
        raise LabelError(f"{dtm}: does not overlap {dsm}; check both CRS")
    for path in outputs:
        if path.suffix.lower() not in {".tif", ".tiff"} or path.is_dir():
            raise OutputError(f"{path}: a GeoTIFF is written; name a file that ends in .tif")
    require_absent(outputs, overwrite=overwrite)
    with gdal_environment(), ExitStack() as stack:
        reader = stack.enter_context(elevations_on_grid(surface, grid))
        if terrain is not None:
            ground: Ground = stack.enter_context(elevations_on_grid(terrain, grid)).read
        else:
            ground = _estimated(reader, grid, options.ground, track)
        _write(reader, ground, output, write_dtm, track)
    return output


def _strips(grid: PixelGrid, multiple: int) -> list[tuple[int, int]]:
    """Return the first row and the number of rows of each strip, whole cells at a time."""
    rows, cols = grid.shape
    step = max(1, _STRIP_PX // (cols * multiple)) * multiple
    return [(top, min(step, rows - top)) for top in range(0, rows, step)]


def _estimated(
    reader: ElevationReader, grid: PixelGrid, ground: GroundFilter, track: Track
) -> Ground:
    """Return the ground beneath the surface, found on coarse cells."""
    cells = CellGrid.over(grid, ground.cell_m)
    strips = _strips(grid, cells.pixels[0])
    lowest = np.concatenate(
        [
            lowest_levels(*reader.read(top, rows), cells.pixels)
            for top, rows in track(strips, f"ground of {reader.path.name}", len(strips))
        ]
    )
    surface, _ = ground_surface(lowest, cells.cell_m, ground)

    def rows_of(top: int, rows: int) -> tuple[NDArray[np.float32], bool]:
        return fine_rows(surface, cells.pixels, top, (rows, grid.shape[1])), True

    return rows_of


def _write(
    reader: ElevationReader, ground: Ground, output: Path, write_dtm: Path | None, track: Track
) -> None:
    """Subtract and write; nothing appears unless all rows are done."""
    grid = reader.reader.grid
    style, ground_style = {".qml": ""}, {".qml": ""}  # filled when all is known, written last
    lowest_m, highest_m = math.inf, -math.inf
    counts = np.zeros(_HIGHEST_M, np.int64)
    with ExitStack() as stack:
        heights = stack.enter_context(cog_writer(output, grid, _HEIGHT, style))
        terrain = write_dtm and stack.enter_context(
            cog_writer(write_dtm, grid, _GROUND, ground_style)
        )
        for top, above, below, valid in _differences(reader, ground, track):
            _write_rows(heights, top, above, valid)
            if terrain:
                _write_rows(terrain, top, below, valid)
            lowest_m = min(lowest_m, below.min(where=valid, initial=math.inf))
            highest_m = max(highest_m, below.max(where=valid, initial=-math.inf))
            whole = np.clip(above[valid], 0, _HIGHEST_M - 1).astype(np.int64)
            counts += np.bincount(whole, minlength=_HIGHEST_M)
        if not counts.any():
            raise LabelError(
                f"{reader.path}: no pixel has both a surface and a ground; check its nodata value"
            )
        enough = np.searchsorted(np.cumsum(counts), _STYLED_SHARE * counts.sum())
        style[".qml"] = ramp_style(height_ramp(float(enough + 1)))
        ground_style[".qml"] = ramp_style(elevation_ramp(lowest_m, highest_m))


def _differences(
    reader: ElevationReader, ground: Ground, track: Track
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield first row, heights above ground, ground, and where both are known."""
    strips = _strips(reader.reader.grid, 1)
    for top, rows in track(strips, f"heights of {reader.path.name}", len(strips)):
        surface, valid = reader.read(top, rows)
        below, known = ground(top, rows)
        yield top, surface - below, below, valid & known


def _write_rows(
    writer: RawRaster, top: int, metres: NDArray[np.float32], valid: NDArray[np.bool_]
) -> None:
    writer.write(top, np.where(valid, metres, np.float32(NODATA))[None])
