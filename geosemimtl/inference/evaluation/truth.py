"""What predictions are compared with: true classes and heights on any grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.classes import IGNORE, Classes, ClassMap, class_map_of
from geosemimtl.errors import ConfigError, LabelError
from geosemimtl.inference.evaluation.scoring import ScoreOptions
from geosemimtl.metrics.erosion import away_from_boundaries
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import Georeference, Scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Segmentation
from geosemimtl.tiling.labels import (
    check_overlap,
    open_heights,
    open_labels,
)
from geosemimtl.tiling.target_layer import TargetLayer, TargetReader
from geosemimtl.training.model_file import ModelCard


@dataclass(frozen=True, slots=True)
class TruthForm:
    """How true labels are written.

    Attributes:
        classes: How they write their classes; by default the predicted classes' indices, colours
            and names.
        class_column: Column of polygons that holds their class.
        assume_crs: CRS of files that carry none.
    """

    classes: ClassMap | None = None
    class_column: str = "class"
    assume_crs: str | None = None


@dataclass(frozen=True, slots=True)
class TrueClasses:
    """Labels of a scene, read as indices of the predicted classes.

    Attributes:
        labels: The labels.
        order: The predicted class's index of each of the labels' own classes.
    """

    labels: TargetLayer
    order: tuple[int, ...]

    def check(self, grid: PixelGrid, track: Track = silent) -> None:
        """Refuse undeclared values, and labels that lie elsewhere than a grid.

        Raises:
            LabelError: As ``geosemimtl.tiling.target_layer.TargetLayer.check``.
        """
        self.labels.check(grid, track)

    @contextmanager
    def on_grid(self, grid: PixelGrid) -> Iterator[TrueClassReader]:
        """Open them on a grid."""
        lookup = np.full(256, IGNORE, np.uint8)
        lookup[: len(self.order)] = self.order
        with self.labels.on_grid(grid) as reader:
            yield TrueClassReader(reader, lookup)


class TrueClassReader:
    """Reads true classes window by window; made by ``TrueClasses.on_grid``."""

    def __init__(self, reader: TargetReader, lookup: NDArray[np.uint8]) -> None:
        self._reader = reader
        self._lookup = lookup

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return predicted classes' indices (rows, columns), ``IGNORE`` where unlabelled."""
        indices: NDArray[np.uint8] = self._lookup[self._reader.read(window)]
        return indices

    def read_eroded(
        self, window: Window, radius_px: int | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """Return the classes of a window, and which pixels lie away from boundaries.

        The labels around the window are read with it, so that a window gives what the whole scene
        would.

        Args:
            window: In pixels of the grid.
            radius_px: See ``geosemimtl.metrics.erosion.away_from_boundaries``; with ``None``
                nobody asks.
        """
        if radius_px is None:
            return self.read(window), None
        around = Window(
            window.col_off - radius_px,
            window.row_off - radius_px,
            window.width + 2 * radius_px,
            window.height + 2 * radius_px,
        )
        truth = self.read(around)
        own = (slice(radius_px, -radius_px),) * 2
        return truth[own], away_from_boundaries(truth, radius_px)[own]


def open_true_classes(
    truth: Path, predicted: Path, classes: Classes, grid: PixelGrid, form: TruthForm
) -> TrueClasses:
    """Look at labels that predicted classes are compared with.

    Args:
        truth: The labels, in any form.
        predicted: Who predicts the classes, for messages: a raster, or a model file.
        classes: The predicted classes.
        grid: Of the scene: where labels lie that do not say so.
        form: How the labels are written.

    Raises:
        SceneError: The labels cannot be read.
        LabelError: Their classes are not among those predicted.
    """
    names = form.classes or own_class_map(predicted, classes)
    labels = open_labels(
        [truth],
        names,
        assume_crs=form.assume_crs,
        fallback=Georeference.of(grid),
        class_column=form.class_column,
    )
    own = names.classes.names
    unknown = [name for name in own if name not in classes.names]
    if unknown:
        raise LabelError(
            f"{labels.path}: classes {', '.join(unknown)} are not among the predicted "
            f"{', '.join(classes.names)}: name them alike in --classes"
        )
    return TrueClasses(labels, tuple(classes.names.index(name) for name in own))


def own_class_map(predicted: Path, classes: Classes) -> ClassMap:
    """Return how labels write classes that nobody says more of.

    Raises:
        LabelError: Two of them have the same colour.
    """
    try:
        return class_map_of(classes)
    except ValueError as error:
        raise LabelError(
            f"{predicted}: two of its classes have the same colour; say with --classes how "
            "the labels write them"
        ) from error


def open_true_heights(truth: Path, grid: PixelGrid, form: TruthForm) -> Scene:
    """Look at heights that predicted ones are compared with.

    Args:
        truth: The heights.
        grid: Where heights are predicted.
        form: Has the CRS of files that carry none.

    Raises:
        SceneError: The heights cannot be read.
        LabelError: They lie elsewhere.
    """
    heights = open_heights([truth], assume_crs=form.assume_crs, fallback=Georeference.of(grid))
    check_overlap(heights, grid)
    return heights


def require_truth(
    scenes: int,
    card: ModelCard,
    labels: Sequence[Path],
    true_heights: Sequence[Path],
    scoring: ScoreOptions,
) -> None:
    """Refuse what a model's predictions of some scenes cannot be scored by, before work begins.

    Raises:
        LabelError: There is no truth, not one for each scene, or none of what the model predicts.
        ConfigError: The model has no class that is to be left out, or is of images without ground.
    """
    if card.gsd_m is None:
        raise ConfigError(
            f"the model {card.name} is of images that lie nowhere on the ground, which are scored "
            "as tile sets: cut images and labels by geosemimtl tile, then geosemimtl evaluate TILES"
        )
    names = {task.name for task in card.tasks}
    for task, truth, flag in (
        (SEGMENTATION, labels, "--labels"),
        (HEIGHT, true_heights, "--height"),
    ):
        if truth and task not in names:
            raise LabelError(f"{flag} {truth[0]}: the model predicts no {task}; leave it out")
        if truth and len(truth) != scenes:
            raise LabelError(f"{scenes} scene(s) but {len(truth)} {flag}: name one for each")
    if not labels and not true_heights:
        raise LabelError("nothing to compare: name --labels or --height")
    for each in card.tasks:
        if labels and isinstance(each, Segmentation):
            scoring.left_out(each.classes)


def no_labels(path: Path) -> LabelError:
    """Return the error of labels that meet no predicted pixel."""
    return LabelError(
        f"{path}: no labelled pixel lies where a class is predicted; check the order of --labels"
    )


def no_heights(path: Path) -> LabelError:
    """Return the error of true heights that meet no predicted pixel."""
    return LabelError(
        f"{path}: no valid height lies where one is predicted; check the order of --height"
    )
