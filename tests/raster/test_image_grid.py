"""Grids of images that lie nowhere on the ground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.windows import Window

from geosemimtl.errors import GridError
from geosemimtl.raster.grid import PixelGrid, resized_grid

GridMaker = Callable[..., PixelGrid]


def test_an_image_lies_nowhere() -> None:
    """Its world is its own pixels: metres and a CRS are refused in one line."""
    image = PixelGrid.of_image((3, 4))
    assert (image.bounds, image.crs, image.authority_code) == ((0, 0, 4, 3), None, None)
    assert image.pixel_size == (1, 1)
    for asked in ("ground_crs", "gsd_m"):
        with pytest.raises(GridError, match="lies nowhere on the ground: it has no CRS"):
            getattr(image, asked)
    assert image.matches(PixelGrid.of_image((3, 4)))
    assert not image.matches(PixelGrid.of_image((4, 3)))
    part = image.crop(Window(1, 2, 5, 6))
    assert (part.shape, part.bounds) == ((6, 5), (1, 2, 6, 8))


def test_the_ground_s_crs(make_grid: GridMaker) -> None:
    grid = make_grid((3, 4))
    assert grid.ground_crs == grid.crs == CRS.from_epsg(25833)
    assert grid.pixel_size == grid.gsd_m
    assert not grid.matches(replace(grid, crs=None))


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (30, 40), (31, 47), (60, 80), (1, 1)])
def test_a_resized_grid_shows_the_whole_image(shape: tuple[int, int]) -> None:
    """Corners stay, pixels need not be square any more."""
    image = PixelGrid.of_image((30, 40))
    grid = resized_grid(image, shape)
    assert (grid.shape, grid.crs) == (shape, None)
    np.testing.assert_allclose(grid.corners, image.corners, atol=1e-9)
    assert grid.pixel_size == pytest.approx((40 / shape[1], 30 / shape[0]))
    assert grid.overlays(image)
