"""Reading scenes on any grid: only valid pixels weigh, windows equal the whole."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from geosemimtl.errors import SceneError
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter, read_on_grid
from geosemimtl.raster.scene import Scene, open_scene, overlap

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
Layer = tuple[NDArray[Any], NDArray[np.bool_]]
FILTERS = ("average", "cubic", "bilinear", "mode", "nearest")


def read(scene: Scene, grid: PixelGrid, resampling: str, window: Window | None = None) -> Layer:
    with read_on_grid(scene, grid, Resampling[resampling]) as reader:
        return reader.read(window)


@pytest.mark.parametrize("resampling", FILTERS)
def test_own_grid_gives_rotated_floats_to_the_last_bit(
    make_raster: Maker, make_grid: Callable[..., PixelGrid], resampling: str
) -> None:
    pixels = np.random.default_rng(0).normal(0, 1e4, (1, 90, 70)).astype(np.float32)
    grid = make_grid((90, 70), gsd=(0.3, 0.7), degrees=33)
    scene = open_scene(make_raster("a.tif", pixels, transform=grid.transform))
    within_tolerance = replace(grid, transform=grid.transform @ Affine.translation(5e-4, 5e-4))
    for same in (grid, within_tolerance):
        values, valid = read(scene, same, resampling)
        assert valid.all()
        np.testing.assert_array_equal(values, pixels)


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[Any, Any]]:
    """A rotated scene with non-square pixels and a mask, and room to remember whole readings."""
    random = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("rotated") / "scene.tif"
    turned = Affine.translation(368000, 5806000) @ Affine.rotation(25)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=2,
            height=210,
            width=180,
            dtype="uint8",
            crs="EPSG:25833",
            transform=turned @ Affine.scale(0.05, -0.07),
        ) as target,
    ):
        target.write(random.integers(0, 256, (2, 210, 180), dtype=np.uint8))
        target.write_mask(random.random((210, 180)) > 0.2)
    return open_scene(path), {}


@given(
    gsd_m=st.sampled_from([0.03, 0.05, 0.09, 0.2]),
    resampling=st.sampled_from(FILTERS),
    corner=st.tuples(st.integers(-20, 400), st.integers(-20, 400)),
    size=st.tuples(st.integers(1, 150), st.integers(1, 150)),
)
def test_windows_read_alone_equal_the_whole(
    rotated: tuple[Scene, dict[Any, Any]],
    gsd_m: float,
    resampling: str,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> None:
    scene, wholes = rotated
    grid = model_grid(scene.grid, gsd_m)
    if (gsd_m, resampling) not in wholes:
        wholes[gsd_m, resampling] = read(scene, grid, resampling)
    pixels, valid = wholes[gsd_m, resampling]
    (row, col), (height, width) = corner, size
    got, known = read(scene, grid, resampling, Window(col, row, width, height))
    padded = np.pad(pixels, ((0, 0), (20, 600), (20, 600)))
    part = np.s_[row + 20 : row + 20 + height, col + 20 : col + 20 + width]
    np.testing.assert_array_equal(got, padded[:, *part])
    np.testing.assert_array_equal(known, np.pad(valid, ((20, 600), (20, 600)))[part])


def test_windows_beyond_the_grid_are_not_valid(make_raster: Maker, noise: Noise) -> None:
    scene = open_scene(make_raster("a.tif", noise(3, 10, 12)))
    pixels, valid = read(scene, scene.grid, "nearest", Window(8, -2, 16, 16))
    assert pixels.shape == (3, 16, 16)
    assert valid.sum() == 10 * 4
    assert valid[2:12, :4].all()
    assert not pixels[:, ~valid].any()
    _, valid = read(scene, scene.grid, "nearest", Window(100, 100, 4, 4))
    assert not valid.any()


@pytest.mark.parametrize("step", [0.5, 1, 1.7, 2])
@pytest.mark.parametrize("shift", [0, 0.3])
@pytest.mark.parametrize("resampling", FILTERS)
def test_a_layer_smaller_than_the_grid(
    make_raster: Maker, noise: Noise, resampling: str, step: float, shift: float
) -> None:
    corner = (368000.0, 5806000.0)
    transform = Affine(1, 0, corner[0], 0, -1, corner[1])
    scene = open_scene(make_raster("a.tif", noise(1, 20, 30), transform=transform))
    moved = Affine(step, 0, corner[0] - 50 + shift, 0, -step, corner[1] + 50 - shift)
    grid = PixelGrid(moved, (150, 170), scene.grid.crs)
    pixels, valid = read(scene, grid, resampling)
    rows, cols = np.nonzero(valid)
    assert (cols.min(), rows.min()) == pytest.approx(((50 - shift) / step,) * 2, abs=1)
    assert (cols.max() + 1, rows.max() + 1) == pytest.approx(
        ((80 - shift) / step, (70 - shift) / step), abs=1.01
    )
    assert not pixels[:, ~valid].any()
    last = (int(rows.max()), int(cols.max()))
    for row in (0, int(rows.min()) - 1, last[0], last[0] + 1, 136):
        for col in (0, int(cols.min()) - 1, last[1], last[1] + 1, 146):
            got, known = read(scene, grid, resampling, Window(col, row, 4, 4))
            np.testing.assert_array_equal(got, pixels[:, row : row + 4, col : col + 4])
            np.testing.assert_array_equal(known, valid[row : row + 4, col : col + 4])


def test_only_the_wanted_bands(make_raster: Maker, noise: Noise) -> None:
    pixels = noise(3, 8, 8)
    scene = open_scene(make_raster("a.tif", pixels), ("nir", "red", "green"))
    with read_on_grid(scene, scene.grid, Resampling.average, ("green", "nir")) as reader:
        got, _ = reader.read()
    np.testing.assert_array_equal(got, pixels[[2, 0]])


def test_another_crs(make_raster: Maker, make_grid: Callable[..., PixelGrid]) -> None:
    grid = make_grid((40, 40), gsd=(0.5, 0.5), origin=(300000.0, 5806000.0))
    # labels that say on which side of a line of the other CRS they lie
    left, bottom, right, top = grid.bounds
    xs, ys = transform_points(
        CRS.from_epsg(25833), CRS.from_epsg(25832), [left, right], [(top + bottom) / 2] * 2
    )
    middle = sum(xs) / 2
    pixels = np.full((1, 300, 300), 1, np.uint8)
    pixels[:, :, 150:] = 2
    transform = Affine(0.25, 0, middle - 37.5, 0, -0.25, ys[0] + 37.5)
    scene = open_scene(make_raster("a.tif", pixels, crs="EPSG:25832", transform=transform))
    assert overlap(scene.grid, grid)
    values, valid = read(scene, grid, "mode")
    assert valid.all()
    rows, cols = np.indices(grid.shape)
    points = [
        grid.transform @ (c + 0.5, r + 0.5) for r, c in zip(rows.flat, cols.flat, strict=True)
    ]
    there, _ = transform_points(grid.crs, scene.grid.crs, *map(list, zip(*points, strict=True)))
    away = np.array(there).reshape(grid.shape) - middle
    clear = np.abs(away) > 0.5
    np.testing.assert_array_equal(values[0][clear], np.where(away > 0, 2, 1)[clear])


def test_another_crs_is_met_to_a_small_part_of_a_pixel(
    make_raster: Maker, make_grid: Callable[..., PixelGrid]
) -> None:
    grid = make_grid((300, 300), gsd=(2, 2), origin=(300000.0, 5806000.0))
    left, _, _, top = grid.bounds
    xs, ys = transform_points(grid.crs, CRS.from_epsg(25832), [left], [top])
    # an image of its own columns: what is read tells where it was read
    columns = np.tile(np.arange(500, dtype=np.float32), (500, 1))[None]
    transform = Affine(2, 0, xs[0] - 200, 0, -2, ys[0] + 200)
    scene = open_scene(make_raster("a.tif", columns, crs="EPSG:25832", transform=transform))
    values, valid = read(scene, grid, "bilinear")
    assert valid.all()
    rows, cols = np.indices(grid.shape)
    points = [
        grid.transform @ (c + 0.5, r + 0.5) for r, c in zip(rows.flat, cols.flat, strict=True)
    ]
    there, _ = transform_points(grid.crs, scene.grid.crs, *map(list, zip(*points, strict=True)))
    expected = (np.array(there) - transform.c) / 2 - 0.5
    np.testing.assert_allclose(values[0].ravel(), expected, atol=5e-5)


def test_overlap_needs_common_ground(make_grid: Callable[..., PixelGrid]) -> None:
    grid = make_grid((10, 10))
    assert overlap(make_grid((10, 10), origin=(367999.6, 5806000.0)), grid)
    assert not overlap(make_grid((10, 10), origin=(367999.5, 5806000.0)), grid)


def test_filters_follow_the_ratio(make_grid: Callable[..., PixelGrid]) -> None:
    fine, coarse = make_grid((9, 9)), make_grid((5, 5), gsd=(0.09, 0.09))
    filters = (image_filter, label_filter, height_filter)
    assert [f(fine, coarse).name for f in filters] == ["average", "mode", "average"]
    assert [f(coarse, fine).name for f in filters] == ["cubic", "nearest", "bilinear"]


def test_recoded_labels_vote_alone(make_raster: Maker) -> None:
    # of four pixels, two are ignored, one is a 7 and one a 200 that nobody declared
    pixels = np.array([[[0, 0, 9, 7], [7, 200, 7, 9]]], np.uint8)
    scene = open_scene(make_raster("a.tif", pixels, gsd=1))
    grid = model_grid(scene.grid, 2)
    with read_on_grid(scene, grid, Resampling.mode, recode={(7,): 3, (8,): 4, (9,): 1}) as reader:
        values, valid = reader.read()
    assert valid.all()
    assert values[0, 0, 0] == 3
    with read_on_grid(
        scene, scene.grid, Resampling.mode, recode={(7,): 3, (8,): 4, (9,): 1}
    ) as reader:
        values, valid = reader.read()
    np.testing.assert_array_equal(valid, [[False, False, True, True], [True, False, True, True]])
    np.testing.assert_array_equal(values[0][valid], [1, 3, 3, 3, 1])


def test_a_truncated_file(make_raster: Maker, noise: Noise, one_line: OneLine) -> None:
    path = make_raster("a.tif", noise(3, 400, 400))
    scene = open_scene(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SceneError, match="it is damaged or incomplete") as caught:
        read(scene, scene.grid, "nearest")
    assert str(path) in one_line(caught.value)


@pytest.mark.judge
@pytest.mark.parametrize("gsd_m", [0.09, 0.1, 0.17])
def test_gdalwarp_gives_the_same(
    make_raster: Maker, noise: Noise, judge: Callable[[str], str], tmp_path: Path, gsd_m: float
) -> None:
    path, out = make_raster("a.tif", noise(3, 90, 110)), tmp_path / "judge.tif"
    scene = open_scene(path)
    grid = model_grid(scene.grid, gsd_m)
    left, bottom, right, top = grid.bounds
    where = ["-te", left, bottom, right, top, "-tr", gsd_m, gsd_m]
    command = [judge("gdalwarp"), "-q", "-r", "average", *where, path, out]
    subprocess.run(list(map(str, command)), check=True)
    pixels, valid = read(scene, grid, "average")
    with rasterio.open(out) as source:
        theirs = source.read()
    assert valid.all()
    assert theirs.shape == pixels.shape
    # GDAL counts the last column and row for what hangs over them, too: ours averages what is there
    whole = np.s_[:, : int(90 * 0.05 / gsd_m), : int(110 * 0.05 / gsd_m)]
    np.testing.assert_array_equal(theirs[whole], pixels[whole])


def test_no_minus_zero_whatever_the_window(make_raster: Callable[..., Path]) -> None:
    scene = open_scene(make_raster("z.tif", np.full((1, 12, 12), -0.0, np.float32)))
    with read_on_grid(scene, scene.grid, Resampling.average) as reader:
        for window in (Window(2, 2, 5, 5), Window(-1, 2, 9, 9), Window(0, 0, 12, 12)):
            assert not np.signbit(reader.read(window)[0]).any()
