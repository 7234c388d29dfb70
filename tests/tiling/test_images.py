"""Images that lie nowhere on the ground, such as a street's: each becomes one tile as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.layers import open_layers, tile_grid
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.tiling.tileset import (
    BinaryTarget,
    DirectionTarget,
    QuantityTarget,
    pooled_scale,
    read_tileset,
)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
OneLine = Callable[[BaseException], str]
Streets = Mapping[str, Any]
Data = Callable[..., DataSet]
Write = Callable[[Path, NDArray[Any]], Path]
Read = Callable[[Path, str], dict[str, NDArray[Any]]]
Contents = Callable[[Path], dict[str, bytes]]

ROWS, COLS = 4, 6
NAMES = ("aachen_1", "bremen_1", "bremen_2")
OPTIONS = TileOptions(resize=(ROWS, COLS))
TASKS = ("segmentation", "depth", "normals", "saliency")


def test_as_large_as_they_are(
    streets: Streets, tmp_path: Path, street_data: Data, read_tile: Read
) -> None:
    made = tile(street_data(), tmp_path / "tiles")
    assert made.tiles == 3
    assert tile_names(tmp_path / "tiles") == tuple(f"{name}_r000_c000.tif" for name in NAMES)
    for name, street in streets.items():
        layers = read_tile(tmp_path / "tiles", name)
        np.testing.assert_array_equal(layers.pop("image"), street.pixels)
        np.testing.assert_array_equal(layers.pop("segmentation")[0], street.classes)
        np.testing.assert_array_equal(layers.pop("depth")[0], street.depth)
        np.testing.assert_array_equal(layers.pop("normals"), street.facing)
        np.testing.assert_array_equal(layers.pop("saliency")[0], street.salient)
        assert not layers


def test_the_manifest_says_so(streets: Streets, tmp_path: Path, street_data: Data) -> None:
    made = tile(street_data(), tmp_path / "tiles")
    assert read_tileset(tmp_path / "tiles") == made
    assert (made.gsd_m, made.size_px, made.overlap_px) == (None, (ROWS, COLS), 0)
    assert (made.tasks, made.splits, made.dropped) == (TASKS, {"train": 3}, {})
    assert [source.files for source in made.sources] == [
        tuple(f"{name}.{end}" for end in ("png", "png", "png", "npy", "png")) for name in NAMES
    ]
    all_of = {
        key: np.stack([getattr(street, key) for street in streets.values()])
        for key in ("classes", "depth", "salient", "facing")
    }
    assert made.class_pixels == tuple(np.bincount(all_of["classes"].ravel())[:2])
    assert made.classes is not None
    assert made.classes.names == ("road", "car")
    metres = all_of["depth"][all_of["depth"] != NODATA]
    depth = made.targets["depth"]
    assert isinstance(depth, QuantityTarget)
    assert (depth.unit, depth.minimum, depth.maximum) == ("m", metres.min(), metres.max())
    assert depth.mean == pytest.approx(metres.mean(), abs=1e-3)
    assert depth.labelled == metres.size == 3 * (ROWS * COLS - 1)
    assert pooled_scale({"t": made}, "depth") == np.ceil(metres.max())
    assert made.targets["normals"] == DirectionTarget(labelled=3 * (ROWS * COLS - 1))
    yes = int(all_of["salient"].sum())
    assert made.targets["saliency"] == BinaryTarget(pixels=(3 * ROWS * COLS - yes, yes))


def test_half_as_large(
    streets: Streets, tmp_path: Path, street_data: Data, read_tile: Read
) -> None:
    """Four pixels become one: the mean, the most frequent class, the mean of what is known."""
    tile(street_data(resize=(ROWS // 2, COLS // 2)), tmp_path / "tiles")

    def blocks(array: NDArray[Any]) -> NDArray[Any]:
        """Return the four pixels of each block along the last axis."""
        parts = array.reshape(*array.shape[:-2], ROWS // 2, 2, COLS // 2, 2)
        return np.moveaxis(parts, -3, -2).reshape(*parts.shape[:-4], ROWS // 2, COLS // 2, 4)

    for name, street in streets.items():
        layers = read_tile(tmp_path / "tiles", name)
        mean = blocks(street.pixels).mean(axis=-1)
        assert np.abs(layers["image"] - mean).max() <= 0.5
        metres = np.ma.masked_equal(blocks(street.depth), NODATA).mean(axis=-1)
        np.testing.assert_allclose(layers["depth"][0], metres, rtol=1e-6)
        total = blocks(street.normals).sum(axis=-1)
        length = np.sqrt(np.square(total).sum(axis=0))
        np.testing.assert_allclose(layers["normals"], total / length, atol=1e-6)
        for task, whole in (("segmentation", street.classes), ("saliency", street.salient)):
            counts = np.stack([(blocks(whole) == index).sum(axis=-1) for index in (0, 1)])
            clear = counts[0] != counts[1]
            np.testing.assert_array_equal(layers[task][0][clear], counts.argmax(axis=0)[clear])


def test_twice_as_large(
    streets: Streets, tmp_path: Path, street_data: Data, read_tile: Read
) -> None:
    """Labels are repeated; numbers lie between their neighbours'."""
    tile(street_data(resize=(2 * ROWS, 2 * COLS)), tmp_path / "tiles")
    for name, street in streets.items():
        layers = read_tile(tmp_path / "tiles", name)
        assert {each.shape[1:] for each in layers.values()} == {(2 * ROWS, 2 * COLS)}
        for task, whole in (("segmentation", street.classes), ("saliency", street.salient)):
            np.testing.assert_array_equal(layers[task][0], whole.repeat(2, 0).repeat(2, 1))
        (metres,) = layers["depth"]
        # between four known pixels: 9, 3, 3 and 1 sixteenths
        (a, b), (c, d) = street.depth[2:4, 3:5]
        assert metres[5, 7] == pytest.approx((9 * a + 3 * b + 3 * c + d) / 16, rel=1e-6)
        known = metres != NODATA
        assert known[2:].all()
        length = np.sqrt(np.square(layers["normals"]).sum(axis=0))
        np.testing.assert_allclose(length[layers["normals"][0] != NODATA], 1, atol=1e-6)


def test_pixels_that_are_no_squares(tmp_path: Path, write_png: Write, read_tile: Read) -> None:
    """Wider and flatter: along each axis by itself."""
    columns = np.array([0, 0, 100, 100, 200, 200], np.uint8)
    image = write_png(tmp_path / "a.png", np.broadcast_to(columns, (3, ROWS, COLS)))
    tile([image], tmp_path / "tiles", options=replace(OPTIONS, resize=(1, 3)))
    made = read_tile(tmp_path / "tiles", "a")["image"]
    np.testing.assert_array_equal(made, np.full((3, 1, 3), (0, 100, 200)))


def test_images_of_several_sizes(tmp_path: Path, write_png: Write, read_tile: Read) -> None:
    paths = [
        write_png(tmp_path / "in" / f"{name}.png", np.full((3, *shape), value, np.uint8))
        for name, shape, value in (("a", (4, 6), 10), ("b", (9, 5), 20), ("c", (2, 2), 30))
    ]
    made = tile([tmp_path / "in"], tmp_path / "tiles", options=OPTIONS)
    assert made.tiles == len(paths)
    for name, value in (("a", 10), ("b", 20), ("c", 30)):
        layers = read_tile(tmp_path / "tiles", name)
        np.testing.assert_array_equal(layers["image"], np.full((3, ROWS, COLS), value))


def test_a_place_that_a_file_tells_is_none(
    make_raster: Callable[..., Path],
    noise: Callable[..., NDArray[Any]],
    tmp_path: Path,
    read_tile: Read,
) -> None:
    pixels = noise(3, ROWS, COLS)
    tile([make_raster("a.tif", pixels)], tmp_path / "tiles", options=OPTIONS)
    np.testing.assert_array_equal(read_tile(tmp_path / "tiles", "a")["image"], pixels)


def test_labels_of_some_images_only(
    streets: Streets, tmp_path: Path, street_data: Data, read_tile: Read
) -> None:
    """The others have tiles of nothing, as elsewhere."""
    whole = street_data()
    bare = replace(whole.scenes[0], targets={})
    made = tile(replace(whole, scenes=(bare, *whole.scenes[1:])), tmp_path / "tiles")
    assert made.tasks == TASKS
    layers = read_tile(tmp_path / "tiles", NAMES[0])
    np.testing.assert_array_equal(layers["image"], streets[NAMES[0]].pixels)
    assert (layers["segmentation"] == 255).all()
    assert (layers["saliency"] == 255).all()
    assert (layers["depth"] == NODATA).all()
    assert (layers["normals"] == NODATA).all()
    assert layers["normals"].shape == (3, ROWS, COLS)


def test_labels_of_half_the_size(tmp_path: Path, write_png: Write, read_tile: Read) -> None:
    """They show the whole of the image."""
    shape = (2 * ROWS, 2 * COLS)
    image = write_png(tmp_path / "a.png", np.full((3, *shape), 9, np.uint8))
    depth = np.arange(1, ROWS * COLS + 1, dtype=np.uint16).reshape(ROWS, COLS)
    scene = SceneFiles("a", (image,), {"depth": (write_png(tmp_path / "d.png", depth),)})
    tile(DataSet((scene,), OPTIONS), tmp_path / "tiles")
    (made,) = read_tile(tmp_path / "tiles", "a")["depth"]
    np.testing.assert_array_equal(made, depth)


def test_the_grid_of_an_image(streets: Streets) -> None:
    layers = open_layers(SceneFiles(NAMES[0], streets[NAMES[0]].files.image), OPTIONS)
    assert layers.image.grid == PixelGrid.of_image((ROWS, COLS))
    grid = tile_grid(layers.image, replace(OPTIONS, resize=(8, 3)))
    assert (grid.shape, grid.crs) == ((8, 3), None)
    assert grid.bounds == pytest.approx((0, 0, COLS, ROWS))


def test_an_alpha_band_says_what_is_no_image(
    tmp_path: Path, street_data: Data, write_png: Write, read_tile: Read
) -> None:
    """Such as a car's own bonnet; its pixels supervise nothing."""
    pixels = np.full((4, ROWS, COLS), 77, np.uint8)
    pixels[3, 3] = 0
    files = [write_png(tmp_path / "a.png", pixels)]
    labels = [write_png(tmp_path / "l.png", np.full((ROWS, COLS), 26, np.uint8))]
    made = tile(files, tmp_path / "tiles", labels=labels, options=street_data().options)
    layers = read_tile(tmp_path / "tiles", "a")
    assert layers["image"].shape == (3, ROWS, COLS)
    assert made.class_pixels == (0, 3 * COLS)
    np.testing.assert_array_equal(layers["segmentation"][0, 3], 255)
    assert (layers["segmentation"][0, :3] == 1).all()
