"""The picture of a tile set: what is drawn where."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from matplotlib.image import imread
from numpy.typing import NDArray

from geosemimtl.errors import OutputError, TileSetError
from geosemimtl.publish import tile_map
from geosemimtl.publish.tile_map import (
    covering,
    covering_places,
    draw_map,
    place_tiles,
    read_index,
)
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import read_tileset

Make = Callable[..., Path]
BLUE, ORANGE = np.array([0x00, 0x72, 0xB2]) / 255, np.array([0xE6, 0x9F, 0x00]) / 255


def edit(folder: Path, statement: str) -> None:
    """Change the index behind the program's back."""
    with sqlite3.connect(folder / "tiles.gpkg") as index:
        for (trigger,) in index.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            index.execute(f'DROP TRIGGER "{trigger}"')
        index.execute(statement)


@pytest.fixture
def tiles(make_raster: Make, tmp_path: Path) -> Path:
    """Return a grey scene in 4 x 6 tiles of 32 px that share nothing."""
    pixels = np.full((3, 128, 192), 100, np.uint8)
    scene = make_raster("scene.tif", pixels, gsd=0.5, names=("red", "green", "blue"))
    options = TileOptions(size_px=32, overlap=0)
    tile([scene], tmp_path / "tiles", options=options)
    return tmp_path / "tiles"


def share(picture: NDArray[np.float32], colour: NDArray[np.float64]) -> float:
    """Return the share of a picture's pixels of one colour."""
    return float((np.abs(picture[..., :3] - colour).max(axis=-1) < 0.02).mean())


def draw(folder: Path, name: str = "map.png") -> NDArray[np.float32]:
    path = folder.parent / name
    draw_map(folder, path)
    drawn: NDArray[np.float32] = imread(path)
    return drawn


def test_splits_have_their_colours(tiles: Path) -> None:
    before = draw(tiles)
    assert share(before, BLUE) > 0.005
    assert share(before, ORANGE) == 0
    edit(tiles, "UPDATE tiles SET split = 'val' WHERE \"column\" > 2")
    after = draw(tiles)
    assert share(after, ORANGE) > 0.003
    assert 0 < share(after, BLUE) < share(before, BLUE)
    half = after.shape[1] // 2
    panel = slice(0, int(after.shape[0] * 0.8))  # the legend below has all colours
    assert share(after[panel, :half], ORANGE) < share(after[panel, half:], ORANGE)


def test_what_was_dropped_is_grey(tiles: Path) -> None:
    grey = np.array([0xD9, 0xD9, 0xD9]) / 255
    before = share(draw(tiles), grey)
    edit(tiles, 'DELETE FROM tiles WHERE "column" = 2 OR "column" = 0')
    assert share(draw(tiles), grey) > before + 0.05


def test_equal_input_equal_bytes(tiles: Path) -> None:
    draw(tiles, "one.png")
    draw(tiles, "two.png")
    folder = tiles.parent
    assert (folder / "one.png").read_bytes() == (folder / "two.png").read_bytes()


def test_tiles_are_placed_on_their_scene(make_raster: Make, tmp_path: Path) -> None:
    """A turned scene in feet: places are pixels of its own grid, whatever the world says."""
    turned = Affine.translation(636000, 849000) @ Affine.rotation(20) @ Affine.scale(2, -2)
    pixels = np.full((3, 70, 100), 100, np.uint8)
    names = ("red", "green", "blue")
    scene = make_raster("a.tif", pixels, transform=turned, crs="EPSG:2994", names=names)
    folder = tmp_path / "tiles"
    made = tile([scene], folder, options=TileOptions(size_px=32, overlap=0))
    rows = read_index(folder)
    panel = place_tiles(folder, made, "a", rows)
    places = {(one.row, one.column): (one.top_px, one.left_px) for one in panel.tiles}
    assert places[1, 2] == pytest.approx((32, 64), abs=1e-4)
    assert places[2, 3] == pytest.approx((38, 68), abs=1e-4)  # moved inwards
    assert panel.shape == (70, 100)
    assert panel.gsd_m == pytest.approx((0.6096, 0.6096))
    assert draw(folder).size


def test_a_dropped_first_tile_leaves_its_place(tiles: Path) -> None:
    edit(tiles, 'DELETE FROM tiles WHERE "column" < 2 OR "row" = 0')
    rows = read_index(tiles)
    panel = place_tiles(tiles, read_tileset(tiles), "scene", rows)
    assert min(one.left_px for one in panel.tiles) == pytest.approx(64)
    assert min(one.top_px for one in panel.tiles) == pytest.approx(32)


def test_of_very_many_tiles_those_that_cover_are_read(
    tiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_map, "_MOST_READ", 3)
    rows = read_index(tiles)
    panel = place_tiles(tiles, read_tileset(tiles), "scene", rows)
    assert len(covering(panel.tiles, 32)) == 24  # none shows what another does
    assert covering_places({0: 0.0, 1: 16.0, 2: 32.0, 3: 48.0, 4: 52.0}, 32) == {0, 2, 4}


def test_many_scenes_are_counted(make_raster: Make, tmp_path: Path) -> None:
    names = ("red", "green", "blue")
    pixels = np.full((3, 32, 32), 100, np.uint8)
    scenes = [make_raster(f"s{number:02}.tif", pixels, names=names) for number in range(13)]
    tile(scenes, tmp_path / "tiles", options=TileOptions(size_px=32))
    picture = draw(tmp_path / "tiles")
    assert picture.shape[1] > 4 * 400


def test_a_folder_without_tiles(tiles: Path, tmp_path: Path) -> None:
    with pytest.raises(TileSetError):
        draw_map(tmp_path, tmp_path / "map.png")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_map(tiles, tmp_path / "no" / "map.png")
    (tiles / "tiles.gpkg").unlink()
    with pytest.raises(TileSetError, match="cannot be read"):
        draw_map(tiles, tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()
