"""Files that are decoded by other means than GDAL's, as rasters in memory from then on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from geosemimtl.classes import IGNORE
from geosemimtl.errors import SceneError
from geosemimtl.files import on_disk
from geosemimtl.raster.environment import unplaced

#: Arrays that are kept: a file is looked at, checked and read shortly one after the other.
_KEPT: Final = 8


@contextmanager
def decoded(reader: Callable[[Path], NDArray[Any]], path: Path) -> Iterator[Any]:
    """Open what a reader makes of a file as a raster.

    Args:
        reader: Returns (bands, rows, columns) or (rows, columns); floats are NaN, bytes of one
            band 255, where nothing is known.
        path: The file.

    Raises:
        SceneError: It is missing, or the reader cannot read it.
    """
    if not on_disk(path)[0].is_file():
        raise SceneError(f"{path}: no such file; check the path")
    array = _ARRAYS.of(reader, path)
    bands = array if array.ndim == 3 else array[None]
    nodata = float("nan") if bands.dtype.kind == "f" else None
    if len(bands) == 1 and bands.dtype == np.uint8:
        nodata = float(IGNORE)
    profile = {
        "driver": "GTiff",
        "dtype": str(bands.dtype),
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "nodata": nodata,
        "INTERLEAVE": "BAND",
        "PHOTOMETRIC": "MINISBLACK",
        "ALPHA": "NO",
    }
    with MemoryFile() as file:
        with unplaced():
            with file.open(**profile) as target:
                target.write(bands)
            source = file.open()
        with source:
            yield source


class _Arrays:
    """Keeps the arrays that were decoded last; several threads read one file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, Path, int, int], NDArray[Any]] = OrderedDict()

    def of(self, reader: Callable[[Path], NDArray[Any]], path: Path) -> NDArray[Any]:
        """Return a file's array; one that changed is decoded again."""
        stat = on_disk(path)[0].stat()
        key = (reader, path, stat.st_size, stat.st_mtime_ns)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        array = reader(path)
        with self._lock:
            self._kept[key] = array
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return array


_ARRAYS = _Arrays()
