"""Fixtures for every test: tiny rasters, and the independent judges."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import settings
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.resample import axis_taps

# Tiny networks wait for threads longer than they compute, the more so beside another worker: the
# suite takes eight times as long with two threads a worker on two cores. Set before torch starts,
# and for the programs that tests run.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no deadline: shared machines are slow now and then.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")

#: The Python for which Debian's python3-gdal and python3-qgis are installed.
SYSTEM_PYTHON = "/usr/bin/python3"
#: What a judge needs beyond being installed: modules that the system's Python must import.
JUDGE_MODULES = {"gdal": "osgeo.gdal", "qgis": "qgis.core"}


#: Real scenes that are lent beside the checkout. The project must work where they are not.
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``shared`` where the real scenes were not lent."""
    reason = f"the real scenes are not lent here: {SHARED_DATA}"
    for item in items:
        if item.get_closest_marker("shared") and not SHARED_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the real scenes, for tests that are marked ``shared``."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def judge() -> Callable[[str], str]:
    """Return a function that finds a judge's program, and skips where it is absent.

    ``gdal`` and ``qgis`` are the system's Python with these modules; other names are programs. In
    CI an absent judge is a failure: there nothing may be skipped unseen.
    """

    def find(name: str) -> str:
        module = JUDGE_MODULES.get(name)
        program = shutil.which(SYSTEM_PYTHON if module else name)
        if program and module:
            command = [program, "-c", f"import {module}"]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                program = None
        if program is None:
            reason = f"the judge {name} is absent: apt-get install gdal-bin python3-qgis"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        return program

    return find


@pytest.fixture
def make_raster(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small GeoTIFF and returns its path.

    Arguments: name, pixels (bands, rows, columns); by keyword ``gsd`` (map units, one number or
    x and y), ``transform``, ``crs``, ``nodata``, ``mask`` (rows, columns), ``colours`` (names of
    the bands' colour interpretations), ``names`` (band descriptions).
    """

    def make(
        name: str,
        pixels: NDArray[Any],
        *,
        gsd: float | tuple[float, float] = 0.05,
        transform: Affine | None = None,
        crs: str | None = "EPSG:25833",
        nodata: float | None = None,
        mask: NDArray[np.bool_] | None = None,
        colours: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        across, down = gsd if isinstance(gsd, tuple) else (gsd, gsd)
        profile = {
            "driver": "GTiff",
            "count": pixels.shape[0],
            "height": pixels.shape[1],
            "width": pixels.shape[2],
            "dtype": str(pixels.dtype),
            "crs": crs,
            "nodata": nodata,
            "transform": transform or Affine(across, 0, 368000, 0, -down, 5806000),
        }
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", **profile) as target,
        ):
            if colours is not None:
                target.colorinterp = [ColorInterp[colour] for colour in colours]
            target.write(pixels)
            if names is not None:
                target.descriptions = tuple(names)
            if mask is not None:
                target.write_mask(mask)
        return path

    return make


@pytest.fixture
def noise() -> Callable[..., NDArray[Any]]:
    """Return a function that draws seeded pixels from 1 up: shape, and by keyword dtype, high."""

    def draw(*shape: int, dtype: str = "uint8", high: int = 256, seed: int = 0) -> NDArray[Any]:
        return np.random.default_rng(seed).integers(1, high, shape).astype(dtype)

    return draw


@pytest.fixture
def make_grid() -> Callable[..., PixelGrid]:
    """Return a function that makes a grid: shape; by keyword gsd (x, y), degrees, crs."""

    def make(
        shape: tuple[int, int],
        *,
        gsd: tuple[float, float] = (0.05, 0.05),
        degrees: float = 0.0,
        crs: str = "EPSG:25833",
        origin: tuple[float, float] = (368000.0, 5806000.0),
    ) -> PixelGrid:
        turned = Affine.translation(*origin) @ Affine.rotation(degrees)
        transform = turned @ Affine.scale(gsd[0], -gsd[1])
        return PixelGrid(transform, shape, rasterio.crs.CRS.from_user_input(crs))

    return make


@pytest.fixture(scope="session")
def axis_matrix() -> Callable[[int, int, float], NDArray[np.float64]]:
    """Return a function that gives an axis's taps as a matrix of (output, input) pixels."""

    def dense(n_in: int, n_out: int, step: float) -> NDArray[np.float64]:
        taps = axis_taps(n_in, n_out, step)
        matrix = np.zeros((n_out, n_in))
        np.add.at(matrix, (np.arange(n_out), taps.places(n_in)), taps.weights)
        return matrix

    return dense


@pytest.fixture
def one_line() -> Callable[[BaseException], str]:
    """Return a function that gives an error's message, which must be one line."""

    def message(error: BaseException) -> str:
        text = str(error)
        assert text
        assert "\n" not in text
        return text

    return message


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Undo the -q that a test gave the command line: it holds for the whole process."""
    logger = logging.getLogger("geosemimtl")
    level = logger.level
    yield
    logger.setLevel(level)
