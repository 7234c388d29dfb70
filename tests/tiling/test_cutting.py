"""Cutting scenes into a tile set: what is written, and what stops it."""

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

from geosemimtl.errors import (
    BandError,
    ConfigError,
    GeoSemiMTLError,
    LabelError,
    OutputError,
    SceneError,
    TileSetError,
)
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tasks import ClassMap, MappedClass
from geosemimtl.tiling.cutting import scene_names, tile
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import height_scale_m, read_tileset, tile_names

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
RGB = ("red", "green", "blue")
SMALL = TileOptions(gsd_m=0.09, size_px=32, overlap=0.5)


class Town:
    """An image with a hole, labels and heights of one place."""

    def __init__(self, make_raster: Maker, noise: Noise, folder: str = "") -> None:
        random = np.random.default_rng(5)
        self.pixels = noise(3, 120, 150)
        self.valid = np.ones((120, 150), bool)
        self.valid[:40, :30] = False
        self.classes = random.integers(0, 6, (1, 24, 30), dtype=np.uint8).repeat(5, 1).repeat(5, 2)
        self.classes[0, 60:70, 60:90] = 255
        self.heights = random.gamma(2, 3, (1, 120, 150)).astype(np.float32)
        self.heights[0, 100:, 100:] = -9999
        self.image = make_raster(f"{folder}image.tif", self.pixels, mask=self.valid, colours=RGB)
        self.label = make_raster(f"{folder}label.tif", self.classes)
        self.ndsm = make_raster(f"{folder}ndsm.tif", self.heights, nodata=-9999)


@pytest.fixture
def town(make_raster: Maker, noise: Noise) -> Town:
    return Town(make_raster, noise)


def cut(town: Town, output: Path, options: TileOptions = SMALL, *, overwrite: bool = False) -> Any:
    return tile(
        [town.image],
        output,
        labels=[town.label],
        heights=[town.ndsm],
        options=options,
        overwrite=overwrite,
    )


def whole(path: Path, grid: PixelGrid, resampling: str, nodata: float | None = None) -> Any:
    with read_on_grid(open_scene(path), grid, Resampling[resampling], nodata=nodata) as reader:
        return reader.read()


def test_the_manifest_is_read_back(town: Town, tmp_path: Path) -> None:
    written = cut(town, tmp_path / "tiles")
    assert read_tileset(tmp_path / "tiles") == written
    assert (written.name, written.bands, written.dtype) == ("tiles", RGB, "uint8")
    assert (written.gsd_m, written.size_px, written.overlap_px) == (0.09, 32, 16)
    assert written.tasks == ("segmentation", "height")
    assert written.value_range == (0, 255)
    assert [source.files for source in written.sources] == [("image.tif", "label.tif", "ndsm.tif")]
    assert str(tmp_path) not in (tmp_path / "tiles" / "tileset.json").read_text()
    names = tile_names(tmp_path / "tiles")
    assert len(names) == written.tiles
    for folder in ("image", "segmentation", "height"):
        assert {file.name for file in (tmp_path / "tiles" / folder).iterdir()} == set(names)


def test_tiles_are_what_reading_on_the_grid_gives(town: Town, tmp_path: Path) -> None:
    cut(town, tmp_path / "tiles")
    grid = model_grid(open_scene(town.image).grid, 0.09)
    pixels, valid = whole(town.image, grid, "average")
    classes, labelled = whole(town.label, grid, "mode", nodata=255)
    heights, known = whole(town.ndsm, grid, "average")
    layout = TileLayout(grid.shape, 32, 16)
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
            expected = np.where(labelled & valid, classes[0], 255)[part]
            np.testing.assert_array_equal(source.read(1), expected)
            assert source.nodata == 255
        with rasterio.open(tmp_path / "tiles/height" / name) as source:
            expected = np.where(known & valid, heights[0], -9999)[part]
            np.testing.assert_array_equal(source.read(1), expected)
            assert (source.nodata, source.dtypes) == (-9999, ("float32",))


def test_statistics_are_those_of_the_scene(town: Town, tmp_path: Path) -> None:
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
    assert written.heights.mean_m == pytest.approx(heights.mean(), rel=1e-6)
    assert (written.heights.minimum_m, written.heights.maximum_m) == (heights.min(), heights.max())
    assert sum(written.heights.histogram) == heights.size
    scale = height_scale_m({"town": written})
    assert scale == np.ceil(np.quantile(heights, 0.995, method="inverted_cdf"))
    assert written.labelled_pixels() == {"segmentation": labels.size, "height": heights.size}


def test_the_index_opens_with_geopandas(town: Town, tmp_path: Path) -> None:
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


def test_same_input_same_bytes(town: Town, tmp_path: Path) -> None:
    first = tmp_path / "a" / "tiles"
    cut(town, first)
    second = tmp_path / "b" / "tiles"
    cut(town, second)
    files = sorted(file.relative_to(first) for file in first.rglob("*") if file.is_file())
    assert len(files) == 2 + 3 * read_tileset(first).tiles
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes(), file


def test_absent_is_not_zero(town: Town, tmp_path: Path) -> None:
    written = tile([town.image], tmp_path / "tiles", options=SMALL)
    assert written.tasks == ()
    assert (written.classes, written.heights, written.class_pixels) == (None, None, ())
    names = {file.name for file in (tmp_path / "tiles").iterdir()}
    assert names == {"tileset.json", "tiles.gpkg", "image"}


def test_a_scene_smaller_than_a_tile(town: Town, tmp_path: Path) -> None:
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


def test_empty_tiles_are_dropped_and_counted(town: Town, tmp_path: Path) -> None:
    options = TileOptions(gsd_m=0.05, size_px=30, overlap=0)
    written = cut(town, tmp_path / "tiles", options)
    assert (written.tiles, written.dropped) == (19, 1)
    fussy = TileOptions(gsd_m=0.05, size_px=30, overlap=0, min_valid=1)
    written = cut(town, tmp_path / "tiles", fussy, overwrite=True)
    assert (written.tiles, written.dropped) == (18, 2)


@pytest.mark.parametrize(
    ("crs", "gsd", "gsd_m"), [("EPSG:2994", 0.5, 0.1524), ("EPSG:4326", (1e-6, 5e-7), None)]
)
def test_feet_and_degrees(
    make_raster: Maker, noise: Noise, tmp_path: Path, crs: str, gsd: Any, gsd_m: float | None
) -> None:
    turned = rasterio.Affine(1e-6, 0, 13.0, 0, -5e-7, 60.0) if gsd_m is None else None
    image = make_raster("a.tif", noise(3, 60, 60), gsd=gsd, crs=crs, transform=turned)
    ndsm = make_raster(
        "h.tif", np.full((1, 60, 60), 3, np.float32), gsd=gsd, crs=crs, transform=turned
    )
    written = tile(
        [image], tmp_path / "tiles", heights=[ndsm], options=TileOptions(gsd_m=0.2, size_px=16)
    )
    assert (written.tasks, written.gsd_m) == (("height",), 0.2)
    assert written.heights is not None
    assert written.heights.maximum_m == 3  # metres stay metres
    with rasterio.open(tmp_path / "tiles/height/a_r000_c000.tif") as source:
        grid = PixelGrid(source.transform, source.shape, source.crs)
    assert grid.gsd_m == pytest.approx((0.2, 0.2), rel=1e-4)
    if gsd_m is not None:
        assert grid.transform.a == pytest.approx(0.2 / 0.3048)
        own = tile([image], tmp_path / "own", options=TileOptions(size_px=16))
        assert own.gsd_m == pytest.approx(gsd_m)


def test_scenes_of_one_name_in_two_folders(
    make_raster: Maker, noise: Noise, tmp_path: Path
) -> None:
    towns = [Town(make_raster, noise, folder) for folder in ("east/", "west/")]
    written = tile([town.image for town in towns], tmp_path / "tiles", options=SMALL)
    assert [source.name for source in written.sources] == ["east-image", "west-image"]
    names = tile_names(tmp_path / "tiles")
    assert len(set(names)) == written.tiles
    with pytest.raises(TileSetError, match="is named 2 times; name it once"):
        scene_names([towns[0].image, towns[0].image])
    alike = [Path("a/east/image.tif"), Path("b/east/image.tif")]
    with pytest.raises(TileSetError, match="two scenes are called east-image"):
        scene_names(alike)


def test_scenes_in_two_crs(make_raster: Maker, noise: Noise, tmp_path: Path) -> None:
    one = make_raster("one.tif", noise(3, 40, 40), colours=RGB)
    two = make_raster("two.tif", noise(3, 40, 40), colours=RGB, crs="EPSG:25832")
    tile([one, two], tmp_path / "tiles", options=SMALL)
    index = geopandas.read_file(tmp_path / "tiles" / "tiles.gpkg")
    assert index.crs.to_epsg() == 25833
    assert index[index.scene == "two"].total_bounds[0] < 0  # far west of its neighbour's zone


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
    image = make_raster("a.tif", noise(3, 60, 60), crs=None, gsd=1, colours=RGB)
    label = make_raster("l.tif", np.zeros((1, 60, 60), np.uint8), crs=None, gsd=1)
    options = TileOptions(size_px=32, assume_crs="EPSG:2994")
    written = tile([image], tmp_path / "tiles", labels=[label], options=options)
    assert written.gsd_m == pytest.approx(0.3048)
    with rasterio.open(tmp_path / "tiles/image/a_r000_c000.tif") as source:
        assert source.crs.to_epsg() == 2994


def refused(error: type[GeoSemiMTLError], output: Path, one_line: OneLine, **wanted: Any) -> str:
    """Return the message with which cutting is refused; nothing may be left."""
    before = set(output.parent.iterdir())
    with pytest.raises(error) as caught:
        tile(output=output, **{"options": SMALL} | wanted)
    assert set(output.parent.iterdir()) == before
    return one_line(caught.value)


def test_wider_types_need_a_range(
    make_raster: Maker, noise: Noise, tmp_path: Path, one_line: OneLine
) -> None:
    image = make_raster("a.tif", noise(3, 60, 60, dtype="float32"))
    message = refused(BandError, tmp_path / "tiles", one_line, scenes=[image])
    assert "pixels are float32" in message
    assert "--value-range" in message
    options = TileOptions(size_px=32, value_range=(0, 100))
    assert tile([image], tmp_path / "tiles", options=options).value_range == (0, 100)


def test_lists_of_different_lengths(town: Town, tmp_path: Path, one_line: OneLine) -> None:
    out = tmp_path / "tiles"
    scenes = {"scenes": [town.image]}
    message = refused(TileSetError, out, one_line, **scenes, labels=[town.label] * 2)
    assert "1 scene(s) but 2 --labels" in message
    message = refused(TileSetError, out, one_line, **scenes, heights=[town.ndsm] * 3)
    assert "1 scene(s) but 3 --height" in message
    assert "no scene" in refused(TileSetError, out, one_line, scenes=[])


def test_layers_that_lie_elsewhere(
    town: Town, make_raster: Maker, tmp_path: Path, one_line: OneLine
) -> None:
    away = make_raster("away.tif", town.classes, crs="EPSG:25832")
    for layer in ("labels", "heights"):
        wanted = {"scenes": [town.image], layer: [away]}
        message = refused(LabelError, tmp_path / "tiles", one_line, **wanted)
        assert f"{away}: does not overlap its scene" in message


def test_different_sensors(
    town: Town, make_raster: Maker, noise: Noise, tmp_path: Path, one_line: OneLine
) -> None:
    other = make_raster("other.tif", noise(1, 20, 20))
    message = refused(BandError, tmp_path / "tiles", one_line, scenes=[town.image, other])
    assert "cut different sensors apart" in message


def test_nothing_valid(make_raster: Maker, tmp_path: Path, one_line: OneLine) -> None:
    image = make_raster("a.tif", np.zeros((3, 60, 60), np.uint8), nodata=0)
    message = refused(TileSetError, tmp_path / "tiles", one_line, scenes=[image])
    assert "no tile has enough valid pixels" in message


def test_an_existing_tile_set_needs_overwrite(
    town: Town, tmp_path: Path, one_line: OneLine
) -> None:
    out = tmp_path / "tiles"
    first = tile([town.image], out, options=SMALL)
    message = refused(OutputError, out, one_line, scenes=[town.image])
    assert "exists already; pass --overwrite" in message
    assert read_tileset(out) == first
    second = cut(town, out, overwrite=True)
    assert read_tileset(out) == second != first


def test_other_folders_are_never_replaced(town: Town, tmp_path: Path, one_line: OneLine) -> None:
    message = refused(OutputError, tmp_path, one_line, scenes=[town.image], overwrite=True)
    assert "is never replaced" in message
    assert town.image.exists()


def test_an_interruption_leaves_the_old_tile_set(town: Town, tmp_path: Path) -> None:
    first = cut(town, tmp_path / "tiles")

    def interrupted(items: Any, label: str, total: int) -> Any:  # noqa: ARG001  (a tracker's arguments)
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tile([town.image], tmp_path / "tiles", overwrite=True, track=interrupted)
    assert read_tileset(tmp_path / "tiles") == first
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_damaged_scene(
    make_raster: Maker, noise: Noise, tmp_path: Path, one_line: OneLine
) -> None:
    image = make_raster("a.tif", noise(3, 300, 300))
    image.write_bytes(image.read_bytes()[:100_000])
    message = refused(SceneError, tmp_path / "tiles", one_line, scenes=[image])
    assert f"{image}: cannot be read" in message


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"gsd_m": 0.0}, "--gsd 0"),
        ({"gsd_m": float("nan")}, "--gsd nan"),
        ({"size_px": 0}, "--size 0"),
        ({"overlap": 1.0}, "--overlap 1"),
        ({"min_valid": 2.0}, "--min-valid 2"),
        ({"value_range": (1.0, 1.0)}, "--value-range 1,1"),
    ],
)
def test_options_that_cannot_be(option: dict[str, Any], words: str, one_line: OneLine) -> None:
    with pytest.raises(ConfigError) as caught:
        TileOptions(**option)
    assert words in one_line(caught.value)


@pytest.mark.shared
def test_the_real_scene_with_a_world_file(tmp_path: Path, one_line: OneLine) -> None:
    folder = Path(__file__).parents[3] / "shared" / "data" / "autzen"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    for suffix in ("jpg", "wld"):
        shutil.copy(folder / f"autzen.{suffix}", tmp_path)
    options = TileOptions(gsd_m=2.0, size_px=256)
    message = refused(
        SceneError,
        tmp_path / "tiles",
        one_line,
        scenes=[tmp_path / "autzen.jpg"],
        options=options,
    )
    assert "--assume-crs" in message
    told = replace(options, assume_crs="EPSG:2994")
    written = tile([tmp_path / "autzen.jpg"], tmp_path / "tiles", options=told)
    # 4385 x 3248 feet are 669 x 496 pixels of 2 m: 5 x 3 tiles of 256 that share half
    assert (written.tiles, written.bands) == (15, RGB)


def test_dropped_tiles_take_no_pixel_out_of_the_statistics(town: Town, tmp_path: Path) -> None:
    everything = cut(town, tmp_path / "all", TileOptions(gsd_m=0.05, size_px=64))
    fewer = cut(town, tmp_path / "some", TileOptions(gsd_m=0.05, size_px=64, min_valid=0.9))
    assert fewer.dropped > everything.dropped
    assert fewer.class_pixels == everything.class_pixels
    assert fewer.heights == everything.heights
    assert fewer.statistics == everything.statistics


def test_four_bands_stay_four_bands(make_raster: Maker, noise: Noise, tmp_path: Path) -> None:
    bands = ("nir", "red", "green", "blue")
    image = make_raster("image", noise(4, 40, 40), gsd=0.5)
    tile([image], tmp_path / "tiles", options=TileOptions(size_px=32, bands=bands))
    path = next((tmp_path / "tiles" / "image").iterdir())
    scene = open_scene(path)
    assert (scene.bands, scene.alpha) == (bands, None)


def test_colour_is_reported_when_it_names_the_bands(
    town: Town, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "geosemimtl")
    cut(town, tmp_path / "tiles")
    said = [record.getMessage() for record in caplog.records]
    by_colour = open_scene(town.image).named_by == "colour"
    assert any("--bands" in text for text in said) == by_colour
