"""The synthetic city: what it contains, that it repeats, and where it lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE, ISPRS_CLASSES
from geosemimtl.data.city.presets import PRESETS, preset
from geosemimtl.data.city.rendering import render
from geosemimtl.data.city.scene import CityScene, draw_city, write_city
from geosemimtl.data.city.truth import Truth, make_truth
from geosemimtl.errors import ConfigError
from geosemimtl.tasks import NODATA

IMPERVIOUS, BUILDING, LOW_VEGETATION, TREE, CAR, CLUTTER = range(6)
#: Shares of the six classes that a scene of 200 m may have.
SHARES = ((0.20, 0.45), (0.13, 0.36), (0.12, 0.40), (0.06, 0.25), (0.008, 0.035), (0.012, 0.055))
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module", params=sorted(PRESETS))
def scenes(request: pytest.FixtureRequest) -> tuple[str, tuple[CityScene, ...]]:
    name = str(request.param)
    return name, tuple(draw_city(preset(name), 200.0, 200.0, seed, 0.4) for seed in SEEDS)


def test_every_class_is_there_in_fair_shares(scenes: tuple[str, tuple[CityScene, ...]]) -> None:
    for scene in scenes[1]:
        share = np.bincount(scene.classes.ravel(), minlength=6) / scene.classes.size
        assert len(share) == len(ISPRS_CLASSES)
        for name, value, (low, high) in zip(ISPRS_CLASSES.names, share, SHARES, strict=True):
            assert low <= value <= high, (scenes[0], name, value)


def test_heights_fit_the_classes(scenes: tuple[str, tuple[CityScene, ...]]) -> None:
    name, drawn = scenes
    style = preset(name).style
    for scene in drawn:
        height, classes = scene.ndsm_m, scene.classes
        assert height.dtype == np.float32
        assert np.isfinite(height).all()
        assert height.min() >= 0
        assert (height[(classes == IMPERVIOUS) | (classes == LOW_VEGETATION)] == 0).all()
        assert 0.7 < height[classes == CAR].min() <= height[classes == CAR].max() < 2.0
        assert height[classes == TREE].max() <= 18.0
        assert np.median(height[classes == TREE]) > 3.0
        assert height[classes == CLUTTER].max() < 4.0
        roofs = height[classes == BUILDING]
        assert roofs.min() > 2.0
        highest = (style.storeys[1] + 2) * style.storey_m + style.pitches[1] * 12.0 + 1.2
        assert style.storeys[0] * style.storey_m < np.percentile(roofs, 90) < highest
        assert roofs.max() < highest


def test_vegetation_is_brighter_in_near_infrared_than_in_red(
    scenes: tuple[str, tuple[CityScene, ...]],
) -> None:
    for scene in scenes[1]:
        nir = scene.image[scene.bands.index("nir")].astype(float)
        red = scene.image[scene.bands.index("red")].astype(float)
        green = (scene.classes == LOW_VEGETATION) | (scene.classes == TREE)
        assert nir[green].mean() > 1.3 * red[green].mean()
        sealed = scene.classes == IMPERVIOUS
        assert nir[sealed].mean() < 1.3 * red[sealed].mean()


def test_same_seed_same_bytes_and_another_seed_another_city() -> None:
    first, again = (draw_city(preset("potsdam"), 60.0, 40.0, 5, 0.5) for _ in range(2))
    other = draw_city(preset("potsdam"), 60.0, 40.0, 6, 0.5)
    for array in ("image", "classes", "ndsm_m"):
        assert getattr(first, array).tobytes() == getattr(again, array).tobytes()
    assert (first.classes != other.classes).mean() > 0.2


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("fine_m", [0.1, 0.13])
def test_a_finer_raster_shows_the_same_city(name: str, fine_m: float) -> None:
    style = preset(name).style
    coarse = make_truth(style, 90.0, 70.0, 0.3, 4)
    fine = make_truth(style, 90.0, 70.0, fine_m, 4)
    rows, cols = ((np.arange(size) + 0.5) * 0.3 / fine_m for size in coarse.classes.shape)
    sampled = np.ix_(
        np.minimum(rows.astype(int), fine.classes.shape[0] - 1),
        np.minimum(cols.astype(int), fine.classes.shape[1] - 1),
    )
    assert (fine.classes[sampled] == coarse.classes).mean() > 0.95
    assert np.abs(fine.ndsm_m[sampled] - coarse.ndsm_m).mean() < 0.25
    assert np.corrcoef(fine.hue[sampled].ravel(), coarse.hue.ravel())[0, 1] > 0.9


def test_presets_look_different() -> None:
    cities = [draw_city(PRESETS[name], 150.0, 150.0, 1, 0.5) for name in ("potsdam", "vaihingen")]
    ratios = [city.image[0].mean() / city.image[1].mean() for city in cities]
    assert ratios[1] > 1.3 * ratios[0]
    roofs = [float(np.median(city.ndsm_m[city.classes == BUILDING])) for city in cities]
    assert roofs[0] > roofs[1] + 1.5


def _block_world() -> Truth:
    """A white tower on even white ground, without texture."""
    heights = np.zeros((80, 80), dtype=np.float32)
    heights[36:44, 36:44] = 6.0
    paint = np.full(heights.shape, 3, dtype=np.uint8)
    return Truth(
        np.zeros(heights.shape, np.uint8),
        heights,
        paint,
        np.zeros_like(heights),
        np.ones_like(heights),
        0.5,
    )


def test_rendering_darkens_the_shadow_and_nothing_else() -> None:
    sensor = replace(PRESETS["potsdam"].sensor, noise=0.0, sun_azimuth_deg=180.0)
    image = render(_block_world(), sensor, 0)
    assert image.shape == (3, 80, 80)
    assert image.dtype == np.uint8
    # The sun stands in the south: the shadow lies north of the tower.
    assert (image[:, 30, 40] < 0.7 * image[:, 55, 40]).all()
    assert np.array_equal(image[:, 55, 40], image[:, 10, 10])


def test_rendering_follows_the_sensors_bands_and_noise() -> None:
    sensor = PRESETS["potsdam"].sensor
    one = replace(
        sensor, bands=("blue", "nir"), ambient=(0.3, 0.2), haze=(0.0, 0.0), gain=(1.0, 1.0)
    )
    truth = make_truth(PRESETS["potsdam"].style, 50.0, 50.0, 0.5, 1)
    blue, nir = render(truth, one, 1).astype(float)
    vegetation = (truth.classes == LOW_VEGETATION) | (truth.classes == TREE)
    assert nir[vegetation].mean() > 2 * blue[vegetation].mean()
    noises = [
        render(_block_world(), replace(sensor, noise=n), 1)[1, :20].std() for n in (0.0, 0.03)
    ]
    assert noises[0] < 1 < noises[1]


def test_sun_from_the_side_lights_one_half_of_a_gable() -> None:
    truth = _block_world()
    ridge = 8.0 - np.abs(np.arange(80) - 39.5) * 0.25  # falls half a metre a metre, both ways
    heights = np.tile(np.maximum(ridge, 0).astype(np.float32), (80, 1))
    sensor = replace(PRESETS["potsdam"].sensor, noise=0.0, sun_azimuth_deg=90.0, gain=(1.0,) * 3)
    image = render(replace(truth, ndsm_m=heights), sensor, 0).astype(float)
    assert (image[:, 40, 50] > 1.2 * image[:, 40, 30]).all()


@settings(max_examples=15, deadline=None)
@given(
    width_m=st.floats(0.05, 40),
    height_m=st.floats(0.05, 40),
    gsd_m=st.sampled_from((0.31, 0.5, 1.0, 3.0)),
    name=st.sampled_from(sorted(PRESETS)),
    seed=st.integers(0, 2**40),
)
def test_any_size_gives_a_whole_scene(
    width_m: float, height_m: float, gsd_m: float, name: str, seed: int
) -> None:
    scene = draw_city(preset(name), width_m, height_m, seed, gsd_m)
    rows, cols = max(1, round(height_m / gsd_m)), max(1, round(width_m / gsd_m))
    assert scene.image.shape == (3, rows, cols)
    assert scene.classes.shape == scene.ndsm_m.shape == (rows, cols)
    assert scene.image.dtype == scene.classes.dtype == np.uint8
    assert scene.classes.max() < len(ISPRS_CLASSES)
    assert np.isfinite(scene.ndsm_m).all()


def test_native_gsd_is_the_sensors() -> None:
    scene = draw_city(preset("vaihingen"), 9.0, 4.5, 1)
    assert scene.image.shape == (3, 50, 100)
    assert scene.transform.a == 0.09


@pytest.mark.parametrize(
    ("width_m", "height_m", "gsd_m"), [(0, 5, 1), (5, -1, 1), (5, 5, 0), (float("nan"), 5, 1)]
)
def test_nonsense_sizes_are_refused(width_m: float, height_m: float, gsd_m: float) -> None:
    with pytest.raises(ConfigError, match="must be above 0"):
        draw_city(preset("potsdam"), width_m, height_m, 1, gsd_m)


def test_unknown_preset_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"'potsdm'.*did you mean 'potsdam'.*potsdam, vaihingen"):
        preset("potsdm")


@pytest.mark.parametrize(("name", "epsg"), [("potsdam", 32633), ("vaihingen", 32632)])
def test_files_lie_where_the_scene_lies(tmp_path: Path, name: str, epsg: int) -> None:
    scene = draw_city(preset(name), 21.0, 13.0, 3, 0.5)
    files = write_city(scene, tmp_path / "new", "town")
    x, y = preset(name).origin_xy
    expected: dict[Path, tuple[NDArray[Any], float | None, tuple[str, ...]]] = {
        files.image: (scene.image, None, ("nir", "red", "green")),
        files.labels: (scene.classes[None], IGNORE, ("class",)),
        files.height: (scene.ndsm_m[None], NODATA, ("height_m",)),
    }
    assert [path.name for path in expected] == ["town.tif", "town_labels.tif", "town_ndsm.tif"]
    for path, (array, nodata, names) in expected.items():
        with rasterio.open(path) as source:
            assert source.crs.to_epsg() == epsg
            assert tuple(source.bounds) == (x, y - 13.0, x + 21.0, y)
            assert source.nodata == nodata
            assert source.descriptions == names
            assert source.read().dtype == array.dtype
            assert np.array_equal(source.read(), array)
