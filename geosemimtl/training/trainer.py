"""From a configuration to a model file."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.utils.data import DataLoader

from geosemimtl.config import TrainConfig
from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles, IterationBatches, iterations_of
from geosemimtl.errors import TileSetError
from geosemimtl.files import no_empty_folder, require_absent, write_text
from geosemimtl.progress import Track, silent
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Classes, Height, Segmentation, Task
from geosemimtl.tiling.tileset import TileSet, height_scale_m
from geosemimtl.training.fitting import fit
from geosemimtl.training.model_file import SUFFIX, DomainCard, ModelCard, save_model
from geosemimtl.training.module import MultiTaskTask

CONFIG = "config.yaml"
#: Packages whose versions decide what comes out.
_PACKAGES = ("geosemimtl", "torch", "torchgeo", "segmentation-models-pytorch", "timm", "rasterio")


def train(
    config: TrainConfig, output: Path, *, overwrite: bool = False, track: Track = silent
) -> Path:
    """Train a model on partially labelled tile sets.

    On a CPU, same configuration, same tiles, same number of threads: same bytes. Torch's global
    random state is seeded.

    Args:
        config: What to train.
        output: The run's folder: ``metrics.csv`` with the losses of every tenth iteration,
            ``config.yaml`` as it was resolved, which trains the same again, and the model.
        overwrite: Replace an existing run's model.
        track: Shows progress.

    Returns:
        The model file.

    Raises:
        TileSetError: A tile set is missing, empty, or does not fit the others.
        ConfigError: The encoder or its weights cannot be had.
        OutputError: The run exists, or its folder cannot be written.
        KeyboardInterrupt: The user stopped it: there is no new model.
    """
    with no_empty_folder(output):
        return _trained(config, output, overwrite=overwrite, track=track)


def _trained(config: TrainConfig, output: Path, *, overwrite: bool, track: Track) -> Path:
    path = output / f"{config.name}{SUFFIX}"
    require_absent([path, output / CONFIG], overwrite=overwrite)
    domains = [DomainTiles(d.tiles, config.tasks, d.supervises) for d in config.domains]
    _check_domains(config, domains)
    tasks = _tasks(config, domains)
    iterations = config.iterations or iterations_of(config.epochs, len(domains[0]), config.batch)
    mean, std = _normalisation([domain.tileset for domain in domains])
    torch.manual_seed(config.seed)
    module = MultiTaskTask(
        config,
        tasks,
        (torch.tensor(mean), torch.tensor(std)),
        iterations,
        _labelled(config, domains),
        _class_weights(config.class_balance, domains),
    )
    batches = IterationBatches(domains, config.batch, iterations, config.seed)
    loader: DataLoader[list[Batch]] = DataLoader(
        batches,
        batch_size=None,
        num_workers=config.workers,
        # a fork of a process with threads (torch's, GDAL's) may hang, as Python 3.12 warns
        multiprocessing_context="forkserver" if config.workers else None,
    )
    fit(module, loader, output, precision=config.precision, track=track)
    resolved = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_text(output / CONFIG, resolved)
    save_model(path, module.model, _card(config, tasks, domains, (mean, std)))
    return path


def _check_domains(config: TrainConfig, domains: Sequence[DomainTiles]) -> None:
    """Refuse tile sets that one model cannot learn from together."""
    first = domains[0]
    for domain in domains[1:]:
        for field in ("gsd_m", "bands", "dtype", "size_px"):
            ours, theirs = getattr(first.tileset, field), getattr(domain.tileset, field)
            same = math.isclose(ours, theirs, rel_tol=1e-6) if field == "gsd_m" else ours == theirs
            if not same:
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


def _labelled(config: TrainConfig, domains: Sequence[DomainTiles]) -> dict[str, list[int]]:
    """Return by task the domains that have labels for it."""
    return {
        task: [k for k, domain in enumerate(domains) if task in domain.supervises]
        for task in config.tasks
    }


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
    assert classes is not None  # noqa: S101  (what supervises the segmentation has classes)
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
    counts = [d.tileset.class_pixels for d in domains if SEGMENTATION in d.supervises]
    if power == 0 or not counts:
        return None
    pixels = np.array(counts, np.float64).sum(axis=0)
    share = pixels / max(pixels.sum(), 1)
    weights = np.where(pixels > 0, np.maximum(share, 1e-12) ** -power, 0)
    return torch.tensor(weights / (share * weights).sum(), dtype=torch.float32)


def _without_folders(config: TrainConfig) -> TrainConfig:
    """Name files and folders without where they lie: a model file tells nothing of its machine."""
    weights = config.network.weights
    return config.model_copy(
        update={
            "domains": tuple(
                domain.model_copy(update={"tiles": Path(domain.tiles.resolve().name)})
                for domain in config.domains
            ),
            "network": config.network.model_copy(
                update={"weights": weights and Path(weights).name}
            ),
        }
    )


def _card(
    config: TrainConfig,
    tasks: tuple[Task, ...],
    domains: Sequence[DomainTiles],
    normalisation: tuple[list[float], list[float]],
) -> ModelCard:
    first = domains[0].tileset
    config = _without_folders(config)
    ranges = {domain.tileset.value_range for domain in domains}
    return ModelCard(
        name=config.name,
        network=config.network,
        tasks=tasks,
        bands=first.bands,
        mean=tuple(normalisation[0]),
        std=tuple(normalisation[1]),
        dtype=first.dtype,
        value_range=first.value_range if len(ranges) == 1 else None,
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
        training=config.model_dump(mode="json"),
        versions={"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    )
