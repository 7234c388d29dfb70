"""Stamped GeoTIFFs: to the byte what GDAL writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from geosemimtl.errors import GridError, OutputError
from geosemimtl.raster.grid import PixelGrid, resized_grid
from geosemimtl.raster.stamping import Stamp
from geosemimtl.raster.writing import raster_bytes, write_raster

SIDES = st.integers(1, 40)
LINEAR = [
    Affine.scale(0.25, -0.3),
    Affine.scale(0.25, 0.3),
    Affine.rotation(30) @ Affine.scale(0.25, -0.3),
]


@given(
    shape=st.tuples(st.integers(1, 5), SIDES, SIDES),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "float32"]),
    linear=st.sampled_from(LINEAR),
    epsg=st.sampled_from([25832, 4326, 2992]),
    labelled=st.sampled_from([(None, "b"), (0.0, "b"), (255.0, "")]),
    corner=st.tuples(*[st.floats(-1e7, 1e7)] * 2),
)
def test_stamped_is_what_gdal_writes(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, int, int],
    dtype: str,
    linear: Affine,
    epsg: int,
    labelled: tuple[float | None, str],
    corner: tuple[float, float],
) -> None:
    folder = tmp_path_factory.mktemp("stamp")
    nodata, name = labelled
    names = tuple(f"{name}{i}" for i in range(shape[0])) if name else ()
    grid = PixelGrid(Affine.translation(3, 4) @ linear, shape[1:], CRS.from_epsg(epsg))
    stamp = Stamp.of(grid, dtype, bands=shape[0], nodata=nodata, band_names=names)
    assert stamp is not None
    array = np.random.default_rng(1).integers(0, 200, shape).astype(dtype)
    place = Affine.translation(*corner) @ linear
    stamp.write(folder / "stamped.tif", array, place)
    write_raster(
        folder / "written.tif",
        array,
        replace(grid, transform=place),
        nodata=nodata,
        band_names=names,
        compress=False,
    )
    assert (folder / "stamped.tif").read_bytes() == (folder / "written.tif").read_bytes()
    with rasterio.open(folder / "stamped.tif") as source:
        assert source.transform.almost_equals(place, 1e-9)
        np.testing.assert_array_equal(source.read(), array)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_stamps_of_images_say_of_no_place(tmp_path: Path) -> None:
    """Whatever pixels are left of it, and however large they are."""
    grid = resized_grid(PixelGrid.of_image((20, 30)), (5, 6))
    stamp = Stamp.of(grid, "float32", bands=3, nodata=-9999, band_names=("x", "y", "z"))
    assert stamp is not None
    array = np.random.default_rng(0).random((3, 5, 6), np.float32)
    stamp.write(tmp_path / "stamped.tif", array, grid.transform)
    write_raster(
        tmp_path / "written.tif",
        array,
        grid,
        nodata=-9999,
        band_names=("x", "y", "z"),
        compress=False,
    )
    assert (tmp_path / "stamped.tif").read_bytes() == (tmp_path / "written.tif").read_bytes()
    with rasterio.open(tmp_path / "stamped.tif") as source:
        assert (source.crs, source.transform) == (None, Affine.identity())
        assert (source.descriptions, source.nodata) == (("x", "y", "z"), -9999)
        np.testing.assert_array_equal(source.read(), array)


def test_another_layout_is_left_to_gdal(
    make_grid: Callable[..., PixelGrid], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a later GDAL could have it: something behind the pixels, or a corner nobody finds."""
    for spoil in (lambda data: data + b"0", lambda data: bytes(1000) + data[1000:]):
        monkeypatch.setattr(
            "geosemimtl.raster.stamping.raster_bytes",
            lambda *args, spoil=spoil, **named: spoil(raster_bytes(*args, **named)),
        )
        assert Stamp.of(make_grid((64, 64)), "uint8") is None


def test_other_pixels_than_the_stamps_are_refused(
    make_grid: Callable[..., PixelGrid], tmp_path: Path
) -> None:
    stamp = Stamp.of(make_grid((8, 8)), "uint8")
    assert stamp is not None
    for array in (np.zeros((1, 8, 9), np.uint8), np.zeros((1, 8, 8), np.int8)):
        with pytest.raises(ValueError, match="a stamp of"):
            stamp.write(tmp_path / "t.tif", array, Affine.identity())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_vanished(make_grid: Callable[..., PixelGrid], tmp_path: Path) -> None:
    stamp = Stamp.of(make_grid((8, 8)), "uint8")
    assert stamp is not None
    with pytest.raises(OutputError, match=r"t\.tif: cannot be written .*choose another"):
        stamp.write(tmp_path / "gone" / "t.tif", np.zeros((1, 8, 8), np.uint8), Affine.identity())


def test_a_crs_that_geotiff_cannot_hold(one_line: Callable[[BaseException], str]) -> None:
    pole = "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +to_meter=0.017"
    grid = PixelGrid(Affine(0.1, 0, 3, 0, -0.1, 4), (8, 8), CRS.from_string(pole))
    with pytest.raises(GridError, match="GeoTIFF cannot hold this CRS") as caught:
        Stamp.of(grid, "uint8")
    one_line(caught.value)
