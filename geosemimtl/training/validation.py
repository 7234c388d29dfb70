"""Scores on tiles that no step sees, and the rule by which a training's best weights are known."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.errors import TileSetError
from geosemimtl.metrics.scores import DepthScores, SegmentationScores
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.module import MultiTaskTask

_LOG = logging.getLogger(__name__)
_SPLIT = "val"
#: Of a domain's tiles that stay in memory between validations.
_CACHE_BYTES = 512 << 20
#: Validations of a training whose configuration does not say how often.
_TIMES = 20
#: Deviation of true heights up to which they are all alike, but for rounding.
_ALIKE_M = 1e-3
#: How ``score_of`` comes to its figure, in words.
RULE = (
    "the mean of the land cover's mIoU and the heights' 1 - RMSE / deviation of the true heights, "
    "each a mean over the domains that are labelled for it"
)


class Scores(NamedTuple):
    """What a validation came to.

    Attributes:
        iteration: Iterations done.
        named: ``DOMAIN/mean_iou`` as a share and ``DOMAIN/rmse_m``, of what has labelled pixels.
        score: By ``score_of``; ``None`` where there is nothing to go by.
    """

    iteration: int
    named: Mapping[str, float]
    score: float | None


def score_of(ious: Sequence[float], heights: Sequence[tuple[float, float]]) -> float | None:
    """Return the figure by which the best weights are known, the larger the better.

    Errors in metres become comparable with an mIoU by the deviation of the true heights, which is
    the error of one who always says their mean: 1 is perfect, 0 is no better than that.

    Args:
        ious: The mIoU of each domain that is labelled for the land cover.
        heights: RMSE and deviation of the true heights, metres, of each labelled for the heights.

    Returns:
        The mean over the tasks of the mean over their domains; heights that are all alike tell
        nothing. ``None`` where nothing is known.
    """
    skills = [1 - rmse / spread for rmse, spread in heights if spread > _ALIKE_M]
    means = [fmean(known) for known in (ious, skills) if known]
    return fmean(means) if means else None


def open_validation(config: TrainConfig, domains: Sequence[DomainTiles]) -> dict[int, DomainTiles]:
    """Open the tiles to validate by, by the index of their domain; none where there are none.

    Labels that a domain does not supervise by do not validate either: they would choose weights.

    Raises:
        TileSetError: The configuration wants to validate, and no tile set has labels to do so by.
    """
    asked = config.validation
    if asked.every == 0:
        return {}
    found = {
        index: DomainTiles(domain.folder, config.tasks, domain.supervises, _CACHE_BYTES, _SPLIT)
        for index, domain in enumerate(domains)
        if domain.tileset.splits.get(_SPLIT)
    }
    scored = {task for index in found for task in domains[index].supervises}
    if not scored:
        for key, value in (("every", asked.every), ("patience", asked.patience)):
            if value is not None:
                raise TileSetError(
                    f"validation.{key} {value}: no tile set has labelled tiles of the split "
                    f"{_SPLIT}: cut one with --split, or leave the key out"
                )
        return {}
    for task in config.tasks:
        if task not in scored:
            _LOG.warning(
                "no tile of the split %s is labelled for %s: the best model is chosen without it",
                _SPLIT,
                task,
            )
    return found


def interval_of(config: TrainConfig, iterations: int) -> int:
    """Return the iterations between two validations."""
    return config.validation.every or -(-iterations // _TIMES)


def validate(
    module: MultiTaskTask, tiles: Mapping[int, DomainTiles], names: Sequence[str], batch: int
) -> Scores:
    """Score the tiles of each domain, each tile on its own.

    Where tiles overlap a pixel counts once a tile.

    Args:
        module: With its network in evaluation mode.
        tiles: By the index of their domain.
        names: Of all domains.
        batch: Tiles that are predicted at once.

    Raises:
        TileSetError: A tile cannot be read.
        TrainingError: A prediction is not finite.
    """
    named: dict[str, float] = {}
    ious: list[float] = []
    heights: list[tuple[float, float]] = []
    for index, domain in tiles.items():
        if not domain.supervises:
            continue
        classes, metres, zero = None, DepthScores(), DepthScores()
        if domain.tileset.classes is not None:
            classes = SegmentationScores(len(domain.tileset.classes))
        for part in _batches(domain, index, batch):
            said = module.predicted(part.to(module.device))
            if SEGMENTATION in said and classes is not None:
                truth, known = part.targets[SEGMENTATION], part.valid[SEGMENTATION]
                classes.update(said[SEGMENTATION], truth, known)
            if HEIGHT in said:
                truth, known = part.targets[HEIGHT], part.valid[HEIGHT]
                metres.update(said[HEIGHT], truth, known)
                zero.update(np.zeros(truth.shape, np.float32), truth, known)
        if classes is not None and classes.counts.total:
            named[f"{names[index]}/mean_iou"] = classes.counts.miou
            ious.append(classes.counts.miou)
        if metres.counts.n:
            named[f"{names[index]}/rmse_m"] = metres.counts.rmse
            spread = math.sqrt(max(zero.counts.rmse**2 - zero.counts.bias**2, 0))
            heights.append((metres.counts.rmse, spread))
    return Scores(module.iteration, named, score_of(ious, heights))


def _batches(domain: DomainTiles, index: int, size: int) -> Iterator[Batch]:
    for first in range(0, len(domain), size):
        yield domain.batch(range(first, min(first + size, len(domain))), index)
