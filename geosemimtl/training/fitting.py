"""Lightning's trainer as this project uses it: quiet, interruptible, with one table of losses."""

from __future__ import annotations

import csv
import logging
import signal
import threading
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from geosemimtl.data.batch import Batch
from geosemimtl.errors import TileSetError
from geosemimtl.progress import Noted, Track
from geosemimtl.publish.card_facts import scores_in_words
from geosemimtl.training.checkpoint import Keeper
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.watching import Watcher

#: Of a run's folder: what TensorBoard shows.
EVENTS = "tensorboard"


def fit(
    module: MultiTaskTask,
    loader: DataLoader[list[Batch]],
    output: Path,
    *,
    precision: str,
    track: Track,
    keeper: Keeper | None = None,
    watcher: Watcher | None = None,
) -> None:
    """Run a module over all batches once.

    Losses and scores go to ``metrics.csv`` and ``tensorboard/`` in ``output``.

    Args:
        module: What is trained.
        loader: One item for each iteration that is left.
        output: An existing folder.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        track: Shows progress.
        keeper: Keeps checkpoints, and goes on from one.
        watcher: Validates.

    Raises:
        TileSetError: A tile cannot be read.
        TrainingError: A loss is not finite.
        OutputError: The disk is full.
        KeyboardInterrupt: The user stopped the training; the checkpoint is of that iteration.
    """
    done = keeper.done if keeper else 0
    ended = not len(loader) or (watcher is not None and watcher.stopped)
    if keeper and ended:  # stopped after its last iteration
        keeper.restore(module)
        return
    with _quiet_lightning(), _interruptible(), keeper.listening() if keeper else nullcontext():
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            precision=precision_of(precision),
            max_epochs=1,
            logger=[_LossTable(output, done), _Events(output, done)],
            # a checkpoint comes last: what was found of an iteration belongs to it
            callbacks=[
                *([watcher] if watcher else []),
                _Progress(track, len(loader), watcher),
                *([keeper] if keeper else []),
            ],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,  # the module says itself when
        )
        try:
            trainer.fit(module, loader)
        except RuntimeError as error:
            if keeper and keeper.stop:  # a worker died of the same signal
                raise KeyboardInterrupt(keeper.stop) from error
            raise
        except TileSetError as error:
            # a worker's message is a traceback that ends with what was raised
            last = str(error).splitlines()[-1]
            raise TileSetError(last.rpartition("TileSetError: ")[2]) from error


def precision_of(name: str) -> Any:
    """Return Lightning's name of a precision; ``auto`` is bfloat16 on GPUs that have it.

    Not on CPUs, even those that compute it natively: batch 8 of 192 px through an
    EfficientNet-Lite0 with two UNet decoders takes 0.86 s a step in bfloat16 and 0.73 s in 32 bit
    (one core with AMX; depthwise convolutions gain nothing, and casting costs).
    """
    if name == "auto":
        native = torch.cuda.is_available() and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        name = "bfloat16" if native else "float32"
    return {"bfloat16": "bf16-mixed", "float32": "32-true"}[name]


class _LossTable(CSVLogger):
    """Losses by iteration in ``metrics.csv``, without a second file of hyperparameters.

    Args:
        folder: Where the table is.
        kept: Rows of this many iterations stay from an earlier run.
    """

    def __init__(self, folder: Path, kept: int) -> None:
        rows = []
        if kept and (path := folder / "metrics.csv").exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) < kept]
        super().__init__(folder, name="", version="")
        for row in rows:
            step = int(row.pop("step"))
            self.log_metrics({name: float(value) for name, value in row.items() if value}, step)

    def log_hyperparams(self, *args: object, **kwargs: object) -> None:
        """Do nothing: ``config.yaml`` says it all."""


class _Events(TensorBoardLogger):
    """Losses, scores and pictures for TensorBoard, without a file of hyperparameters.

    Args:
        folder: The run's.
        kept: What an earlier run showed of this many iterations is still shown.
    """

    def __init__(self, folder: Path, kept: int) -> None:
        # TensorBoard passes over what a run that was killed had written beyond its checkpoint
        super().__init__(folder, name="", version=EVENTS, purge_step=kept or None)

    def log_hyperparams(self, *args: object, **kwargs: object) -> None:
        """Do nothing: ``config.yaml`` says it all."""

    def save(self) -> None:
        """Write what waits in memory."""
        self.experiment.flush()


class _Progress(Callback):
    """Moves a tracker one step an iteration, and says what was found."""

    def __init__(self, track: Track, iterations: int, watcher: Watcher | None) -> None:
        self._track = track
        self._iterations = iterations
        self._watcher = watcher
        self._steps: Iterator[Noted] = iter(())
        self._step = Noted()

    def on_train_start(self, *_: object) -> None:
        steps = map(Noted, range(self._iterations))
        self._steps = iter(self._track(steps, "training", self._iterations))

    def on_train_batch_start(self, *_: object) -> None:
        self._step = next(self._steps, self._step)

    def on_train_batch_end(self, _trainer: Trainer, pl_module: MultiTaskTask, *_: object) -> None:  # type: ignore[override]  # of this task
        self._step.note = "\n".join(_found(pl_module.logged, self._watcher))

    def on_train_end(self, *_: object) -> None:
        next(self._steps, None)
        self._close()  # of a training that ends early items are left

    def on_exception(self, *_: object) -> None:
        self._close()  # takes the bar off the screen before an error is printed

    def _close(self) -> None:
        if isinstance(self._steps, Generator):
            self._steps.close()


def _found(losses: Mapping[str, float], watcher: Watcher | None) -> Iterator[str]:
    """Yield in words the labels' losses, and the last and the best scores."""
    # DOMAIN/TASK; what the method adds has more words
    said = {name: value for name, value in losses.items() if name.count("/") == 1}
    if said:
        losses_said = (f"{name.replace('/', ' ')} {value:.3g}" for name, value in said.items())
        yield f"losses: {', '.join(losses_said)}"
    if watcher and watcher.last:
        last, best = watcher.last, watcher.best
        yield f"after {last.iteration}: {scores_in_words(last.named, last.score)}"
        if best and best.iteration != last.iteration:
            yield f"best, after {best.iteration}: {scores_in_words(best.named, best.score)}"


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep advertisements and hints of Lightning off the user's screen."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # reading ahead is the configuration's business
            warnings.filterwarnings("ignore", ".*does not have many workers.*")
            # the caller has asked for --overwrite, and only metrics.csv is replaced
            warnings.filterwarnings("ignore", ".*exists and is not empty.*")
            # frozen statistics are the configuration's wish
            warnings.filterwarnings("ignore", ".*in eval mode at the start.*")
            # raised by Lightning's own use of torch (2.6.6 with torch 2.15)
            warnings.filterwarnings("ignore", ".*LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Undo what Lightning makes of Ctrl+C: an exit, with the signal ignored from then on."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt(*error.__context__.args) from error
        raise
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)
