"""Writing small rasters: whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geosemimtl.errors import OutputError
from geosemimtl.files import write_text
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import write_raster

GridMaker = Callable[..., PixelGrid]
OneLine = Callable[[BaseException], str]


def test_a_folder_that_is_not_there(
    tmp_path: Path, make_grid: GridMaker, one_line: OneLine
) -> None:
    path = tmp_path / "no" / "a.tif"
    with pytest.raises(OutputError, match=r"cannot be written .*choose another folder") as caught:
        write_raster(path, np.zeros((1, 8, 8), np.float32), make_grid((8, 8)))
    assert str(path.parent) in one_line(caught.value)
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(path, "text")


def test_a_small_raster_with_its_mask(tmp_path: Path, make_grid: GridMaker) -> None:
    grid = make_grid((8, 9), degrees=30)
    pixels = np.arange(2 * 72, dtype=np.uint16).reshape(2, 8, 9)
    valid = pixels[0] % 3 > 0
    write_raster(tmp_path / "a.tif", pixels, grid, band_names=("nir", "red"), valid=valid)
    with rasterio.open(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal(source.read(), pixels)
        np.testing.assert_array_equal(source.dataset_mask() > 0, valid)
        assert source.descriptions == ("nir", "red")
        assert PixelGrid(source.transform, source.shape, source.crs).matches(grid)
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


def test_a_full_disk_is_seen_before(
    tmp_path: Path, make_grid: GridMaker, monkeypatch: pytest.MonkeyPatch, one_line: OneLine
) -> None:
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: real._replace(free=2000))
    grid = make_grid((8, 9))
    with pytest.raises(OutputError, match="the disk is full; free some space") as caught:
        write_raster(tmp_path / "a.tif", np.ones((1, 8, 9), np.uint8), grid)
    assert str(tmp_path) in one_line(caught.value)
    assert not list(tmp_path.iterdir())
