"""A synthetic city as a scene: image, classes and heights on one georeferenced grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.classes import IGNORE
from geosemimtl.data.city.presets import Preset
from geosemimtl.data.city.rendering import render
from geosemimtl.data.city.truth import make_truth
from geosemimtl.errors import ConfigError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import NODATA


@dataclass(frozen=True, slots=True)
class CityScene:
    """One scene with its truth.

    Attributes:
        image: ``(bands, rows, cols)``.
        bands: Names of the bands.
        classes: ``(rows, cols)`` indices into ``ISPRS_CLASSES``.
        ndsm_m: ``(rows, cols)`` height above ground, metres.
        transform: From (column, row) to world (x, y).
        epsg: Code of the CRS.
    """

    image: NDArray[np.uint8]
    bands: tuple[str, ...]
    classes: NDArray[np.uint8]
    ndsm_m: NDArray[np.float32]
    transform: Affine
    epsg: int


@dataclass(frozen=True, slots=True)
class CityFiles:
    """Paths of a scene's three rasters."""

    image: Path
    labels: Path
    height: Path


def draw_city(
    preset: Preset, width_m: float, height_m: float, seed: int, gsd_m: float | None = None
) -> CityScene:
    """Draw a city and look at it.

    Args:
        preset: How it is built and what looks at it.
        width_m: Extent in x, metres.
        height_m: Extent in y, metres.
        seed: What names the city; the same seed and GSD give the same bytes.
        gsd_m: Metres of a pixel; the sensor's own unless given.

    Raises:
        ConfigError: An extent or the GSD is not a positive number.
    """
    gsd = preset.sensor.gsd_m if gsd_m is None else gsd_m
    for name, value in (("width_m", width_m), ("height_m", height_m), ("gsd_m", gsd)):
        if not (isfinite(value) and value > 0):
            raise ConfigError(f"{name} of a synthetic city is {value}: it must be above 0")
    truth = make_truth(preset.style, width_m, height_m, gsd, seed)
    x, y = preset.origin_xy
    return CityScene(
        render(truth, preset.sensor, seed),
        preset.sensor.bands,
        truth.classes,
        truth.ndsm_m,
        Affine(gsd, 0.0, x, 0.0, -gsd, y),
        preset.sensor.epsg,
    )


def write_city(scene: CityScene, directory: Path, stem: str) -> CityFiles:
    """Write a scene's image, labels and heights as three GeoTIFFs on one grid.

    Args:
        scene: What to write.
        directory: Where to; made if it is not there.
        stem: The files are called ``<stem>.tif``, ``<stem>_labels.tif`` and ``<stem>_ndsm.tif``.

    Raises:
        OutputError: The folder cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    grid = PixelGrid(scene.transform, scene.classes.shape, CRS.from_epsg(scene.epsg))
    files = CityFiles(
        directory / f"{stem}.tif", directory / f"{stem}_labels.tif", directory / f"{stem}_ndsm.tif"
    )
    write_raster(files.image, scene.image, grid, band_names=scene.bands)
    write_raster(files.labels, scene.classes[None], grid, nodata=IGNORE, band_names=("class",))
    write_raster(files.height, scene.ndsm_m[None], grid, nodata=NODATA, band_names=("height_m",))
    return files
