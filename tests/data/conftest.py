"""Tile sets cut from tiny scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions


@pytest.fixture(scope="session")
def cut_tiles() -> Callable[..., Path]:
    """Return a function that cuts one scene into tiles of 32 px without overlap.

    Arguments: the folder to make, pixels (bands, rows, columns); by keyword ``labels``,
    ``heights`` and ``mask`` (rows, columns), and ``value_range``.
    """

    def cut(
        folder: Path,
        pixels: NDArray[Any],
        *,
        labels: NDArray[np.uint8] | None = None,
        heights: NDArray[np.float32] | None = None,
        mask: NDArray[np.bool_] | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> Path:
        def write(name: str, array: NDArray[Any], nodata: float | None) -> Path:
            path = folder.parent / f"{folder.name}-{name}" / "scene.tif"
            path.parent.mkdir(parents=True)
            profile = {
                "driver": "GTiff",
                "count": array.shape[0],
                "height": array.shape[1],
                "width": array.shape[2],
                "dtype": str(array.dtype),
                "crs": "EPSG:25833",
                "nodata": nodata,
                "transform": Affine(0.1, 0, 368000, 0, -0.1, 5806000),
            }
            with (
                rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
                rasterio.open(path, "w", **profile) as target,
            ):
                target.write(array)
                if name == "image" and mask is not None:
                    target.write_mask(mask)
            return path

        tile(
            [write("image", pixels, None)],
            folder,
            labels=[] if labels is None else [write("labels", labels[None], 255)],
            heights=[] if heights is None else [write("heights", heights[None], -9999)],
            options=TileOptions(
                size_px=32, overlap=0, bands=("red", "green", "blue"), value_range=value_range
            ),
        )
        return folder

    return cut
