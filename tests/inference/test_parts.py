"""Parts of scenes, other grids and windows, and the rasters that are optional."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.classes import IGNORE
from geosemimtl.errors import BandError, ConfigError, GridError
from geosemimtl.inference import planning
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.raster.grid import model_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.tileset import BandStatistics
from geosemimtl.training.model_file import DomainCard, ModelCard, load_model, save_model

Make = Callable[..., Path]
MODEL = Path("any.safetensors")


def read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as source:
        pixels: NDArray[Any] = source.read()
    return pixels


@pytest.fixture
def scene(make_scene: Make, noise: Callable[..., Any]) -> Path:
    mask = np.ones((150, 170), bool)
    mask[40:80, 60:90] = False
    return make_scene("a.tif", noise(3, 150, 170), gsd=0.03, mask=mask)


def bounds_of(scene: Path, window: Window) -> tuple[float, float, float, float]:
    return open_scene(scene).grid.crop(window).bounds


@pytest.mark.parametrize("window", [(0, 0, 170, 150), (31, 47, 60, 29), (169, 149, 1, 1)])
def test_bounds_give_that_part_of_the_whole(
    model_file: Path, scene: Path, tmp_path: Path, window: tuple[int, int, int, int]
) -> None:
    """With a network that looks around: tiles lie where they lie in the whole."""
    options = PredictOptions(precision="float32", batch=1)
    (whole,) = predict([scene], model_file, output=tmp_path / "whole", options=options)
    part = Window(*window)
    options = PredictOptions(precision="float32", batch=1, bounds=bounds_of(scene, part))
    (made,) = predict([scene], model_file, output=tmp_path / "part", options=options)
    grid = open_scene(made.rasters["height"]).grid
    assert grid.matches(open_scene(scene).grid.crop(part))
    rows, cols = part.toslices()
    for kind, path in made.rasters.items():
        expected = read(whole.rasters[kind])[:, rows, cols]
        if kind == "height":
            np.testing.assert_allclose(read(path), expected, rtol=1e-5, atol=1e-5)
        else:
            # sums in another order may round a share, or a tie, to the other side
            assert (read(path) == expected).mean() >= 0.999


def test_bands_of_columns_do_not_show(
    model_file: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = PredictOptions(precision="float32", batch=1)
    (whole,) = predict([scene], model_file, output=tmp_path / "whole", options=options)
    monkeypatch.setattr(planning, "BAND_PX", 100)
    (cut,) = predict([scene], model_file, output=tmp_path / "cut", options=options)
    with monkeypatch.context() as patch:
        patch.setattr(planning, "BAND_OUTPUT_PX", 40)
        (fine,) = predict([scene], model_file, output=tmp_path / "fine", options=options)
    for made in (cut, fine):
        np.testing.assert_allclose(
            read(made.rasters["height"]), read(whole.rasters["height"]), rtol=1e-5, atol=1e-5
        )


def test_only_within_polygons(pointwise: Callable[..., Any], scene: Path, tmp_path: Path) -> None:
    network = pointwise()
    (whole,) = predict([scene], MODEL, output=tmp_path / "whole", options=PredictOptions(batch=1))
    every = len(network.seen)
    grid = open_scene(scene).grid
    corner = shapely.box(*grid.crop(Window(100, 5, 40, 30)).bounds)
    wedge = shapely.Polygon([*list(corner.exterior.coords)[:2], corner.centroid.coords[0]])
    geopandas.GeoDataFrame(geometry=[wedge], crs="EPSG:25833").to_file(tmp_path / "a.gpkg")
    options = PredictOptions(batch=1, area=tmp_path / "a.gpkg")
    (made,) = predict([scene], MODEL, output=tmp_path / "part", options=options)
    assert 0 < len(network.seen) - every < every / 3, "tiles elsewhere are not run"
    own = open_scene(made.rasters["height"]).grid
    left, top = (round(v) for v in ~grid.transform @ (own.transform.c, own.transform.f))
    inside = rasterio.features.geometry_mask([wedge], own.shape, own.transform, invert=True)
    rows, cols = slice(top, top + own.shape[0]), slice(left, left + own.shape[1])
    expected = read(whole.rasters["height"])[0][rows, cols]
    np.testing.assert_allclose(
        read(made.rasters["height"])[0], np.where(inside, expected, NODATA), rtol=1e-6
    )
    assert inside.any()
    assert not inside.all()


@pytest.mark.parametrize("gsd_m", [0.04, 0.5, 3, 7])
def test_an_area_of_coarse_pixels(
    pointwise: Callable[..., Any], make_scene: Make, tmp_path: Path, gsd_m: float
) -> None:
    """Pixels that reach beyond the polygons draw on tiles that have nothing of them."""
    pointwise()
    scene = make_scene("flat.tif", np.full((3, 301, 433), 51, np.uint8), gsd=0.11)
    grid = open_scene(scene).grid
    part = shapely.box(*grid.crop(Window(130, 80, 160, 140)).bounds)
    geopandas.GeoDataFrame(geometry=[part], crs="EPSG:25833").to_file(tmp_path / "a.gpkg")
    options = PredictOptions(area=tmp_path / "a.gpkg", grid=gsd_m)
    (made,) = predict([scene], MODEL, options=options)
    heights = read(made.rasters["height"])
    seen = heights[heights != NODATA]
    assert seen.size
    np.testing.assert_allclose(seen, 20, atol=1e-4)


def test_bounds_and_area_together(
    pointwise: Callable[..., Any], scene: Path, tmp_path: Path
) -> None:
    pointwise()
    grid = open_scene(scene).grid
    box = shapely.box(*grid.crop(Window(10, 10, 40, 40)).bounds)
    geopandas.GeoDataFrame(geometry=[box], crs="EPSG:25833").to_file(tmp_path / "a.gpkg")
    bounds = grid.crop(Window(30, 20, 50, 50)).bounds
    options = PredictOptions(bounds=bounds, area=tmp_path / "a.gpkg")
    (made,) = predict([scene], MODEL, options=options)
    assert open_scene(made.rasters["height"]).grid.matches(grid.crop(Window(30, 20, 20, 30)))
    options = PredictOptions(bounds=grid.crop(Window(90, 90, 5, 5)).bounds, area=options.area)
    with pytest.raises(GridError, match="nothing in common"):
        predict([scene], MODEL, options=options)


@pytest.mark.parametrize("gsd_m", [0.02, 0.1, 0.44])
def test_a_grid_in_metres(pointwise: Callable[..., Any], make_scene: Make, gsd_m: float) -> None:
    pointwise()
    flat = np.full((3, 150, 170), 51, np.uint8)
    scene = make_scene("a.tif", flat, gsd=0.03)
    (made,) = predict([scene], MODEL, options=PredictOptions(grid=gsd_m))
    grid = open_scene(made.rasters["height"]).grid
    assert grid.matches(model_grid(open_scene(scene).grid, gsd_m))
    heights = read(made.rasters["height"])
    np.testing.assert_allclose(heights[heights != NODATA], 20, atol=1e-4)
    assert (heights != NODATA).mean() > 0.98


@pytest.mark.parametrize("window", ["hann", "linear", "flat", "centre"])
@pytest.mark.parametrize("overlap", [0, 8, 0.75])
def test_windows_and_overlaps_give_one_map(
    pointwise: Callable[..., Any],
    make_scene: Make,
    noise: Callable[..., Any],
    window: str,
    overlap: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pointwise()
    pixels = noise(3, 75, 90)
    with caplog.at_level(logging.WARNING):
        (made,) = predict(
            [make_scene("a.tif", pixels)],
            MODEL,
            options=PredictOptions(window=window, overlap=overlap),
        )
    np.testing.assert_allclose(read(made.rasters["height"])[0], pixels[0] / 2.55, rtol=1e-5)
    assert ("seams are possible" in caplog.text) == (overlap == 0)


def test_probabilities_add_up(pointwise: Callable[..., Any], scene: Path) -> None:
    pointwise()
    (made,) = predict([scene], MODEL, options=PredictOptions(probabilities=True))
    with rasterio.open(made.rasters["probabilities"]) as source:
        assert source.descriptions == ("reddish", "greenish", "blueish")
        assert source.scales == (0.004,) * 3
        shares = source.read(masked=True)
    np.testing.assert_allclose(shares.sum(axis=0).compressed(), 250, atol=2)
    classes, confidence = (read(made.rasters[kind])[0] for kind in ("segmentation", "confidence"))
    seen = classes != IGNORE
    np.testing.assert_allclose(
        shares.max(axis=0)[seen] / 2.5, confidence[seen].astype(float), atol=1
    )
    np.testing.assert_array_equal(shares.mask[0], ~seen)


def test_a_pointwise_model_never_disagrees(pointwise: Callable[..., Any], scene: Path) -> None:
    pointwise()
    (made,) = predict([scene], MODEL, options=PredictOptions(disagreement=True))
    with rasterio.open(made.rasters["disagreement"]) as source:
        assert source.descriptions == ("classes", "height")
        assert source.units == ("share", "m")
        differ = source.read(masked=True)
    np.testing.assert_allclose(differ.compressed(), 0, atol=1e-5)
    seen = read(made.rasters["segmentation"])[0] != IGNORE
    np.testing.assert_array_equal(~differ.mask[0], seen)


def test_a_model_that_looks_around_disagrees(model_file: Path, scene: Path) -> None:
    (made,) = predict([scene], model_file, options=PredictOptions(disagreement=True))
    with rasterio.open(made.rasters["disagreement"]) as source:
        classes, heights = source.read(masked=True)
    assert 0 <= classes.min() <= classes.max() <= 1
    assert heights.max() > 0


def test_compression(pointwise: Callable[..., Any], scene: Path, tmp_path: Path) -> None:
    pointwise()
    found = {}
    for name in ("zstd", "deflate", "lzw", "none"):
        options = PredictOptions(compress=name)
        (made,) = predict([scene], MODEL, output=tmp_path / name, options=options)
        with rasterio.open(made.rasters["height"]) as source:
            assert (source.profile.get("compress") or "none") == name
            found[name] = source.read()
    for pixels in found.values():
        np.testing.assert_array_equal(pixels, found["zstd"])


def test_a_mosaic_is_one_scene(
    pointwise: Callable[..., Any], make_scene: Make, noise: Callable[..., Any]
) -> None:
    pointwise()
    pixels = noise(3, 60, 90)
    whole = make_scene("whole.tif", pixels)
    grid = open_scene(whole).grid
    halves = [
        make_scene(
            f"{name}.tif",
            pixels[:, :, part],
            transform=grid.crop(Window(part.start, 0, 45, 60)).transform,
        )
        for name, part in (("left", slice(0, 45)), ("right", slice(45, 90)))
    ]
    (expected,) = predict([whole], MODEL)
    (made,) = predict(halves, MODEL, options=PredictOptions(mosaic=True))
    assert made.rasters["height"].name == "left_height.tif"
    np.testing.assert_array_equal(read(made.rasters["height"]), read(expected.rasters["height"]))


def test_a_folder_predicted_again_with_named_bands(
    pointwise: Callable[..., Any], make_raster: Make, tmp_path: Path
) -> None:
    pointwise()
    make_raster("scenes/a.tif", np.ones((3, 40, 40), np.uint8))
    options = PredictOptions(bands=("red", "green", "blue"))
    for _ in range(2):
        (made,) = predict([tmp_path / "scenes"], MODEL, options=options, overwrite=True)
        assert made.scene.name == "a.tif"


def test_a_scene_within_one_pixel_of_the_model(
    pointwise: Callable[..., Any], make_scene: Make, one_line: Callable[[BaseException], str]
) -> None:
    pointwise(gsd_m=5)
    with pytest.raises(GridError, match="smaller than one pixel of the model") as caught:
        predict([make_scene("a.tif", np.ones((3, 20, 20), np.uint8))], MODEL)
    one_line(caught.value)


def domain(name: str, low: float, high: float, dtype: str = "uint16") -> DomainCard:
    """Return a domain whose three bands have values in the upper half of their range."""
    histogram = (0,) * 32 + (1,) * 32
    band = BandStatistics(mean=0.75, std=0.1, percentiles=(0.75,), histogram=histogram)
    return DomainCard(
        name=name,
        scenes=("x",),
        tiles=1,
        supervises=("height",),
        dtype=dtype,
        value_range=(low, high),
        statistics=(band,) * 3,
    )


def test_a_sensor_brings_its_value_range(pointwise: Callable[..., Any], make_scene: Make) -> None:
    domains = (domain("one", 0, 1000), domain("two", 0, 2000))
    pointwise(dtype="uint16", value_range=None, domains=domains)
    scene = make_scene("a.tif", np.full((3, 40, 40), 800, np.uint16))
    with pytest.raises(BandError, match="or its sensor with --sensor"):
        predict([scene], MODEL)
    for name, metres in (("one", 80), ("two", 40)):
        (made,) = predict([scene], MODEL, options=PredictOptions(sensor=name), overwrite=True)
        np.testing.assert_allclose(read(made.rasters["height"]), metres, rtol=1e-5)
    pointwise(
        dtype=None,
        value_range=None,
        domains=(domain("one", 0, 255, "uint8"), domain("two", 0, 2000)),
    )
    with pytest.raises(BandError, match="learned from uint16 and uint8 of several ranges"):
        predict([scene], MODEL, overwrite=True)
    (made,) = predict([scene], MODEL, options=PredictOptions(sensor="two"), overwrite=True)
    np.testing.assert_allclose(read(made.rasters["height"]), 40, rtol=1e-5)
    with pytest.raises(ConfigError, match="--sensor three: the model learned from one, two"):
        predict([scene], MODEL, options=PredictOptions(sensor="three"), overwrite=True)


def test_values_unlike_the_trainings_are_told(
    pointwise: Callable[..., Any], make_scene: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pointwise(domains=(domain("bright", 0, 255),))
    with caplog.at_level(logging.WARNING):
        predict([make_scene("dark.tif", np.full((3, 40, 40), 10, np.uint8))], MODEL)
        predict([make_scene("bright.tif", np.full((3, 40, 40), 190, np.uint8))], MODEL)
    (record,) = caplog.records
    assert "dark.tif: values differ by" in record.getMessage()
    assert "(bright)" in record.getMessage()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": "gauss"}, "--window gauss: choose from centre, flat, hann, linear"),
        ({"compress": "jpeg"}, "--compress jpeg: choose from zstd, deflate, lzw, none"),
        ({"batch": 0}, "--batch 0"),
        ({"grid": "mine"}, "--grid mine: write scene, model or metres"),
        ({"grid": -1.0}, "--grid -1:"),
        ({"value_range": (3.0, 1.0)}, "--value-range 3,1"),
    ],
)
def test_options_that_cannot_be(
    options: dict[str, Any], words: str, one_line: Callable[[BaseException], str]
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        PredictOptions(**options)
    one_line(caught.value)


def test_a_summary_is_json(pointwise: Callable[..., Any], scene: Path) -> None:
    pointwise()
    (made,) = predict([scene], MODEL)
    assert made.pixels == 150 * 170
    assert {"total", "read", "forward", "blend", "resample", "write", "cog"} <= set(made.seconds)
    assert json.dumps(made.seconds)
    assert made.peak_memory_mb is None or made.peak_memory_mb > 50


@pytest.mark.shared
def test_a_whole_scene_in_feet_without_crs(
    shared_data: Path,
    make_card: Callable[..., ModelCard],
    model_file: Path,
    tmp_path: Path,
) -> None:
    """14 megapixels of JPEG with a world file, as docs/predicting.md shows."""
    network, _ = load_model(model_file)
    coarse = tmp_path / "coarse.safetensors"
    save_model(coarse, network, make_card(gsd_m=1.2, tile_px=128, overlap_px=64))
    options = PredictOptions(assume_crs="EPSG:2994", bands=("red", "green", "blue"))
    scene = shared_data / "autzen" / "autzen.jpg"
    (made,) = predict([scene], coarse, output=tmp_path / "out", options=options)
    with rasterio.open(scene) as source, rasterio.open(made.rasters["segmentation"]) as classes:
        assert classes.shape == source.shape == (4385, 3248)
        assert classes.transform == source.transform
        assert classes.crs.to_epsg() == 2994
        assert (classes.read(1) != IGNORE).all()
