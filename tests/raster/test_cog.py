"""Cloud-optimised GeoTIFFs: whole or not at all, and as other programs read them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.errors import OutputError, SceneError
from geosemimtl.raster.cog import RawRaster, cog_writer
from geosemimtl.raster.declared import declared_classes
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.styles import classes_style
from geosemimtl.raster.writing import RasterKind

GridMaker = Callable[..., PixelGrid]
OneLine = Callable[[BaseException], str]
CLASSES = RasterKind(
    "uint8", 255, ("class",), classes=ISPRS_CLASSES, overviews="MODE", tags={"MODEL": "test"}
)
HEIGHT = RasterKind("float32", -9999.0, ("height",), unit="m")


def write_strips(
    path: Path, grid: PixelGrid, kind: RasterKind, pixels: NDArray[Any], rows: int = 100
) -> None:
    """Write in strips of some rows."""
    sidecars = {".qml": classes_style(ISPRS_CLASSES)}
    with cog_writer(path, grid, kind, sidecars) as target:
        for top in range(0, grid.shape[0], rows):
            target.write(top, pixels[:, top : top + rows])


@pytest.fixture
def classes(tmp_path: Path, make_grid: GridMaker) -> tuple[Path, PixelGrid, NDArray[np.uint8]]:
    """A class raster large enough for overviews and several blocks, with its grid and pixels."""
    grid = make_grid((700, 1100), gsd=(0.5, 0.4))
    pixels = np.random.default_rng(0).integers(0, 6, (1, *grid.shape), dtype=np.uint8)
    pixels[:, :50] = 255
    write_strips(tmp_path / "classes.tif", grid, CLASSES, pixels)
    return tmp_path / "classes.tif", grid, pixels


def test_what_was_written_is_read(classes: tuple[Path, PixelGrid, NDArray[np.uint8]]) -> None:
    path, grid, pixels = classes
    with rasterio.open(path) as source:
        np.testing.assert_array_equal(source.read(), pixels)
        assert PixelGrid(source.transform, source.shape, source.crs).matches(grid)
        assert source.nodata == 255
        assert source.descriptions == ("class",)
        assert source.colormap(1)[1] == (0, 0, 255, 255)
        assert source.tags()["MODEL"] == "test"
        assert source.overviews(1)
    assert declared_classes(open_scene(path)) == ISPRS_CLASSES
    names = {file.name for file in path.parent.iterdir()}
    assert names == {"classes.tif", "classes.tif.aux.xml", "classes.qml"}


def test_units_and_nodata_of_heights(tmp_path: Path, make_grid: GridMaker) -> None:
    grid = make_grid((30, 40))
    pixels = np.full((1, 30, 40), 2.5, np.float32)
    pixels[0, 0, 0] = -9999
    write_strips(tmp_path / "height.tif", grid, HEIGHT, pixels)
    with rasterio.open(tmp_path / "height.tif") as source:
        assert (source.units, source.nodata, source.dtypes) == (("m",), -9999.0, ("float32",))
        assert (source.dataset_mask() == 0).sum() == 1
    assert declared_classes(open_scene(tmp_path / "height.tif")) is None


def test_damaged_class_names(tmp_path: Path, make_grid: GridMaker, one_line: OneLine) -> None:
    kind = RasterKind("uint8", 255, ("class",), tags={"GEOSEMIMTL_CLASSES": "{"})
    write_strips(tmp_path / "a.tif", make_grid((8, 8)), kind, np.zeros((1, 8, 8), np.uint8))
    with pytest.raises(SceneError, match="GEOSEMIMTL_CLASSES is damaged") as caught:
        declared_classes(open_scene(tmp_path / "a.tif"))
    one_line(caught.value)


@pytest.mark.judge
def test_gdal_finds_a_valid_cog(
    classes: tuple[Path, PixelGrid, NDArray[np.uint8]], judge: Callable[[str], str]
) -> None:
    module = "osgeo_utils.samples.validate_cloud_optimized_geotiff"
    command = [judge("gdal"), "-m", module, "--full-check=yes", str(classes[0])]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "is a valid cloud optimized GeoTIFF" in answer.stdout


@pytest.mark.judge
def test_gdal_reads_the_class_names(
    classes: tuple[Path, PixelGrid, NDArray[np.uint8]], judge: Callable[[str], str]
) -> None:
    script = (
        "import sys, json; from osgeo import gdal; gdal.UseExceptions();"
        "d = gdal.Open(sys.argv[1]); b = d.GetRasterBand(1); t = b.GetColorTable();"
        "print(json.dumps([b.GetCategoryNames(), [t.GetColorEntry(i) for i in range(6)]]))"
    )
    command = [judge("gdal"), "-c", script, str(classes[0])]
    names, colours = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert tuple(names) == ISPRS_CLASSES.names
    assert [tuple(c[:3]) for c in colours] == [entry.rgb for entry in ISPRS_CLASSES.entries]


def test_same_input_same_bytes_whatever_the_strips(
    classes: tuple[Path, PixelGrid, NDArray[np.uint8]],
) -> None:
    path, grid, pixels = classes
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    write_strips(path, grid, CLASSES, pixels)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before
    write_strips(path, grid, CLASSES, pixels, rows=512)
    assert path.read_bytes() == before[path.name]


def test_after_an_error_nothing_remains(tmp_path: Path, make_grid: GridMaker) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    # brackets mean something to glob, which finds the leftovers
    target = cog_writer(folder / "scene[1].tif", make_grid((600, 600)), HEIGHT, {".qml": "<qgis/>"})
    with pytest.raises(RuntimeError, match="stop"), target as rows:  # noqa: PT012  (the error is the block's own)
        rows.write(0, np.zeros((1, 10, 600), np.float32))
        raise RuntimeError("stop")
    assert list(folder.iterdir()) == []


def test_after_an_error_the_previous_output_is_whole(
    classes: tuple[Path, PixelGrid, NDArray[np.uint8]],
) -> None:
    path, grid, _ = classes
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    target = cog_writer(path, grid, CLASSES, {".qml": "other"})
    with pytest.raises(KeyboardInterrupt), target as rows:  # noqa: PT012  (as above)
        rows.write(0, np.zeros((1, 10, grid.shape[1]), np.uint8))
        raise KeyboardInterrupt
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_statistics_of_the_raster_replaced_are_forgotten(
    tmp_path: Path, make_grid: GridMaker
) -> None:
    stale = tmp_path / "height.tif.aux.xml"
    stale.write_text("<PAMDataset/>")
    write_strips(
        tmp_path / "height.tif", make_grid((8, 8)), HEIGHT, np.zeros((1, 8, 8), np.float32)
    )
    assert not stale.exists()


def test_a_folder_that_is_not_there(
    tmp_path: Path, make_grid: GridMaker, one_line: OneLine
) -> None:
    grid, path = make_grid((8, 8)), tmp_path / "no" / "a.tif"
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_strips(path, grid, HEIGHT, np.zeros((1, 8, 8), np.float32))
    assert str(path.parent) in one_line(caught.value)


def test_windows_in_any_order_and_again(tmp_path: Path, make_grid: GridMaker) -> None:
    grid = make_grid((60, 70))
    kind = RasterKind("float32", -9999.0, ("height", "depth"))
    pixels = np.random.default_rng(0).uniform(0, 9, (2, 60, 70)).astype(np.float32)
    with RawRaster(tmp_path / "a.raw", grid, kind) as target:
        target.write(20, np.zeros((2, 40, 30), np.float32), 40)
        for top in (40, 0, 20):
            for left in (35, 0):
                target.write(top, pixels[:, top : top + 20, left : left + 35], left)
        target.copy(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal(source.read(), pixels)


def test_a_copy_cut_short_is_not_kept(
    tmp_path: Path, make_grid: GridMaker, monkeypatch: pytest.MonkeyPatch, one_line: OneLine
) -> None:
    """GDAL says nothing when the last blocks find no room."""
    whole = rasterio.shutil.copy

    def cut(source: Path, path: Path, **options: Any) -> None:
        whole(source, path, **options)
        os.truncate(path, path.stat().st_size - 100)

    monkeypatch.setattr(rasterio.shutil, "copy", cut)
    with RawRaster(tmp_path / "a.raw", make_grid((60, 70)), HEIGHT) as target:
        target.write(0, np.ones((1, 60, 70), np.float32))
        with pytest.raises(OutputError, match="the disk is full; free some space") as caught:
            target.copy(tmp_path / "a.tif")
    assert str(tmp_path) in one_line(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["a.raw"]
