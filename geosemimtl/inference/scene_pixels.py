"""A scene's pixels on their way to a network, and which of them are wanted in the outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, image_filter, read_on_grid, shrinks
from geosemimtl.raster.scene import Scene
from geosemimtl.raster.values import filled, unit_values
from geosemimtl.tiling.areas import Area
from geosemimtl.tiling.layers import Piece
from geosemimtl.tiling.pieces import Reader


@dataclass(frozen=True, slots=True)
class ScenePixels:
    """How a scene is read.

    Attributes:
        scene: The scene.
        bands: Names of the bands wanted, in order.
        value_range: The values that become 0 and 1.
        normalisation: Mean and deviation of each band in [0, 1], that become 0 and 1 thereafter.
        area: What is wanted of it, in pixels of the output's whole grid; all by default.
    """

    scene: Scene
    bands: tuple[str, ...]
    value_range: tuple[float, float]
    normalisation: tuple[tuple[float, ...], tuple[float, ...]]
    area: Area | None = None

    def is_everywhere(self, grid: PixelGrid) -> bool:
        """Return whether no pixel of the scene on a grid can be invalid or unwanted."""
        # enlarged, a last pixel's centre may lie beyond the scene
        covers = shrinks(self.scene.grid, grid) or self.scene.grid.matches(grid)
        return self._is_solid and covers and self.area is None

    @property
    def _is_solid(self) -> bool:
        return self.scene.mask == "none" and np.dtype(self.scene.dtype).kind != "f"

    @contextmanager
    def images(self, grid: PixelGrid) -> Iterator[Reader]:
        """Open the scene on a grid; pieces hold what a network sees, 0 where not valid.

        Raises:
            SceneError: The file cannot be read.
        """
        with self._opened(grid, self.bands) as reader:
            yield _Images(reader, self._network_values())

    def _network_values(self) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return what makes of pixels (bands, rows, columns) float32 as a network sees them."""
        mean, std = (np.array(each, np.float32)[:, None, None] for each in self.normalisation)

        def calculated(pixels: NDArray[Any]) -> NDArray[np.float32]:
            values = unit_values(pixels, self.value_range)
            values -= mean
            values /= std
            return values

        dtype = np.dtype(self.scene.dtype)
        if dtype.kind != "u" or dtype.itemsize > 2:
            return calculated
        # looked up, which is quicker
        every = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
        tables = calculated(np.broadcast_to(every, (len(self.bands), 1, len(every))))[:, 0]

        def looked_up(pixels: NDArray[Any]) -> NDArray[np.float32]:
            values = np.empty(pixels.shape, np.float32)
            for table, band, out in zip(tables, pixels, values, strict=True):
                np.take(table, band, out=out, mode="clip")  # "clip" for its speed
            return values

        return looked_up

    def wanted(self, grid: PixelGrid) -> AbstractContextManager[Reader]:
        """Open what is wanted of a grid; pieces hold no bands.

        Raises:
            SceneError: The file cannot be read.
        """
        if self._is_solid:
            return nullcontext(_Wanted(None, self.area))
        return self._masked(grid)

    @contextmanager
    def _masked(self, grid: PixelGrid) -> Iterator[Reader]:
        # a mask is the same for all bands; nodata and NaN are looked for in those that count
        is_mask = self.scene.mask in {"alpha", "mask"} and np.dtype(self.scene.dtype).kind != "f"
        with self._opened(grid, self.bands[:1] if is_mask else self.bands) as reader:
            yield _Wanted(reader, self.area)

    def _opened(
        self, grid: PixelGrid, bands: tuple[str, ...]
    ) -> AbstractContextManager[GridReader]:
        return read_on_grid(self.scene, grid, image_filter(self.scene.grid, grid), bands)


@dataclass(frozen=True, slots=True)
class _Images:
    reader: GridReader
    network_values: Callable[[NDArray[Any]], NDArray[np.float32]]

    def read(self, window: Window) -> Piece:
        pixels, valid = self.reader.read(window)
        return Piece(window, filled(self.network_values(pixels), valid, 0), valid, {})


@dataclass(frozen=True, slots=True)
class _Wanted:
    reader: GridReader | None
    area: Area | None

    def read(self, window: Window) -> Piece:
        shape = (int(window.height), int(window.width))
        valid = np.ones(shape, bool) if self.reader is None else self.reader.read(window)[1]
        if self.area is not None:
            valid = valid & self.area.holds(window)
        return Piece(window, np.empty((0, *shape), np.uint8), valid, {})
