"""Scores of predicted rasters against truth, each pixel of the prediction counted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.errors import LabelError, SceneError
from geosemimtl.inference.making import Prediction
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import height_filter, read_on_grid
from geosemimtl.raster.scene import Georeference, Scene, declared_classes, open_scene
from geosemimtl.tasks import HEIGHT, IGNORE, SEGMENTATION, Classes, ClassMap, class_map_of
from geosemimtl.tiling.labels import Labels, check_heights, check_overlap, open_heights, open_labels
from geosemimtl.tiling.scenes import scene_images
from geosemimtl.training.model_file import read_card

#: Ratios of heights count pixels higher than this: near the ground they say nothing.
RATIO_EPS_M = 0.5
_ROWS = 512
#: Prediction, truth and which pixels count, (rows, columns) each.
Block = tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class SegmentationResult:
    """Of the classes, beside what always naming the most common true class scores."""

    classes: Classes
    counts: ConfusionCounts
    most_common: ConfusionCounts


@dataclass(frozen=True, slots=True)
class HeightResult:
    """Of the heights in metres, beside two constants: the truth's mean, and the ground."""

    counts: HeightCounts
    mean: HeightCounts
    zero: HeightCounts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one scene or of several added up; a task without truth is ``None``."""

    segmentation: SegmentationResult | None
    height: HeightResult | None


def evaluate(
    *,
    classes: Sequence[Path] = (),
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    true_heights: Sequence[Path] = (),
    label_classes: ClassMap | None = None,
    class_column: str = "class",
    assume_crs: str | None = None,
    track: Track = silent,
) -> Evaluation:
    """Compare predicted rasters with truth on the predictions' grids.

    Args:
        classes: Predicted class rasters (``*_classes.tif``).
        labels: True labels in any form, one each, on any grid.
        heights: Predicted height rasters (``*_height.tif``).
        true_heights: True nDSM rasters in metres, one each, on any grid.
        label_classes: How the labels write their classes, matched to the predicted ones by name;
            by default the predicted classes' indices, colours and names.
        class_column: Column of polygon labels that holds their class.
        assume_crs: CRS of files that carry none.
        track: Shows progress.

    Raises:
        SceneError: A raster cannot be read, or a class raster does not name its classes.
        LabelError: Truth is missing, lies elsewhere, has undeclared values, or no pixel counts.
    """
    class_pairs = _paired(classes, labels, "class raster", "--labels")
    height_pairs = _paired(heights, true_heights, "height raster", "--height")
    if not class_pairs and not height_pairs:
        raise LabelError("nothing to compare: name predicted rasters and --labels or --height")
    labelled = _labelled(class_pairs, label_classes, class_column, assume_crs)
    measured = [_measured(predicted, truth, assume_crs) for predicted, truth in height_pairs]
    return Evaluation(
        _segmentation(labelled, track) if labelled else None,
        _height(measured, track) if measured else None,
    )


def evaluate_model(
    scenes: Sequence[Path],
    model: Path,
    *,
    labels: Sequence[Path] = (),
    true_heights: Sequence[Path] = (),
    options: PredictOptions | None = None,
    label_classes: ClassMap | None = None,
    class_column: str = "class",
    track: Track = silent,
) -> Evaluation:
    """Predict whole scenes and compare what comes out with truth; the rasters are not kept.

    Args:
        scenes: As for :func:`geosemimtl.inference.predictor.predict`, in the order of the truth.
        model: A model file.
        labels: As for :func:`evaluate`.
        true_heights: Likewise.
        options: How to predict.
        label_classes: As for :func:`evaluate`.
        class_column: Likewise.
        track: Shows progress.

    Raises:
        GeoSemiMTLError: As those two.
    """
    options = replace(options or PredictOptions(), confidence=False)
    images = scene_images(scenes, mosaic=options.mosaic)
    tasks = {task.name for task in read_card(model).tasks}
    for task, truth, flag in (
        (SEGMENTATION, labels, "--labels"),
        (HEIGHT, true_heights, "--height"),
    ):
        if truth and task not in tasks:
            raise LabelError(f"{flag} {truth[0]}: the model predicts no {task}; leave it out")
        if truth and len(truth) != len(images):
            raise LabelError(f"{len(images)} scene(s) but {len(truth)} {flag}: name one for each")
    if not labels and not true_heights:
        raise LabelError("nothing to compare: name --labels or --height")
    with TemporaryDirectory() as folder:
        made: list[Prediction] = []
        for number, files in enumerate(images):  # scenes may have one name
            place, own = Path(folder, str(number)), replace(options, mosaic=len(files) > 1)
            made += predict(files, model, output=place, options=own, track=track)
        return evaluate(
            classes=[each.rasters[SEGMENTATION] for each in made] if labels else (),
            labels=labels,
            heights=[each.rasters[HEIGHT] for each in made] if true_heights else (),
            true_heights=true_heights,
            label_classes=label_classes,
            class_column=class_column,
            assume_crs=options.assume_crs,
            track=track,
        )


def _paired(
    predictions: Sequence[Path], truths: Sequence[Path], what: str, flag: str
) -> list[tuple[Path, Path]]:
    if len(predictions) != len(truths):
        raise LabelError(
            f"{len(predictions)} {what}(s) but {len(truths)} {flag}: name one for each, in order"
        )
    return list(zip(predictions, truths, strict=True))


def _measured(prediction: Path, truth: Path, assume_crs: str | None) -> tuple[Scene, Scene]:
    predicted = open_scene(prediction, assume_crs=assume_crs)
    place = Georeference.of(predicted.grid)
    true = open_heights([truth], assume_crs=assume_crs, fallback=place)
    check_overlap(true, predicted.grid)
    return predicted, true


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A predicted class raster beside its truth, whose classes have an order of their own."""

    predicted: Scene
    classes: Classes
    labels: Labels
    names: tuple[str, ...]


def _labelled(
    pairs: Sequence[tuple[Path, Path]],
    class_map: ClassMap | None,
    class_column: str,
    assume_crs: str | None,
) -> list[_Labelled]:
    found = []
    for prediction, truth in pairs:
        predicted = open_scene(prediction, assume_crs=assume_crs)
        classes = _named_classes(predicted)
        names = class_map or _own_map(predicted, classes)
        labels = open_labels(
            [truth],
            names,
            assume_crs=assume_crs,
            fallback=Georeference.of(predicted.grid),
            class_column=class_column,
        )
        found.append(_Labelled(predicted, classes, labels, names.classes.names))
    return found


def _own_map(predicted: Scene, classes: Classes) -> ClassMap:
    try:
        return class_map_of(classes)
    except ValueError as error:
        raise LabelError(
            f"{predicted.path}: two of its classes have the same colour; say with --classes how "
            "the labels write them"
        ) from error


def _segmentation(pairs: Sequence[_Labelled], track: Track) -> SegmentationResult:
    first = pairs[0]
    classes = first.classes
    unknown = [name for name in first.names if name not in classes.names]
    if unknown:
        raise LabelError(
            f"{first.labels.path}: classes {', '.join(unknown)} are not among the predicted "
            f"{', '.join(classes.names)}: name them alike in --classes"
        )
    counts = ConfusionCounts.zeros(len(classes))
    for pair in pairs:
        predicted = pair.predicted
        if pair.classes.names != classes.names:
            raise LabelError(
                f"{predicted.path}: its classes are not those of {first.predicted.path}; evaluate "
                "them apart"
            )
        own = open_labels([predicted.path], _own_map(predicted, pair.classes))
        own.check(predicted.grid)
        pair.labels.check(predicted.grid, track)
        for guess, truth, valid in _class_blocks(pair, track):
            counts = counts + ConfusionCounts.from_labels(guess, truth, valid, len(classes))
    if not counts.total:
        raise LabelError(
            f"{first.labels.path}: no labelled pixel lies where a class is predicted; check the "
            "order of --labels"
        )
    return SegmentationResult(classes, counts, _most_common(counts))


def _most_common(counts: ConfusionCounts) -> ConfusionCounts:
    per_class = counts.matrix.sum(axis=1)
    matrix = np.zeros_like(counts.matrix)
    matrix[:, per_class.argmax()] = per_class
    return ConfusionCounts(matrix)


def _class_blocks(pair: _Labelled, track: Track) -> Iterator[Block]:
    predicted, grid = pair.predicted, pair.predicted.grid
    to_predicted = np.full(256, IGNORE, np.uint8)
    to_predicted[: len(pair.names)] = [pair.classes.names.index(name) for name in pair.names]
    with (
        read_on_grid(predicted, grid, Resampling.nearest) as guess,
        pair.labels.on_grid(grid) as labels,
    ):
        for window in track(_strips(grid), f"comparing {predicted.path.name}", len(_strips(grid))):
            values, seen = guess.read(window)
            truth = to_predicted[labels.read(window)]
            yield values[0], truth, seen & (truth != IGNORE)


def _height(pairs: Sequence[tuple[Scene, Scene]], track: Track) -> HeightResult:
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
    return HeightResult(model, mean, zero)


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
