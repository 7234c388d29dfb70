"""What an evaluation keeps for a report: maps, calibration and pairs of heights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geosemimtl.classes import IGNORE
from geosemimtl.errors import SceneError
from geosemimtl.inference.evaluation import scenes as module
from geosemimtl.inference.evaluation.scenes import Evaluation, evaluate, evaluate_model
from geosemimtl.inference.evaluation.scoring import ScoreOptions
from geosemimtl.inference.evaluation.tiles import evaluate_tiles
from geosemimtl.inference.evaluation.views import MOST_SCENES
from geosemimtl.tasks import NODATA

Make = Callable[..., Path]
N = IGNORE
PREDICTED = np.array([[0, 0, 1, 1], [2, 2, 1, N]])
TRUE = np.array([[0, 1, 1, 1], [2, 0, N, 0]], np.uint8)
SURE = np.array([[95, 45, 95, 95], [95, 45, 95, N]], np.uint8)
REPORT = ScoreOptions(report=True)


@pytest.fixture
def pair(write_classes: Make, make_raster: Make) -> Callable[..., tuple[Path, Path]]:
    """Return a function that writes predicted classes, their confidence if given, and the truth."""

    def write(name: str, sure: Any = None, **place: Any) -> tuple[Path, Path]:
        if sure is not None:
            make_raster(f"{name}_confidence.tif", sure[None], nodata=N, **place)
        truth = make_raster(f"{name}_truth.tif", TRUE[None])
        return write_classes(f"{name}_classes.tif", PREDICTED), truth

    return write


def scored(*pairs: tuple[Path, Path], scoring: ScoreOptions = REPORT) -> Evaluation:
    classes, labels = zip(*pairs, strict=True)
    return evaluate(classes=classes, labels=labels, scoring=scoring)


def test_calibration_by_hand(pair: Callable[..., tuple[Path, Path]]) -> None:
    land = scored(pair("a", SURE)).segmentation
    assert land is not None
    assert land.calibration is not None
    bins = {round(100 * each.low): each for each in land.calibration.bins if each.pixels}
    assert {low: (each.pixels, each.accuracy) for low, each in bins.items()} == {
        40: (2, 0.0),
        90: (4, 1.0),
    }
    (view,) = land.views
    assert view.name == "a"
    # one row of the truth is wrong at its second pixel, as the other is
    np.testing.assert_array_equal(view.wrong, [[0, 1, 0, 0], [0, 1, np.nan, np.nan]])


def test_nothing_is_kept_unasked(pair: Callable[..., tuple[Path, Path]]) -> None:
    land = scored(pair("a", SURE), scoring=ScoreOptions()).segmentation
    assert land is not None
    assert (land.calibration, land.views) == (None, ())


@pytest.mark.parametrize("other", [None, SURE[:1], SURE.astype(np.uint16)])
def test_confidence_of_some_scenes_is_none(
    pair: Callable[..., tuple[Path, Path]], other: Any
) -> None:
    """Missing, on another grid or of another type: the figures would be of a part only."""
    land = scored(pair("a", SURE), pair("b", other)).segmentation
    assert land is not None
    assert land.calibration is None
    assert [view.name for view in land.views] == ["a", "b"]


def test_confidence_beyond_100(
    pair: Callable[..., tuple[Path, Path]], one_line: Callable[[BaseException], str]
) -> None:
    with pytest.raises(SceneError) as error:
        scored(pair("a", np.full_like(SURE, 250)))
    text = one_line(error.value)
    assert "a_confidence.tif" in text
    assert "250" in text


def test_the_first_scenes_are_drawn(
    pair: Callable[..., tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 1)
    names = [f"s{number}" for number in range(MOST_SCENES + 1)]
    land = scored(*(pair(name) for name in names)).segmentation
    assert land is not None
    assert [view.name for view in land.views] == names[:-1]
    assert land.counts.total == 6 * len(names)


def test_pairs_of_heights_by_hand(make_raster: Make) -> None:
    predicted = np.array([[[1, 4], [NODATA, 9]]], np.float32)
    true = np.array([[[0, 4], [6, NODATA]]], np.float32)
    paths = [
        make_raster(name, pixels, nodata=NODATA)
        for name, pixels in (("p_height.tif", predicted), ("t.tif", true))
    ]
    heights = evaluate(heights=paths[:1], true_heights=paths[1:], scoring=REPORT).height
    assert heights is not None
    assert heights.pairs is not None
    found = [(10 / 0.25 + 4 * t, 10 / 0.25 + 4 * p) for t, p in ((0, 1), (4, 4))]
    assert [tuple(each) for each in np.argwhere(heights.pairs.cells)] == found
    (view,) = heights.views
    nan = np.nan
    np.testing.assert_array_equal(view.error, [[1, 0], [nan, nan]])
    np.testing.assert_array_equal(view.predicted, [[1, 4], [nan, 9]])
    np.testing.assert_array_equal(view.true, [[0, 4], [6, nan]])


def test_whole_numbers_of_metres(make_raster: Make) -> None:
    predicted = np.array([[[1, -1]]], np.int16)
    made = evaluate(
        heights=[make_raster("p_height.tif", predicted, nodata=-1)],
        true_heights=[make_raster("t.tif", np.array([[[2, 2]]], np.float32))],
        scoring=REPORT,
    ).height
    assert made is not None
    np.testing.assert_array_equal(made.views[0].predicted, [[1, np.nan]])


def test_a_model_s_scenes_and_tiles(
    model_file: Path, make_scene: Make, make_raster: Make, noise: Callable[..., Any]
) -> None:
    """What is predicted on the way has its confidence; tiles overlap and make no map."""
    scene = make_scene("s.tif", noise(3, 40, 50, seed=2))
    truth: dict[str, Any] = {
        "labels": [make_raster("t.tif", noise(1, 40, 50, high=3))],
        "true_heights": [make_raster("h.tif", noise(1, 40, 50, high=9).astype(np.float32))],
        "scoring": REPORT,
    }
    whole = evaluate_model([scene], model_file, **truth)
    for made in (whole, evaluate_tiles([scene], model_file, **truth)):
        assert made.segmentation is not None
        assert made.height is not None
        assert made.segmentation.calibration is not None
        assert made.height.pairs is not None
        assert made.segmentation.calibration.total == made.segmentation.counts.total
        assert made.height.pairs.total == made.height.counts.n
        drawn = [len(made.segmentation.views), len(made.height.views)]
        assert drawn == ([0, 0] if made.per_tile else [1, 1])
    assert whole.segmentation is not None
    assert whole.segmentation.views[0].name == "s"
