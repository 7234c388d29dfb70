"""An experiment as a picture: a dot a seed, a line at their mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geosemimtl.experiments.config import ExperimentConfig
from geosemimtl.experiments.running import Outcome
from geosemimtl.publish.outcome_tables import figures_of
from geosemimtl.publish.picture import write_figure
from geosemimtl.tasks import UNITS

_FIGURES = (
    ("mean_iou", 100, "mIoU in %, more is better"),
    ("rmse", 1, "RMSE in {unit}, less is better"),
)
#: Colour and place beside the row's line, by kind of statistics.
_LOOKS = {"learned": ("#1f4e79", -0.16), "adapted": ("#d9822b", 0.16)}
_ROW_IN, _PANEL_IN = 0.42, 4.2


def draw_experiment(path: Path, config: ExperimentConfig, outcomes: Sequence[Outcome]) -> None:
    """Draw the classes' and the heights' scores on every scene, at equal iterations.

    Args:
        path: The PNG.
        config: The experiment.
        outcomes: What came of it.

    Raises:
        OutputError: The picture cannot be written.
    """
    rows = [row.name for row in config.rows]
    size = (_PANEL_IN * len(_FIGURES) + 1.6, len(config.scenes) * (_ROW_IN * len(rows) + 1.1))
    figure = Figure(figsize=size, layout="constrained", dpi=110)
    axes = figure.subplots(len(config.scenes), len(_FIGURES), squeeze=False, sharey=True)
    for line, scene in zip(axes, config.scenes, strict=True):
        for axis, (name, factor, label) in zip(line, _FIGURES, strict=True):
            for kind in config.statistics:
                found = figures_of(config, outcomes, scene.name, kind, same_time=False)
                values = [
                    [factor * each[name] for each in found.get(row, {}).values() if name in each]
                    for row in rows
                ]
                _draw_dots(axis, values, kind)
            axis.set_yticks(range(len(rows)), rows)
            axis.set_ylim(len(rows) - 0.5, -0.5)
            axis.set_xlabel(label.format(unit=UNITS[config.quantity]))
            axis.set_title(f"{scene.name}", fontsize=10)
            axis.grid(axis="x", color="#dddddd", linewidth=0.7)
            axis.set_axisbelow(True)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    write_figure(figure, path)


def _draw_dots(axis: Axes, values: Sequence[Sequence[float]], kind: str) -> None:
    color, shift = _LOOKS[kind]
    label: str | None = {
        "learned": "statistics as learned",
        "adapted": "re-estimated on the scene",
    }[kind]
    for place, each in enumerate(values):
        if not each:
            continue
        at = place + shift
        axis.plot(each, [at] * len(each), "o", color=color, alpha=0.75, markersize=5, label=label)
        axis.plot([float(np.mean(each))] * 2, [at - 0.14, at + 0.14], color=color, linewidth=2)
        label = None
