"""Who predicts: this process, or several, each with a network of its own on a device of its own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from geosemimtl.errors import MachineError
from geosemimtl.inference.adaptation import sample_tiles
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import kind_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.planning import Band, Plan, Strip, strips_left
from geosemimtl.inference.streaming import Job, Meter, predict_strips
from geosemimtl.machine import keep_freed_memory, peak_memory_mb
from geosemimtl.raster.environment import gdal_environment

#: What torch says where the processor's memory runs out.
NO_MEMORY = "DefaultCPUAllocator: can't allocate memory"
#: How often it is looked whether the other processes live, in seconds.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What each process sets up before it predicts.

    Attributes:
        model: The model file.
        devices: One a process, such as ``cpu`` or ``cuda:1``.
        precision: Inside the network.
        options: How to predict.
    """

    model: Path
    devices: tuple[str, ...]
    precision: str
    options: PredictOptions


class Unit(NamedTuple):
    """Neighbouring strips of a band, which one process does at a time."""

    band: Band
    strips: tuple[Strip, ...]


class Workers(Protocol):
    """Predict what is left of a scene."""

    def run(self, job: Job, sealed: set[tuple[int, int]], meter: Meter) -> Iterator[int]:
        """Predict the strips that are not sealed; yield how many tiles were done."""
        ...


def started(setting: Setting) -> AbstractContextManager[Workers]:
    """Return who predicts: this process where one is wanted, else as many others."""
    return _here(setting) if len(setting.devices) == 1 else _others(setting)


def units_left(plan: Plan, sealed: set[tuple[int, int]], parts: int) -> list[list[Unit]]:
    """Return the strips that are not sealed, cut into parts of about one size.

    Args:
        plan: The scene's.
        sealed: Band and row of tiles of the strips that are done.
        parts: How many parts at most.
    """
    left = strips_left(plan, sealed)
    edges = [index * len(left) // parts for index in range(parts + 1)]
    return [_units(left[begin:end]) for begin, end in pairwise(edges) if begin < end]


def _units(left: Sequence[tuple[Band, Strip]]) -> list[Unit]:
    units: list[Unit] = []
    for band, strip in left:
        last = units[-1] if units else None
        if last and last.band == band and last.strips[-1].rows.stop == strip.rows.start:
            units[-1] = Unit(band, (*last.strips, strip))
        else:
            units.append(Unit(band, (strip,)))
    return units


class _Predictor:
    """One network on one device."""

    def __init__(self, setting: Setting, device: str) -> None:
        keep_freed_memory()
        kind = kind_of(setting.model)
        network, card = kind.opened(setting.model, device, setting.precision, setting.options)
        self._adapt_bn = setting.options.adapt_bn
        self._forward = Forward(
            network, card.tasks, tta=setting.options.tta, upright=card.gsd_m is None
        )

    def run(self, job: Job, units: Sequence[Unit], meter: Meter) -> Iterator[int]:
        """Predict some units of a scene."""
        torch.set_num_threads(job.threads)
        try:
            if self._adapt_bn:
                with meter("adapt"):
                    self._forward.network.adapt(sample_tiles(job.pixels, job.plan), job.batch)
            for band, strips in units:
                yield from predict_strips(job, band, strips, self._forward, meter)
        except (MemoryError, RuntimeError) as error:
            kinds = MemoryError | torch.OutOfMemoryError
            if not isinstance(error, kinds) and NO_MEMORY not in str(error):
                raise
            raise MachineError(
                f"memory ran out with {job.batch} tiles at once: choose a smaller --batch, and the "
                "same command goes on"
            ) from error


class _Here:
    """This process alone."""

    def __init__(self, setting: Setting) -> None:
        self._predictor = _Predictor(setting, setting.devices[0])

    def run(self, job: Job, sealed: set[tuple[int, int]], meter: Meter) -> Iterator[int]:
        """Predict the strips that are not sealed."""
        for units in units_left(job.plan, sealed, 1):
            yield from self._predictor.run(job, units, meter)


@contextmanager
def _here(setting: Setting) -> Iterator[Workers]:
    before = torch.get_num_threads()
    try:
        yield _Here(setting)
    finally:
        torch.set_num_threads(before)


@contextmanager
def _others(setting: Setting) -> Iterator[Workers]:
    # not forked: torch's threads and CUDA do not survive that
    context = multiprocessing.get_context("spawn")
    reports: Any = context.Queue()
    inboxes: list[Any] = [context.Queue() for _ in setting.devices]
    processes = [
        context.Process(target=_serve, args=(setting, device, inbox, reports), daemon=True)
        for device, inbox in zip(setting.devices, inboxes, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        yield _Others(processes, inboxes, reports)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        for inbox in inboxes:  # what a dead process never took is not waited for
            inbox.cancel_join_thread()


class _Others:
    """Other processes, each of which takes units from its inbox and reports."""

    def __init__(self, processes: Sequence[Any], inboxes: Sequence[Any], reports: Any) -> None:
        self._processes, self._inboxes, self._reports = processes, inboxes, reports
        self._number = 0
        self._looked = time.monotonic()

    def run(self, job: Job, sealed: set[tuple[int, int]], meter: Meter) -> Iterator[int]:
        """Have the strips predicted that are not sealed."""
        parts = units_left(job.plan, sealed, len(self._inboxes))
        self._number += 1
        for inbox, units in zip(self._inboxes, parts, strict=False):
            inbox.put((self._number, job, units))
        failure: BaseException | None = None
        busy = len(parts)
        while busy:
            report = self._next()
            if isinstance(report, int):
                yield report
                continue
            busy -= 1
            if isinstance(report, BaseException):
                failure = failure or report  # the others end first: the files are theirs
            else:
                seconds, peak_mb = report
                meter.peaks_mb.append(peak_mb)
                for stage, one in seconds.items():
                    meter.seconds[stage] += one / len(parts)
        if failure is not None:
            raise failure

    def _next(self) -> Any:
        """Return the next report on the present scene."""
        while True:
            if time.monotonic() - self._looked > _LOOK_S:
                self._require_alive()
            with suppress(queue.Empty):
                number, report = self._reports.get(timeout=_LOOK_S)
                if number == self._number:
                    return report

    def _require_alive(self) -> None:
        self._looked = time.monotonic()
        if not all(process.is_alive() for process in self._processes):
            raise MachineError(
                "a process that predicts was stopped, perhaps for want of memory: choose fewer "
                "--jobs or a smaller --batch (a script that calls predict with jobs needs "
                'if __name__ == "__main__":)'
            )


def _serve(setting: Setting, device: str, inbox: Any, reports: Any) -> None:
    """Predict what comes in, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with gdal_environment():
        predictor: _Predictor | None = None
        while True:
            number, job, units = inbox.get()
            meter = Meter()
            try:
                predictor = predictor or _Predictor(setting, device)
                for tiles in predictor.run(job, units, meter):
                    reports.put((number, tiles))
                reports.put((number, (dict(meter.seconds), peak_memory_mb())))
            except Exception as error:  # noqa: BLE001  (any, to be raised again where it is heard)
                reports.put((number, _portable(error)))


def _portable(error: Exception) -> Exception:
    """Return an error that another process can read."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  (our own)
    except Exception:  # noqa: BLE001  (whatever an error's pickling may raise)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
