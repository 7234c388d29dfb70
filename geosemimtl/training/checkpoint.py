"""What a training that was stopped goes on from: exactly where it was."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from geosemimtl.data.batch import Batch
from geosemimtl.errors import OutputError
from geosemimtl.files import REMEDY
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.watching import Watcher

_LOG = logging.getLogger(__name__)
_NAME = "checkpoint.pt"
#: Seconds between checkpoints, at least; and how many times as long as writing one takes.
_SECONDS, _TIMES = 60.0, 20.0
_STOPS = (signal.SIGINT, signal.SIGTERM)


class Keeper(Callback):
    """Writes a checkpoint every minute or so, and one when the training is interrupted.

    Ctrl-C, and the signal by which systems end programs, wait for the end of the iteration, where
    the state is whole; the second time they do not.

    Args:
        folder: Where it is kept; what an earlier run left there is gone on from.
        watcher: What looks at the training, whose state is kept, too.

    Attributes:
        done: Iterations that an earlier run did.
        stop: The signal that came, or 0.

    Raises:
        OutputError: What an earlier run left is damaged.
    """

    def __init__(self, folder: Path, watcher: Watcher | None = None) -> None:
        self._path = folder / _NAME
        self._state = _read(self._path)
        self.done = 0 if self._state is None else int(self._state["iteration"])
        self._watcher = watcher
        if watcher is not None and self._state is not None:
            watcher.restore(self._state["watcher"])
        self._due = time.monotonic() + _SECONDS
        self.stop = 0

    def restore(self, module: MultiTaskTask) -> None:
        """Give a module what an earlier run had learned, if there is one."""
        if self._state is not None:
            module.load_state_dict(self._state["module"])
            module.iteration = self.done

    def on_train_start(self, trainer: Trainer, pl_module: MultiTaskTask) -> None:  # type: ignore[override]  # of this task
        """Go on from the state, now that the optimisers are there."""
        if self._state is None:
            return
        self.restore(pl_module)
        for optimiser, state in zip(trainer.optimizers, self._state["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        before, now = self._state["machine"], _machine(trainer)
        changed = [
            f"{name} {before[name]} (now {now[name]})" for name in now if before[name] != now[name]
        ]
        if changed:
            _LOG.warning(
                "%s: goes on elsewhere, with %s: its figures will not be those of one machine",
                self._path,
                ", ".join(changed),
            )
        self._state = None  # its memory

    def on_train_batch_end(self, trainer: Trainer, pl_module: MultiTaskTask, *_: object) -> None:  # type: ignore[override]  # of this task
        """Write a checkpoint, if it is time."""
        if self.stop or time.monotonic() > self._due:
            begin = time.monotonic()
            self._write(trainer, pl_module)
            end = time.monotonic()
            self._due = end + max(_SECONDS, _TIMES * (end - begin))
        if self.stop:
            raise KeyboardInterrupt(self.stop)

    def _write(self, trainer: Trainer, module: MultiTaskTask) -> None:
        module.require_finite()
        for logger in trainer.loggers:
            logger.save()  # rows and checkpoint belong together
        state = {
            "iteration": module.iteration,
            "machine": _machine(trainer),
            "module": module.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in trainer.optimizers],
            "watcher": self._watcher and self._watcher.state(),
        }
        part = self._path.with_suffix(".part")
        try:
            torch.save(state, part)
            part.replace(self._path)
        except (OSError, RuntimeError) as error:  # torch's own word for a full disk
            part.unlink(missing_ok=True)
            why = getattr(error, "strerror", None) or "the disk may be full"
            raise OutputError(f"{self._path}: cannot be written ({why}); {REMEDY}") from error

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Have signals wait for the iteration's end; Lightning makes a success of SIGTERM."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (signal's signature)
            if self.stop:
                raise KeyboardInterrupt(number)
            self.stop = number
            _LOG.warning("stopping at the end of this iteration; once more stops at once")

        before = {number: signal.signal(number, heard) for number in _STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _machine(trainer: Trainer) -> dict[str, str]:
    """Return what sums in floating point depend on."""
    return {
        "device": str(trainer.strategy.root_device),
        "precision": str(trainer.precision),
        "threads": str(torch.get_num_threads()),
        "torch": str(torch.__version__),
    }


def _read(path: Path) -> Mapping[str, Any] | None:
    if not path.exists():
        return None
    try:
        state: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise OutputError(f"{path}: is damaged; remove it to begin afresh") from error
    return state


def save_bad_batch(
    path: Path, iteration: int, batch: Batch, losses: Mapping[str, torch.Tensor]
) -> str:
    """Write a batch whose loss is not finite, for ``torch.load``; return what to say of it."""
    state = {
        "iteration": iteration,
        "domain": batch.domain,
        "tiles": list(batch.tiles),
        "image": batch.image.cpu(),
        "observed": batch.observed.cpu(),
        "targets": {name: target.cpu() for name, target in batch.targets.items()},
        "valid": {name: valid.cpu() for name, valid in batch.valid.items()},
        "losses": {name: loss.item() for name, loss in losses.items()},
    }
    try:
        torch.save(state, path)
    except (OSError, RuntimeError):
        return ""  # what is wrong is said all the same
    return f" (saved as {path})"
