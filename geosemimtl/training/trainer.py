"""From a configuration to a model file."""

from __future__ import annotations

import hashlib
import json
import logging
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from torch.utils.data import DataLoader

from geosemimtl.config import differences
from geosemimtl.data.batch import Batch
from geosemimtl.data.regimes import write_regime
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
from geosemimtl.publish.run_readme import README, RunState, readme_of, require_own_readme
from geosemimtl.tiling.tileset import MANIFEST
from geosemimtl.training.cards import model_card, validation_card
from geosemimtl.training.checkpoint import Keeper, save_bad_batch
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import batches_of, data_of, iterations_in, open_domains
from geosemimtl.training.fitting import EVENTS, fit
from geosemimtl.training.initial import start_from
from geosemimtl.training.model_file import SUFFIX, ModelCard, read_card, save_model
from geosemimtl.training.module import Data, MultiTaskTask
from geosemimtl.training.validation import open_validation
from geosemimtl.training.watching import PICTURES, Watcher

_LOG = logging.getLogger(__name__)
CONFIG = "config.yaml"
BAD_BATCH = "bad_batch.pt"


def train(
    config: TrainConfig,
    output: Path,
    *,
    init: Path | None = None,
    overwrite: bool = False,
    track: Track = silent,
    command: str = "",
) -> Path:
    """Train a model on partially labelled tile sets.

    On a CPU, same configuration, same tiles, same number of threads: same bytes, whether the
    training went through or was stopped and went on. Torch's global random state is seeded.

    Args:
        config: What to train.
        output: The run's folder: ``metrics.csv`` with the losses of every tenth iteration and the
            scores of every validation, ``tensorboard/`` with the same, ``config.yaml`` as it was
            resolved, which trains the same again, ``regime_DOMAIN.json`` where labels are hidden,
            and the model. Where a tile set has tiles to
            validate by, the model is the best by ``validation.score_of``,
            and ``NAME_last`` the one that the training ended with. ``README.md`` explains it all.
        init: A model file to start from instead of the encoder's weights.
        overwrite: Replace an existing run's model, or a stopped training of another configuration.
        track: Shows progress.
        command: What ``README.md`` is to say that it was called by.

    Returns:
        The model file.

    Raises:
        TileSetError: A tile set is missing, empty, or does not fit the others, or none has tiles
            to validate by, which the configuration wants to.
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
        has_model = any(file != last_of(path) for file in output.glob(f"*{SUFFIX}"))
        require_absent([path], overwrite=overwrite)
        require_absent([output / CONFIG], overwrite=overwrite or not has_model)
        require_own_readme(output)
        domains = open_domains(config)
        validated = open_validation(config, domains)
        asked = json.dumps(_request(config, domains, validated, init), sort_keys=True)
        _require_same(work, asked, overwrite=overwrite)
        with work_folder(work, asked, keep=True) as kept:
            _fitted(_Run(config, domains, validated, init, path, command), kept, track)
        remove_work_folder(work)
    return path


class _Run(NamedTuple):
    """What is trained on what, and where the model goes."""

    config: TrainConfig
    domains: Sequence[DomainTiles]
    validated: Mapping[int, DomainTiles]
    init: Path | None
    path: Path
    command: str

    @property
    def iterations(self) -> int:
        return iterations_in(self.config, self.domains)

    def data(self) -> Data:
        """Return what the data say; inputs are normalised as those of the model begun with."""
        data = data_of(self.config, self.domains)
        if self.init is None:
            return data
        card = read_card(self.init)
        return data._replace(mean=torch.tensor(card.mean), std=torch.tensor(card.std))


def _fitted(run: _Run, kept: Path, track: Track) -> None:
    """Train, or go on training, and write what comes out."""
    config, output = run.config, run.path.parent
    data = run.data()
    watcher = None
    if run.validated:
        watcher = Watcher(config, run.validated, run.iterations, output)
    keeper = Keeper(kept, watcher)
    if not keeper.done:
        _clear(output)
    module = _module(run, data, keeper)
    loader: DataLoader[list[Batch]] = DataLoader(
        batches_of(config, run.domains, keeper.done),
        batch_size=None,
        num_workers=config.workers,
        # a fork of a process with threads (torch's, GDAL's) may hang, as Python 3.12 warns
        multiprocessing_context="forkserver" if config.workers else None,
        worker_init_fn=_deaf,
    )
    card = model_card(config, data, run.domains)
    state = RunState(run.command, run.iterations, validates=bool(run.validated))
    write_text(output / README, readme_of(card, state))
    fit(
        module,
        loader,
        output,
        precision=config.precision,
        track=track,
        keeper=keeper,
        watcher=watcher,
    )
    module.require_finite()
    for entry, domain in zip(config.domains, run.domains, strict=True):
        hidden = output / f"regime_{entry.name}.json"
        if domain.regime is None:
            hidden.unlink(missing_ok=True)  # of an earlier training
        else:
            write_regime(hidden, domain.regime)
    resolved = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_text(output / CONFIG, resolved)
    _save(run.path, module, card, watcher, state)


def _module(run: _Run, data: Data, keeper: Keeper) -> MultiTaskTask:
    """Return what is trained, with its initial weights unless it goes on."""
    config, iterations = run.config, run.iterations
    if config.optimiser.warmup >= iterations:
        _LOG.warning(
            "%s: optimiser.warmup %d is as long as the training of %d iterations, which never "
            "reaches its rate",
            run.path,
            config.optimiser.warmup,
            iterations,
        )
    torch.manual_seed(config.seed)
    report = partial(save_bad_batch, run.path.parent / BAD_BATCH)
    fresh_start = not keeper.done and run.init is None
    module = MultiTaskTask(config, data, iterations, report, initial=fresh_start)
    if keeper.done:
        _LOG.warning("%s: goes on after iteration %d of %d", run.path, keeper.done, iterations)
    elif run.init is not None:
        names = [domain.name for domain in config.domains]
        bands = run.domains[0].tileset.bands
        fresh = start_from(module.model, data.tasks, bands, names, run.init)
        if fresh:
            _LOG.warning("%s: does not know %s: trained from scratch", run.init, ", ".join(fresh))
    return module


def _clear(output: Path) -> None:
    """Remove what an earlier training of the same folder showed."""
    for folder, files in ((EVENTS, "events.out.tfevents.*"), (PICTURES, "iteration_*.png")):
        for path in (output / folder).glob(files):
            path.unlink()
        with suppress(OSError):  # it is not there, or something else is in it
            (output / folder).rmdir()


def _save(
    path: Path, module: MultiTaskTask, card: ModelCard, watcher: Watcher | None, state: RunState
) -> None:
    """Write what explains the folder, and the model: the best, and the last, if they are known."""
    last_of(path).unlink(missing_ok=True)  # of an earlier training
    done = module.iteration
    if watcher is None or watcher.last is None or watcher.best is None:
        ended = replace(state, done=done, validates=False)
        write_text(path.with_name(README), readme_of(card, ended))
        save_model(path, module.model, card)
        return
    last = validation_card("last", watcher.last, watcher, done)
    best = validation_card("best", watcher.best, watcher, done)
    ended = replace(state, done=done, best=best, last=last)
    write_text(path.with_name(README), readme_of(card, ended))
    save_model(last_of(path), module.model, card.model_copy(update={"validation": last}))
    # at the end: a model of this name says that all is done
    save_model(path, watcher.weights, card.model_copy(update={"validation": best}))


def last_of(path: Path) -> Path:
    """Return where the last model of a training lies whose best model is ``path``."""
    return path.with_name(f"{path.stem}_last{SUFFIX}")


def _deaf(_worker: int) -> None:
    """Leave Ctrl-C, which every process of a terminal hears, to the one that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _request(
    config: TrainConfig,
    domains: Sequence[DomainTiles],
    validated: Mapping[int, DomainTiles],
    init: Path | None,
) -> dict[str, Any]:
    """Return what a model follows from."""
    tiles = [
        [domain.names, validated[index].names if index in validated else ()]
        for index, domain in enumerate(domains)
    ]
    asked: dict[str, Any] = json.loads(  # as it comes back from disk
        json.dumps(
            {
                "configuration": config.model_dump(mode="json", exclude={"workers"}),
                "contents of tiles": {
                    str(domain.folder): _digest(
                        (domain.folder / MANIFEST).read_bytes(), repr(names).encode()
                    )
                    for domain, names in zip(domains, tiles, strict=True)
                },
                "regimes": {
                    entry.name: _digest(domain.regime.model_dump_json().encode())
                    for entry, domain in zip(config.domains, domains, strict=True)
                    if domain.regime
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
