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
from geosemimtl.training.module import MultiTaskTask

_LOG = logging.getLogger(__name__)
_NAME = "checkpoint.pt"
#: Seconds between checkpoints, at least; and how many times as long as writing one takes.
_SECONDS, _TIMES = 60.0, 20.0


def read_checkpoint(folder: Path) -> Mapping[str, Any] | None:
    """Return what :class:`Keeper` wrote into a folder, if it did.

    Raises:
        OutputError: It is damaged.
    """
    path = folder / _NAME
    if not path.exists():
        return None
    try:
        state: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise OutputError(f"{path}: is damaged; remove it to begin afresh") from error
    return state


class Keeper(Callback):
    """Writes a checkpoint every minute or so, and one when the training is interrupted.

    Ctrl-C is waited with to the end of the iteration, where the state is whole; the second time
    it is not.

    Args:
        folder: Where it is kept.
        state: What an earlier run left there.
    """

    def __init__(self, folder: Path, state: Mapping[str, Any] | None) -> None:
        self._path = folder / _NAME
        self._state = state
        self._due = time.monotonic() + _SECONDS
        self.stop = False

    def on_train_start(self, trainer: Trainer, pl_module: MultiTaskTask) -> None:  # type: ignore[override]  # of this task
        """Go on from the state, now that the optimisers are there."""
        if self._state is None:
            return
        pl_module.load_state_dict(self._state["module"])
        for optimiser, state in zip(trainer.optimizers, self._state["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        pl_module.iteration = self._state["iteration"]
        self._state = None  # its memory

    def on_train_batch_end(self, trainer: Trainer, pl_module: MultiTaskTask, *_: object) -> None:  # type: ignore[override]  # of this task
        """Write a checkpoint, if it is time."""
        if self.stop or time.monotonic() > self._due:
            begin = time.monotonic()
            self._write(trainer, pl_module)
            end = time.monotonic()
            self._due = end + max(_SECONDS, _TIMES * (end - begin))
        if self.stop:
            raise KeyboardInterrupt

    def _write(self, trainer: Trainer, module: MultiTaskTask) -> None:
        if trainer.logger is not None:
            trainer.logger.save()  # rows and checkpoint belong together
        state = {
            "iteration": module.iteration,
            "module": module.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in trainer.optimizers],
        }
        part = self._path.with_suffix(".part")
        try:
            torch.save(state, part)
            part.replace(self._path)
        except (OSError, RuntimeError) as error:  # torch's own word for a full disk
            part.unlink(missing_ok=True)
            raise OutputError(
                f"{self._path}: cannot be written ({error}); free some space"
            ) from error

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Have Ctrl-C wait for the iteration's end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (signal's signature)
            if self.stop:
                raise KeyboardInterrupt
            self.stop = True
            _LOG.warning("stopping at the end of this iteration; once more stops at once")

        before = signal.signal(signal.SIGINT, heard)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


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
