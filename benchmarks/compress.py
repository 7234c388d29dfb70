"""Measure what the compressions of ``predict --compress`` cost in time and space.

``python benchmarks/compress.py`` writes heights of 6000 x 6000 pixels, drawn at random every 8
pixels and smooth between, as a COG three times with each and prints the shortest time and the size.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from affine import Affine
from rasterio.crs import CRS

from geosemimtl.raster.cog import COMPRESSIONS, RawRaster
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import RasterKind

SIDE, SMOOTH, REPEATS = 6000, 8, 3


def main() -> None:
    """Write and time."""
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 20, (1, 1, SIDE // SMOOTH, SIDE // SMOOTH)).astype(np.float32)
    heights = torch.nn.functional.interpolate(
        torch.from_numpy(coarse), scale_factor=SMOOTH, mode="bilinear"
    )[0].numpy()
    grid = PixelGrid(Affine(0.05, 0, 0, 0, -0.05, 0), (SIDE, SIDE), CRS.from_epsg(25833))
    kind = RasterKind("float32", -9999.0, ("height",), unit="m")
    print(f"{SIDE} x {SIDE} heights, GDAL {rasterio.__gdal_version__}")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "heights.tif")
        with RawRaster(Path(folder, "heights.raw"), grid, kind) as raster:
            raster.write(0, heights)
            for name in COMPRESSIONS:
                seconds = []
                for _ in range(REPEATS):
                    begin = time.perf_counter()
                    raster.copy(target, name)
                    seconds.append(time.perf_counter() - begin)
                print(f"{name:8} {min(seconds):5.2f} s {target.stat().st_size / 2**20:6.0f} MB")


if __name__ == "__main__":
    main()
