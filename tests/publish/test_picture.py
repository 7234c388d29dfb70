"""The picture of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from geosemimtl.classes import ISPRS_CLASSES, rgb_of
from geosemimtl.errors import OutputError
from geosemimtl.publish.panels import Look, Panels, drawn
from geosemimtl.publish.picture import PictureRow, draw_picture, write_figure
from geosemimtl.raster.styles import HEIGHT_RAMP
from geosemimtl.tasks import HEIGHT, SEGMENTATION


@pytest.fixture
def make_row(
    make_raster: Callable[..., Path], noise: Callable[..., NDArray[Any]]
) -> Callable[..., PictureRow]:
    """Return a function that makes a scene's row; bands of the image, height of everything."""

    def make(bands: int = 3, height_m: float = 12.0, valid: bool = True) -> PictureRow:  # noqa: FBT001, FBT002  (a test's own)
        seen = np.full((60, 80), valid)
        image = make_raster("image.tif", noise(bands, 60, 80), gsd=0.5, mask=seen)
        labels = make_raster("labels.tif", noise(1, 120, 160, high=6), gsd=0.25, nodata=255)
        metres = np.full((1, 60, 80), height_m if valid else -9999, np.float32)
        heights = make_raster("heights.tif", metres, gsd=0.5, nodata=-9999)
        return PictureRow("a scene", image, (labels, labels), (heights, heights))

    return make


@pytest.mark.parametrize("count", [1, 2])
def test_a_picture_is_drawn(
    make_row: Callable[..., PictureRow], tmp_path: Path, count: int
) -> None:
    path = tmp_path / "picture.png"
    draw_picture(path, [make_row()] * count, ISPRS_CLASSES)
    pixels = imread(path)
    assert pixels.shape[1] > 1500
    assert pixels.shape[0] > 300 * count
    drawn = {tuple(colour) for colour in (pixels[..., :3] * 255).round().reshape(-1, 3).astype(int)}
    assert {entry.rgb for entry in ISPRS_CLASSES.entries} <= drawn
    assert pixels.std() > 0.1
    first = path.read_bytes()
    draw_picture(path, [make_row()] * count, ISPRS_CLASSES)
    assert path.read_bytes() == first
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("options", [{"bands": 1}, {"bands": 4}, {"valid": False}])
def test_scenes_of_every_kind(
    make_row: Callable[..., PictureRow], tmp_path: Path, options: dict[str, Any]
) -> None:
    draw_picture(tmp_path / "picture.png", [make_row(**options)], ISPRS_CLASSES)
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def _drawn_colours(path: Path) -> set[tuple[int, ...]]:
    pixels = (imread(path)[..., :3] * 255).round().astype(int)
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


def test_panels_of_what_is_known(tmp_path: Path) -> None:
    """A task that nobody predicts has no panels, and one without truth says so."""
    image = np.full((8, 8, 3), 0.5)
    indices = np.full((8, 8), 4)  # yellow cars
    row = Panels("a tile", image, 4.0, {SEGMENTATION: (indices, None)})
    write_figure(drawn([row], [Look(SEGMENTATION, ISPRS_CLASSES)]), tmp_path / "classes.png")
    assert imread(tmp_path / "classes.png").shape[1] == round(3.4 * 3 * 110)
    colours = _drawn_colours(tmp_path / "classes.png")
    assert {ISPRS_CLASSES.entries[4].rgb, (217, 217, 217)} <= colours  # and the grey of "no labels"
    metres = np.array([[0.0, np.nan]] * 2)
    row = Panels("a tile", image, 4.0, {HEIGHT: (metres, metres + 10)})
    write_figure(drawn([row], [Look(HEIGHT, None, 10.0, "m")]), tmp_path / "heights.png")
    low, high = (rgb_of(HEIGHT_RAMP[end]) for end in (0, -1))
    assert {low, high, (217, 217, 217)} <= _drawn_colours(tmp_path / "heights.png")


def test_a_folder_that_is_not_there(make_row: Callable[..., PictureRow], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        draw_picture(tmp_path / "no" / "picture.png", [make_row()], ISPRS_CLASSES)
