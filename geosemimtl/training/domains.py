"""The tile sets of a training: whether one model can learn from them, and what they say of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from geosemimtl.classes import Classes
from geosemimtl.data.tiles import DomainTiles, IterationBatches, iterations_of
from geosemimtl.errors import TileSetError
from geosemimtl.tasks import (
    SEGMENTATION,
    TASK_NAMES,
    Kind,
    Task,
    kind_of,
)
from geosemimtl.tiling.index import tile_class_shares
from geosemimtl.tiling.tileset import TileSet, pooled_scale
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.module import Data

_LOG = logging.getLogger(__name__)
_TASK: TypeAdapter[Task] = TypeAdapter(Task)


def open_domains(config: TrainConfig) -> list[DomainTiles]:
    """Open the tile sets of a training.

    Raises:
        TileSetError: One is missing or empty, does not fit the others or the configuration, or
            no domain is labelled for one of the tasks.
    """
    domains = [
        DomainTiles(d.tiles, config.tasks, d.supervises, regime=d.regime) for d in config.domains
    ]
    first = domains[0]
    for domain in domains[1:]:
        _require_alike(first, domain)
    if config.crop_px > min(first.tileset.size_px):
        rows, cols = first.tileset.size_px
        raise TileSetError(
            f"{first.folder}: tiles of {rows} x {cols} px are smaller than crops of "
            f"{config.crop_px} px: lower crop_px or cut larger tiles"
        )
    for task in config.tasks:
        if not any(task in domain.supervises for domain in domains):
            raise TileSetError(
                f"no domain supervises {task}: cut tiles with labels for it, list it under a "
                "domain's supervises, or leave it out of tasks"
            )
    return domains


def data_of(config: TrainConfig, domains: Sequence[DomainTiles]) -> Data:
    """Return what the tile sets say: tasks with their units, statistics, who is labelled."""
    mean, std = _normalisation([domain.tileset for domain in domains])
    labelled: dict[str, list[int]] = {
        task: [k for k, domain in enumerate(domains) if task in domain.supervises]
        for task in config.tasks
    }
    return Data(
        _tasks(config, domains),
        torch.tensor(mean),
        torch.tensor(std),
        labelled,
        _class_weights(config.class_balance, domains),
    )


def iterations_in(config: TrainConfig, domains: Sequence[DomainTiles]) -> int:
    """Return the length of a training: as written, or so many epochs of one domain's tiles."""
    if config.iterations is not None:
        return config.iterations
    return iterations_of(config.epochs, epoch_in(config, domains), config.batch_a_domain)


def epoch_in(config: TrainConfig, domains: Sequence[DomainTiles]) -> int:
    """Return how many tiles an epoch has: those of the domain that it is a pass over."""
    if config.epochs_of is not None:
        return len(domains[[domain.name for domain in config.domains].index(config.epochs_of)])
    labelled = [domain for domain in domains if SEGMENTATION in domain.supervises]
    return len((labelled or domains)[0])


def batches_of(
    config: TrainConfig, domains: Sequence[DomainTiles], start: int = 0
) -> IterationBatches:
    """Return the batches of every iteration from ``start`` on."""
    return IterationBatches(
        domains,
        config.batch_a_domain,
        iterations_in(config, domains),
        config.seed,
        start,
        chances_of(config, domains),
        epoch_in(config, domains) if config.sampling == "random" else None,
    )


def chances_of(
    config: TrainConfig, domains: Sequence[DomainTiles]
) -> list[NDArray[np.float64] | None]:
    """Return by domain each tile's chance to be drawn: ``None`` where all are drawn alike.

    A class is drawn first, rare ones more often, then one of the tiles that have any of it
    (DAFormer, arXiv:2111.14887, Eq. 6 and 7).
    """
    return [
        _rare_first(domain, config.rare_classes)
        if config.rare_classes > 0 and SEGMENTATION in domain.supervises
        else None
        for domain in domains
    ]


def _rare_first(domain: DomainTiles, temperature: float) -> NDArray[np.float64]:
    shares = _kept_shares(domain)
    has = shares > 0
    present = has.any(axis=0)
    chances = np.full(len(shares), 1 / len(shares))
    if not present.any():
        return chances
    frequency = shares.sum(axis=0) / shares.sum()
    wanted = np.where(present, np.exp((frequency.min() - frequency) / temperature), 0)
    each = wanted / wanted.sum() / np.maximum(has.sum(axis=0), 1)
    # tiles whose labels a regime hides are drawn as often as without
    kept = _keeps_classes(domain)
    rare: NDArray[np.float64] = (has * each).sum(axis=1)
    chances[kept] = rare[kept] / rare.sum() * kept.mean()
    return chances


def _keeps_classes(domain: DomainTiles) -> NDArray[np.bool_]:
    """Return by tile whether its classes are used."""
    return np.array([SEGMENTATION in domain.labelled(name) for name in domain.names])


def _kept_shares(domain: DomainTiles) -> NDArray[np.float64]:
    """Return by tile the shares of its pixels that are of each class, 0 where they are hidden."""
    names = _classes_of(domain).names
    shares = np.array(tile_class_shares(domain.folder, names), np.float64)
    shares[~_keeps_classes(domain)] = 0
    return shares


def _class_pixels(domain: DomainTiles) -> NDArray[np.float64]:
    """Return how many pixels of each class a training sees labelled."""
    # the tile set counts pixels of overlaps once, tiles' shares count them in each tile
    if domain.regime is None:
        return np.array(domain.tileset.class_pixels, np.float64)
    shares: NDArray[np.float64] = _kept_shares(domain).sum(axis=0)
    return shares * math.prod(domain.tileset.size_px)


def _require_alike(first: DomainTiles, domain: DomainTiles) -> None:
    for field in ("gsd_m", "bands", "size_px"):
        ours, theirs = getattr(first.tileset, field), getattr(domain.tileset, field)
        same = ours == theirs
        if field == "gsd_m" and ours is not None and theirs is not None:
            same = math.isclose(ours, theirs, rel_tol=1e-6)
        if not same:
            raise TileSetError(
                f"{domain.folder}: {field} is {theirs}, that of {first.folder} is {ours}: cut "
                "all tile sets of a training alike"
            )


def _tasks(config: TrainConfig, domains: Sequence[DomainTiles]) -> tuple[Task, ...]:
    return tuple(_task(task, domains) for task in TASK_NAMES if task in config.tasks)


def _task(name: str, domains: Sequence[DomainTiles]) -> Task:
    """Return a task with what its labels say of it: classes, or a scale."""
    kind = kind_of(name)
    known: dict[str, object] = {"name": name}
    if kind is Kind.CLASSES:
        known["classes"] = _common_classes(name, domains)
    elif kind is Kind.QUANTITY:
        sets = {str(d.folder): d.tileset for d in domains if name in d.supervises}
        known["scale"] = pooled_scale(sets, name)
    task: Task = _TASK.validate_python(known)
    return task


def _common_classes(task: str, domains: Sequence[DomainTiles]) -> Classes:
    labelled = [domain for domain in domains if task in domain.supervises]
    classes = _classes_of(labelled[0], task)
    for domain in labelled[1:]:
        names = _classes_of(domain, task).names
        if names != classes.names:
            raise TileSetError(
                f"{domain.folder}: its classes are {', '.join(names)}, those of "
                f"{labelled[0].folder} {', '.join(classes.names)}: cut both with the same names"
            )
    return classes


def _classes_of(domain: DomainTiles, task: str = SEGMENTATION) -> Classes:
    classes = domain.tileset.classes_of(task)
    assert classes is not None  # noqa: S101  (what supervises such a task has classes)
    return classes


def _normalisation(sets: Sequence[TileSet]) -> tuple[list[float], list[float]]:
    """Return one mean and deviation a band for all domains, each domain counting alike."""
    means = np.array([[band.mean for band in s.statistics] for s in sets])
    squares = np.array([[band.std**2 + band.mean**2 for band in s.statistics] for s in sets])
    mean = means.mean(axis=0)
    std = np.sqrt(np.maximum(squares.mean(axis=0) - mean**2, 1e-6))
    return mean.tolist(), std.tolist()


def _class_weights(power: float, domains: Sequence[DomainTiles]) -> Tensor | None:
    """Weigh classes by a power of the inverse share; a labelled pixel weighs 1 on average."""
    labelled = [domain for domain in domains if SEGMENTATION in domain.supervises]
    if not labelled:
        return None
    pixels = np.sum([_class_pixels(domain) for domain in labelled], axis=0)
    names = zip(_classes_of(labelled[0]).names, pixels, strict=True)
    if unseen := [name for name, count in names if count == 0]:
        _LOG.warning("no training pixel is %s: the model will not know it", ", ".join(unseen))
    if power == 0:
        return None
    share = pixels / max(pixels.sum(), 1)
    weights = np.where(pixels > 0, np.maximum(share, 1e-12) ** -power, 0)
    return torch.tensor(weights / (share * weights).sum(), dtype=torch.float32)
