"""Scores of tiles on their own, beside those of stitched scenes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError, LabelError, ModelFileError
from geosemimtl.inference import networks
from geosemimtl.inference.evaluation.scenes import Evaluation, evaluate_model
from geosemimtl.inference.evaluation.scoring import ScoreOptions
from geosemimtl.inference.evaluation.tiles import evaluate_tiles
from geosemimtl.inference.options import PredictOptions
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.erosion import away_from_boundaries
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.training.model_file import load_model

Make = Callable[..., Path]
FLOAT32 = PredictOptions(precision="float32")
ERODED = ScoreOptions(erode_px=2)
ROWS, COLS = 50, 70


@pytest.fixture
def place(
    make_scene: Make, make_raster: Make, noise: Callable[..., NDArray[Any]]
) -> dict[str, Any]:
    """Return a scene with its truth, as arguments of an evaluation."""
    labels = noise(1, 5, 7, high=3).repeat(10, 1).repeat(10, 2)
    labels[0, 20:30, 30:60] = 255
    heights = noise(1, ROWS, COLS, high=30, seed=1).astype(np.float32)
    seen = np.ones((ROWS, COLS), bool)
    seen[:9, :40] = False
    scene = make_scene("s.tif", noise(3, ROWS, COLS, seed=2), mask=seen)
    return {
        "scenes": [scene],
        "labels": [make_raster("t.tif", labels)],
        "true_heights": [make_raster("h.tif", heights, nodata=-9999)],
    }


def counts_of(made: Evaluation) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, Any]]:
    assert made.segmentation is not None
    assert made.segmentation.eroded is not None
    assert made.height is not None
    every = {"counts": made.height.counts, "mean": made.height.mean} | dict(made.height.by_class)
    sums = {name: (each.n, each.sum_square, each.sum_abs_rel) for name, each in every.items()}
    return made.segmentation.counts.matrix, made.segmentation.eroded.counts.matrix, sums


def test_tiles_that_do_not_overlap_score_what_the_scene_scores(
    place: dict[str, Any], make_raster: Make, make_scene: Make, model_file: Path
) -> None:
    """96 px are three tiles of 32: nothing is blended, whether or not it would be."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (1, 12, 12)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    place = {
        "scenes": [make_scene("s.tif", random.integers(0, 256, (3, 96, 96), np.uint8))],
        "labels": [make_raster("t.tif", labels)],
        "true_heights": [make_raster("h.tif", random.uniform(0, 30, (1, 96, 96)))],
    }
    options = replace(FLOAT32, overlap=0)
    apart = evaluate_tiles(model=model_file, options=options, scoring=ERODED, **place)
    whole = evaluate_model(
        model=model_file, options=replace(options, grid="model"), scoring=ERODED, **place
    )
    assert (apart.per_tile, whole.per_tile) == (True, False)
    full, eroded, sums = counts_of(apart)
    expected = counts_of(whole)
    np.testing.assert_array_equal(full, expected[0])
    np.testing.assert_array_equal(eroded, expected[1])
    assert sums.keys() == expected[2].keys()
    for name, values in sums.items():
        assert values == pytest.approx(expected[2][name]), name


def test_pixels_of_overlaps_count_once_a_tile(
    place: dict[str, Any], model_file: Path, noise: Callable[..., NDArray[Any]]
) -> None:
    made = evaluate_tiles(model=model_file, options=FLOAT32, scoring=ERODED, **place)
    full, eroded, _ = counts_of(made)
    network, card = load_model(model_file)
    image = noise(3, ROWS, COLS, seed=2).astype(np.float32) / 255
    image[:, :9, :40] = 0
    truth = noise(1, 5, 7, high=3).repeat(10, 1).repeat(10, 2)[0]
    truth[20:30, 30:60] = 255
    known = truth != 255
    known[:9, :40] = False
    inner = away_from_boundaries(truth, 2)
    counts = [ConfusionCounts.zeros(3)] * 2
    for _, _, window in TileLayout((ROWS, COLS), card.tile_px, card.overlap_px).tiles():
        rows, cols = window.toslices()
        with torch.inference_mode():
            logits = network(torch.from_numpy(image[:, rows, cols])[None]).logits["segmentation"]
        guess = logits[0].argmax(0).numpy()
        for index, valid in enumerate((known, known & inner)):
            counts[index] = counts[index] + ConfusionCounts.from_labels(
                guess, truth[rows, cols], valid[rows, cols], 3
            )
    np.testing.assert_array_equal(full, counts[0].matrix)
    np.testing.assert_array_equal(eroded, counts[1].matrix)
    assert full.sum() > known.sum()


def test_one_task_alone(place: dict[str, Any], model_file: Path) -> None:
    scenes = place["scenes"]
    made = evaluate_tiles(scenes, model_file, labels=place["labels"])
    assert made.height is None
    made = evaluate_tiles(scenes, model_file, true_heights=place["true_heights"])
    assert made.segmentation is None
    assert made.height is not None
    assert not made.height.by_class


def test_scenes_add_up(place: dict[str, Any], model_file: Path) -> None:
    once = evaluate_tiles(model=model_file, scoring=ERODED, **place)
    place = {name: paths * 2 for name, paths in place.items()}
    place["scenes"][1] = shutil.copy(place["scenes"][0], place["scenes"][0].with_name("copy.tif"))
    twice = evaluate_tiles(model=model_file, scoring=ERODED, **place)
    np.testing.assert_array_equal(counts_of(twice)[0], 2 * counts_of(once)[0])


def test_truth_that_does_not_fit(
    place: dict[str, Any],
    model_file: Path,
    make_raster: Make,
    one_line: Callable[[BaseException], str],
) -> None:
    scenes = place["scenes"]
    empty = make_raster("e.tif", np.full((1, ROWS, COLS), 255, np.uint8))
    nothing = make_raster("n.tif", np.full((1, ROWS, COLS), -9999, np.float32), nodata=-9999)
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "nothing to compare"),
        ({"labels": place["labels"] * 2}, "1 scene(s) but 2 --labels"),
        ({"labels": [empty]}, "e.tif: no labelled pixel"),
        ({"true_heights": [nothing]}, "n.tif: no valid height"),
    ]
    for truth, words in cases:
        with pytest.raises(LabelError) as error:
            evaluate_tiles(scenes, model_file, **truth)
        assert words in one_line(error.value)
    options = PredictOptions(bounds=(368000, 5805999, 368001, 5806000))
    with pytest.raises(ConfigError, match="--per-tile: scores whole scenes"):
        evaluate_tiles(model=model_file, options=options, **place)


def test_a_broken_network(
    place: dict[str, Any], model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, card = load_model(model_file)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    monkeypatch.setattr(networks, "load_model", lambda *_: (network, card))
    with pytest.raises(ModelFileError, match="gives no numbers"):
        evaluate_tiles(model=model_file, **place)
