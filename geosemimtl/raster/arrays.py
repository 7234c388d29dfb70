"""Files of arrays that are read whole, as they are stored: 8-bit and 16-bit PNG, OpenEXR, NumPy.

OpenEXR has its own package: the GDAL of rasterio's wheels (3.10.3 in 1.4.4) has no driver for it.
All readers take files inside of zips, too, by the paths that ``geosemimtl.files.inside`` makes.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from geosemimtl.errors import SceneError
from geosemimtl.files import on_disk
from geosemimtl.raster.scene import DAMAGED, opened

_AS_SHIPPED = "take the file as it was shipped, not a converted copy"


def read_bands(path: Path, *, bands: Sequence[int], dtype: str) -> NDArray[Any]:
    """Read all pixels of a raster that has to be of one type.

    Args:
        path: A file that GDAL reads.
        bands: How many bands it may have.
        dtype: Its type, such as ``uint16``.

    Returns:
        (bands, rows, cols)

    Raises:
        SceneError: It is missing, damaged, or of another type or number of bands.
    """
    # decoding 8-bit PNGs at once, GDAL 3.10 gives what was in memory for what the file lacks
    with rasterio.Env(GDAL_PNG_WHOLE_IMAGE_OPTIM="NO"), opened(path) as source:
        if source.count not in bands or set(source.dtypes) != {dtype}:
            wanted = " or ".join(map(str, bands))
            raise SceneError(
                f"{path}: has {source.count} band(s) of {source.dtypes[0]}, not {wanted} of "
                f"{dtype}; {_AS_SHIPPED}"
            )
        try:
            pixels: NDArray[Any] = source.read()
        except RasterioError as error:
            raise SceneError(f"{path}: {DAMAGED}") from error
    return pixels


def read_png8(path: Path) -> NDArray[np.uint8]:
    """Read the values of a PNG of one 8-bit band (rows, cols); a palette's are its indices.

    Raises:
        SceneError: It is missing, damaged or of another type.
    """
    values: NDArray[np.uint8] = read_bands(path, bands=(1,), dtype="uint8")[0]
    return values


def read_png16(path: Path) -> NDArray[np.uint16]:
    """Read the values of a PNG of one 16-bit band (rows, cols).

    Raises:
        SceneError: It is missing, damaged or of another type, such as a copy in 8 bit.
    """
    values: NDArray[np.uint16] = read_bands(path, bands=(1,), dtype="uint16")[0]
    return values


def read_exr(path: Path, channel: str | None = None) -> NDArray[np.float32]:
    """Read one channel of an OpenEXR file (rows, cols), as float32 whatever its type.

    Args:
        path: The file.
        channel: Its name, such as ``Z``; the only one by default.

    Raises:
        SceneError: It is missing, damaged, or has no such channel.
    """
    with _file(path) as file:
        try:
            channels = OpenEXR.File(str(file), separate_channels=True).channels()
        except (RuntimeError, ValueError) as error:  # no such file; no part that could be read
            raise SceneError(f"{path}: is no OpenEXR file, or damaged; copy it again") from error
    name = next(iter(channels)) if channel is None and len(channels) == 1 else channel
    if name not in channels:
        raise SceneError(
            f"{path}: has the channels {', '.join(sorted(channels)) or 'none'}; name one of them"
        )
    pixels: NDArray[np.float32] = np.array(channels[name].pixels, dtype=np.float32)
    return pixels


def read_npy(path: Path) -> NDArray[Any]:
    """Read an array of numbers that NumPy wrote; pickled objects, which run code, are refused.

    Raises:
        SceneError: It is missing, damaged or holds no numbers.
    """
    try:
        array = np.load(io.BytesIO(_content(path)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise SceneError(f"{path}: is no array of NumPy, or damaged; copy it again") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise SceneError(f"{path}: holds no array of numbers; {_AS_SHIPPED}")
    return array


@contextmanager
def _file(path: Path) -> Iterator[Path]:
    """Give a file on disk: itself, or a copy of what lies in a zip."""
    if not on_disk(path)[1]:
        if not path.is_file():  # OpenEXR would say so on stderr, beside its error
            raise SceneError(f"{path}: no such file; check the path")
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "file"
        copy.write_bytes(_content(path))
        yield copy


def _content(path: Path) -> bytes:
    file, member = on_disk(path)
    try:
        if not member:
            return file.read_bytes()
        with zipfile.ZipFile(file) as archive:
            return archive.read(member)
    except FileNotFoundError as error:
        raise SceneError(f"{path}: no such file; check the path") from error
    except KeyError as error:
        raise SceneError(f"{path}: the zip holds no such file; copy it again") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise SceneError(f"{path}: cannot be read ({error}); copy it again") from error
