"""Settings while scenes are read: bounded memory, and threads that may share data sets."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock

import rasterio
from rasterio.errors import NotGeoreferencedWarning

#: The version of the GDAL that rasterio brings.
GDAL_VERSION: str = rasterio.__gdal_version__
#: Megabytes of blocks that GDAL keeps of files it has read; its own default is a share of the
#: whole memory, in which no peak stays flat.
CACHE_MB = 128
#: Held while warnings are hidden, as rasterio does while it draws: what is hidden is one list for
#: all threads, and each puts back what it found.
WARNINGS = Lock()
#: GDAL 3.10 reads what is missing of a torn PNG as whatever the memory holds, where it reads the
#: image in one go.
_OPTIONS = {"GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO"}
#: glibc's name for the number of heaps.
_M_ARENA_MAX = -8


@contextmanager
def unplaced() -> Iterator[None]:
    """Hide rasterio's warning of files that say of no place; what needs one asks for it itself."""
    with WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def gdal_environment() -> rasterio.Env:
    """Return an environment to enter before the first raster is opened.

    The cache's size is what it was when GDAL first used it in this process.
    """
    # rasterio takes bytes where GDAL takes megabytes; with hardly any cache, threads write out
    # each other's unfinished files
    return rasterio.Env(GDAL_CACHEMAX=CACHE_MB * 1_000_000, **_OPTIONS)


def gdal_threads(workers: int) -> ThreadPoolExecutor:
    """Return a pool whose threads may open data sets that another thread closes."""
    _share_one_heap()
    return ThreadPoolExecutor(workers, initializer=_enter_environment)


def _share_one_heap() -> None:
    """Have glibc serve all threads of this process from one heap.

    By default a thread has its own, which keeps what the thread once used: the peak grows with
    the scene (benchmarks/tile.py --large). Other C libraries are left as they are.
    """
    with suppress(AttributeError, OSError, TypeError):  # no glibc; Windows
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _enter_environment() -> None:
    # rasterio ties a data set to an environment of the thread that opened it, and leaves that
    # when the data set is closed, in whichever thread; one for the thread's whole life is in time
    rasterio.Env(**_OPTIONS).__enter__()
