"""Predicting scenes: one after the other, each going on where an earlier run was."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from geosemimtl.errors import BatchError, GeoSemiMTLError, MachineError, OutputError, named_by
from geosemimtl.files import (
    earlier_request,
    no_empty_folder,
    remove_work_folder,
    require_absent,
    work_folder,
    work_folder_of,
)
from geosemimtl.inference.cataloguing import item_path, item_text, remove_item, write_item
from geosemimtl.inference.choosing import Chosen, choose_scenes
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.making import Prediction, lost, make_rasters
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.setup import Sizes, changes, request, settle, sizes_of
from geosemimtl.inference.workers import Setting, Workers, started
from geosemimtl.progress import Track, silent
from geosemimtl.raster.environment import gdal_environment
from geosemimtl.training.model_file import read_card

_LOG = logging.getLogger(__name__)


def predict(
    scenes: Sequence[Path],
    model: Path,
    *,
    output: Path | None = None,
    options: PredictOptions | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    devices: Sequence[str] = (),
    track: Track = silent,
) -> list[Prediction]:
    """Predict classes and heights of whole scenes.

    Memory depends on the tile size, and up to a bound on a scene's width. Killed or interrupted,
    the same call goes on where it was, and the rasters are those of an undisturbed run. Where some
    of several scenes fail, the others are done before the error comes.

    Args:
        scenes: Any rasters with the model's bands, at any GSD: files, folders, patterns or lists,
            see :func:`geosemimtl.tiling.scenes.gather_scenes`.
        model: A model file.
        output: Folder of the rasters; beside each scene by default.
        options: How to predict.
        overwrite: Replace existing outputs.
        skip_existing: Pass over scenes whose rasters are all there, from whatever call.
        devices: Where the processes are that share the work, such as ``cuda:0`` and ``cuda:1``, or
            ``cpu`` twice, each with its part of the threads; by default one GPU if there is one.
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
    setting, sizes = settle(options, model, card.tile_px, devices)
    with ExitStack() as stack:
        stack.enter_context(gdal_environment())
        chosen, failures = choose_scenes(scenes, output, card, options)
        if output is not None:
            stack.enter_context(no_empty_folder(output))
        if skip_existing:
            chosen = [each for each in chosen if not _is_there(each, options)]
        tasks = _tasks(chosen, setting, sizes, failures, overwrite=overwrite)
        made = []
        if tasks:
            ready = stack.enter_context(started(setting))
            made = _make(tasks, options, ready, track, failures, overwrite=overwrite)
        if failures:
            raise _batch_error(failures, made)
    for task in tasks:
        remove_work_folder(task.chosen.target)
    return made


class _Task(NamedTuple):
    """A scene, what its rasters follow from, and the text of its item, if it gets one."""

    chosen: Chosen
    sizes: Sizes
    request: str
    item: str | None


def _is_there(chosen: Chosen, options: PredictOptions) -> bool:
    there = all(path.exists() for path in _results(chosen, options))
    return there and not work_folder_of(chosen.target).exists()


def _results(chosen: Chosen, options: PredictOptions) -> list[Path]:
    return [*chosen.paths.values(), *[item_path(chosen)] * options.stac]


def _tasks(
    chosen: Sequence[Chosen],
    setting: Setting,
    sizes: Sizes,
    failures: list[GeoSemiMTLError],
    *,
    overwrite: bool,
) -> list[_Task]:
    """Find out what is to be done of each scene; one that cannot be stands with the failures."""
    tasks = []
    for each in chosen:
        with _kept(failures, each):
            tasks.append(_task(each, setting, sizes, overwrite=overwrite))
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


def _task(chosen: Chosen, setting: Setting, sizes: Sizes, *, overwrite: bool) -> _Task:
    """Find out whether an earlier run goes on, and refuse outputs that are there."""
    scene, options = chosen.pixels.scene, setting.options
    asked = request(scene, setting, sizes)
    folder = work_folder_of(chosen.target)
    if lost(folder, chosen):
        remove_work_folder(chosen.target)
    earlier = json.loads(earlier_request(chosen.target) or "null")
    taken = sizes_of(earlier, asked) if earlier else None
    if taken is not None:
        asked, sizes = asked | taken._asdict(), taken
    elif earlier:
        _LOG.warning(
            "%s: begins afresh, for it differs from the run before: %s",
            scene.path,
            ", ".join(changes(earlier, asked)),
        )
    if taken is None or not Journal(folder).is_whole:
        require_absent(_results(chosen, options), overwrite=overwrite)
    item = item_text(chosen, setting.model, options.taken) if options.stac else None
    return _Task(chosen, sizes, json.dumps(asked, sort_keys=True), item)


def _make(
    tasks: Sequence[_Task],
    options: PredictOptions,
    ready: Workers,
    track: Track,
    failures: list[GeoSemiMTLError],
    *,
    overwrite: bool,
) -> list[Prediction]:
    """Make the rasters of each scene; one that fails stands with the failures."""
    made = []
    for chosen, sizes, asked, item in tasks:
        with _kept(failures, chosen), work_folder(chosen.target, asked) as folder:
            done = make_rasters(chosen, options, sizes, folder, ready, track, overwrite=overwrite)
            if item is not None:  # last: it tells of rasters that are there
                done = replace(done, item=write_item(item_path(chosen), item, overwrite=overwrite))
            elif overwrite:
                remove_item(item_path(chosen))
            made.append(done)
    return made


def _batch_error(
    failures: Sequence[GeoSemiMTLError], made: Sequence[Prediction]
) -> GeoSemiMTLError:
    if not made and len(failures) == 1:
        return failures[0]
    count = len(failures) + len(made)
    word = "all" if not made else f"{len(failures)} of"
    return BatchError(f"{word} {count} scenes failed:", failures, made)
