"""Scores of predicted rasters against truth, each pixel of the prediction counted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.classes import IGNORE, ISPRS_CLASS_MAP, Classes, ClassMap
from geosemimtl.errors import LabelError, SceneError
from geosemimtl.inference.evaluation.counting import (
    ClassBlock,
    ClassSums,
    HeightBlock,
    HeightSums,
    TruthMean,
)
from geosemimtl.inference.evaluation.drawing import ClassCanvas, HeightCanvas
from geosemimtl.inference.evaluation.scoring import (
    Evaluation,
    HeightResult,
    ScoreOptions,
    SegmentationResult,
)
from geosemimtl.inference.evaluation.truth import (
    TrueClasses,
    TruthForm,
    no_heights,
    no_labels,
    open_true_classes,
    open_true_heights,
    own_class_map,
    require_truth,
)
from geosemimtl.inference.evaluation.views import MOST_SCENES
from geosemimtl.inference.making import Prediction
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import CONFIDENCE, scene_name, sibling
from geosemimtl.inference.predictor import predict
from geosemimtl.progress import Track, silent
from geosemimtl.raster.declared import declared_classes
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, height_filter, read_on_grid
from geosemimtl.raster.scene import Georeference, Scene, open_scene
from geosemimtl.raster.values import filled
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.labels import check_heights, open_labels
from geosemimtl.tiling.scenes import scene_images
from geosemimtl.training.model_file import read_card

__all__ = ["Evaluation", "evaluate", "evaluate_model"]

#: Rows that are compared at once.
_ROWS = 512


def evaluate(  # noqa: PLR0913  (rasters, truth, and how both are read)
    *,
    classes: Sequence[Path] = (),
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    true_heights: Sequence[Path] = (),
    label_classes: ClassMap | None = None,
    class_column: str = "class",
    assume_crs: str | None = None,
    scoring: ScoreOptions | None = None,
    track: Track = silent,
) -> Evaluation:
    """Compare predicted rasters with truth on the predictions' grids.

    Heights are also scored by true class where each height raster lies on the grid of the class
    raster in the same place, or where there are labels and no class rasters.

    Args:
        classes: Predicted class rasters (``*_classes.tif``).
        labels: True labels in any form, one each, on any grid; without class rasters one a height
            raster.
        heights: Predicted height rasters (``*_height.tif``).
        true_heights: True nDSM rasters in metres, one each, on any grid.
        label_classes: How the labels write their classes, matched to the predicted ones by name;
            by default the predicted classes' indices, colours and names, without class rasters
            those of ISPRS.
        class_column: Column of polygon labels that holds their class.
        assume_crs: CRS of files that carry none.
        scoring: What is scored beside the whole.
        track: Shows progress.

    Raises:
        SceneError: A raster cannot be read, or a class raster does not name its classes.
        LabelError: Truth is missing, lies elsewhere, has undeclared values, or no pixel counts.
        ConfigError: The classes do not have one that is to be left out.
    """
    scoring = scoring or ScoreOptions()
    form = TruthForm(label_classes, class_column, assume_crs)
    named_heights = _paired(heights, true_heights, "height raster", "--height")
    if heights and not classes:
        by_class = _paired(heights, labels, "height raster", "--labels") if labels else []
        measured, labelled = _measured(named_heights, _known(by_class, form, track), form), []
    else:
        named_classes = _paired(classes, labels, "class raster", "--labels")
        labelled = [
            _labelled(predicted, truth, form, scoring) for predicted, truth in named_classes
        ]
        measured = _measured(named_heights, labelled, form)
    if not labelled and not measured:
        raise LabelError("nothing to compare: name predicted rasters and --labels or --height")
    return Evaluation(
        _segmentation(labelled, scoring, track) if labelled else None,
        _height(measured, scoring, track) if measured else None,
    )


def evaluate_model(  # noqa: PLR0913  (what predict takes, and what evaluate does)
    scenes: Sequence[Path],
    model: Path,
    *,
    labels: Sequence[Path] = (),
    true_heights: Sequence[Path] = (),
    options: PredictOptions | None = None,
    label_classes: ClassMap | None = None,
    class_column: str = "class",
    scoring: ScoreOptions | None = None,
    places: Sequence[Georeference | None] = (),
    track: Track = silent,
) -> Evaluation:
    """Predict whole scenes and compare what comes out with truth; the rasters are not kept.

    Args:
        scenes: As for ``geosemimtl.inference.predictor.predict``, in the order of the truth.
        model: A model file.
        labels: As for ``evaluate``.
        true_heights: Likewise.
        options: How to predict.
        label_classes: As for ``evaluate``.
        class_column: Likewise.
        scoring: Likewise.
        places: One for each scene: what holds if it does not say where it lies.
        track: Shows progress.

    Raises:
        GeoSemiMTLError: As those two.
    """
    scoring = scoring or ScoreOptions()
    options = replace(options or PredictOptions(), confidence=scoring.report)
    images = scene_images(scenes, mosaic=options.mosaic)
    require_truth(len(images), read_card(model), labels, true_heights, scoring)
    with TemporaryDirectory() as folder:
        made: list[Prediction] = []
        for number, files in enumerate(images):  # scenes may have one name
            own = replace(options, mosaic=len(files) > 1)
            if places:
                own = replace(own, georeference=places[number])
            output = Path(folder, str(number))
            made += predict(files, model, output=output, options=own, track=track)
        return evaluate(
            classes=[each.rasters[SEGMENTATION] for each in made] if labels else (),
            labels=labels,
            heights=[each.rasters[HEIGHT] for each in made] if true_heights else (),
            true_heights=true_heights,
            label_classes=label_classes,
            class_column=class_column,
            assume_crs=options.assume_crs,
            scoring=scoring,
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


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A raster beside true classes: the classes that it predicts, or those its heights lie in.

    Attributes:
        predicted: The raster.
        classes: Its classes.
        truth: The true ones.
        confidence: Of classes, where that is wanted and lies beside them.
    """

    predicted: Scene
    classes: Classes
    truth: TrueClasses
    confidence: Scene | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    """A predicted height raster beside its truth, and true classes where they are known."""

    predicted: Scene
    truth: Scene
    labelled: _Labelled | None


def _labelled(prediction: Path, truth: Path, form: TruthForm, scoring: ScoreOptions) -> _Labelled:
    predicted = open_scene(prediction, assume_crs=form.assume_crs)
    classes = _named_classes(predicted)
    true = open_true_classes(truth, prediction, classes, predicted.grid, form)
    confidence = _confidence_beside(predicted, form) if scoring.report else None
    return _Labelled(predicted, classes, true, confidence)


def _confidence_beside(predicted: Scene, form: TruthForm) -> Scene | None:
    """Return the confidence that was written with some classes, if it is there and fits."""
    path = sibling(predicted.path, CONFIDENCE)
    if path == predicted.path or not path.is_file():
        return None
    confidence = open_scene(path, assume_crs=form.assume_crs)
    fits = confidence.dtype == "uint8" and len(confidence.indexes) == 1
    return confidence if fits and confidence.grid.matches(predicted.grid) else None


def _known(pairs: Sequence[tuple[Path, Path]], form: TruthForm, track: Track) -> list[_Labelled]:
    """Look at labels of scenes of which only heights are predicted."""
    class_map = form.classes or ISPRS_CLASS_MAP
    form, classes = replace(form, classes=class_map), class_map.classes
    found = []
    for prediction, truth in pairs:
        predicted = open_scene(prediction, assume_crs=form.assume_crs)
        true = open_true_classes(truth, prediction, classes, predicted.grid, form)
        true.check(predicted.grid, track)
        found.append(_Labelled(predicted, classes, true))
    return found


def _measured(
    pairs: Sequence[tuple[Path, Path]], labelled: Sequence[_Labelled], form: TruthForm
) -> list[_Measured]:
    rasters = [open_scene(prediction, assume_crs=form.assume_crs) for prediction, _ in pairs]
    beside = len(labelled) == len(rasters) and all(
        raster.grid.matches(each.predicted.grid)
        for raster, each in zip(rasters, labelled, strict=True)
    )
    known = labelled if beside else [None] * len(rasters)
    return [
        _Measured(raster, open_true_heights(truth, raster.grid, form), own)
        for raster, (_, truth), own in zip(rasters, pairs, known, strict=True)
    ]


def _segmentation(
    pairs: Sequence[_Labelled], scoring: ScoreOptions, track: Track
) -> SegmentationResult:
    first = pairs[0]
    classes = first.classes
    scoring.left_out(classes)  # before work begins
    sums, canvases = ClassSums.zeros(len(classes)), []
    sure = all(pair.confidence for pair in pairs)
    for number, pair in enumerate(pairs):
        predicted = pair.predicted
        if pair.classes.names != classes.names:
            raise LabelError(
                f"{predicted.path}: its classes are not those of {first.predicted.path}; evaluate "
                "them apart"
            )
        own = open_labels([predicted.path], own_class_map(predicted.path, pair.classes))
        own.check(predicted.grid)
        pair.truth.check(predicted.grid, track)
        shown = pair if sure else replace(pair, confidence=None)
        blocks = _class_blocks(shown, scoring.erode_px, track)
        if scoring.report and number < MOST_SCENES:
            canvas = ClassCanvas(scene_name(predicted.path), predicted.grid, classes)
            canvases.append(canvas)
            blocks = canvas.watching(blocks)
        for block in blocks:
            sums = sums + ClassSums.of(block, len(classes))
    if not sums.full.total:
        raise no_labels(first.truth.labels.path)
    views = tuple(canvas.view() for canvas in canvases)
    return replace(sums.result(classes, scoring), views=views)


def _class_blocks(pair: _Labelled, erode_px: int | None, track: Track) -> Iterator[ClassBlock]:
    predicted, grid = pair.predicted, pair.predicted.grid
    with ExitStack() as stack:
        guess = stack.enter_context(read_on_grid(predicted, grid, Resampling.nearest))
        labels = stack.enter_context(pair.truth.on_grid(grid))
        sure = pair.confidence and stack.enter_context(
            read_on_grid(pair.confidence, grid, Resampling.nearest)
        )
        for window in track(_strips(grid), f"comparing {predicted.path.name}", len(_strips(grid))):
            values, seen = guess.read(window)
            truth, inner = labels.read_eroded(window, erode_px)
            yield ClassBlock(
                filled(values[0], seen, IGNORE),
                truth,
                seen & (truth != IGNORE),
                inner,
                _percent(sure, window) if sure else None,
            )


def _percent(sure: GridReader, window: Window) -> NDArray[np.uint8]:
    """Return the confidence of a window, ``IGNORE`` where unknown."""
    values, known = sure.read(window)
    if known.any() and (highest := values[0][known].max()) > 100:
        raise SceneError(
            f"{sure.path}: holds {highest}, but confidence is 0 to 100 %; predict again, or move "
            "the file away"
        )
    return filled(values[0], known, IGNORE)


def _height(pairs: Sequence[_Measured], scoring: ScoreOptions, track: Track) -> HeightResult:
    mean = TruthMean()
    for pair in pairs:
        predicted = pair.predicted
        if len(predicted.indexes) != 1:
            raise SceneError(
                f"{predicted.path}: has {len(predicted.indexes)} bands; name a *_height.tif of "
                "geosemimtl predict"
            )
        check_heights(pair.truth)
        for block in _height_blocks(replace(pair, labelled=None), silent):
            mean = mean.and_of(block.truth, block.valid)
    if not mean.pixels:
        raise no_heights(pairs[0].truth.path)
    known = pairs[0].labelled
    names = known.classes.names if known else ()
    sums, canvases = HeightSums.zeros(scoring, len(names)), []
    for number, pair in enumerate(pairs):
        blocks = _height_blocks(pair, track)
        if scoring.report and number < MOST_SCENES:
            canvas = HeightCanvas(scene_name(pair.predicted.path), pair.predicted.grid)
            canvases.append(canvas)
            blocks = canvas.watching(blocks)
        for block in blocks:
            sums = sums + HeightSums.of(block, scoring, len(names), mean.metres)
    views = tuple(canvas.view() for canvas in canvases)
    return replace(sums.result(scoring, names), views=views)


def _height_blocks(pair: _Measured, track: Track) -> Iterator[HeightBlock]:
    predicted, grid = pair.predicted, pair.predicted.grid
    with ExitStack() as stack:
        guess = stack.enter_context(read_on_grid(predicted, grid, Resampling.nearest))
        chosen = height_filter(pair.truth.grid, grid)
        truth = stack.enter_context(read_on_grid(pair.truth, grid, chosen))
        labels = pair.labelled and stack.enter_context(pair.labelled.truth.on_grid(grid))
        for window in track(_strips(grid), f"comparing {predicted.path.name}", len(_strips(grid))):
            (metres, seen), (true_metres, known) = guess.read(window), truth.read(window)
            yield HeightBlock(
                np.where(seen, metres[0], np.nan),
                np.where(known, true_metres[0].astype(np.float64), np.nan),
                seen & known,
                labels.read(window) if labels else None,
            )


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
