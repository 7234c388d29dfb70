"""GeoTIFFs that differ from one another in place and pixels alone, such as tiles.

GDAL writes one of them; the others are its bytes with another place and other pixels: to the byte
what GDAL would write, several times as fast. And as rasterio keeps Python's lock while GDAL closes
a file, other threads wait for it no more.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.files import write_bytes
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import raster_bytes

#: Numbers whose bytes no GeoTIFF holds by chance, in place of an upper-left corner's x and y.
_CORNER = (1.2345678901234567e-89, 9.8765432109876543e-98)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Writes such GeoTIFFs, plain, with bands apart and without a mask.

    Attributes:
        shape: Of the pixels (bands, rows, columns).
        dtype: numpy name of their type.
        head: What stands before them; nothing stands behind.
        corner_at: Where in the head the upper-left corner's x and y stand; nowhere of images that
            lie nowhere.
    """

    shape: tuple[int, int, int]
    dtype: str
    head: bytes
    corner_at: tuple[int, ...]

    @classmethod
    def of(
        cls,
        grid: PixelGrid,
        dtype: str,
        *,
        bands: int = 1,
        nodata: float | None = None,
        band_names: Sequence[str] = (),
    ) -> Self | None:
        """Have GDAL write one, in memory, on a grid whose place does not matter.

        Raises:
            GridError: GeoTIFF cannot hold the grid's CRS.

        Returns:
            The stamp; ``None`` if GDAL lays the file out in another way than expected.
        """
        a, b, _, d, e, _ = grid.transform[:6]
        unplaced = replace(grid, transform=Affine(a, b, _CORNER[0], d, e, _CORNER[1]))
        size = bands * grid.shape[0] * grid.shape[1] * np.dtype(dtype).itemsize
        pixels = (bytes(range(1, 252)) * (size // 251 + 1))[:size]  # a pattern of any length
        sample = np.frombuffer(pixels, dtype).reshape(bands, *grid.shape)
        data = raster_bytes(sample, unplaced, nodata=nodata, band_names=band_names)
        head = data[:-size]
        places = () if grid.crs is None else _CORNER
        corner_at = tuple(head.find(struct.pack("=d", number)) for number in places)
        if not data.endswith(pixels) or min(corner_at, default=0) < 0:
            return None
        return cls(sample.shape, dtype, head, corner_at)

    def write(self, path: Path, array: NDArray[Any], transform: Affine) -> None:
        """Write one whole or not at all.

        Args:
            path: The raster, ``.tif``.
            array: Its pixels, of the stamp's shape and type.
            transform: Its place; pixels are as large, and turned, as those of the stamp's grid.

        Raises:
            OutputError: It cannot be written, or the disk is full.
        """
        if (array.shape, str(array.dtype)) != (self.shape, self.dtype):
            raise ValueError(f"a stamp of {self.shape} {self.dtype}, not {array.shape}")
        head = bytearray(self.head)
        for at, number in zip(self.corner_at, (transform.c, transform.f), strict=False):
            struct.pack_into("=d", head, at, number)
        write_bytes(path, head, np.ascontiguousarray(array).data)
