"""Files as data sets ship them, without a georeference."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning


@pytest.fixture
def png() -> Callable[[Path, NDArray[Any]], Path]:
    """Return what writes pixels, (rows, columns) or (bands, rows, columns), as a PNG."""

    def write(path: Path, pixels: NDArray[Any]) -> Path:
        bands = pixels if pixels.ndim == 3 else pixels[None]
        path.parent.mkdir(parents=True, exist_ok=True)
        count, height, width = bands.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                path, "w", driver="PNG", count=count, height=height, width=width, dtype=bands.dtype
            ) as target:
                target.write(bands)
        return path

    return write


@pytest.fixture
def npy() -> Callable[[Path, NDArray[Any]], Path]:
    """Return what writes an array of NumPy."""

    def write(path: Path, array: NDArray[Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array)
        return path

    return write
