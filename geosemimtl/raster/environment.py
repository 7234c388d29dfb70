"""GDAL's settings while scenes are read: a bounded cache, and threads that may share data sets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import rasterio

#: Megabytes of blocks that GDAL keeps of files it has read; its own default is a share of the
#: whole memory, in which no peak stays flat.
CACHE_MB = 128


def gdal_environment() -> rasterio.Env:
    """Return an environment to enter before the first raster is opened.

    The cache's size is what it was when GDAL first used it in this process.
    """
    # rasterio takes bytes where GDAL takes megabytes; with hardly any cache, threads write out
    # each other's unfinished files
    return rasterio.Env(GDAL_CACHEMAX=CACHE_MB * 1_000_000)


def gdal_threads(workers: int) -> ThreadPoolExecutor:
    """Return a pool whose threads may open data sets that another thread closes."""
    return ThreadPoolExecutor(workers, initializer=_enter_environment)


def _enter_environment() -> None:
    # rasterio ties a data set to an environment of the thread that opened it, and leaves that
    # when the data set is closed, in whichever thread; one for the thread's whole life is in time
    rasterio.Env().__enter__()
