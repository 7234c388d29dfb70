"""Scores of predicted rasters against truth, each pixel of the prediction counted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.errors import LabelError, SceneError
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import height_filter, read_on_grid
from geosemimtl.raster.scene import Scene, declared_classes, open_scene
from geosemimtl.tasks import IGNORE, Classes
from geosemimtl.tiling.labels import check_heights, check_labels, check_overlap, labels_on_grid

#: Ratios of heights count pixels higher than this: near the ground they say nothing.
RATIO_EPS_M = 0.5
_ROWS = 512
#: Prediction, truth and which pixels count, (rows, columns) each.
Block = tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """Of the classes, beside what always naming the most common true class scores."""

    classes: Classes
    counts: ConfusionCounts
    most_common: ConfusionCounts


@dataclass(frozen=True, slots=True)
class HeightScores:
    """Of the heights in metres, beside two constants: the truth's mean, and the ground."""

    counts: HeightCounts
    mean: HeightCounts
    zero: HeightCounts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one scene or of several added up; a task without truth is ``None``."""

    segmentation: SegmentationScores | None
    height: HeightScores | None


def evaluate(
    *,
    classes: Sequence[Path] = (),
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    true_heights: Sequence[Path] = (),
    label_classes: Classes | None = None,
    assume_crs: str | None = None,
    track: Track = silent,
) -> Evaluation:
    """Compare predicted rasters with truth on the predictions' grids.

    Args:
        classes: Predicted class rasters (``*_classes.tif``).
        labels: True label rasters, one each, on any grid.
        heights: Predicted height rasters (``*_height.tif``).
        true_heights: True nDSM rasters in metres, one each, on any grid.
        label_classes: How the labels write their classes, matched to the predicted ones by name;
            by default the predicted classes' indices.
        assume_crs: CRS of files that carry none.
        track: Shows progress.

    Raises:
        SceneError: A raster cannot be read, or a class raster does not name its classes.
        LabelError: Truth is missing, lies elsewhere, has undeclared values, or no pixel counts.
    """
    pairs = [
        *_paired(classes, labels, "class raster", "--labels"),
        *_paired(heights, true_heights, "height raster", "--height"),
    ]
    if not pairs:
        raise LabelError("nothing to compare: name predicted rasters and --labels or --height")
    scored = [_opened(prediction, truth, assume_crs) for prediction, truth in pairs]
    count = len(classes)
    return Evaluation(
        _segmentation(scored[:count], label_classes, track) if classes else None,
        _height(scored[count:], track) if heights else None,
    )


def _paired(
    predictions: Sequence[Path], truths: Sequence[Path], what: str, flag: str
) -> list[tuple[Path, Path]]:
    if len(predictions) != len(truths):
        raise LabelError(
            f"{len(predictions)} {what}(s) but {len(truths)} {flag}: name one for each, in order"
        )
    return list(zip(predictions, truths, strict=True))


def _opened(prediction: Path, truth: Path, assume_crs: str | None) -> tuple[Scene, Scene]:
    predicted = open_scene(prediction, assume_crs=assume_crs)
    true = open_scene(truth, assume_crs=assume_crs or predicted.grid.crs.to_wkt())
    check_overlap(true, predicted)
    return predicted, true


def _segmentation(
    pairs: Sequence[tuple[Scene, Scene]], label_classes: Classes | None, track: Track
) -> SegmentationScores:
    classes = _named_classes(pairs[0][0])
    names = label_classes or classes
    unknown = [name for name in names.names if name not in classes.names]
    if unknown:
        raise LabelError(
            f"{pairs[0][1].path}: classes {', '.join(unknown)} are not among the predicted "
            f"{', '.join(classes.names)}: name them alike in --classes"
        )
    counts = ConfusionCounts.zeros(len(classes))
    for predicted, true in pairs:
        own = _named_classes(predicted)
        if own.names != classes.names:
            raise LabelError(
                f"{predicted.path}: its classes are not those of {pairs[0][0].path}; evaluate them "
                "apart"
            )
        check_labels(predicted, own)
        check_labels(true, names)
        for guess, truth, valid in _class_blocks(predicted, true, classes, names, track):
            counts = counts + ConfusionCounts.from_labels(guess, truth, valid, len(classes))
    if not counts.total:
        raise LabelError(
            f"{pairs[0][1].path}: no labelled pixel lies where a class is predicted; check the "
            "order of --labels"
        )
    return SegmentationScores(classes, counts, _most_common(counts))


def _most_common(counts: ConfusionCounts) -> ConfusionCounts:
    per_class = counts.matrix.sum(axis=1)
    matrix = np.zeros_like(counts.matrix)
    matrix[:, per_class.argmax()] = per_class
    return ConfusionCounts(matrix)


def _class_blocks(
    predicted: Scene, true: Scene, classes: Classes, names: Classes, track: Track
) -> Iterator[Block]:
    to_predicted = np.full(256, IGNORE, np.uint8)
    to_predicted[: len(names)] = [classes.names.index(name) for name in names.names]
    grid = predicted.grid
    with (
        read_on_grid(predicted, grid, Resampling.nearest) as guess,
        labels_on_grid(true, grid, names) as labels,
    ):
        for window in track(_strips(grid), f"comparing {predicted.path.name}", len(_strips(grid))):
            values, seen = guess.read(window)
            truth = to_predicted[labels.read(window)]
            yield values[0], truth, seen & (truth != IGNORE)


def _height(pairs: Sequence[tuple[Scene, Scene]], track: Track) -> HeightScores:
    total, number = 0.0, 0
    for predicted, true in pairs:
        if len(predicted.indexes) != 1:
            raise SceneError(
                f"{predicted.path}: has {len(predicted.indexes)} bands; name a *_height.tif of "
                "geosemimtl predict"
            )
        check_heights(true)
        for _, truth, valid in _height_blocks(predicted, true, silent):
            total += float(truth[valid].sum(dtype=np.float64))
            number += int(valid.sum())
    if not number:
        raise LabelError(
            f"{pairs[0][1].path}: no valid height lies where one is predicted; check the order of "
            "--height"
        )
    model, mean, zero = (HeightCounts(eps=RATIO_EPS_M) for _ in range(3))
    for predicted, true in pairs:
        for guess, truth, valid in _height_blocks(predicted, true, track):
            count = partial(HeightCounts.from_heights, truth=truth, valid=valid, eps=RATIO_EPS_M)
            model = model + count(guess)
            mean = mean + count(np.full_like(truth, total / number))
            zero = zero + count(np.zeros_like(truth))
    return HeightScores(model, mean, zero)


def _height_blocks(predicted: Scene, true: Scene, track: Track) -> Iterator[Block]:
    grid = predicted.grid
    with (
        read_on_grid(predicted, grid, Resampling.nearest) as guess,
        read_on_grid(true, grid, height_filter(true.grid, grid)) as truth,
    ):
        for window in track(_strips(grid), f"comparing {predicted.path.name}", len(_strips(grid))):
            (metres, seen), (true_metres, known) = guess.read(window), truth.read(window)
            yield metres[0], true_metres[0].astype(np.float64), seen & known


def _strips(grid: PixelGrid) -> list[Window]:
    rows, cols = grid.shape
    return [Window(0, top, cols, min(_ROWS, rows - top)) for top in range(0, rows, _ROWS)]


def _named_classes(scene: Scene) -> Classes:
    classes = declared_classes(scene)
    if classes is None:
        raise SceneError(
            f"{scene.path}: does not name its classes; pass a *_classes.tif of geosemimtl predict"
        )
    return classes
