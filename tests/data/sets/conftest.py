"""Writers of small fakes in the encodings of real data sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray
from PIL import Image


@pytest.fixture
def write_png() -> Callable[[Path, NDArray[Any]], None]:
    """Return a function that writes a PNG by Pillow, not by what reads it.

    Arguments: the path, whose folders are made, and pixels (rows, cols) or (rows, cols, 3), in
    8 bit or, of one band, in 16.
    """

    def write(path: Path, pixels: NDArray[Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    return write


@pytest.fixture
def png() -> Callable[[Path, NDArray[Any]], Path]:
    """Return a function that writes a PNG of bands by Pillow, and returns its path.

    Arguments: the path, whose folders are made, and pixels (rows, cols) or (bands, rows, cols).
    """

    def write(path: Path, pixels: NDArray[Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = pixels if pixels.ndim == 3 else pixels[None]
        Image.fromarray(bands[0] if len(bands) == 1 else np.moveaxis(bands, 0, -1)).save(path)
        return path

    return write


@pytest.fixture
def npy() -> Callable[[Path, NDArray[Any]], Path]:
    """Return a function that writes an array of NumPy, and returns its path.

    Arguments: the path, whose folders are made, and the array.
    """

    def write(path: Path, array: NDArray[Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array)
        return path

    return write


@pytest.fixture
def write_exr() -> Callable[..., None]:
    """Return a function that writes an OpenEXR file.

    Arguments: the path, whose folders are made; by keyword, channels by name (rows, cols).
    """

    def write(path: Path, **channels: NDArray[Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, channels).write(str(path))

    return write


@pytest.fixture
def street_image() -> NDArray[np.uint8]:
    """Return an image of 8 x 4 px (rows, cols, 3)."""
    return np.arange(4 * 8 * 3, dtype=np.uint8).reshape(4, 8, 3)


@pytest.fixture
def zip_folder() -> Callable[[Path, str], Path]:
    """Return a function that puts a folder into a zip in its place.

    Arguments: the folder above it, and its name, which the zip's members begin with.
    """

    def pack(root: Path, name: str) -> Path:
        archive = Path(shutil.make_archive(str(root / f"{name}_packed"), "zip", root, name))
        shutil.rmtree(root / name)
        return archive

    return pack
