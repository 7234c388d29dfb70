"""Scores on tiles that no step sees, and the rule by which a training's best weights are known."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.errors import TileSetError
from geosemimtl.metrics.task_scores import prefixed, scores_of
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.module import MultiTaskTask

_LOG = logging.getLogger(__name__)
_SPLIT = "val"
#: Of a domain's tiles that stay in memory between validations.
_CACHE_BYTES = 512 << 20
#: Validations of a training whose configuration does not say how often.
_TIMES = 20
#: How ``score_of`` comes to its figure, in words.
RULE = (
    "the mean over the tasks of mIoU (classes), 1 - RMSE / deviation of the truth (heights and "
    "other numbers), 1 - error / 90 degrees (normals), or the best IoU or F (saliency, edges), "
    "each a mean over the domains that are labelled for it"
)


class Scores(NamedTuple):
    """What a validation came to.

    Attributes:
        iteration: Iterations done.
        named: ``DOMAIN/mean_iou`` as a share, ``DOMAIN/rmse_m`` and so on, of what has labelled
            pixels (``geosemimtl.metrics.task_scores.prefixed``).
        score: By ``score_of``; ``None`` where there is nothing to go by.
    """

    iteration: int
    named: Mapping[str, float]
    score: float | None


def score_of(skills: Mapping[str, Sequence[float | None]]) -> float | None:
    """Return the figure by which the best weights are known, the larger the better.

    Errors in metres become comparable with an mIoU by the deviation of the true heights, which is
    the error of one who always says their mean: 1 is perfect, 0 is no better than that.

    Args:
        skills: By task that of each domain that is labelled for it; ``None`` tells nothing, such
            as heights that are all alike.

    Returns:
        The mean over the tasks of the mean over their domains. ``None`` where nothing is known.
    """
    known = ([skill for skill in each if skill is not None] for each in skills.values())
    means = [fmean(each) for each in known if each]
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
    skills: dict[str, list[float | None]] = {}
    for index, domain in tiles.items():
        if not domain.supervises:
            continue
        scores = {str(task.name): scores_of(task) for task in module.tasks}
        for part in _batches(domain, index, batch):
            said = module.predicted(part.to(module.device))
            for task in domain.supervises:
                scores[task].update(said[task], part.targets[task], part.valid[task])
        for task in domain.supervises:
            if scores[task].n:
                name, value = scores[task].main
                named[f"{names[index]}/{prefixed(task, name)}"] = value
                skills.setdefault(task, []).append(scores[task].skill)
    return Scores(module.iteration, named, score_of(skills))


def _batches(domain: DomainTiles, index: int, size: int) -> Iterator[Batch]:
    for first in range(0, len(domain), size):
        yield domain.batch(range(first, min(first + size, len(domain))), index)
