"""Predicting scenes: one after the other, each going on where an earlier run was."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import NamedTuple

from geosemimtl.errors import (
    BatchError,
    ConfigError,
    GeoSemiMTLError,
    MachineError,
    OutputError,
    named_by,
)
from geosemimtl.files import (
    earlier_request,
    no_empty_folder,
    remove_work_folder,
    require_absent,
    work_folder,
    work_folder_of,
)
from geosemimtl.inference.choosing import Chosen, choose_scenes
from geosemimtl.inference.companions import Companion, make_companions
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.making import Prediction, lost, make_rasters
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.setup import Sizes, changes, request, settle, sizes_of
from geosemimtl.inference.workers import Setting, Workers, started
from geosemimtl.machine import peak_memory_mb
from geosemimtl.progress import Track, silent
from geosemimtl.raster.environment import gdal_environment
from geosemimtl.raster.formats import GEOTIFF
from geosemimtl.training.model_file import ModelCard, read_card

_LOG = logging.getLogger(__name__)


def predict(  # noqa: PLR0913  (each is a caller's own choice)
    scenes: Sequence[Path],
    model: Path,
    *,
    output: Path | None = None,
    options: PredictOptions | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    devices: Sequence[str] = (),
    companions: Sequence[Companion] = (),
    track: Track = silent,
) -> list[Prediction]:
    """Predict classes and heights of whole scenes.

    Memory depends on the tile size, and up to a bound on a scene's width. Killed or interrupted,
    the same call goes on where it was, and the rasters are those of an undisturbed run. Where some
    of several scenes fail, the others are done before the error comes.

    Args:
        scenes: Any rasters with the model's bands, at any GSD: files, folders, patterns or lists,
            see ``geosemimtl.tiling.scenes.gather_scenes``.
        model: A model file.
        output: Folder of the rasters; beside each scene by default.
        options: How to predict.
        overwrite: Replace existing outputs.
        skip_existing: Pass over scenes whose rasters are all there, from whatever call, but make
            the companions that they lack.
        devices: Where the processes are that share the work, such as ``cuda:0`` and ``cuda:1``, or
            ``cpu`` twice, each with its part of the threads; by default one GPU if there is one.
        companions: What else is made of each scene's rasters.
        track: Shows progress.

    Raises:
        SceneError: A scene cannot be read or lacks bands.
        ModelFileError: The model cannot be read, or the scene does not fit it.
        BatchError: Some of several scenes failed.
        ConfigError: An option has a value that cannot be.
        OutputError: An output exists or cannot be written.
        MachineError: Memory ran out, or a process was stopped.
    """
    options = options or PredictOptions()
    card = read_card(model)
    if companions:
        _require_companions(model, card, options)
    setting, sizes = settle(options, model, card.tile_px, devices)
    with ExitStack() as stack:
        stack.enter_context(gdal_environment())
        chosen, failures = choose_scenes(scenes, output, card, options)
        if output is not None:
            stack.enter_context(no_empty_folder(output))
        there = [each for each in chosen if skip_existing and _is_there(each)]
        left = [each for each in chosen if each not in there]
        tasks = _tasks(left, setting, sizes, companions, failures, overwrite=overwrite)
        made = [
            _completed(each, lacking, track)
            for each in there
            if (lacking := [one for one in _of(each, companions) if not one.is_there(each)])
        ]
        if tasks:
            ready = stack.enter_context(started(setting))
            made += _make(tasks, options, ready, track, failures, overwrite=overwrite)
        if failures:
            raise _batch_error(failures, made)
    for task in tasks:
        remove_work_folder(task.chosen.target)
    return made


def _require_companions(model: Path, card: ModelCard, options: PredictOptions) -> None:
    """Refuse rasters that nothing can be made of."""
    if card.gsd_m is None:
        raise ConfigError(
            f"{model}: learned from images that lie nowhere on the ground, of which no project and "
            "no STAC item is made; leave --project and --stac out"
        )
    if options.format != GEOTIFF:
        raise ConfigError(
            f"--format {options.format}: a project and a STAC item are made of GeoTIFFs; leave "
            "--project and --stac out, or --format"
        )


class _Task(NamedTuple):
    """A scene, and what its rasters follow from."""

    chosen: Chosen
    sizes: Sizes
    request: str
    companions: Sequence[Companion]


def _of(chosen: Chosen, companions: Sequence[Companion]) -> list[Companion]:
    """Return what can be made of a scene's rasters."""
    return [each for each in companions if each.applies(chosen.outputs)]


def _is_there(chosen: Chosen) -> bool:
    there = all(path.exists() for path in chosen.paths.values())
    return there and not work_folder_of(chosen.target).exists()


def _tasks(
    chosen: Sequence[Chosen],
    setting: Setting,
    sizes: Sizes,
    companions: Sequence[Companion],
    failures: list[GeoSemiMTLError],
    *,
    overwrite: bool,
) -> list[_Task]:
    """Find out what is to be done of each scene; one that cannot be stands with the failures."""
    tasks = []
    for each in chosen:
        with _kept(failures, each):
            tasks.append(_task(each, setting, sizes, _of(each, companions), overwrite=overwrite))
    return tasks


@contextmanager
def _kept(failures: list[GeoSemiMTLError], chosen: Chosen) -> Iterator[None]:
    """Keep a scene's own failure with the others; what would stop all of them goes on."""
    try:
        yield
    except (OutputError, MachineError):
        raise
    except GeoSemiMTLError as error:
        failures.append(named_by(error, chosen.pixels.scene.path))


def _completed(chosen: Chosen, companions: Sequence[Companion], track: Track) -> Prediction:
    """Make what a scene lacks besides its rasters, which are there."""
    begun = time.perf_counter()
    for companion in companions:
        companion.look(chosen)
        companion.make(chosen, companion.path(chosen), track)
    pixels, seconds = prod(chosen.plan.output.shape), time.perf_counter() - begun
    path = chosen.pixels.scene.path
    paths, memory_mb = chosen.paths, peak_memory_mb()
    made = Prediction(path, paths, pixels, 0, {"total": seconds}, memory_mb, kept=True)
    return _with(made, chosen, companions)


def _with(made: Prediction, chosen: Chosen, companions: Sequence[Companion]) -> Prediction:
    there = tuple(each.path(chosen) for each in companions if each.is_there(chosen))
    return replace(made, companions=there)


def _task(
    chosen: Chosen,
    setting: Setting,
    sizes: Sizes,
    companions: Sequence[Companion],
    *,
    overwrite: bool,
) -> _Task:
    """Find out whether an earlier run goes on, and refuse outputs that are there."""
    scene = chosen.pixels.scene
    asked = request(scene, setting, sizes)
    folder = work_folder_of(chosen.target)
    earlier = json.loads(earlier_request(chosen.target) or "null")
    taken = sizes_of(earlier, asked) if earlier else None
    if taken is not None and lost(folder, chosen):
        remove_work_folder(chosen.target)
        earlier = taken = None
    if taken is not None:
        asked, sizes = asked | taken._asdict(), taken
    elif earlier:
        _LOG.warning(
            "%s: begins afresh, for it differs from the run before: %s",
            scene.path,
            ", ".join(changes(earlier, asked)),
        )
    journal = Journal(folder)
    if taken is None or not journal.is_whole:
        require_absent([*chain(*chosen.files.values())], overwrite=overwrite)
    new = [each for each in companions if taken is None or not journal.has_begun(each.suffix)]
    require_absent([each.path(chosen) for each in new], overwrite=overwrite)
    for each in companions:
        each.look(chosen)
    return _Task(chosen, sizes, json.dumps(asked, sort_keys=True), companions)


def _make(
    tasks: Sequence[_Task],
    options: PredictOptions,
    ready: Workers,
    track: Track,
    failures: list[GeoSemiMTLError],
    *,
    overwrite: bool,
) -> list[Prediction]:
    """Make all of each scene; one that fails stands with the failures."""
    made = []
    for chosen, sizes, asked, companions in tasks:
        with _kept(failures, chosen), work_folder(chosen.target, asked) as folder:
            done = make_rasters(chosen, options, sizes, folder, ready, track, overwrite=overwrite)
            make_companions(chosen, companions, Journal(folder), track)
            made.append(_with(done, chosen, companions))
    return made


def _batch_error(
    failures: Sequence[GeoSemiMTLError], made: Sequence[Prediction]
) -> GeoSemiMTLError:
    if not made and len(failures) == 1:
        return failures[0]
    count = len(failures) + len(made)
    word = "all" if not made else f"{len(failures)} of"
    return BatchError(f"{word} {count} scenes failed:", failures, made)
