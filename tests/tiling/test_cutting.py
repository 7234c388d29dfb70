"""Cutting scenes into a tile set: what is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from shapely.geometry import Polygon

from geosemimtl.classes import ClassMap, MappedClass
from geosemimtl.errors import SceneError
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.labels import open_labels
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import pooled_scale, read_tileset

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
RGB = ("red", "green", "blue")
SMALL = TileOptions(gsd_m=0.09, size_px=32, overlap=0.5)


def cut(town: Any, output: Path, options: TileOptions = SMALL, *, overwrite: bool = False) -> Any:
    return tile(output=output, **town.layers, options=options, overwrite=overwrite)


def whole(path: Path, grid: PixelGrid, resampling: str) -> Any:
    with read_on_grid(open_scene(path), grid, Resampling[resampling]) as reader:
        return reader.read()


def test_the_manifest_is_read_back(town: Any, tmp_path: Path) -> None:
    written = cut(town, tmp_path / "tiles")
    assert read_tileset(tmp_path / "tiles") == written
    assert (written.name, written.bands, written.dtype) == ("tiles", RGB, "uint8")
    assert (written.gsd_m, written.size_px, written.overlap_px) == (0.09, (32, 32), 16)
    assert written.tasks == ("segmentation", "height")
    assert written.value_range == (0, 255)
    assert [source.files for source in written.sources] == [("image.tif", "label.tif", "ndsm.tif")]
    assert str(tmp_path) not in (tmp_path / "tiles" / "tileset.json").read_text()
    names = tile_names(tmp_path / "tiles")
    assert len(names) == written.tiles
    for folder in ("image", "segmentation", "height"):
        assert {file.name for file in (tmp_path / "tiles" / folder).iterdir()} == set(names)


def test_tiles_are_what_reading_on_the_grid_gives(town: Any, tmp_path: Path) -> None:
    cut(town, tmp_path / "tiles")
    grid = model_grid(open_scene(town.image).grid, 0.09)
    pixels, valid = whole(town.image, grid, "average")
    with open_labels([town.label], SMALL.classes).on_grid(grid) as reader:
        classes = reader.read()
    heights, known = whole(town.ndsm, grid, "average")
    layout = TileLayout(grid.shape, (32, 32), 16)
    for i, j, window in layout.tiles():
        name = f"image_r{i:03d}_c{j:03d}.tif"
        part = np.s_[window.row_off : window.row_off + 32, window.col_off : window.col_off + 32]
        with rasterio.open(tmp_path / "tiles/image" / name) as source:
            np.testing.assert_array_equal(source.read(), pixels[:, *part])
            np.testing.assert_array_equal(source.dataset_mask() > 0, valid[part])
            assert source.descriptions == RGB
            place = PixelGrid(source.transform, source.shape, source.crs)
            assert place.matches(grid.crop(window))
        with rasterio.open(tmp_path / "tiles/segmentation" / name) as source:
            expected = np.where(valid, classes, 255)[part]
            np.testing.assert_array_equal(source.read(1), expected)
            assert source.nodata == 255
        with rasterio.open(tmp_path / "tiles/height" / name) as source:
            expected = np.where(known & valid, heights[0], -9999)[part]
            np.testing.assert_array_equal(source.read(1), expected)
            assert (source.nodata, source.dtypes) == (-9999, ("float32",))


def test_the_index_opens_with_geopandas(town: Any, tmp_path: Path) -> None:
    cut(town, tmp_path / "tiles")
    index = geopandas.read_file(tmp_path / "tiles" / "tiles.gpkg").set_index("tile")
    assert index.crs.to_epsg() == 25833
    left, top, side = 368000 + 16 * 0.09, 5806000 - 32 * 0.09, 32 * 0.09
    row = index.loc["image_r002_c001.tif"]
    square = [(left, top), (left + side, top), (left + side, top - side), (left, top - side)]
    assert row.geometry.symmetric_difference(Polygon(square)).area < 1e-6
    assert (row.scene, row["row"], row.column, row.split) == ("image", 2, 1, "train")
    with rasterio.open(tmp_path / "tiles/segmentation/image_r002_c001.tif") as source:
        labels = source.read(1)
    assert row.share_tree == pytest.approx((labels == 3).mean())
    with rasterio.open(tmp_path / "tiles/height/image_r002_c001.tif") as source:
        heights = source.read(1, masked=True)
    assert row.height_max_m == pytest.approx(heights.max())
    assert 0 < index.loc["image_r000_c000.tif"].valid_share < 1


def test_absent_is_not_zero(town: Any, tmp_path: Path) -> None:
    written = tile([town.image], tmp_path / "tiles", options=SMALL)
    assert written.tasks == ()
    assert (written.classes, written.heights, written.class_pixels) == (None, None, ())
    names = {file.name for file in (tmp_path / "tiles").iterdir()}
    assert names == {"tileset.json", "tiles.gpkg", "image"}


def test_a_scene_smaller_than_a_tile(town: Any, tmp_path: Path) -> None:
    written = cut(town, tmp_path / "tiles", TileOptions(gsd_m=0.05, size_px=256))
    assert written.tiles == 1
    for folder, beyond in (("image", 0), ("segmentation", 255), ("height", -9999)):
        with rasterio.open(tmp_path / f"tiles/{folder}/image_r000_c000.tif") as source:
            pixels = source.read()
            assert pixels.shape[1:] == (256, 256)
            assert (pixels[:, 120:] == beyond).all()
            assert (pixels[:, :, 150:] == beyond).all()
            inside = source.dataset_mask()[:120, :150] > 0
        assert inside.any()
        assert not inside[~town.valid].any()


@pytest.mark.parametrize(
    ("crs", "gsd", "gsd_m"), [("EPSG:2994", 0.5, 0.1524), ("EPSG:4326", (1e-6, 5e-7), None)]
)
def test_feet_and_degrees(
    make_raster: Maker, noise: Noise, tmp_path: Path, crs: str, gsd: Any, gsd_m: float | None
) -> None:
    turned = rasterio.Affine(0.5, 0, 636000, 0, -0.5, 849000)  # in Oregon
    if gsd_m is None:
        turned = rasterio.Affine(1e-6, 0, 13.0, 0, -5e-7, 60.0)
    image = make_raster("a.tif", noise(3, 60, 60), gsd=gsd, crs=crs, transform=turned)
    ndsm = make_raster(
        "h.tif", np.full((1, 60, 60), 3, np.float32), gsd=gsd, crs=crs, transform=turned
    )
    written = tile(
        [image], tmp_path / "tiles", heights=[ndsm], options=TileOptions(gsd_m=0.2, size_px=16)
    )
    assert (written.tasks, written.gsd_m) == (("height",), 0.2)
    assert written.heights is not None
    assert written.heights.maximum == 3  # metres stay metres
    with rasterio.open(tmp_path / "tiles/height/a_r000_c000.tif") as source:
        grid = PixelGrid(source.transform, source.shape, source.crs)
    assert grid.gsd_m == pytest.approx((0.2, 0.2), rel=1e-4)
    if gsd_m is not None:
        assert grid.transform.a == pytest.approx(0.2 / 0.3048)
        own = tile([image], tmp_path / "own", options=TileOptions(size_px=16))
        assert own.gsd_m == pytest.approx(gsd_m)


def test_labels_of_another_grid_with_other_values(
    make_raster: Maker, noise: Noise, tmp_path: Path
) -> None:
    image = make_raster("a.tif", noise(3, 64, 64), colours=RGB)
    raw = np.full((1, 32, 32), 40, np.int16)
    raw[0, :, 16:], raw[0, :8] = -3, 7
    label = make_raster("l.tif", raw, gsd=0.1)
    entries = (
        MappedClass(name="ground", color="#000000", written=(-3,)),
        MappedClass(name="tree", color="#00ff00", written=(40,)),
    )
    options = TileOptions(size_px=64, classes=ClassMap(entries=entries, ignore=(0, 7)))
    tile([image], tmp_path / "tiles", labels=[label], options=options)
    with rasterio.open(tmp_path / "tiles/segmentation/a_r000_c000.tif") as source:
        indices = source.read(1)
    assert (indices[:16] == 255).all()
    assert (indices[16:, :32] == 1).all()
    assert (indices[16:, 32:] == 0).all()


def test_a_file_without_crs_takes_the_named_one(
    make_raster: Maker, noise: Noise, tmp_path: Path
) -> None:
    oregon = rasterio.Affine(1, 0, 636000, 0, -1, 849000)
    image = make_raster("a.tif", noise(3, 60, 60), crs=None, transform=oregon, colours=RGB)
    label = make_raster("l.tif", np.zeros((1, 60, 60), np.uint8), crs=None, transform=oregon)
    options = TileOptions(size_px=32, assume_crs="EPSG:2994")
    written = tile([image], tmp_path / "tiles", labels=[label], options=options)
    assert written.gsd_m == pytest.approx(0.3048)
    with rasterio.open(tmp_path / "tiles/image/a_r000_c000.tif") as source:
        assert source.crs.to_epsg() == 2994


def test_four_bands_stay_four_bands(make_raster: Maker, noise: Noise, tmp_path: Path) -> None:
    bands = ("nir", "red", "green", "blue")
    image = make_raster("image", noise(4, 40, 40), gsd=0.5)
    tile([image], tmp_path / "tiles", options=TileOptions(size_px=32, bands=bands))
    path = next((tmp_path / "tiles" / "image").iterdir())
    scene = open_scene(path)
    assert (scene.bands, scene.alpha) == (bands, None)


def test_colour_is_reported_when_it_names_the_bands(
    town: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "geosemimtl")
    cut(town, tmp_path / "tiles")
    said = [record.getMessage() for record in caplog.records]
    by_colour = open_scene(town.image).named_by == "colour"
    assert any("--bands" in text for text in said) == by_colour


def test_statistics_are_those_of_the_scene(town: Any, tmp_path: Path) -> None:
    written = cut(town, tmp_path / "tiles", TileOptions(gsd_m=0.05, size_px=64, overlap=0.3))
    values = town.pixels[:, town.valid] / 255
    for band, statistics in zip(values, written.statistics, strict=True):
        assert statistics.mean == pytest.approx(band.mean(), rel=1e-6)  # of float32
        assert statistics.std == pytest.approx(band.std(), rel=1e-6)
        expected, _ = np.histogram(band, 64, (0, 1))
        np.testing.assert_array_equal(statistics.histogram, expected)
    labels = town.classes[0][town.valid & (town.classes[0] != 255)]
    assert written.class_pixels == tuple(np.bincount(labels, minlength=6).tolist())
    heights = town.heights[0][town.valid & (town.heights[0] != -9999)]
    assert written.heights is not None
    assert written.heights.mean == pytest.approx(heights.mean(), rel=1e-6)
    assert (written.heights.minimum, written.heights.maximum) == (heights.min(), heights.max())
    assert sum(written.heights.histogram) == heights.size
    scale = pooled_scale({"town": written}, "height")
    assert scale == np.ceil(np.quantile(heights, 0.995, method="inverted_cdf"))
    assert written.labelled_pixels() == {"segmentation": labels.size, "height": heights.size}


def test_scenes_in_two_crs(make_raster: Maker, noise: Noise, tmp_path: Path) -> None:
    one = make_raster("one.tif", noise(3, 40, 40), colours=RGB)
    two = make_raster("two.tif", noise(3, 40, 40), colours=RGB, crs="EPSG:25832")
    tile([one, two], tmp_path / "tiles", options=SMALL)
    index = geopandas.read_file(tmp_path / "tiles" / "tiles.gpkg")
    assert index.crs.to_epsg() == 25833
    assert index[index.scene == "two"].total_bounds[0] < 0  # far west of its neighbour's zone


@pytest.mark.parametrize(
    ("edge", "tiles", "padded", "beyond"),
    [("snap", 20, 0, 0), ("pad", 20, 8, 10), ("drop", 12, 0, 0)],
)
def test_edges(town: Any, tmp_path: Path, edge: Any, tiles: int, padded: int, beyond: int) -> None:
    """120 x 150 px in tiles of 40 every 30: at 80 and 110 (snap) or at 90 and 120 (pad)."""
    options = TileOptions(gsd_m=0.05, size_px=40, overlap=10, edge=edge)
    written = cut(town, tmp_path / "tiles", options)
    index = geopandas.read_file(tmp_path / "tiles" / "tiles.gpkg")
    assert (written.edge, written.overlap_px) == (edge, 10)
    assert len(index) + written.dropped.get("empty", 0) == tiles
    assert index.padded.sum() == padded
    assert (index[index.padded].valid_share <= 30 / 40).all()
    right = index.total_bounds[2]
    assert right == pytest.approx(368000 + (150 + beyond if edge != "drop" else 130) * 0.05)


def test_every_valid_pixel_is_in_a_tile(town: Any, tmp_path: Path) -> None:
    for edge in ("snap", "pad"):
        options = TileOptions(gsd_m=0.05, size_px=32, overlap=5, edge=edge)
        cut(town, tmp_path / edge, options)
        seen = np.zeros((200, 200), bool)
        for path in (tmp_path / edge / "image").iterdir():
            with rasterio.open(path) as source:
                row = round((5806000 - source.transform.f) / 0.05)
                col = round((source.transform.c - 368000) / 0.05)
                seen[row : row + 32, col : col + 32] |= source.dataset_mask() > 0
        np.testing.assert_array_equal(seen[:120, :150], town.valid)
        assert not seen[120:].any()
        assert not seen[:, 150:].any()


def test_classes_that_no_training_tile_has(
    make_raster: Maker, noise: Noise, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A block in one corner has all the buildings: only a draw that trains on it is silent."""
    image = make_raster("a.tif", noise(3, 64, 64))
    labels = np.zeros((1, 64, 64), np.uint8)
    labels[:, :16, :16] = 1
    options = replace(SMALL, gsd_m=0.05, size_px=16, overlap=0, split="blocks", block_m=0.8)
    silent = set()
    for seed in range(8):
        caplog.clear()
        made = tile(
            [image],
            tmp_path / f"tiles{seed}",
            labels=[make_raster("b.tif", labels)],
            options=replace(options, seed=seed, bands=RGB),
        )
        silent.add((made.class_pixels[1] > 0, "any building, others have" not in caplog.text))
    assert silent == {(True, True), (False, False)}


@pytest.mark.parametrize(
    ("min_valid", "tiles", "dropped"),
    [
        (0.0, 19, {"empty": 1}),
        (2 / 3, 19, {"empty": 1}),
        (0.67, 18, {"empty": 1, "min_valid": 1}),
        (1.0, 18, {"empty": 1, "min_valid": 1}),
    ],
)
def test_tiles_with_too_little_are_dropped_and_counted(
    town: Any, tmp_path: Path, min_valid: float, tiles: int, dropped: dict[str, int]
) -> None:
    """The hole of 40 x 30 px takes one tile of 30 px and a third of the next."""
    options = TileOptions(gsd_m=0.05, size_px=30, overlap=0, min_valid=min_valid)
    written = cut(town, tmp_path / "tiles", options)
    assert (written.tiles, written.dropped) == (tiles, dropped)
    assert written.splits == {"train": tiles}
    for folder in ("image", "segmentation", "height"):
        assert len(list((tmp_path / "tiles" / folder).iterdir())) == tiles


@pytest.mark.shared
def test_the_real_scene_with_a_world_file(
    tmp_path: Path, refused: Callable[..., str], shared_data: Path
) -> None:
    folder = shared_data / "autzen"
    for suffix in ("jpg", "wld"):
        shutil.copy(folder / f"autzen.{suffix}", tmp_path)
    options = TileOptions(gsd_m=2.0, size_px=256)
    message = refused(
        SceneError,
        tmp_path / "tiles",
        scenes=[tmp_path / "autzen.jpg"],
        options=options,
    )
    assert "--assume-crs" in message
    told = replace(options, assume_crs="EPSG:2994")
    written = tile([tmp_path / "autzen.jpg"], tmp_path / "tiles", options=told)
    # 4385 x 3248 feet are 669 x 496 pixels of 2 m: 5 x 3 tiles of 256 that share half
    assert (written.tiles, written.bands) == (15, RGB)
