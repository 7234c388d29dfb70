"""Several files as one scene: which pixel wins, what is valid, what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geosemimtl.errors import BandError, GridError, SceneError
from geosemimtl.raster.grid import model_grid
from geosemimtl.raster.reading import read_on_grid
from geosemimtl.raster.scene import Scene, open_scene

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
BASE = Affine(0.05, 0, 368000, 0, -0.05, 5806000)
TURNED = BASE @ Affine.rotation(30) @ Affine.scale(1, 1.5)


def at(row: int, col: int, base: Affine = BASE) -> dict[str, Affine]:
    """Return the keyword that puts a raster at a pixel of the common grid."""
    return {"transform": base @ Affine.translation(col, row)}


def pixels_of(scene: Scene) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a scene's own pixels, and where they are valid."""
    with read_on_grid(scene, scene.grid, Resampling.nearest) as reader:
        return reader.read()


def laid_over(
    layers: Sequence[tuple[int, int, NDArray[Any], NDArray[np.bool_]]],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Lay (row, column, pixels, valid) over each other, the slow and plain way."""
    top, left = min(each[0] for each in layers), min(each[1] for each in layers)
    rows = max(row + pixels.shape[1] for row, _, pixels, _ in layers) - top
    cols = max(col + pixels.shape[2] for _, col, pixels, _ in layers) - left
    result = np.zeros((layers[0][2].shape[0], rows, cols), layers[0][2].dtype)
    known = np.zeros((rows, cols), bool)
    for row, col, pixels, valid in layers:
        for r, c in np.argwhere(valid):
            result[:, row - top + r, col - left + c] = pixels[:, r, c]
            known[row - top + r, col - left + c] = True
    return result, known


@pytest.mark.parametrize("base", [BASE, TURNED], ids=["north up", "turned, not square"])
@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("kind", ["none", "mask", "nodata", "alpha"])
def test_the_later_file_wins_where_it_is_valid(
    make_raster: Maker, noise: Noise, base: Affine, bands: int, dtype: str, kind: str
) -> None:
    paths, layers = [], []
    for number, (row, col) in enumerate([(5, 0), (0, 4), (9, 10), (30, 3)]):
        pixels = noise(bands, 12, 15, dtype=dtype, high=200, seed=number)
        valid = noise(12, 15, seed=10 + number) > 100
        options: dict[str, Any] = at(row, col, base)
        stored = pixels
        if kind == "mask":
            options["mask"] = valid
        elif kind == "nodata":
            stored = np.where(valid, pixels, 0).astype(dtype)
            options["nodata"] = 0
        elif kind == "alpha":
            alpha = np.where(valid, 1 + number, 0).astype(dtype)
            stored = np.concatenate([pixels, alpha[None]])
        else:
            valid = np.ones((12, 15), bool)
        paths.append(make_raster(f"{number}.tif", stored, **options))
        layers.append((row, col, pixels, valid))
    scene = open_scene(paths, alpha=bands + 1 if kind == "alpha" else "none")
    expected, known = laid_over(layers)
    found, valid = pixels_of(scene)
    assert scene.files == tuple(paths)
    assert scene.path == paths[0]
    assert scene.grid.shape == (42, 25)
    assert tuple(scene.grid.transform) == pytest.approx(tuple(base), abs=1e-7)
    np.testing.assert_array_equal(valid, known)
    np.testing.assert_array_equal(found, expected)


def test_nodata_counts_where_every_band_has_it(make_raster: Maker) -> None:
    """As for one file: a single black channel is a colour, not a hole, and shows no other file."""
    under = make_raster("a.tif", np.full((3, 4, 4), 7, "uint8"))
    colour = np.full((3, 4, 4), 9, "uint8")
    colour[0, 0, 0] = 0
    colour[:, 1, 1] = 0
    found, valid = pixels_of(open_scene([under, make_raster("b.tif", colour, nodata=0)]))
    assert found[:, 0, 0].tolist() == [0, 9, 9]
    assert found[:, 1, 1].tolist() == [7, 7, 7]
    assert valid.all()


@pytest.mark.parametrize("nodata", [None, -9999.0, float(np.finfo("float32").min), 1e-3])
def test_a_nan_in_any_band_hides_nothing(make_raster: Maker, nodata: float | None) -> None:
    under = np.full((2, 4, 4), 7, "float32")
    under[:, 3, 3] = np.nan
    over = np.full((2, 4, 4), 9, "float32")
    over[0, 0, 0] = over[1, 1, 1] = over[0, 3, 3] = np.nan
    if nodata is not None:
        over[:, 2, 2] = nodata
    paths = [make_raster("a.tif", under), make_raster("b.tif", over, nodata=nodata)]
    found, valid = pixels_of(open_scene(paths))
    expected = np.full((4, 4), 9.0)
    expected[0, 0] = expected[1, 1] = 7
    expected[3, 3] = 0
    if nodata is not None:
        expected[2, 2] = 7
    np.testing.assert_array_equal(found, [expected, expected])
    assert np.argwhere(~valid).tolist() == [[3, 3]]


def test_floats_with_a_mask_and_nan(make_raster: Maker) -> None:
    """One file alone, too: GDAL's warper heeds either."""
    pixels = np.full((1, 8, 8), 5, "float32")
    mask = np.ones((8, 8), bool)
    pixels[0, 0, 0], mask[1, 1], pixels[0, 1, 1] = np.nan, False, 1e6
    scene = open_scene(make_raster("a.tif", pixels, mask=mask))
    found, valid = pixels_of(scene)
    assert np.argwhere(~valid).tolist() == [[0, 0], [1, 1]]
    turned = model_grid(scene.grid, 0.08)
    with read_on_grid(scene, turned, Resampling.bilinear) as reader:
        found, valid = reader.read()
    np.testing.assert_allclose(found[0][valid], 5, rtol=1e-6)


def test_alpha_that_is_not_believed(make_raster: Maker, noise: Noise) -> None:
    """A fourth band that calls itself alpha, and is near-infrared, is a band like the others."""
    pixels = noise(4, 6, 6, high=3) - 1
    colours = ("red", "green", "blue", "alpha")
    paths = [make_raster(f"{i}.tif", pixels, colours=colours, **at(0, 6 * i)) for i in range(2)]
    found, valid = pixels_of(open_scene(paths, ("red", "green", "blue", "nir")))
    assert valid.all()
    np.testing.assert_array_equal(found, np.concatenate([pixels, pixels], axis=2))


def test_files_with_and_without_alpha(make_raster: Maker, noise: Noise) -> None:
    plain = noise(3, 4, 4)
    faint = np.concatenate([noise(3, 4, 4, seed=1), np.eye(4, dtype="uint8")[None]])
    paths = [
        make_raster("a.tif", plain, colours=("red", "green", "blue")),
        make_raster("b.tif", faint, colours=("red", "green", "blue", "alpha")),
    ]
    found, valid = pixels_of(open_scene(paths))
    np.testing.assert_array_equal(found, np.where(np.eye(4) > 0, faint[:3], plain))
    assert valid.all()


@given(
    corners=st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=4),
    way=st.sampled_from(
        [(0.05, "nearest"), (0.11, "average"), (0.03, "cubic"), (0.11, "mode"), (0.07, "recode")]
    ),
)
def test_what_is_read_on_another_grid_is_that_of_one_file(
    tmp_path_factory: pytest.TempPathFactory, corners: list[tuple[int, int]], way: tuple[float, str]
) -> None:
    """A mosaic written to one file reads like the mosaic, on any grid."""
    folder = tmp_path_factory.mktemp("mosaic")
    paths = []
    for number, (row, col) in enumerate(corners):
        path = folder / f"{number}.tif"
        draw = np.random.default_rng(number)
        profile = {"driver": "GTiff", "count": 2, "height": 7, "width": 5, "dtype": "uint8"}
        with rasterio.open(path, "w", crs="EPSG:25833", nodata=0, **at(row, col), **profile) as out:
            out.write(draw.integers(0, 3, (2, 7, 5)).astype("uint8"))
        paths.append(path)
    scene = open_scene(paths)
    pixels, valid = pixels_of(scene)
    whole = folder / "whole.tif"
    rows, cols = scene.grid.shape
    profile = {"driver": "GTiff", "count": 2, "height": rows, "width": cols, "dtype": "uint8"}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            whole, "w", crs="EPSG:25833", transform=scene.grid.transform, **profile
        ) as out,
    ):
        out.write(pixels)
        out.write_mask(valid)
    one, grid = open_scene(whole), model_grid(scene.grid, way[0])
    resampling = Resampling["mode" if way[1] == "recode" else way[1]]
    recode: dict[tuple[int, ...], int] | None = None
    if way[1] == "recode":
        recode = {(a, b): a + b for a in range(3) for b in range(2)}
    with (
        read_on_grid(scene, grid, resampling, recode=recode) as ours,
        read_on_grid(one, grid, resampling, recode=recode) as theirs,
    ):
        for mine, other in zip(ours.read(), theirs.read(), strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.judge
@pytest.mark.parametrize("nodata", [None, 0])
def test_gdal_joins_the_same(
    judge: Callable[[str], str],
    make_raster: Maker,
    noise: Noise,
    tmp_path: Path,
    nodata: int | None,
) -> None:
    """Plain files as gdalbuildvrt does; nodata as gdalwarp, which looks at a pixel's every band."""
    paths = []
    for number, (row, col) in enumerate([(50, 0), (0, 40), (33, 21)]):
        pixels = noise(3, 64, 80, seed=number) * (noise(64, 80, seed=9 + number) > 60)
        paths.append(make_raster(f"{number}.tif", pixels, nodata=nodata, **at(row, col)))
    out = tmp_path / "judge.tif"
    if nodata is None:
        command = [judge("gdalbuildvrt"), "-q", str(out.with_suffix(".vrt")), *map(str, paths)]
        out = out.with_suffix(".vrt")
    else:
        size = ["-tr", "0.05", "0.05", "-r", "near", "-q"]
        command = [judge("gdalwarp"), *size, *map(str, paths), str(out)]
    subprocess.run(command, check=True, capture_output=True)
    scene = open_scene(paths)
    found, valid = pixels_of(scene)
    with rasterio.open(out) as source:
        assert tuple(source.transform) == pytest.approx(tuple(scene.grid.transform), abs=1e-7)
        np.testing.assert_array_equal(found, source.read())
        if nodata is not None:
            np.testing.assert_array_equal(valid, source.read().any(axis=0))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"crs": "EPSG:25832"}, "lies in EPSG:25832"),
        ({"transform": BASE @ Affine.scale(2)}, "not those of"),
        ({"transform": BASE @ Affine.translation(3.03, 0)}, "up to 0.03 px"),
        ({"transform": BASE @ Affine.rotation(1)}, "not those of"),
        ({"transform": BASE @ Affine.scale(1, -1)}, "not those of"),
        ({"transform": BASE @ Affine.translation(2.0**31, 0)}, "too far apart"),
    ],
)
def test_files_that_are_not_on_one_grid(
    make_raster: Maker, noise: Noise, one_line: OneLine, change: dict[str, Any], says: str
) -> None:
    first = make_raster("a.tif", noise(1, 8, 8))
    other = make_raster("b.tif", noise(1, 8, 8), **change)
    with pytest.raises(GridError, match=says) as caught:
        open_scene([first, other])
    assert "cut" in one_line(caught.value)


def test_coordinates_rounded_to_millimetres_fit(make_raster: Maker, noise: Noise) -> None:
    pixels = noise(1, 8, 8)
    first = make_raster("a.tif", pixels)
    other = make_raster("b.tif", pixels, transform=BASE @ Affine.translation(8.015, 0.01))
    found, _ = pixels_of(open_scene([first, other]))
    np.testing.assert_array_equal(found, np.concatenate([pixels, pixels], axis=2))


@pytest.mark.parametrize("other", [(3, "uint8"), (1, "uint16")])
def test_files_of_another_kind(
    make_raster: Maker, noise: Noise, one_line: OneLine, other: tuple[int, str]
) -> None:
    first = make_raster("a.tif", noise(1, 8, 8))
    second = make_raster("b.tif", noise(other[0], 8, 8, dtype=other[1]))
    with pytest.raises(BandError, match="only files alike form one scene") as caught:
        open_scene([first, second])
    assert str(second) in one_line(caught.value)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("nodata", [None, 0])
def test_a_file_that_vanishes_is_no_gap(
    make_raster: Maker, noise: Noise, dtype: str, nodata: int | None
) -> None:
    pixels = noise(1, 8, 8, dtype=dtype)
    paths = [make_raster(f"{i}.tif", pixels, nodata=nodata, **at(0, 8 * i)) for i in range(2)]
    scene = open_scene(paths)
    paths[1].unlink()
    with pytest.raises(SceneError, match="cannot be read"):
        pixels_of(scene)


def test_more_files_than_may_be_open(make_raster: Maker, noise: Noise) -> None:
    """GDAL opens the files when their pixels are wanted, and closes others for it."""
    pixels = noise(2, 4, 4)
    paths = [make_raster(f"{i}.tif", pixels, nodata=0, **at(0, 4 * i)) for i in range(300)]
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128));"
        "from pathlib import Path; from rasterio.enums import Resampling;"
        "from geosemimtl.raster.scene import open_scene;"
        "from geosemimtl.raster.reading import read_on_grid;"
        "scene = open_scene([Path(name) for name in sys.argv[1:]]);"
        "\nwith read_on_grid(scene, scene.grid, Resampling.nearest) as reader:"
        " print(int(reader.read()[0].sum()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(300 * int(pixels.sum())), done.stderr[-300:]
