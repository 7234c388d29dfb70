"""From a configuration to a model file."""

from __future__ import annotations

import logging
import platform
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader

from geosemimtl.config import TrainConfig
from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles, IterationBatches, iterations_of
from geosemimtl.errors import TileSetError
from geosemimtl.progress import Track, silent
from geosemimtl.raster.writing import require_absent, write_text
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Classes, Height, Segmentation, Task
from geosemimtl.tiling.tileset import TileSet, height_scale_m
from geosemimtl.training.model_file import SUFFIX, DomainCard, ModelCard, save_model
from geosemimtl.training.module import MultiTaskTask

#: Packages whose versions decide what comes out.
_PACKAGES = ("geosemimtl", "torch", "torchgeo", "segmentation-models-pytorch", "timm", "rasterio")


def train(
    config: TrainConfig, output: Path, *, overwrite: bool = False, track: Track = silent
) -> Path:
    """Train a model on partially labelled tile sets.

    Args:
        config: What to train.
        output: The run's folder: ``NAME.safetensors``, the resolved configuration, ``metrics.csv``.
        overwrite: Replace an existing run's model.
        track: Shows progress.

    Returns:
        The model file.

    Raises:
        TileSetError: A tile set is missing, empty, or does not fit the others.
        ConfigError: The encoder or its weights cannot be had.
        OutputError: The run exists.
    """
    path = output / f"{config.name}{SUFFIX}"
    require_absent([path], overwrite=overwrite)
    domains = [DomainTiles(d.tiles, config.tasks, d.supervises) for d in config.domains]
    _check_domains(config, domains)
    tasks = _tasks(config, domains)
    iterations = config.iterations or iterations_of(config.epochs, len(domains[0]), config.batch)
    mean, std = _normalisation([domain.tileset for domain in domains])
    labelled = {
        task: [k for k, domain in enumerate(domains) if task in domain.supervises]
        for task in config.tasks
    }
    seed_everything(config.seed, verbose=False)
    module = MultiTaskTask(
        config,
        tasks,
        (torch.tensor(mean), torch.tensor(std)),
        iterations,
        labelled,
        _class_weights(config.class_balance, domains),
    )
    batches = IterationBatches(domains, config.batch, iterations, config.seed)
    loader: DataLoader[list[Batch]] = DataLoader(
        batches, batch_size=None, num_workers=config.workers
    )
    _fit(module, loader, config, output, track)
    card = _card(config, tasks, domains, (mean, std))
    save_model(path, module.model, card)
    write_text(output / "config.yaml", yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    return path


def _fit(
    module: MultiTaskTask,
    loader: DataLoader[list[Batch]],
    config: TrainConfig,
    output: Path,
    track: Track,
) -> None:
    with _quiet_lightning():
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            precision=precision_of(config.precision),
            max_epochs=1,
            logger=CSVLogger(output, name="", version=""),
            callbacks=[_Progress(track, len(loader))],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=10,
        )
        trainer.fit(module, loader)
    if trainer.interrupted:
        raise KeyboardInterrupt


def precision_of(name: str) -> Any:
    """Return Lightning's name of a precision; ``auto`` asks the device what it does natively."""
    if name == "auto":
        if torch.cuda.is_available():
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            native = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  (torch has no public question for this)
        name = "bf16" if native else "32"
    return {"bf16": "bf16-mixed", "32": "32-true"}[name]


class _Progress(Callback):
    """Moves a tracker one step an iteration."""

    def __init__(self, track: Track, iterations: int) -> None:
        self._steps = iter(track(range(iterations), "training", iterations))

    def on_train_batch_start(self, *args: object) -> None:
        next(self._steps)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002  (Lightning's signature)
        next(self._steps, None)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep advertisements and hints of Lightning off the user's screen."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*does not have many workers.*")
            # raised by Lightning's own use of torch (2.6.6 with torch 2.15)
            warnings.filterwarnings("ignore", ".*LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_domains(config: TrainConfig, domains: Sequence[DomainTiles]) -> None:
    """Refuse tile sets that one model cannot learn from together."""
    first = domains[0]
    for domain in domains[1:]:
        for field in ("gsd_m", "bands", "dtype", "size_px"):
            ours, theirs = getattr(first.tileset, field), getattr(domain.tileset, field)
            if ours != theirs:
                raise TileSetError(
                    f"{domain.folder}: {field} is {theirs}, that of {first.folder} is {ours}: cut "
                    "all tile sets of a training alike"
                )
    if config.crop_px > first.tileset.size_px:
        raise TileSetError(
            f"{first.folder}: tiles of {first.tileset.size_px} px are smaller than crops of "
            f"{config.crop_px} px: lower crop_px or cut larger tiles"
        )
    for task in config.tasks:
        if not any(task in domain.supervises for domain in domains):
            raise TileSetError(
                f"no domain supervises {task}: cut tiles with labels for it, list it under a "
                "domain's supervises, or leave it out of tasks"
            )


def _tasks(config: TrainConfig, domains: Sequence[DomainTiles]) -> tuple[Task, ...]:
    found: list[Task] = []
    if SEGMENTATION in config.tasks:
        found.append(Segmentation(classes=_common_classes(domains)))
    if HEIGHT in config.tasks:
        sets = {str(d.folder): d.tileset for d in domains if HEIGHT in d.supervises}
        found.append(Height(scale_m=height_scale_m(sets)))
    return tuple(found)


def _common_classes(domains: Sequence[DomainTiles]) -> Classes:
    labelled = [domain for domain in domains if SEGMENTATION in domain.supervises]
    classes = labelled[0].tileset.classes
    for domain in labelled[1:]:
        other = domain.tileset.classes
        if classes is None or other is None or other.names != classes.names:
            raise TileSetError(
                f"{domain.folder}: its classes differ from those of {labelled[0].folder}: cut "
                "both with the same class names"
            )
    assert classes is not None  # a domain that supervises the segmentation has classes
    return Classes(
        entries=tuple(c.model_copy(update={"value": None}) for c in classes.entries), ignore=(255,)
    )


def _normalisation(sets: Sequence[TileSet]) -> tuple[list[float], list[float]]:
    """Return one mean and deviation a band for all domains, each domain counting alike."""
    means = np.array([[band.mean for band in s.statistics] for s in sets])
    squares = np.array([[band.std**2 + band.mean**2 for band in s.statistics] for s in sets])
    mean = means.mean(axis=0)
    std = np.sqrt(np.maximum(squares.mean(axis=0) - mean**2, 1e-6))
    return mean.tolist(), std.tolist()


def _class_weights(power: float, domains: Sequence[DomainTiles]) -> Tensor | None:
    """Weigh classes by a power of the inverse of their share; a labelled pixel weighs 1 on average."""
    counts = [d.tileset.class_pixels for d in domains if SEGMENTATION in d.supervises]
    if power == 0 or not counts:
        return None
    share = np.maximum(np.array(counts, np.float64).sum(axis=0), 1)
    share /= share.sum()
    weights = share**-power
    return torch.tensor(weights / (share * weights).sum(), dtype=torch.float32)


def _card(
    config: TrainConfig,
    tasks: tuple[Task, ...],
    domains: Sequence[DomainTiles],
    normalisation: tuple[list[float], list[float]],
) -> ModelCard:
    first = domains[0].tileset
    document = config.model_dump(mode="json")
    for domain in document["domains"]:
        domain["tiles"] = Path(domain["tiles"]).name
    return ModelCard(
        name=config.name,
        network=config.network,
        tasks=tasks,
        bands=first.bands,
        mean=tuple(normalisation[0]),
        std=tuple(normalisation[1]),
        dtype=first.dtype,
        value_range=first.value_range,
        gsd_m=first.gsd_m,
        tile_px=first.size_px,
        overlap_px=first.overlap_px,
        domains=tuple(
            DomainCard(
                name=entry.name,
                scenes=tuple(source.name for source in domain.tileset.sources),
                tiles=len(domain),
                supervises=domain.supervises,
                value_range=domain.tileset.value_range,
                statistics=domain.tileset.statistics,
            )
            for entry, domain in zip(config.domains, domains, strict=True)
        ),
        training=document,
        versions={"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    )
