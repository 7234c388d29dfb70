"""Predicted rasters of a small town: three buildings, of which one has a court, beside a road."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.raster.cog import cog_writer
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import RasterKind

Write = Callable[..., Path]
IMPERVIOUS, BUILDING, LOW, TREE = range(4)


@pytest.fixture
def town() -> NDArray[np.uint8]:
    """Return classes of half a metre a pixel, 60 m x 40 m."""
    codes = np.full((80, 120), LOW, np.uint8)
    codes[36:44] = IMPERVIOUS
    codes[4:30, 4:40] = BUILDING
    codes[12:22, 14:30] = LOW  # 40 m2
    codes[50:70, 10:26] = BUILDING
    codes[50:70, 60:90] = BUILDING
    codes[60, 75] = TREE  # in a roof
    codes[76, 100] = BUILDING  # a speck
    return codes


@pytest.fixture
def write() -> Write:
    """Return a function that writes a raster as ``predict`` does."""

    def raster(
        path: Path,
        pixels: NDArray[Any],
        *,
        crs: str = "EPSG:25833",
        step: float = 0.5,
        corner: tuple[float, float] = (368000, 5806000),
        **kind: Any,
    ) -> Path:
        (rows, cols), (x, y) = pixels.shape, corner
        grid = PixelGrid(Affine(step, 0, x, 0, -step, y), (rows, cols), CRS.from_user_input(crs))
        if pixels.dtype == np.uint8:
            kind = {"nodata": 255, "classes": ISPRS_CLASSES, "overviews": "MODE"} | kind
        else:
            kind = {"nodata": -9999.0} | kind
        with cog_writer(path, grid, RasterKind(str(pixels.dtype), **kind)) as target:
            target.write(0, pixels[None])
        return path

    return raster


@pytest.fixture
def classes(tmp_path: Path, write: Write, town: NDArray[np.uint8]) -> Path:
    """Return the town's classes."""
    return write(tmp_path / "town_classes.tif", town)


@pytest.fixture
def heights(tmp_path: Path, write: Write, town: NDArray[np.uint8]) -> Path:
    """Return heights beside them: 6 m in the west, 9 m in the east, 0.1 m off the roofs."""
    metres = np.where(town == BUILDING, 6.0, 0.1).astype(np.float32)
    metres[:, 50:][town[:, 50:] == BUILDING] = 9
    return write(tmp_path / "town_height.tif", metres)
