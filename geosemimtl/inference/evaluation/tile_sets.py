"""Scoring a model on the tiles of a tile set, in every task that both know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import torch
from rasterio.windows import Window
from torch import Tensor

from geosemimtl.data.augmentation import normalised
from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.errors import TileSetError
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import kind_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.setup import settle
from geosemimtl.inference.streaming import require_numbers
from geosemimtl.metrics.task_scores import TaskScores, scores_of
from geosemimtl.progress import Track, silent
from geosemimtl.tasks import Segmentation, Task
from geosemimtl.tiling.layers import Piece
from geosemimtl.tiling.tileset import TileSet
from geosemimtl.training.model_file import ModelCard, read_card

#: Tiles from which batch normalisation can learn its statistics, spread over the split.
_ADAPTED_BY = 32


@dataclass(frozen=True, slots=True)
class TileSetScores:
    """What a model comes to on tiles, each on its own; where tiles overlap a pixel counts twice.

    Attributes:
        tileset: The tile set's name.
        split: Which of its tiles.
        tiles: How many.
        tasks: Scores by task, of the tasks that have a labelled pixel.
    """

    tileset: str
    split: str
    tiles: int
    tasks: Mapping[str, TaskScores]

    def document(self) -> dict[str, Any]:
        """Return all scores as JSON's types; what is undefined is null."""
        scores = {
            task: {
                "pixels": each.n,
                **{k: None if isnan(v) else v for k, v in each.named().items()},
            }
            for task, each in self.tasks.items()
        }
        head = {"tile_set": self.tileset, "split": self.split, "tiles": self.tiles}
        return {**head, "tasks": scores}


def evaluate_tile_set(
    folder: Path,
    model: Path,
    *,
    split: str = "val",
    options: PredictOptions | None = None,
    track: Track = silent,
) -> TileSetScores:
    """Score a model on the tiles of a split.

    Of images that lie nowhere on the ground, each of which is one tile, this scores whole images;
    scenes of the ground are better scored stitched, by
    ``geosemimtl.inference.evaluation.scenes.evaluate_model``.

    Args:
        folder: The tile set.
        model: A model file.
        split: Of which tiles.
        options: How to predict: sensor, batch, precision, flips, and whether batch normalisation
            learns its statistics from the tiles first.
        track: Shows progress.

    Raises:
        TileSetError: The tile set cannot be read, has no tile of the split, no label of what the
            model predicts, or does not fit the model.
        ModelFileError: The model cannot be read, or gives no numbers.
        ConfigError: The model needs to be told the sensor.
    """
    options = options or PredictOptions()
    card = read_card(model)
    names = [task.name for task in card.tasks]
    tiles = DomainTiles(folder, names, split=split, cache_bytes=0)
    _require_fit(folder, tiles.tileset, card)
    setting, sizes = settle(options, model, card.tile_px, ())
    network, _ = kind_of(model).opened(model, setting.devices[0], setting.precision, options)
    normalisation = torch.tensor(card.mean), torch.tensor(card.std)
    if options.adapt_bn:
        step = max(1, len(tiles) // _ADAPTED_BY)
        sample = [tiles.batch([index], 0) for index in range(0, len(tiles), step)][:_ADAPTED_BY]
        network.adapt([_piece(each, normalisation) for each in sample], sizes.batch)
    forward = Forward(network, card.tasks, tta=options.tta, upright=card.gsd_m is None)
    tasks = [task for task in card.tasks if task.name in tiles.supervises]
    scores = {str(task.name): scores_of(task) for task in tasks}
    starts = range(0, len(tiles), sizes.batch)
    for first in track(starts, f"tiles of {tiles.tileset.name}", len(starts)):
        batch = tiles.batch(range(first, min(first + sizes.batch, len(tiles))), 0)
        image = normalised(batch.image, batch.observed, normalisation).to(forward.device)
        values = forward(list(image))
        require_numbers(values, folder)
        for task, said in _said(card.tasks, values):
            if task.name in scores:
                truth, known = batch.targets[task.name], batch.valid[task.name]
                scores[task.name].update(said, truth, known)
    found = {task: each for task, each in scores.items() if each.n}
    if not found:
        raise TileSetError(
            f"{folder}: its tiles of the split {split} have no label of {', '.join(names)}; choose "
            f"another split, of {', '.join(tiles.tileset.splits)}"
        )
    return TileSetScores(tiles.tileset.name, split, len(tiles), found)


def _require_fit(folder: Path, tileset: TileSet, card: ModelCard) -> None:
    for what, ours, theirs in (
        ("bands", tileset.bands, card.bands),
        ("metres a pixel", tileset.gsd_m, card.gsd_m),
        *([("sizes", tileset.size_px, card.tile_px)] if card.gsd_m is None else []),
    ):
        if ours != theirs:
            raise TileSetError(
                f"{folder}: its {what} are {ours}, the model's {theirs}: cut the tiles as those "
                "that it learned from"
            )
    for task in card.tasks:
        known = tileset.classes_of(task.name)
        if isinstance(task, Segmentation) and known and known.names != task.classes.names:
            raise TileSetError(
                f"{folder}: its classes are {', '.join(known.names)}, the model's "
                f"{', '.join(task.classes.names)}: cut the tiles with the model's (--classes)"
            )


def _said(tasks: Sequence[Task], values: Tensor) -> Iterator[tuple[Task, Tensor]]:
    """Yield each task's predictions as scores take them, of (B, all channels, H, W)."""
    parts = values.split_with_sizes([task.channels for task in tasks], dim=1)
    for task, part in zip(tasks, parts, strict=True):
        yield task, part.argmax(1) if isinstance(task, Segmentation) else part.squeeze(1)


def _piece(batch: Batch, normalisation: tuple[Tensor, Tensor]) -> Piece:
    image = normalised(batch.image, batch.observed, normalisation)[0].numpy()
    rows, cols = image.shape[-2:]
    return Piece(Window(0, 0, cols, rows), image, batch.observed[0].numpy(), {})
