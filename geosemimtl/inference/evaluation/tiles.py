"""Scores of tiles as the network leaves them: not blended, and on the model's own grid.

Many papers score so. Beside the scores of stitched scenes it shows what blending gains, and how
much of a figure comes from how it was counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE, Classes, ClassMap
from geosemimtl.errors import ConfigError
from geosemimtl.inference.adaptation import sample_tiles
from geosemimtl.inference.choosing import Chosen, choose_scenes
from geosemimtl.inference.evaluation.counting import (
    ClassBlock,
    ClassSums,
    HeightBlock,
    HeightSums,
    TruthMean,
)
from geosemimtl.inference.evaluation.scoring import Evaluation, ScoreOptions
from geosemimtl.inference.evaluation.truth import (
    TrueClasses,
    TruthForm,
    no_heights,
    no_labels,
    open_true_classes,
    open_true_heights,
    require_truth,
)
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import kind_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import CONFIDENCE
from geosemimtl.inference.setup import settle
from geosemimtl.inference.streaming import require_numbers
from geosemimtl.progress import Track, silent
from geosemimtl.raster.environment import gdal_environment
from geosemimtl.raster.reading import height_filter, read_on_grid
from geosemimtl.raster.scene import Scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Segmentation
from geosemimtl.tiling.labels import check_heights
from geosemimtl.tiling.layers import Piece
from geosemimtl.tiling.scenes import scene_images
from geosemimtl.training.model_file import ModelCard, read_card


def evaluate_tiles(  # noqa: PLR0913  (what predict takes, and what evaluate does)
    scenes: Sequence[Path],
    model: Path,
    *,
    labels: Sequence[Path] = (),
    true_heights: Sequence[Path] = (),
    options: PredictOptions | None = None,
    label_classes: ClassMap | None = None,
    class_column: str = "class",
    scoring: ScoreOptions | None = None,
    track: Track = silent,
) -> Evaluation:
    """Score each tile of some scenes on its own; pixels of overlaps count once a tile.

    Tiles lie and are read as for a prediction. The truth is brought to the model's grid.

    Args:
        scenes: As for ``geosemimtl.inference.evaluation.scenes.evaluate_model``.
        model: Likewise.
        labels: Likewise.
        true_heights: Likewise.
        options: How to predict; what concerns outputs does not count.
        label_classes: As there.
        class_column: Likewise.
        scoring: Likewise; pixels are those of the model's grid. There are no maps of tiles.
        track: Shows progress.

    Raises:
        GeoSemiMTLError: As there.
        ConfigError: Only a part of the scenes is to be predicted.
    """
    scoring = scoring or ScoreOptions()
    options = replace(options or PredictOptions(), grid="model", confidence=scoring.report)
    if options.bounds is not None or options.area is not None:
        raise ConfigError("--per-tile: scores whole scenes; leave --bounds and --aoi out")
    images = scene_images(scenes, mosaic=options.mosaic)
    card = read_card(model)
    require_truth(len(images), card, labels, true_heights, scoring)
    form = TruthForm(label_classes, class_column, options.assume_crs)
    setting, sizes = settle(options, model, card.tile_px, ())
    network, _ = kind_of(model).opened(model, setting.devices[0], setting.precision, options)
    forward = Forward(network, card.tasks, tta=options.tta, upright=card.gsd_m is None)
    with gdal_environment():
        compared = []
        for index, files in enumerate(images):
            own = replace(options, mosaic=len(files) > 1)
            (chosen,), _ = choose_scenes(files, None, card, own)
            truth = (
                labels[index] if labels else None,
                true_heights[index] if true_heights else None,
            )
            compared.append(_compared(chosen, card, model, truth, form))
        run = _Run(forward, sizes.batch, options, scoring, track)
        return run.scores(compared, _classes_of(card) if labels else None)


def _classes_of(card: ModelCard) -> Classes:
    return next(task.classes for task in card.tasks if isinstance(task, Segmentation))


@dataclass(frozen=True, slots=True)
class _Compared:
    """A scene beside its truth; a task that is not compared has none."""

    chosen: Chosen
    classes: TrueClasses | None
    heights: Scene | None


def _compared(
    chosen: Chosen,
    card: ModelCard,
    model: Path,
    truth: tuple[Path | None, Path | None],
    form: TruthForm,
) -> _Compared:
    grid = chosen.pixels.scene.grid
    labels, heights = truth
    classes = None
    if labels is not None:
        classes = open_true_classes(labels, model, _classes_of(card), grid, form)
    return _Compared(
        chosen, classes, None if heights is None else open_true_heights(heights, grid, form)
    )


class _Tile(NamedTuple):
    """A tile and what is known of it, (rows, columns) each; where it is not compared, ``None``.

    Attributes:
        image: What the network sees.
        classes: True classes.
        inner: Which of them lie away from boundaries.
        metres: True heights.
        measured: Where they are known and the scene is valid.
    """

    image: Piece
    classes: NDArray[np.uint8] | None
    inner: NDArray[np.bool_] | None
    metres: NDArray[np.float64] | None
    measured: NDArray[np.bool_] | None


def _tiles(scene: _Compared, erode_px: int | None) -> Iterator[_Tile]:
    """Read the tiles of a scene that show anything of it."""
    grid, layout = scene.chosen.plan.grid, scene.chosen.plan.layout
    with ExitStack() as stack:
        images = stack.enter_context(scene.chosen.pixels.images(grid))
        labels = scene.classes and stack.enter_context(scene.classes.on_grid(grid))
        heights = None
        if scene.heights is not None:
            chosen = height_filter(scene.heights.grid, grid)
            heights = stack.enter_context(read_on_grid(scene.heights, grid, chosen))
        for _, _, window in layout.tiles():
            image = images.read(window)
            if not image.valid.any():
                continue
            classes, inner = labels.read_eroded(window, erode_px) if labels else (None, None)
            metres = measured = None
            if heights is not None:
                pixels, known = heights.read(window)
                metres, measured = pixels[0].astype(np.float64), known & image.valid
            yield _Tile(image, classes, inner, metres, measured)


@dataclass(frozen=True, slots=True)
class _Run:
    """How tiles are run and scored."""

    forward: Forward
    batch: int
    options: PredictOptions
    scoring: ScoreOptions
    track: Track

    def scores(self, scenes: Sequence[_Compared], classes: Classes | None) -> Evaluation:
        """Return the scores of some scenes.

        Args:
            scenes: The scenes, all compared in the same tasks.
            classes: The model's, where they are compared.
        """
        names = classes.names if classes else ()
        for scene in scenes:
            if scene.classes:
                scene.classes.check(scene.chosen.plan.grid, self.track)
            if scene.heights:
                check_heights(scene.heights)
        mean = self._mean(scenes)
        by_class, heights = ClassSums.zeros(len(names)), HeightSums.zeros(self.scoring, len(names))
        for scene in scenes:
            for tile, said in self._run(scene):
                seen, known = tile.image.valid, tile.classes
                if known is not None:
                    guess, valid = said[SEGMENTATION][0], seen & (known != IGNORE)
                    sure = said[CONFIDENCE][0] if CONFIDENCE in said else None
                    block = ClassBlock(guess, known, valid, tile.inner, sure)
                    by_class = by_class + ClassSums.of(block, len(names))
                if tile.metres is not None and tile.measured is not None and mean is not None:
                    metres = HeightBlock(said[HEIGHT][0], tile.metres, tile.measured, known)
                    heights = heights + HeightSums.of(metres, self.scoring, len(names), mean)
        first = scenes[0].classes
        if first and not by_class.full.total:
            raise no_labels(first.labels.path)
        return Evaluation(
            by_class.result(classes, self.scoring) if classes else None,
            None if mean is None else heights.result(self.scoring, names),
            per_tile=True,
        )

    def _mean(self, scenes: Sequence[_Compared]) -> float | None:
        """Return the mean of the true heights that will count, if they are compared."""
        mean = TruthMean()
        for scene in scenes:
            if scene.heights is None:
                return None
            for tile in _tiles(replace(scene, classes=None), None):
                if tile.metres is not None and tile.measured is not None:
                    mean = mean.and_of(tile.metres, tile.measured)
        if not mean.pixels:
            first = scenes[0].heights
            raise no_heights(first.path if first else scenes[0].chosen.stem)
        return mean.metres

    def _run(self, scene: _Compared) -> Iterator[tuple[_Tile, dict[str, NDArray[Any]]]]:
        """Yield each tile beside what the network says of it, by task (1, rows, columns)."""
        chosen, device = scene.chosen, self.forward.device
        if self.options.adapt_bn:
            self.forward.network.adapt(sample_tiles(chosen.pixels, chosen.plan), self.batch)
        path = chosen.pixels.scene.path
        tiles = _tiles(scene, self.scoring.erode_px)
        every = iter(self.track(tiles, f"tiles of {path.name}", len(chosen.plan.layout)))
        while batch := list(islice(every, self.batch)):
            images = [torch.from_numpy(tile.image.pixels).to(device) for tile in batch]
            values = self.forward(images)
            require_numbers(values, path)
            for tile, each in zip(batch, values, strict=True):
                valid = torch.from_numpy(tile.image.valid).to(device)
                yield tile, chosen.outputs.decided(each, valid)
