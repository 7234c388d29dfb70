"""Which pixels of a scene are valid, however the file tells it: only those weigh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import read_on_grid
from geosemimtl.raster.scene import Scene, open_scene

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
Layer = tuple[NDArray[Any], NDArray[np.bool_]]
RGBA = ("red", "green", "blue", "alpha")
FILTERS = ("average", "cubic", "bilinear", "mode", "nearest")


def read(scene: Scene, grid: PixelGrid, resampling: str) -> Layer:
    with read_on_grid(scene, grid, Resampling[resampling]) as reader:
        return reader.read()


@pytest.fixture
def speckled() -> NDArray[np.bool_]:
    """Validity with single holes, a large hole and a solid part."""
    valid = np.random.default_rng(7).random((40, 50)) > 0.3
    valid[:15, :15] = False
    valid[20:, 20:] = True
    return valid


@pytest.fixture
def by_every_means(
    make_raster: Maker, noise: Noise, speckled: NDArray[np.bool_]
) -> dict[str, Scene]:
    """One image whose validity is told in every way that a file can tell it."""
    pixels = noise(3, 40, 50, high=200)
    holes = np.where(speckled, pixels, 0).astype(np.uint8)
    alpha = np.concatenate([pixels, speckled[None] * np.uint8(255)])
    floats = np.where(speckled, pixels, np.nan).astype(np.float32)
    files = {
        "alpha": make_raster("alpha.tif", alpha, colours=RGBA),
        "alpha by index": make_raster("by_index.tif", alpha),
        "mask": make_raster("mask.tif", pixels, mask=speckled),
        "nodata": make_raster("nodata.tif", holes, nodata=0),
        "NaN": make_raster("nan.tif", floats),
    }
    return {
        name: open_scene(path, alpha=4 if name == "alpha by index" else "auto")
        for name, path in files.items()
    }


@pytest.mark.parametrize("gsd_m", [0.05, 0.09, 0.1, 0.03])
@pytest.mark.parametrize("resampling", FILTERS)
def test_validity_is_the_same_however_it_is_told(
    by_every_means: dict[str, Scene], resampling: str, gsd_m: float
) -> None:
    grid = model_grid(by_every_means["mask"].grid, gsd_m)
    pixels, valid = read(by_every_means["mask"], grid, resampling)
    assert 0.3 < valid.mean() < 1
    for name, scene in by_every_means.items():
        others, known = read(scene, grid, resampling)
        np.testing.assert_array_equal(known, valid, err_msg=name)
        # a float keeps the fraction that a byte rounds and clamps (cubic overshoots)
        others = np.clip(np.round(others), 0, 255)
        assert np.abs(others - pixels.astype(float)).max() <= 1, name
        assert not others[:, ~known].any(), name


def test_own_grid_gives_the_files_pixels(
    by_every_means: dict[str, Scene], speckled: NDArray[np.bool_]
) -> None:
    for name, scene in by_every_means.items():
        pixels, valid = read(scene, scene.grid, "cubic")
        np.testing.assert_array_equal(valid, speckled, err_msg=name)
        with rasterio.open(scene.path) as source:
            raw = source.read(list(scene.indexes))
        np.testing.assert_array_equal(pixels[:, valid], raw[:, speckled], err_msg=name)


def test_an_image_pixel_is_nodata_where_all_bands_are(make_raster: Maker) -> None:
    pixels = np.full((3, 4, 4), 9, np.uint8)
    pixels[:, 0, 0] = 0
    pixels[1, 2, 2] = 0
    scene = open_scene(make_raster("a.tif", pixels, nodata=0))
    got, valid = read(scene, scene.grid, "nearest")
    assert not valid[0, 0]
    assert valid.sum() == 15
    np.testing.assert_array_equal(got, pixels)


def test_a_mean_that_equals_nodata_stays_what_it_is(make_raster: Maker) -> None:
    pixels = np.array([[[99, 101, 100, 100]] * 2], np.uint8)
    scene = open_scene(make_raster("a.tif", pixels, nodata=100))
    values, valid = read(scene, model_grid(scene.grid, 0.1), "average")
    np.testing.assert_array_equal(valid, [[True, False]])
    np.testing.assert_array_equal(values[0], [[100, 0]])


@pytest.mark.parametrize("gsd_m", [0.05, 0.1, 0.13, 0.03])
@pytest.mark.parametrize("resampling", FILTERS)
@pytest.mark.parametrize("told", ["alpha", "mask", "nodata", "NaN"])
def test_an_invalid_neighbours_value_never_leaks(
    make_raster: Maker, speckled: NDArray[np.bool_], told: str, resampling: str, gsd_m: float
) -> None:
    hidden = 250  # what a leak would bring
    pixels = np.where(speckled, 100, hidden).astype(np.uint8)[None]
    if told == "alpha":
        path = make_raster(
            "a.tif",
            np.concatenate([pixels, speckled[None] * np.uint8(255)]),
            colours=("gray", "alpha"),
        )
    elif told == "mask":
        path = make_raster("a.tif", pixels, mask=speckled)
    elif told == "nodata":
        path = make_raster("a.tif", pixels, nodata=hidden)
    else:
        path = make_raster("a.tif", np.where(speckled, pixels, np.nan).astype(np.float32))
    scene = open_scene(path)
    values, valid = read(scene, model_grid(scene.grid, gsd_m), resampling)
    assert valid.any()
    np.testing.assert_allclose(values[0][valid], 100, atol=1e-3)


def test_a_band_that_only_calls_itself_alpha_is_an_image(make_raster: Maker, noise: Noise) -> None:
    pixels = noise(4, 40, 50, dtype="uint16", high=4000)
    path = make_raster("a.tif", pixels, colours=RGBA)
    scene = open_scene(path, ("red", "green", "blue", "nir"))
    got, valid = read(scene, scene.grid, "cubic")
    assert valid.all()
    np.testing.assert_array_equal(got, pixels)
    average, _ = read(scene, model_grid(scene.grid, 0.1), "average")
    by_hand = pixels.reshape(4, 20, 2, 25, 2).mean(axis=(2, 4))
    assert np.abs(average - by_hand).max() <= 0.5


def test_infinite_values_are_not_valid(make_raster: Maker) -> None:
    pixels = np.ones((1, 8, 8), np.float32)
    pixels[0, 2, 2], pixels[0, 5, 5] = np.inf, -np.inf
    scene = open_scene(make_raster("a.tif", pixels))
    values, valid = read(scene, scene.grid, "bilinear")
    assert (~valid).sum() == 2
    for gsd_m in (0.1, 0.03):
        grid = model_grid(scene.grid, gsd_m)
        for resampling in ("bilinear", "cubic"):
            values, valid = read(scene, grid, resampling)
            assert not valid.all()
            np.testing.assert_allclose(values[0][valid], 1, rtol=1e-5)
    # an average leaves them out
    values, valid = read(scene, model_grid(scene.grid, 0.1), "average")
    assert valid.all()
    np.testing.assert_array_equal(values, 1)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
@pytest.mark.parametrize("kind", ["mask", "nodata", "alpha"])
def test_masks_hold_for_any_number_and_type_of_bands(
    make_raster: Callable[..., Path],
    noise: Callable[..., NDArray[Any]],
    bands: int,
    dtype: str,
    kind: str,
) -> None:
    """GDAL itself finds the alpha band of a warped file only among two or four bands of bytes."""
    seen = noise(20, 30) > 100
    pixels = noise(bands, 20, 30, dtype=dtype, high=200)
    if kind == "mask":
        path = make_raster("a.tif", pixels, mask=seen)
    elif kind == "nodata":
        path = make_raster("a.tif", np.where(seen, pixels, pixels.dtype.type(0)), nodata=0)
    else:
        alpha = np.where(seen, 255, 0).astype(dtype)[None]
        path = make_raster("a.tif", np.concatenate([pixels, alpha]))
    scene = open_scene(path, alpha=bands + 1 if kind == "alpha" else "none")
    with read_on_grid(scene, scene.grid, Resampling.nearest) as reader:
        found, valid = reader.read()
    np.testing.assert_array_equal(valid, seen)
    np.testing.assert_array_equal(found, np.where(seen, pixels, 0))
