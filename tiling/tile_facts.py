"""What the index says of a tile's labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import LandClass
from geosemimtl.tasks import (
    NODATA,
    SEGMENTATION,
    UNITS,
    Kind,
    kind_of,
)


def facts_of(
    targets: Mapping[str, NDArray[Any]], classes: Mapping[str, Sequence[LandClass]]
) -> dict[str, float | None]:
    """Return columns of the index about labels.

    Of classes, the share of the tile's pixels of each; of yes and no, that of yes; of numbers, the
    smallest and the largest, ``None`` where there is none; of vectors, the share that is known.

    Args:
        targets: By task, labels in its form.
        classes: By task.
    """
    facts: dict[str, float | None] = {}
    for task in classes:
        labels = targets[task]
        begin, kind = _prefix(task), kind_of(task)
        if kind is Kind.CLASSES:
            counts = np.bincount(labels.ravel(), minlength=256)
            for index, entry in enumerate(classes[task]):
                facts[f"{begin}{entry.name}"] = int(counts[index]) / labels.size
        elif kind is Kind.BINARY:
            facts[f"{begin}share"] = float((labels == 1).mean())
        elif kind is Kind.DIRECTION:
            facts[f"{begin}share"] = float((labels[0] != NODATA).mean())
        else:
            known = labels[labels != NODATA]
            unit = UNITS[task].replace("/", "_per_").removeprefix("1_")
            facts[f"{begin}min_{unit}"] = float(known.min()) if known.size else None
            facts[f"{begin}max_{unit}"] = float(known.max()) if known.size else None
    return facts


def without_other_tasks(
    row: Mapping[str, Any], tasks: Collection[str], all_tasks: Collection[str]
) -> dict[str, Any]:
    """Return a row of the index without what it says of other tasks than these."""
    gone = tuple(_prefix(task) for task in all_tasks if task not in tasks)
    return {key: value for key, value in row.items() if not key.startswith(gone)}


def _prefix(task: str) -> str:
    """Return what the columns of a task begin with."""
    if task == SEGMENTATION:
        return "share_"
    return f"{task}_share_" if kind_of(task) is Kind.CLASSES else f"{task}_"
