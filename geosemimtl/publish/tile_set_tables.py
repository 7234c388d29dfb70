"""Scores on a tile set as tables."""

from __future__ import annotations

from collections.abc import Iterator

from geosemimtl.inference.evaluation.tile_sets import TileSetScores
from geosemimtl.publish.score_tables import Summary

#: What a name begins with that is one class's.
_CLASS = "iou_"
#: What a name begins with that is a mean of the images' scores.
_IMAGES = "images_"
#: Shares, by how their names begin.
_SHARES = ("mean_iou", "pixel_accuracy", "delta", "within", "max_", "pooled", "pixel_f")
#: Units, by how a name ends.
_UNITS = {"_per_m": "1/m", "_m": "m", "_px": "px", "_deg": "degrees"}
#: Scores that are not called as they are spelled.
_NAMES = {
    "mean_iou": "mIoU",
    "pixel_accuracy": "accuracy",
    "rmse": "RMSE",
    "rmse_log": "RMSE log",
    "mae": "MAE",
    "abs_error": "aErr",
    "abs_rel": "AbR",
    "sq_rel": "SqR",
    "delta1": "d1",
    "delta2": "d2",
    "delta3": "d3",
    "max_iou": "best IoU",
    "max_f": "best F",
    "pooled_max_f": "pooled best F",
    "pixel_f": "pixel F",
}


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
    of_images = name.startswith(_IMAGES)
    bare = name.removeprefix(_IMAGES)
    if bare.startswith(_SHARES):
        unit, figure = "%", _share(value)
    else:
        unit = next((unit for ending, unit in _UNITS.items() if bare.endswith(ending)), "")
        bare = next((bare.removesuffix(each) for each in _UNITS if bare.endswith(each)), bare)
        figure = f"{value:.4g}"
    shown = _NAMES.get(bare, bare.replace("_", " "))
    return " ".join(filter(None, (shown, unit, "(images)" * of_images))), figure


def _share(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f}"  # noqa: PLR0124  (no number)
