"""What looks at a training while it runs: scores, the best weights, an early end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.image import imread
from torch import Tensor

from geosemimtl.data.tiles import DomainTiles
from geosemimtl.publish.card_facts import scores_in_words
from geosemimtl.publish.picture import write_figure
from geosemimtl.training.config import VALIDATION, TrainConfig
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.tile_pictures import draw_tiles
from geosemimtl.training.validation import Scores, interval_of, validate

_LOG = logging.getLogger(__name__)
#: Of a run's folder: what is drawn.
PICTURES = "pictures"


class Watcher(Callback):
    """Validates every so many iterations and after the last, and keeps the best weights.

    Nothing here moves a weight or draws a random number, so that the training is the one that
    nobody watches. Of equal scores the earliest is the best.

    Args:
        config: The training.
        tiles: What is validated, by the index of its domain.
        iterations: Length of the training.
        output: The run's folder, whose ``pictures/`` get what is drawn.

    Attributes:
        last: What the last validation came to.
        best: What the best one did, if there was anything to go by.
        weights: The network's, on the CPU, at that time.
        validations: How many there were.
        stopped: Whether it was not worth going on.
    """

    def __init__(
        self,
        config: TrainConfig,
        tiles: Mapping[int, DomainTiles],
        iterations: int,
        output: Path,
    ) -> None:
        self._tiles = tiles
        self._iterations = iterations
        self._every = interval_of(config, iterations)
        self._folder = output / PICTURES
        self._pictures = config.validation.pictures
        self._patience = config.validation.patience
        self._names = [domain.name for domain in config.domains]
        self._batch = -(-config.batch_a_domain // config.accumulate)
        self._waited = 0
        self.last: Scores | None = None
        self.best: Scores | None = None
        self.weights: dict[str, Tensor] = {}
        self.validations = 0
        self.stopped = False

    def state(self) -> dict[str, Any]:
        """Return what a training that goes on needs to know, of types that a checkpoint takes."""
        return {
            "last": _plain(self.last),
            "best": _plain(self.best),
            "weights": self.weights,
            "validations": self.validations,
            "waited": self._waited,
            "stopped": self.stopped,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` returned."""
        self.last, self.best = _scores(state["last"]), _scores(state["best"])
        self.weights = dict(state["weights"])
        self.validations = state["validations"]
        self._waited = state["waited"]
        self.stopped = state["stopped"]

    def on_train_batch_end(self, trainer: Trainer, pl_module: MultiTaskTask, *_: object) -> None:  # type: ignore[override]  # of this task
        """Validate, if it is time."""
        done = pl_module.iteration
        if done % self._every and done != self._iterations:
            return
        pl_module.require_finite()
        pl_module.model.eval()
        with trainer.precision_plugin.val_step_context():
            scores = validate(pl_module, self._tiles, self._names, self._batch)
            if self._pictures:
                self._draw(trainer, pl_module)
        pl_module.model.train()
        self._judge(scores, pl_module)
        said = {**scores.named, **({} if scores.score is None else {"score": scores.score})}
        for logger in trainer.loggers:
            found = {f"{VALIDATION}/{name}": value for name, value in said.items()}
            logger.log_metrics(found, step=done - 1)
        _LOG.info("after %d iterations: %s", done, scores_in_words(scores.named, scores.score))
        if self.stopped:
            trainer.should_stop = True

    def _draw(self, trainer: Trainer, module: MultiTaskTask) -> None:
        """Draw the tiles for the run's folder and for TensorBoard."""
        figure = draw_tiles(module, self._tiles, self._names, self._pictures)
        self._folder.mkdir(exist_ok=True)
        digits = len(str(self._iterations))
        path = self._folder / f"iteration_{module.iteration:0{digits}}.png"
        write_figure(figure, path)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                pixels = imread(path)[..., :3]
                where = {"global_step": module.iteration - 1, "dataformats": "HWC"}
                logger.experiment.add_image(VALIDATION, pixels, **where)

    def _judge(self, scores: Scores, module: MultiTaskTask) -> None:
        """Keep the weights if they are the best so far, and tell whether to go on."""
        self.last = scores
        self.validations += 1
        self._waited += 1
        before = self.best.score if self.best else None
        if scores.score is not None and (before is None or scores.score > before):
            self.best, self._waited = scores, 0
            self.weights = {
                name: value.detach().cpu().clone()
                for name, value in module.model.state_dict().items()
            }
        self.stopped = self._patience is not None and self._waited >= self._patience


def _plain(scores: Scores | None) -> dict[str, Any] | None:
    return None if scores is None else {**scores._asdict(), "named": dict(scores.named)}


def _scores(state: Mapping[str, Any] | None) -> Scores | None:
    return None if state is None else Scores(**state)
