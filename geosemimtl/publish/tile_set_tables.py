"""Scores on a tile set as tables."""

from __future__ import annotations

from collections.abc import Iterator

from geosemimtl.inference.evaluation.tile_sets import TileSetScores
from geosemimtl.publish.score_tables import Summary

#: What a name begins with that is one class's.
_CLASS = "iou_"
#: Shares, by how their names begin.
_SHARES = (
    "mean_iou",
    "pixel_accuracy",
    "delta",
    "images_delta",
    "within",
    "max_",
    "pooled",
    "pixel_f",
)


def tile_set_summaries(scores: TileSetScores) -> Iterator[Summary]:
    """Yield a table of all tasks' scores, and one of each class's IoU."""
    rows, classes = [], []
    for task, each in scores.tasks.items():
        shown = task.replace("_", " ")
        for name, value in each.named().items():
            if name.startswith(_CLASS):
                label = name.removeprefix(_CLASS).replace("_", " ")
                classes.append((shown, label, _share(value)))
            else:
                rows.append((shown, *_words(name, value), f"{each.n:,}"))
    title = f"{scores.tileset}: {scores.tiles} tiles of the split {scores.split}"
    yield Summary(title, ("task", "score", "", "pixels"), tuple(rows))
    if classes:
        yield Summary("Classes", ("task", "class", "IoU %"), tuple(classes))


def _words(name: str, value: float) -> tuple[str, str]:
    """Return a score's name and figure as they are read."""
    if name.startswith(_SHARES):
        return f"{name.replace('_', ' ')} %", _share(value)
    unit = {"m": "m", "px": "px", "deg": "degrees"}.get(name.rpartition("_")[2], "")
    if name.endswith("per_m"):
        unit, shown = "1/m", name.removesuffix("_per_m")
    else:
        shown = name.rpartition("_")[0] if unit else name
    return f"{shown.replace('_', ' ')} {unit}".strip(), f"{value:.4g}"


def _share(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f}"  # noqa: PLR0124  (no number)
