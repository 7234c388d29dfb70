"""Prediction of whole scenes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.errors import BandError, BatchError, ModelFileError, OutputError, SceneError
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.raster.grid import model_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions

MODEL = Path("any.safetensors")
TURNED = Affine.translation(368000, 5806000) @ Affine.rotation(30)
Noise = Callable[..., NDArray[Any]]
Make = Callable[..., Path]


def read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as source:
        pixels: NDArray[Any] = source.read(1)
    return pixels


def constant(rows: int, cols: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.array([51, 102, 25], np.uint8)[:, None, None], (3, rows, cols)).copy()


@pytest.mark.parametrize("gsd_m", [0.05, 0.02, 0.031, 0.12])
@pytest.mark.parametrize("shape", [(50, 70), (7, 131)])
def test_constant_in_constant_out(
    pointwise: Callable[..., Any], make_scene: Make, gsd_m: float, shape: tuple[int, int]
) -> None:
    pointwise()
    (written,) = predict([make_scene("a.tif", constant(*shape), gsd=gsd_m)], MODEL)
    assert (read(written.rasters["segmentation"]) == 1).all()
    np.testing.assert_allclose(read(written.rasters["height"]), 20, atol=1e-4)
    exponents = np.exp(np.array([2, 4, 250 / 255]))
    assert (read(written.rasters["confidence"]) == round(100 * np.exp(4) / exponents.sum())).all()


def test_each_pixel_is_predicted_where_it_lies(
    pointwise: Callable[..., Any], make_scene: Make, noise: Noise
) -> None:
    pointwise()
    pixels = noise(3, 75, 90)
    (written,) = predict([make_scene("a.tif", pixels)], MODEL)
    np.testing.assert_allclose(read(written.rasters["height"]), pixels[0] / 255 * 100, rtol=1e-5)
    expected, found = pixels.argmax(axis=0), read(written.rasters["segmentation"])
    top, second = np.sort(pixels, axis=0)[:0:-1]
    assert (found == expected)[top > second].all()


@pytest.mark.parametrize(("tile_px", "overlap_px", "batch"), [(32, 0, 1), (64, 8, 3), (200, 50, 4)])
def test_the_map_does_not_depend_on_tiles(
    pointwise: Callable[..., Any],
    make_scene: Make,
    noise: Noise,
    tile_px: int,
    overlap_px: int,
    batch: int,
) -> None:
    scene = make_scene("a.tif", noise(3, 60, 83), gsd=0.03)
    maps = []
    for size in ({}, {"tile_px": tile_px, "overlap_px": overlap_px}):
        pointwise(**size)
        options = PredictOptions(batch=batch)
        (written,) = predict([scene], MODEL, options=options, overwrite=True)
        maps.append(read(written.rasters["height"]))
    np.testing.assert_allclose(maps[1], maps[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:25833", Affine(0.05, 0, 368000, 0, -0.05, 5806000)),
        ("EPSG:25833", TURNED @ Affine.scale(0.04, -0.04)),
        ("EPSG:2154", Affine(0.06, 0, 900000, 0, -0.03, 6500000)),
        ("EPSG:2994", Affine(0.1, 0, 636000, 0, -0.1, 849000)),
        ("EPSG:4326", Affine(4e-7, 0, 13, 0, -4e-7, 52)),
        ("EPSG:25833", Affine(0.2, 0, 368000, 0, -0.2, 5806000)),
    ],
    ids=["north up", "rotated", "not square", "feet", "degrees", "coarser than the model"],
)  # fmt: skip
def test_the_rasters_overlay_the_scene(
    pointwise: Callable[..., Any], make_scene: Make, noise: Noise, crs: str, transform: Affine
) -> None:
    pointwise()
    scene = make_scene("a.tif", noise(3, 61, 83), transform=transform, crs=crs)
    (written,) = predict([scene], MODEL)
    with rasterio.open(scene) as source:
        for path in written.rasters.values():
            with rasterio.open(path) as made:
                assert made.transform == source.transform
                assert made.shape == source.shape
                assert made.crs == source.crs
    assert (read(written.rasters["segmentation"]) != IGNORE).all()


@pytest.mark.parametrize("gsd_m", [0.05, 0.02, 0.049, 0.08, 0.13])
def test_masked_pixels_are_nodata_and_have_no_influence(
    pointwise: Callable[..., Any], make_scene: Make, noise: Noise, gsd_m: float
) -> None:
    pointwise()
    mask = noise(70, 90) > 128
    mask[20:45, 30:75] = False
    mask[50:, 50:] = True
    pixels = np.where(mask, constant(70, 90), np.uint8(255))
    (written,) = predict([make_scene("a.tif", pixels, gsd=gsd_m, mask=mask)], MODEL)
    heights = read(written.rasters["height"])
    np.testing.assert_array_equal(heights != NODATA, mask)
    np.testing.assert_array_equal(read(written.rasters["segmentation"]) != IGNORE, mask)
    np.testing.assert_array_equal(read(written.rasters["confidence"]) != IGNORE, mask)
    np.testing.assert_allclose(heights[mask], 20, atol=1e-4)


def test_a_float_band_without_number_is_nodata(
    pointwise: Callable[..., Any], make_scene: Make
) -> None:
    pointwise(dtype="float32")
    pixels = constant(40, 40).astype(np.float32)
    pixels[2, 10:20, 5] = np.nan
    (written,) = predict([make_scene("a.tif", pixels)], MODEL)
    expected = np.zeros((40, 40), bool)
    expected[10:20, 5] = True
    np.testing.assert_array_equal(read(written.rasters["segmentation"]) == IGNORE, expected)


def test_windows_without_image_are_not_run(pointwise: Callable[..., Any], make_scene: Make) -> None:
    network = pointwise()
    mask = np.zeros((96, 96), bool)
    mask[:10, :10] = True
    scene = make_scene("a.tif", constant(96, 96), mask=mask)
    (written,) = predict([scene], MODEL, options=PredictOptions(batch=1))
    assert len(network.seen) == 1
    np.testing.assert_array_equal(read(written.rasters["segmentation"]) != IGNORE, mask)


def test_a_scene_without_image_gives_nodata(
    pointwise: Callable[..., Any], make_scene: Make
) -> None:
    network = pointwise()
    scene = make_scene("a.tif", constant(40, 40), mask=np.zeros((40, 40), bool))
    (written,) = predict([scene], MODEL)
    assert not network.seen
    assert (read(written.rasters["height"]) == NODATA).all()


@pytest.mark.parametrize("gsd_m", [0.05, 0.03, 0.08])
def test_tile_and_predict_read_the_same_pixels(
    pointwise: Callable[..., Any], make_scene: Make, noise: Noise, tmp_path: Path, gsd_m: float
) -> None:
    network = pointwise()
    mask = noise(60, 85) > 100
    scene = make_scene("a.tif", noise(3, 60, 85), gsd=gsd_m, mask=mask)
    predict([scene], MODEL, options=PredictOptions(batch=1))
    tile([scene], tmp_path / "tiles", options=TileOptions(gsd_m=0.05, size_px=32))
    files = sorted((tmp_path / "tiles" / "image").iterdir())
    assert len(files) == len(network.seen) > 0
    for file, seen in zip(files, network.seen, strict=True):
        with rasterio.open(file) as source:
            pixels, valid = source.read(), source.dataset_mask() > 0
        expected = np.where(valid, pixels.astype(np.float32) / 255, 0)
        np.testing.assert_array_equal(seen, expected.astype(np.float32))


def test_grid_model(pointwise: Callable[..., Any], make_scene: Make) -> None:
    pointwise()
    mask = np.ones((50, 70), bool)
    mask[:7, :9] = False
    scene = make_scene("a.tif", constant(50, 70), gsd=0.02, mask=mask)
    (written,) = predict([scene], MODEL, options=PredictOptions(grid="model"))
    expected = model_grid(open_scene(scene).grid, 0.05)
    assert open_scene(written.rasters["height"]).grid.matches(expected)
    heights = read(written.rasters["height"])
    assert heights[0, 0] == NODATA
    assert heights[2, 3] == pytest.approx(20)  # partly valid, as tile would say


def test_another_pixel_type_needs_its_range(
    pointwise: Callable[..., Any], make_scene: Make, one_line: Callable[[BaseException], str]
) -> None:
    pointwise()
    scene = make_scene("a.tif", constant(40, 40).astype(np.uint16) * 4)
    with pytest.raises(BandError) as error:
        predict([scene], MODEL)
    assert "uint16" in one_line(error.value)
    assert "--value-range" in str(error.value)
    (written,) = predict([scene], MODEL, options=PredictOptions(value_range=(0, 1020)))
    np.testing.assert_allclose(read(written.rasters["height"]), 20, atol=1e-4)


def test_one_bad_scene_does_not_stop_the_others(
    pointwise: Callable[..., Any],
    make_scene: Make,
    tmp_path: Path,
) -> None:
    pointwise()
    whole, part = make_scene("a.tif", constant(40, 40)), make_scene("b.tif", constant(40, 40)[:2])
    out = tmp_path / "out"
    with pytest.raises(BatchError, match=r"1 of 2 scenes failed:\n.*b\.tif: has 2 band") as error:
        predict([part, whole], MODEL, output=out)
    assert [type(each) for each in error.value.failures] == [BandError]
    (done,) = error.value.done
    assert done.scene == whole
    before = visible(out)
    assert sorted(path.name for path in done.rasters.values()) == sorted(
        name for name in before if name.endswith(".tif")
    )
    stamps = {path: path.stat().st_ino for path in done.rasters.values()}
    make_scene("b.tif", constant(40, 40))  # mended: only this one is left to be done
    again = predict([part, whole], MODEL, output=out)
    assert [each.scene for each in again] == [part, whole]
    assert {path: path.stat().st_ino for path in done.rasters.values()} == stamps
    assert not list(out.glob(".*"))


def test_the_error_of_a_single_scene(
    pointwise: Callable[..., Any],
    make_scene: Make,
    tmp_path: Path,
    one_line: Callable[[BaseException], str],
) -> None:
    pointwise()
    with pytest.raises(BandError) as error:
        predict([make_scene("b.tif", constant(40, 40)[:2])], MODEL, output=tmp_path / "out")
    assert "b.tif" in one_line(error.value)
    assert not (tmp_path / "out").exists()


def test_predictions_are_no_scenes(
    pointwise: Callable[..., Any], make_scene: Make, tmp_path: Path
) -> None:
    """A folder holds the rasters of last time beside the scenes."""
    pointwise()
    scene = make_scene("scenes/a.tif", constant(40, 40))
    predict([scene], MODEL)
    (again,) = predict([tmp_path / "scenes"], MODEL, overwrite=True)
    assert again.scene == scene
    with pytest.raises(SceneError, match="name the scenes"):
        predict(list(again.rasters.values()), MODEL)


def test_a_model_that_gives_no_numbers_leaves_no_file(
    pointwise: Callable[..., Any], make_scene: Make, tmp_path: Path
) -> None:
    pointwise(broken=True)
    with pytest.raises(ModelFileError, match="no numbers"):
        predict([make_scene("a.tif", constant(40, 40))], MODEL, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_what_was_there(
    pointwise: Callable[..., Any], make_scene: Make, tmp_path: Path, stop: type[BaseException]
) -> None:
    pointwise()
    scene, out = make_scene("a.tif", constant(100, 100)), tmp_path / "out"

    def stopping(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        assert label
        for index, item in enumerate(items):
            if index == total // 2:
                raise stop
            yield item

    goes_on = stop is KeyboardInterrupt
    with pytest.raises(stop):
        predict([scene], MODEL, output=out, track=stopping)
    assert visible(out) == {}
    assert out.exists() == goes_on
    predict([scene], MODEL, output=out)
    before = visible(out)
    with pytest.raises(stop):
        predict([scene], MODEL, output=out, overwrite=True, track=stopping)
    assert visible(out) == before
    assert (out / ".a.prediction.part").exists() == goes_on


def visible(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that a user sees."""
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


def test_same_input_same_bytes(
    pointwise: Callable[..., Any], make_scene: Make, noise: Noise, tmp_path: Path
) -> None:
    pointwise()
    scene = make_scene("a.tif", noise(3, 70, 70), gsd=0.04)
    contents = []
    for name in ("one", "two"):
        predict([scene], MODEL, output=tmp_path / name)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_outputs_that_exist_are_kept(pointwise: Callable[..., Any], make_scene: Make) -> None:
    pointwise()
    scene = make_scene("a.tif", constant(40, 40))
    (written,) = predict([scene], MODEL)
    written.rasters["height"].write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        predict([scene], MODEL)
    assert written.rasters["height"].read_text() == "mine"
    predict([scene], MODEL, overwrite=True)
    assert read(written.rasters["height"]).shape == (40, 40)


def test_scenes_of_one_name(
    pointwise: Callable[..., Any], make_scene: Make, tmp_path: Path
) -> None:
    pointwise()
    scenes = [make_scene(f"{folder}/s.tif", constant(40, 40)) for folder in ("a", "b")]
    beside = predict(scenes, MODEL)
    assert [each.rasters["height"].relative_to(tmp_path).as_posix() for each in beside] == [
        "a/s_height.tif",
        "b/s_height.tif",
    ]
    with pytest.raises(OutputError, match="two scenes would have rasters of this name"):
        predict(scenes, MODEL, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rasters_of_two_scenes_never_share_a_name(
    pointwise: Callable[..., Any], make_scene: Make
) -> None:
    pointwise()
    scene = make_scene("s.tif", constant(40, 40))
    other = scene.rename(scene.with_suffix(".tiff"))
    scene = make_scene("s.tif", constant(40, 40))
    with pytest.raises(OutputError, match="two scenes"):
        predict([scene, other], MODEL)


def test_a_missing_scene_is_named(pointwise: Callable[..., Any], tmp_path: Path) -> None:
    pointwise()
    with pytest.raises(SceneError, match=r"no\.tif: no such file"):
        predict([tmp_path / "no.tif"], MODEL)


def test_memory_does_not_grow_with_the_scene(
    pointwise: Callable[..., Any], make_scene: Make, noise: Noise
) -> None:
    def peak(scene: Path) -> int:
        tracemalloc.start()
        predict([scene], MODEL, overwrite=True)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peaks = []
    for rows in (64, 1280, 5120):  # the first one warms up
        pointwise().seen = Forgetful()
        scene = make_scene(f"{rows}.tif", noise(3, rows, 96), gsd=0.04)
        # on a busy machine threads get ahead of each other now and then, within their bounds
        peaks.append(min(peak(scene) for _ in range(3)))
    assert peaks[2] < 1.3 * peaks[1]


class Forgetful(list[Any]):
    """A list that keeps nothing."""

    def __iadd__(self, _: object) -> Self:  # type: ignore[misc]  # only += is used
        return self


def test_a_real_model_file(model_file: Path, make_scene: Make, noise: Noise) -> None:
    scene = make_scene("a.tif", noise(3, 40, 70), gsd=0.03)
    (written,) = predict([scene], model_file)
    assert set(np.unique(read(written.rasters["segmentation"]))) <= {0, 1, 2}
    heights = read(written.rasters["height"])
    assert np.isfinite(heights).all()
    assert (heights >= 0).all()
    with rasterio.open(written.rasters["height"]) as source:
        assert source.units == ("m",)
        assert source.tags()["GEOSEMIMTL_MODEL"] == "toy"
    for path in written.rasters.values():
        assert path.with_suffix(".qml").exists()


@pytest.mark.parametrize(("most", "sizes"), [(1, [1] * 8), (3, [2, 2] * 2), (4, [4] * 2)])
def test_batches_are_even_and_of_one_row(
    pointwise: Callable[..., Any], make_scene: Make, most: int, sizes: list[int]
) -> None:
    """So that they are the same ones wherever a run begins."""
    network = pointwise()
    found: list[int] = []
    network.register_forward_pre_hook(lambda _, arguments: found.append(len(arguments[0])))
    predict([make_scene("a.tif", constant(40, 70))], MODEL, options=PredictOptions(batch=most))
    assert found == sizes
