"""Pictures whose pixels are known."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from matplotlib.image import imread
from numpy.typing import NDArray

from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.publish.report.maps import RIGHT_GREY, WRONG, Scales, scene_maps
from geosemimtl.raster.scene import open_scene


def pixels_of(address: str) -> NDArray[np.uint8]:
    """Return the pixels of a data address."""
    kind, _, text = address.partition(";base64,")
    data = BytesIO(b64decode(text))
    pixels: NDArray[Any] = imread(data, format=kind.removeprefix("data:image/"))
    return (pixels * 255).round().astype(np.uint8) if pixels.dtype.kind == "f" else pixels


def test_layers_of_a_scene(drawn: Evaluation) -> None:
    (scene,), scales = scene_maps(drawn, [None])
    assert [layer.title for layer in scene.layers] == [
        "True land cover",
        "Predicted land cover",
        "Error of land cover",
        "True heights",
        "Predicted heights",
        "Error of heights",
    ]
    assert (scene.width, scene.height, scene.ratio, scene.compared) == (4, 2, 2, (0, 1))
    assert "2 m wide" in scene.note
    assert "2 x 2 pixels" in scene.note
    assert "79 % of the map is right" in scene.layers[2].alt  # 1.5 wrong of 7
    assert scales == Scales(15, 2)  # 12 m and 2 m


def test_what_is_wrong_is_loud(drawn: Evaluation) -> None:
    (scene,), _ = scene_maps(drawn, [None])
    wrong = pixels_of(scene.layers[2].address)
    assert tuple(wrong[0, 2]) == (*WRONG, 255)
    assert wrong[0, 3, 3] == 0  # nothing counts there
    right = wrong[1]
    assert (right[:, 0] == right[:, 1]).all()  # grey
    assert right[3, 0] > right[0, 0] > RIGHT_GREY  # as bright as the true class, a little
    assert wrong[0, 1, 1] == pytest.approx((int(wrong[1, 1, 1]) + WRONG[1]) / 2, abs=1)


def test_errors_of_heights_are_shown_about_zero(drawn: Evaluation) -> None:
    (scene,), _ = scene_maps(drawn, [None])
    error = pixels_of(scene.layers[5].address).astype(int)
    high, low, none = error[0, 1], error[0, 2], error[1, 0]
    assert high[0] > high[2]  # red
    assert low[2] > low[0]  # blue
    assert none[:3].min() > 235
    assert error[0, 3, 3] == 0


def test_scales_without_heights(drawn: Evaluation) -> None:
    (scene,), scales = scene_maps(replace(drawn, height=None), [])
    assert scales == Scales(5, 0.5)
    assert len(scene.layers) == 3


def test_heights_of_other_scenes_stand_apart(drawn: Evaluation) -> None:
    assert drawn.height is not None
    other = replace(drawn.height.views[0], name="c")
    scenes, _ = scene_maps(replace(drawn, height=replace(drawn.height, views=(other,))), [None])
    assert [scene.name for scene in scenes] == ["a<b", "c"]
    assert [len(scene.layers) for scene in scenes] == [3, 3]


@pytest.mark.parametrize("whole", [True, False])
def test_the_scene_itself(
    drawn: Evaluation, make_raster: Callable[..., Path], *, whole: bool
) -> None:
    """On the maps' grid, false colours by their names, clear where it has none."""
    values = np.zeros((3, 4, 8), np.uint8)
    values[0, :, 4:] = 200
    mask = np.ones((4, 8), bool)
    mask[:2, :2] = whole
    path = make_raster(
        "s.tif",
        values,
        transform=Affine(1, 0, 300000, 0, -1, 5000000),
        crs="EPSG:25832",
        names=("nir", "red", "green"),
        mask=mask,
    )
    (scene,), _ = scene_maps(drawn, [open_scene(path)])
    image = scene.layers[0]
    assert image.title == "Image (nir, red, green)"
    assert scene.compared == (1, 2)
    pixels = pixels_of(image.address)
    assert image.address.startswith("data:image/jpeg" if whole else "data:image/png")
    assert pixels.shape[:2] == (2, 4)
    assert pixels[1, 3, 0] > 150
    if not whole:
        assert pixels[..., 3].tolist() == [[0, 255, 255, 255], [255] * 4]


def test_true_colours_are_found_by_name(
    drawn: Evaluation, make_raster: Callable[..., Path]
) -> None:
    values = np.zeros((4, 2, 4), np.uint8)
    values[3] = np.arange(8).reshape(2, 4) * 30
    place = {"transform": Affine(2, 0, 300000, 0, -2, 5000000), "crs": "EPSG:25832"}
    path = make_raster("s.tif", values, names=("nir", "blue", "green", "red"), **place)
    (scene,), _ = scene_maps(drawn, [open_scene(path, alpha="none")])
    assert scene.layers[0].title == "Image"
    pixels = pixels_of(scene.layers[0].address).astype(int)
    assert pixels[1, 3, 0] - pixels[1, 3, 2] > 100  # JPEG blurs so few pixels
