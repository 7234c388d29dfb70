"""Panels of every kind of task: what is shown of each, and that nothing is invented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geosemimtl.classes import HUMAN_PARTS_CLASSES, IGNORE, ISPRS_CLASSES
from geosemimtl.publish.panels import Look, Panels, coloured, drawn, facing, look_of, stretched
from geosemimtl.raster.styles import DISTANCE_RAMP, NEARNESS_RAMP
from geosemimtl.tasks import UNITS, Binary, Normals, Quantity, Segmentation

SHAPE = (20, 30)
IMAGE = np.full((*SHAPE, 3), 0.5)
GREY = 0.85
NAN = np.nan


def axes(figure: Figure) -> list[Axes]:
    """Return the panels in the order of reading, without scales of colours."""
    return [each for each in figure.axes if each.get_title() or each.get_title(loc="left")]


def titles(figure: Figure) -> list[str]:
    """Return what is written above the panels."""
    return [each.get_title() or each.get_title(loc="left") for each in axes(figure)]


def shown(axis: Axes) -> NDArray[Any]:
    """Return the array that a panel shows."""
    (image,) = axis.get_images()
    array: NDArray[Any] = np.ma.filled(np.ma.asarray(image.get_array(), float), NAN)
    return array


def test_looks_of_tasks() -> None:
    assert look_of(Segmentation(classes=ISPRS_CLASSES)).classes == ISPRS_CLASSES
    depth = look_of(Quantity(name="depth", scale=80))
    assert (depth.top, depth.unit, depth.title, depth.scale) == (80, "m", "depth", "depth (m)")
    inverse = look_of(Quantity(name="inverse_depth", scale=0.5))
    assert (inverse.title, inverse.scale) == ("inverse depth", "inverse depth (1/m)")
    assert look_of(Quantity(name="height", scale=20)).scale == "height above ground (m)"
    assert look_of(Normals()) == Look("normals")
    assert look_of(Binary(name="edges")) == Look("edges")


def test_classes_are_land_cover_from_above_only() -> None:
    task = Segmentation(classes=ISPRS_CLASSES)
    assert look_of(task).title == "land cover"
    assert look_of(task, on_ground=False).title == "segmentation"
    parts = Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES)
    assert look_of(parts).title == "human parts"


@pytest.mark.parametrize("name", UNITS)
def test_ramps_of_numbers(name: str) -> None:
    """What is far is dark, whichever way it is told; nothing known is grey."""
    ramp = look_of(Quantity.model_validate({"name": name, "scale": 1})).ramp
    assert ramp(NAN) == (GREY, GREY, GREY, 1)
    low, high = (np.mean(ramp(each)[:3]) for each in (0.0, 1.0))
    if name in ("disparity", "inverse_depth"):
        assert low < high
    if name == "depth":
        assert low > high
    assert NEARNESS_RAMP[::-1] == DISTANCE_RAMP


def test_panels_in_their_order() -> None:
    looks = [Look("segmentation", ISPRS_CLASSES), Look("depth", None, 10.0, "m"), Look("normals")]
    indices, metres = np.zeros(SHAPE, np.uint8), np.full(SHAPE, 4.0)
    vectors = np.zeros((3, *SHAPE))
    row = Panels(
        "a street",
        IMAGE,
        None,
        {
            "segmentation": (indices, indices),
            "depth": (metres, metres + 1),
            "normals": (vectors, None),
        },
    )
    figure = drawn([row, row], looks)
    assert titles(figure)[:7] == [
        "a street",
        "land cover, predicted",
        "land cover, true",
        "depth, predicted",
        "depth, true",
        "normals, predicted",
        "normals, true",
    ]
    assert len(titles(figure)) == 14
    (scale,) = [each for each in figure.axes if each.get_ylabel()]
    assert scale.get_ylabel() == "depth (m)"
    truth = drawn([row], looks, kinds=("true",))
    assert titles(truth) == ["a street", "land cover, true", "depth, true", "normals, true"]
    assert (shown(axes(truth)[2]) == 5).all()


def test_each_kind_as_it_is_seen() -> None:
    yes = np.zeros(SHAPE)
    yes[:, 15:] = 1
    yes[0] = NAN
    vectors = np.zeros((3, *SHAPE))
    vectors[2] = -1
    vectors[:, 0] = NAN
    metres = np.full(SHAPE, 3.0)
    metres[0] = NAN
    row = Panels(
        "",
        IMAGE,
        None,
        {"saliency": (None, yes), "normals": (None, vectors), "disparity": (None, metres)},
    )
    looks = [Look("saliency"), Look("normals"), Look("disparity", None, 6.0, "px")]
    _, saliency, normals, disparity = drawn([row], looks, kinds=("true",)).axes[:4]
    np.testing.assert_array_equal(shown(saliency), yes)
    (image,) = saliency.get_images()
    assert (image.get_clim(), image.get_cmap().name) == ((0, 1), "gray")
    np.testing.assert_allclose(shown(normals)[1:], np.full((19, 30, 3), (0.5, 0.5, 1)))
    np.testing.assert_allclose(shown(normals)[0], GREY)
    (image,) = disparity.get_images()
    assert image.get_clim() == (0, 6)


def test_a_task_without_labels_says_so() -> None:
    row = Panels("a street", IMAGE, None, {"depth": (np.ones(SHAPE), None)})
    figure = drawn([row], [Look("depth", None, 2.0, "m"), Look("edges")])
    words = [[text.get_text() for text in each.texts] for each in axes(figure)]
    assert words[1:] == [[], ["no labels"], ["no labels"], ["no labels"]]


def test_a_bar_of_metres_on_the_ground_only() -> None:
    for width_m, bars in ((None, []), (30.0, ["5 m"]), (400.0, ["100 m"])):
        figure = drawn([Panels("", IMAGE, width_m)], [Look("edges")])
        assert [text.get_text() for text in figure.axes[0].texts] == bars
        assert len(figure.axes[0].patches) == len(bars)


@pytest.mark.parametrize(
    ("vector", "colour"),
    [
        ((0, 0, -1), (0.5, 0.5, 1)),
        ((1, 0, 0), (1, 0.5, 0.5)),
        ((-1, 0, 0), (0, 0.5, 0.5)),
        ((0, -1, 0), (0.5, 1, 0.5)),
        ((0, 1, 0), (0.5, 0, 0.5)),
        ((NAN, NAN, NAN), (GREY, GREY, GREY)),
    ],
)
def test_colours_of_normals(vector: tuple[float, ...], colour: tuple[float, ...]) -> None:
    """Red is right, green is up, blue is what faces the camera: as such maps are always drawn."""
    made = facing(np.array(vector)[:, None, None])
    np.testing.assert_allclose(made, np.array(colour)[None, None])


def test_colours_of_classes() -> None:
    made = coloured(np.array([[0, 4, IGNORE]]), ISPRS_CLASSES)
    np.testing.assert_allclose(made, [[(1, 1, 1), (1, 1, 0), (GREY,) * 3]])


def test_stretching_tells_by_what_is_seen(noise: Callable[..., NDArray[Any]]) -> None:
    pixels = noise(3, *SHAPE)
    valid = np.ones(SHAPE, bool)
    valid[:5] = False
    dark = pixels.copy()
    dark[:, :5] = 0
    np.testing.assert_allclose(stretched(pixels, valid)[5:], stretched(dark, valid)[5:])
    flat = stretched(np.full((3, *SHAPE), 100, np.uint8), valid, least=200)
    assert flat.max() < 0.1, "what is all alike keeps dark or bright"
