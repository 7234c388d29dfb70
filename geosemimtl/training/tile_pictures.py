"""Pictures of the same few validation tiles, again and again while a training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from geosemimtl.classes import IGNORE
from geosemimtl.data.batch import Batch
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.publish.picture import Panels, drawn, stretched
from geosemimtl.tasks import (
    HEIGHT,
    SEGMENTATION,
    Height,
    Segmentation,
)
from geosemimtl.training.module import MultiTaskTask

#: Of values from 0 to 1, between what is drawn black and white.
_LEAST_RANGE = 0.25


def draw_tiles(
    module: MultiTaskTask, tiles: Mapping[int, DomainTiles], names: Sequence[str], count: int
) -> Figure:
    """Draw a row of panels a tile: image, predicted and true land cover and heights.

    Args:
        module: With its network in evaluation mode.
        tiles: By the index of their domain.
        names: Of all domains.
        count: How many tiles of each domain; the same ones every time.

    Raises:
        TileSetError: A tile cannot be read.
        TrainingError: A prediction is not finite.
    """
    rows = []
    for index, domain in tiles.items():
        for tile in spread(len(domain), count):
            batch = domain.batch([tile], index)
            said = module.predicted(batch.to(module.device))
            rows.append(_panels(f"{names[index]}: {batch.tiles[0]}", domain, batch, said))
    classes = next((t.classes for t in module.tasks if isinstance(t, Segmentation)), None)
    # one scale for all pictures of a training, so that they can be told apart by heights alone
    top_m = next((task.scale_m for task in module.tasks if isinstance(task, Height)), None)
    return drawn(rows, classes, top_m)


def spread(length: int, count: int) -> tuple[int, ...]:
    """Return up to ``count`` places along ``length``, as far apart as can be."""
    count = min(count, length)
    return tuple((2 * k + 1) * length // (2 * count) for k in range(count))


def _panels(title: str, domain: DomainTiles, batch: Batch, said: Mapping[str, Tensor]) -> Panels:
    observed = batch.observed[0].numpy()
    image = stretched(batch.image[0].numpy(), observed, _LEAST_RANGE)

    def pair(task: str, unknown: float) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
        """Return what is predicted where there is an image, and what is true where it is known."""
        if task not in said:
            return None, None
        guess = np.where(observed, said[task][0].cpu().numpy(), unknown)
        if task not in domain.supervises:
            return guess, None
        return guess, np.where(batch.valid[task][0], batch.targets[task][0], unknown)

    return Panels(
        title,
        np.where(observed[..., None], image, 1),
        domain.tileset.size_px * domain.tileset.gsd_m,
        pair(SEGMENTATION, IGNORE),
        pair(HEIGHT, np.nan),
    )
