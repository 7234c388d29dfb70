"""The files of tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.stamping import Stamp
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.layers import Layers, Piece
from geosemimtl.tiling.tile_files import TileFiles

TASKS = (SEGMENTATION, HEIGHT)
SIZE = 16
WINDOW = Window(16, 8, SIZE, SIZE)


@pytest.fixture
def layers(make_raster: Callable[..., Path]) -> Layers:
    path = make_raster("s.tif", np.zeros((2, 40, 50), np.uint16), names=("nir", "red"))
    return Layers("s", None, open_scene([path]), {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("image", "segmentation", "height"):
        (tmp_path / "out" / kind).mkdir(parents=True)
    return tmp_path / "out"


def piece(*, hole: bool) -> Piece:
    numbers = np.arange(SIZE * SIZE).reshape(SIZE, SIZE)
    valid = (numbers != 5) if hole else np.ones((SIZE, SIZE), bool)
    pixels = np.stack([numbers, numbers + 1]).astype(np.uint16)
    targets: dict[str, NDArray[Any]] = {
        SEGMENTATION: (numbers % 5).astype(np.uint8),
        HEIGHT: numbers.astype(np.float32),
    }
    return Piece(WINDOW, pixels, valid, targets)


@pytest.mark.parametrize("hole", [False, True])
@pytest.mark.parametrize("stamped", [True, False])
def test_tiles_are_as_they_should_be(
    layers: Layers,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    hole: bool,  # noqa: FBT001  (given by pytest)
    stamped: bool,  # noqa: FBT001
) -> None:
    if not stamped:
        monkeypatch.setattr(Stamp, "of", lambda *_, **__: None)
    grid, tile = layers.image.grid, piece(hole=hole)
    name = TileFiles(folder, layers, grid, TASKS, (SIZE, SIZE)).write(3, 12, tile)
    assert name == "s_r003_c012.tif"
    for kind, array, nodata, names in (
        ("image", tile.pixels, None, ("nir", "red")),
        ("segmentation", tile.targets[SEGMENTATION][None], 255, (None,)),
        ("height", tile.targets[HEIGHT][None], -9999, (None,)),
    ):
        with rasterio.open(folder / kind / name) as source:
            np.testing.assert_array_equal(source.read(), array)
            assert (source.nodata, source.descriptions) == (nodata, names)
            found = PixelGrid(source.transform, source.shape, source.crs)
            assert found.matches(grid.crop(WINDOW))
            if kind == "image":
                np.testing.assert_array_equal(source.dataset_mask() > 0, tile.valid)


def test_what_is_there_stays(layers: Layers, folder: Path) -> None:
    files = TileFiles(folder, layers, layers.image.grid, TASKS, (SIZE, SIZE))
    name = files.write(0, 0, piece(hole=False))
    (folder / "image" / name).write_bytes(b"as a killed run left it")
    (folder / "height" / name).unlink()
    files.write(0, 0, piece(hole=False))
    assert (folder / "image" / name).read_bytes() == b"as a killed run left it"
    assert (folder / "height" / name).exists()
    files.remove(0, 0)
    assert not list(folder.glob("*/*.tif"))


def test_a_task_without_labels_has_no_file(layers: Layers, folder: Path) -> None:
    bare = piece(hole=False)
    only = Piece(bare.window, bare.pixels, bare.valid, {})
    TileFiles(folder, layers, layers.image.grid, TASKS, (SIZE, SIZE)).write(0, 0, only)
    assert [path.parent.name for path in folder.glob("*/*.tif")] == ["image"]
