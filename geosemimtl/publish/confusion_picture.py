"""A picture of which classes are taken for which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geosemimtl.inference.evaluation.scoring import SegmentationResult
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.publish.picture import write_figure

#: Inches of a class, and of what stands around the matrix.
_CELL_IN, _AROUND_IN = 0.62, (2.2, 2.0)
#: Of the scale: cells darker than this have white numbers.
_DARK = 0.55
#: Beyond so many classes, numbers would not fit into cells.
_MOST_NUMBERS = 30


def draw_confusion(path: Path, scores: SegmentationResult) -> None:
    """Draw where the pixels of each true class went, in per cent of the class.

    Args:
        path: The PNG.
        scores: Their eroded counts, if any, are drawn beside the full ones.

    Raises:
        OutputError: The picture cannot be written.
    """
    panels = [("all pixels", scores.counts)]
    if scores.eroded:
        radius = scores.eroded.radius_px
        panels.append((f"more than {radius} px from a boundary", scores.eroded.counts))
    names = [name.replace("_", " ") for name in scores.classes.names]
    side = _CELL_IN * min(len(names), _MOST_NUMBERS)
    width, height = (side + around for around in _AROUND_IN)
    figure = Figure(figsize=(width * len(panels), height), layout="constrained", dpi=110)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, counts) in zip(axes, panels, strict=True):
        _draw_panel(axis, counts, names)
        axis.set_title(title, fontsize=10)
    write_figure(figure, path)


def _draw_panel(axis: Axes, counts: ConfusionCounts, names: list[str]) -> None:
    total = counts.matrix.sum(axis=1, keepdims=True)
    share = np.divide(counts.matrix, total, out=np.zeros(counts.matrix.shape), where=total > 0)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= _MOST_NUMBERS:
        for row, col in np.argwhere(np.broadcast_to(total > 0, share.shape)):
            value = 100 * share[row, col]
            axis.text(
                col,
                row,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share[row, col] > _DARK else "black",
            )
    places = np.arange(len(names))
    axis.set_xticks(places, names, rotation=45, ha="right", fontsize=9)
    axis.set_yticks(places, names, fontsize=9)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true (rows add up to 100 %)")
