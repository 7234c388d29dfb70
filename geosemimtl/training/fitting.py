"""Lightning's trainer as this project uses it: quiet, interruptible, with one table of losses."""

from __future__ import annotations

import csv
import logging
import signal
import threading
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from geosemimtl.data.batch import Batch
from geosemimtl.errors import TileSetError
from geosemimtl.progress import Track
from geosemimtl.training.checkpoint import Keeper
from geosemimtl.training.module import MultiTaskTask


def fit(
    module: MultiTaskTask,
    loader: DataLoader[list[Batch]],
    output: Path,
    *,
    precision: str,
    track: Track,
    keeper: Keeper | None = None,
) -> None:
    """Run a module over all batches once; ``metrics.csv`` in ``output`` gets its losses.

    Args:
        module: What is trained.
        loader: One item for each iteration that is left.
        output: An existing folder.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        track: Shows progress.
        keeper: Keeps checkpoints, and goes on from one.

    Raises:
        TileSetError: A tile cannot be read.
        TrainingError: A loss is not finite.
        OutputError: The disk is full.
        KeyboardInterrupt: The user stopped the training; the checkpoint is of that iteration.
    """
    done = keeper.done if keeper else 0
    if keeper and not len(loader):  # stopped after its last iteration
        keeper.restore(module)
        return
    with _quiet_lightning(), _interruptible(), keeper.listening() if keeper else nullcontext():
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            precision=precision_of(precision),
            max_epochs=1,
            logger=_LossTable(output, done),
            callbacks=[_Progress(track, len(loader)), *([keeper] if keeper else [])],
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


class _Progress(Callback):
    """Moves a tracker one step an iteration."""

    def __init__(self, track: Track, iterations: int) -> None:
        self._track = track
        self._iterations = iterations
        self._steps: Iterator[int] = iter(())

    def on_train_start(self, *_: object) -> None:
        self._steps = iter(self._track(range(self._iterations), "training", self._iterations))

    def on_train_batch_start(self, *_: object) -> None:
        next(self._steps, None)

    def on_train_end(self, *_: object) -> None:
        next(self._steps, None)

    def on_exception(self, *_: object) -> None:
        if isinstance(self._steps, Generator):
            self._steps.close()  # takes the bar off the screen before an error is printed


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
