"""From a configuration to a model file."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import signal
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.utils.data import DataLoader

from geosemimtl.config import differences
from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.errors import ConfigError
from geosemimtl.files import (
    earlier_request,
    no_empty_folder,
    remove_work_folder,
    require_absent,
    work_folder,
    work_folder_of,
    write_text,
)
from geosemimtl.progress import Track, silent
from geosemimtl.tiling.tileset import MANIFEST
from geosemimtl.training.checkpoint import Keeper, save_bad_batch
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import batches_of, data_of, iterations_in, open_domains
from geosemimtl.training.fitting import fit
from geosemimtl.training.initial import start_from
from geosemimtl.training.model_file import SUFFIX, DomainCard, ModelCard, read_card, save_model
from geosemimtl.training.module import Data, MultiTaskTask

_LOG = logging.getLogger(__name__)
CONFIG = "config.yaml"
BAD_BATCH = "bad_batch.pt"
#: Packages whose versions decide what comes out.
_PACKAGES = ("geosemimtl", "torch", "torchgeo", "segmentation-models-pytorch", "timm", "rasterio")


def train(
    config: TrainConfig,
    output: Path,
    *,
    init: Path | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> Path:
    """Train a model on partially labelled tile sets.

    On a CPU, same configuration, same tiles, same number of threads: same bytes, whether the
    training went through or was stopped and went on. Torch's global random state is seeded.

    Args:
        config: What to train.
        output: The run's folder: ``metrics.csv`` with the losses of every tenth iteration,
            ``config.yaml`` as it was resolved, which trains the same again, and the model.
        init: A model file to start from instead of the encoder's weights.
        overwrite: Replace an existing run's model, or a stopped training of another configuration.
        track: Shows progress.

    Returns:
        The model file.

    Raises:
        TileSetError: A tile set is missing, empty, or does not fit the others.
        ConfigError: The encoder or its weights cannot be had, or a run that was stopped was of
            another configuration.
        ModelFileError: ``init`` does not fit.
        TrainingError: A loss is not finite.
        OutputError: The run exists, or its folder cannot be written.
        KeyboardInterrupt: The user stopped it: there is no new model; the same call goes on.
    """
    with no_empty_folder(output):
        path = output / f"{config.name}{SUFFIX}"
        work = output / f"{config.name}.training"
        # without a model, what is there is of a training that did not come to its end
        has_model = any(output.glob(f"*{SUFFIX}"))
        require_absent([path], overwrite=overwrite)
        require_absent([output / CONFIG], overwrite=overwrite or not has_model)
        domains = open_domains(config)
        asked = json.dumps(_request(config, domains, init), sort_keys=True)
        _require_same(work, asked, overwrite=overwrite)
        with work_folder(work, asked, keep=True) as kept:
            _fitted(config, domains, init, path, kept, track)
        remove_work_folder(work)
    return path


def _fitted(
    config: TrainConfig,
    domains: Sequence[DomainTiles],
    init: Path | None,
    path: Path,
    kept: Path,
    track: Track,
) -> None:
    """Train, or go on training, and write what comes out."""
    output = path.parent
    iterations = iterations_in(config, domains)
    data = data_of(config, domains)
    if config.optimiser.warmup >= iterations:
        _LOG.warning(
            "%s: optimiser.warmup %d is as long as the training of %d iterations, which never "
            "reaches its rate",
            path,
            config.optimiser.warmup,
            iterations,
        )
    if init is not None:
        card = read_card(init)  # its weights were learned on inputs of its own normalisation
        data = data._replace(mean=torch.tensor(card.mean), std=torch.tensor(card.std))
    keeper = Keeper(kept)
    torch.manual_seed(config.seed)
    report = partial(save_bad_batch, output / BAD_BATCH)
    fresh_start = not keeper.done and init is None
    module = MultiTaskTask(config, data, iterations, report, initial=fresh_start)
    if keeper.done:
        _LOG.warning("%s: goes on after iteration %d of %d", path, keeper.done, iterations)
    elif init is not None:
        names = [domain.name for domain in config.domains]
        fresh = start_from(module.model, data.tasks, domains[0].tileset.bands, names, init)
        if fresh:
            _LOG.warning("%s: does not know %s: trained from scratch", init, ", ".join(fresh))
    loader: DataLoader[list[Batch]] = DataLoader(
        batches_of(config, domains, keeper.done),
        batch_size=None,
        num_workers=config.workers,
        # a fork of a process with threads (torch's, GDAL's) may hang, as Python 3.12 warns
        multiprocessing_context="forkserver" if config.workers else None,
        worker_init_fn=_deaf,
    )
    fit(module, loader, output, precision=config.precision, track=track, keeper=keeper)
    module.require_finite()
    resolved = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_text(output / CONFIG, resolved)
    save_model(path, module.model, _card(config, data, domains))


def _deaf(_worker: int) -> None:
    """Leave Ctrl-C, which every process of a terminal hears, to the one that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _request(
    config: TrainConfig, domains: Sequence[DomainTiles], init: Path | None
) -> dict[str, Any]:
    """Return what a model follows from."""
    asked: dict[str, Any] = json.loads(  # as it comes back from disk
        json.dumps(
            {
                "configuration": config.model_dump(mode="json", exclude={"workers"}),
                "contents of tiles": {
                    str(domain.folder): _digest(
                        (domain.folder / MANIFEST).read_bytes(), repr(domain.names).encode()
                    )
                    for domain in domains
                },
                "--init": None if init is None else f"{init} {_digest(init.read_bytes())}",
            }
        )
    )
    return asked


def _digest(*contents: bytes) -> str:
    """Return by what contents are known again: a copy, or a new date, changes nothing."""
    return hashlib.sha256(b"".join(contents)).hexdigest()[:12]


def _require_same(path: Path, asked: str, *, overwrite: bool) -> None:
    """Refuse to throw away a training that was stopped, because another is asked for."""
    earlier = earlier_request(path)
    if not earlier or earlier == asked or overwrite:
        return
    try:
        changed = differences(json.loads(earlier), json.loads(asked))
    except ValueError as error:
        raise ConfigError(
            f"{work_folder_of(path)}: what a stopped training left there is damaged: begin afresh "
            "with --overwrite"
        ) from error
    raise ConfigError(
        f"{work_folder_of(path)}: a training that was stopped had {'; '.join(changed[:3])}: go on "
        "with that, choose another folder with -o, or begin afresh with --overwrite"
    )


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


def _card(config: TrainConfig, data: Data, domains: Sequence[DomainTiles]) -> ModelCard:
    first = domains[0].tileset
    config = _without_folders(config)
    ranges = {domain.tileset.value_range for domain in domains}
    types = {domain.tileset.dtype for domain in domains}
    return ModelCard(
        name=config.name,
        network=config.network,
        tasks=data.tasks,
        bands=first.bands,
        mean=tuple(data.mean.tolist()),
        std=tuple(data.std.tolist()),
        dtype=first.dtype if len(types) == 1 else None,
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
                pixels={task: domain.tileset.labelled_pixels()[task] for task in domain.supervises},
                dtype=domain.tileset.dtype,
                value_range=domain.tileset.value_range,
                statistics=domain.tileset.statistics,
            )
            for entry, domain in zip(config.domains, domains, strict=True)
        ),
        training=config.model_dump(mode="json"),
        versions={"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    )
