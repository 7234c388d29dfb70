"""The look at a tile set of images without ground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from geosemimtl.errors import TileSetError
from geosemimtl.publish import contact_sheet
from geosemimtl.publish.contact_sheet import draw_contact_sheet
from geosemimtl.publish.picture import write_figure
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.tiling.tileset import TileSet

SHAPE = (24, 36)
SPLITS = {"train": 9, "val": 2, "test": 1}


@pytest.fixture
def streets(
    make_raster: Callable[..., Path], noise: Callable[..., NDArray[Any]], tmp_path: Path
) -> tuple[Path, TileSet]:
    """Return a tile set of 12 images with labels for four tasks, of which some have none."""
    facing = np.zeros((3, *SHAPE), np.float32)
    facing[2] = -1
    targets = {
        "segmentation": np.full((1, *SHAPE), 4, np.uint8),  # yellow cars
        "depth": np.full((1, *SHAPE), 7.5, np.float32),
        "normals": facing,
        "saliency": np.ones((1, *SHAPE), np.uint8),
    }
    scenes = []
    for split, count in SPLITS.items():
        for number in range(count):
            name = f"{split}_{number}"
            files = {
                task: (make_raster(f"{task}/{name}.tif", labels),)
                for task, labels in targets.items()
                if (task, name) != ("normals", "val_1")
            }
            image = make_raster(f"image/{name}.tif", noise(3, *SHAPE, seed=number))
            scenes.append(SceneFiles(name, (image,), files, split))
    options = TileOptions(resize=SHAPE, bands=("red", "green", "blue"), name="streets")
    made = tile(DataSet(tuple(scenes), options), tmp_path / "tiles")
    return tmp_path / "tiles", made


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return the figures that are written from now on."""
    written: list[Figure] = []

    def noted(figure: Figure, path: Path) -> None:
        written.append(figure)
        write_figure(figure, path)

    monkeypatch.setattr(contact_sheet, "write_figure", noted)
    return written


def test_some_of_each_split(
    streets: tuple[Path, TileSet], figures: list[Figure], tmp_path: Path
) -> None:
    """Two of each, spread over it, or as many as there are."""
    draw_contact_sheet(*streets, tmp_path / "sheet.png")
    (figure,) = figures
    left = [each.get_title(loc="left") for each in figure.axes]
    assert [title for title in left if title] == [
        "test: test_0_r000_c000",
        "train: train_0_r000_c000",
        "train: train_4_r000_c000",
        "val: val_0_r000_c000",
        "val: val_1_r000_c000",
    ]
    above = [each.get_title() for each in figure.axes]
    assert [title for title in above if title][:4] == [
        "segmentation, true",
        "depth, true",
        "normals, true",
        "saliency, true",
    ]
    assert figure.get_suptitle() == "streets: 12 images of 36 x 24 px"
    words = [text.get_text() for each in figure.axes for text in each.texts]
    assert words == ["no labels"], "no bar of metres; one image has no normals"
    (scale,) = [each for each in figure.axes if each.get_ylabel()]
    assert scale.get_ylabel() == "depth (m)"
    assert scale.get_ylim() == (0, 8)


def test_a_picture(streets: tuple[Path, TileSet], tmp_path: Path) -> None:
    draw_contact_sheet(*streets, tmp_path / "sheet.png")
    pixels = imread(tmp_path / "sheet.png")[..., :3]
    found = {tuple(colour) for colour in (255 * pixels).round().astype(int).reshape(-1, 3)}
    assert (255, 255, 0) in found, "cars"
    assert found & {(127, 127, 255), (128, 128, 255)}, "what faces the camera"
    first = (tmp_path / "sheet.png").read_bytes()
    draw_contact_sheet(*streets, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == first


def test_images_without_labels(
    make_raster: Callable[..., Path], noise: Callable[..., NDArray[Any]], tmp_path: Path
) -> None:
    made = tile(
        [make_raster("a.tif", noise(4, *SHAPE))],
        tmp_path / "tiles",
        options=TileOptions(resize=SHAPE, bands=("nir", "red", "green", "blue")),
    )
    draw_contact_sheet(tmp_path / "tiles", made, tmp_path / "sheet.png")
    assert imread(tmp_path / "sheet.png").std() > 0.05


def test_an_index_that_is_gone(
    streets: tuple[Path, TileSet], tmp_path: Path, one_line: Callable[[BaseException], str]
) -> None:
    folder, tileset = streets
    (folder / "tiles.gpkg").unlink()
    with pytest.raises(TileSetError, match=r"tiles\.gpkg: cannot be read") as caught:
        draw_contact_sheet(folder, tileset, tmp_path / "sheet.png")
    one_line(caught.value)
    assert not (tmp_path / "sheet.png").exists()
