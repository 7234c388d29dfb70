"""What is written, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from geosemimtl.classes import HUMAN_PARTS_CLASSES, IGNORE, Classes, LandClass
from geosemimtl.inference.outputs import SUFFIXES, Outputs
from geosemimtl.tasks import (
    HEIGHT,
    NODATA,
    Binary,
    Normals,
    Quantity,
    Segmentation,
    Task,
)

LAND = Segmentation(
    classes=Classes(
        entries=tuple(LandClass(name=name, color="#00ff00") for name in ("grass", "tree", "road"))
    )
)
HEIGHTS = Quantity(name=HEIGHT, scale=10)
#: A task of every other name.
OTHERS: tuple[Task, ...] = (
    Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
    Quantity(name="depth", scale=80),
    Quantity(name="inverse_depth", scale=0.5),
    Quantity(name="disparity", scale=120),
    Normals(),
    Binary(name="saliency"),
    Binary(name="edges"),
)


def outputs(*tasks: Task, disagreement: bool = False) -> Outputs:
    """Return all rasters, disagreement if asked for."""
    return Outputs.of(
        tasks or (LAND, HEIGHTS),
        "toy",
        confidence=True,
        probabilities=True,
        disagreement=disagreement,
    )


def pixels(*values: float) -> Tensor:
    """Return one row of one pixel, a value a channel."""
    return torch.tensor(values)[:, None, None]


def test_rasters_follow_from_the_tasks() -> None:
    assert outputs().kinds == ("segmentation", "height", "confidence", "probabilities")
    assert outputs(HEIGHTS).kinds == ("height",)
    assert outputs(HEIGHTS, disagreement=True).kinds == ("height", "disagreement")
    every = outputs(LAND, HEIGHTS, *OTHERS, disagreement=True)
    assert set(every.kinds) == set(SUFFIXES)


def test_the_largest_probability_decides() -> None:
    made = outputs().decided(pixels(0.2, 0.5, 0.3, 7.25), None)
    assert {kind: values[:, 0, 0].tolist() for kind, values in made.items()} == {
        "segmentation": [1],
        "confidence": [50],
        "probabilities": [50, 125, 75],
        "height": [7.25],
    }
    assert {values.dtype.name for values in made.values()} == {"uint8", "float32"}


def test_of_equal_ones_the_first() -> None:
    for values, first in (((0.4, 0.4, 0.2), 0), ((0.2, 0.4, 0.4), 1)):
        made = outputs().decided(pixels(*values, 1), None)
        assert made["segmentation"].item() == first


def test_many_classes_are_told_apart() -> None:
    values = torch.from_numpy(np.random.default_rng(0).random((254, 7, 9), np.float32))
    entries = tuple(LandClass(name=f"c{index}", color="#00ff00") for index in range(254))
    land = Segmentation(classes=Classes(entries=entries))
    made = outputs(land).decided(values, None)
    np.testing.assert_array_equal(made["segmentation"][0], values.argmax(dim=0))


def test_what_is_not_valid_is_nodata() -> None:
    valid = torch.tensor([[False]])
    made = outputs(disagreement=True).decided(pixels(0.2, 0.5, 0.3, 7, 0.1, 2), valid)
    for kind, values in made.items():
        nodata = NODATA if kind in {"height", "disagreement"} else IGNORE
        assert (values == nodata).all()
        assert outputs(disagreement=True).raster(kind)[0].nodata == nodata


def test_disagreement_by_hand() -> None:
    """Two tiles with the weights 0.75 and 0.25 that name two classes, and 8 and 4 metres."""
    both = outputs(disagreement=True)
    assert both.channels == 8
    tiles = torch.stack([pixels(0.6, 0.3, 0.1, 8), pixels(0.2, 0.7, 0.1, 4)])
    expanded = both.expanded(tiles)
    assert expanded[:, 4:, 0, 0].tolist() == [[1, 0, 0, 64], [0, 1, 0, 16]]
    strip = 0.75 * expanded[0] + 0.25 * expanded[1]
    reduced = both.reduced(strip)
    # the blend says 0.5, 0.4, 0.1: a quarter of the weight differs; the mean is 7 m
    expected = [0.5, 0.4, 0.1, 7, 0.25, np.sqrt(0.75 * 1 + 0.25 * 9)]
    np.testing.assert_allclose(reduced[:, 0, 0], expected, rtol=1e-6)
    made = both.decided(reduced, None)
    np.testing.assert_allclose(made["disagreement"][:, 0, 0], expected[4:], rtol=1e-6)


@pytest.mark.parametrize("metres", [0.0, 0.3, 12.7, 80.0])
def test_tiles_that_agree_do_not_disagree(metres: float) -> None:
    both = outputs(disagreement=True)
    tile = both.expanded(pixels(0.2, 0.7, 0.1, metres)[None])[0]
    parts = [tile * weight for weight in (0.1, 0.2, 0.3, 0.4)]
    strip = torch.stack(parts).sum(dim=0)
    assert both.reduced(strip)[-1].item() == 0
    assert both.reduced(strip)[-2].item() == pytest.approx(0, abs=1e-6)


def test_a_pixel_without_tile_disagrees_with_nobody() -> None:
    both = outputs(disagreement=True)
    assert torch.isfinite(both.reduced(torch.zeros(8, 2, 2))).all()


def test_what_is_written_of_other_tasks() -> None:
    """Numbers as they are, vectors at length 1, the probability of yes in per cent."""
    every = outputs(*OTHERS)
    parts = [0.1, 0.05, 0.6, 0.05, 0.1, 0.05, 0.05]
    made = every.decided(pixels(*parts, 12.5, 0.08, 33.25, 0.3, 0.0, -0.4, 0.126, 0.994), None)
    found = {kind: values[:, 0, 0].tolist() for kind, values in made.items()}
    assert found.pop("normals") == pytest.approx([0.6, 0, -0.8])
    assert found.pop("inverse_depth") == pytest.approx([0.08])
    assert found == {
        "human_parts": [2],
        "depth": [12.5],
        "disparity": [33.25],
        "saliency": [13],
        "edges": [99],
    }
    assert made["saliency"].dtype == np.uint8


def test_only_land_cover_has_confidence() -> None:
    """Files of one name could not be of two tasks."""
    assert not {"confidence", "probabilities"} & set(outputs(*OTHERS).kinds)
    both = outputs(LAND, OTHERS[0])
    assert both.kinds == ("segmentation", "human_parts", "confidence", "probabilities")
    made = both.decided(pixels(0.2, 0.5, 0.3, *[0.1] * 6, 0.4), None)
    assert made["confidence"].item() == 50
    assert made["human_parts"].item() == 6


def test_nothing_valid_of_other_tasks() -> None:
    every = outputs(*OTHERS)
    values = torch.rand(every.channels, 2, 3)
    made = every.decided(values, torch.zeros(2, 3, dtype=torch.bool))
    empty = every.empty((2, 3))
    assert made.keys() == empty.keys() == set(every.kinds)
    for kind in every.kinds:
        nodata = IGNORE if kind in ("human_parts", "saliency", "edges") else NODATA
        assert (made[kind] == nodata).all()
        np.testing.assert_array_equal(made[kind], empty[kind])
        assert made[kind].dtype == empty[kind].dtype


def test_disagreement_of_other_tasks_by_hand() -> None:
    """Two tiles of equal weight: facing right and forward, sure of yes and of no, 8 and 4 px."""
    both = outputs(
        Quantity(name="disparity", scale=9), Normals(), Binary(name="saliency"), disagreement=True
    )
    tiles = torch.stack([pixels(8.0, 1, 0, 0, 1), pixels(4.0, 0, 0, 1, 0)])
    strip = both.expanded(tiles).mean(dim=0)
    reduced = both.reduced(strip)
    np.testing.assert_allclose(reduced[:5, 0, 0], [6, 0.5, 0, 0.5, 0.5])
    # deviations: 2 px; of the vectors the root of 1/4 and 1/4; of the answers a half
    np.testing.assert_allclose(reduced[5:, 0, 0], [2, np.sqrt(0.5), 0.5])
    made = both.decided(reduced, None)
    np.testing.assert_allclose(made["disagreement"][:, 0, 0], [2, np.sqrt(0.5), 0.5])
    np.testing.assert_allclose(made["normals"][:, 0, 0], [np.sqrt(0.5), 0, np.sqrt(0.5)])
