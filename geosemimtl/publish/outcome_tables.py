"""An experiment's tables beside the paper's figures, and all its figures one by one."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from io import StringIO

from geosemimtl.experiments.config import ExperimentConfig, Figure
from geosemimtl.experiments.running import Outcome
from geosemimtl.metrics.multitask import multi_task_gain
from geosemimtl.publish.score_tables import Summary
from geosemimtl.tasks import HEIGHT, SEGMENTATION, UNITS

#: Column, figure, factor and decimals.
_COLUMNS: tuple[tuple[str, Figure, int, int], ...] = (
    ("pAcc %", "pixel_accuracy", 100, 1),
    ("mIoU %", "mean_iou", 100, 1),
    ("RMSE", "rmse", 1, 2),
    ("AbR", "abs_rel", 1, 2),
    ("d1 %", "delta1", 100, 1),
    ("d2 %", "delta2", 100, 1),
    ("d3 %", "delta3", 100, 1),
    ("gain %", "gain", 1, 1),
)
_SHORT = ("mean_iou", "rmse", "gain")
_RUN_HEAD = ("row", "seed", "budget", "iterations", "steps", "seconds")


def experiment_tables(
    config: ExperimentConfig, outcomes: Sequence[Outcome], *, short: bool = False
) -> list[Summary]:
    """Return a table for each scene, kind of statistics and kind of budget.

    A short one fits a terminal: it has what the gain is made of, and not the paper's figures.

    AbR and d1 to d3 of heights are of pixels whose truth is above 0.5 m; the paper's, of all above
    0, so theirs are not to be compared. Of other numbers they are of all above 0.

    A cell is the mean over the seeds, and behind ± their sample standard deviation. The gain
    (Eq. 10) compares seed by seed with the single-task rows of the same statistics and budget.
    """
    tables = []
    for same_time in sorted({each.same_time for each in outcomes}):
        for scene in config.scenes:
            for kind in config.statistics:
                title = f"{scene.name}, {_BUDGETS[same_time]}, {_KINDS[kind]}"
                found = figures_of(config, outcomes, scene.name, kind, same_time=same_time)
                head, lines = _rows(config, scene.name, found, short=short)
                if not short:
                    budgets = [
                        _budget(config, outcomes, line[0], same_time=same_time) for line in lines
                    ]
                    head = (*head, "iterations", "s")
                    lines = tuple((*line, *b) for line, b in zip(lines, budgets, strict=True))
                tables.append(Summary(title, head, lines))
    return tables


_BUDGETS = {False: "equal iterations", True: "equal training time"}
_KINDS = {
    "learned": "statistics as learned",
    "adapted": "statistics re-estimated on the scene",
}


def experiment_document(config: ExperimentConfig, outcomes: Sequence[Outcome]) -> str:
    """Return all tables as Markdown, and how they are to be read."""
    seeds, on_ground = ", ".join(map(str, config.seeds)), config.quantity == HEIGHT
    read = (
        f"Seeds {seeds}; mean ± sample standard deviation over them, which says little of so few. "
        f"AbR and d1 to d3 are of true {'heights above 0.5 m' if on_ground else 'values above 0'}. "
        "The gain is over the single-task rows "
        "of its table, seed by seed (Eq. 10). Seconds of training are medians."
    )
    tables = [each.markdown() for each in experiment_tables(config, outcomes)]
    return "\n".join([f"# {config.name}", "", read, "", *tables])


def figures_of(
    config: ExperimentConfig,
    outcomes: Sequence[Outcome],
    scene: str,
    kind: str,
    *,
    same_time: bool,
) -> dict[str, dict[int, dict[str, float]]]:
    """Return a scene's figures by row and seed, the gain among them.

    Under equal training time, the row that the others are compared with is the same run.
    """
    found: dict[str, dict[int, dict[str, float]]] = {}
    for row in config.rows:
        runs = _runs(config, outcomes, row.name, same_time=same_time)
        scored = {o.seed: dict(o.scores[scene].get(kind, {})) for o in runs}
        if any(scored.values()):
            found[row.name] = scored
    for seeds in found.values():
        for seed, figures in seeds.items():
            single = _single(config, found, seed)
            if single and set(single) <= set(figures):
                ours = {name: figures[name] for name in single}
                figures["gain"] = multi_task_gain(ours, single, {"rmse"})
    return found


def _runs(
    config: ExperimentConfig, outcomes: Sequence[Outcome], row: str, *, same_time: bool
) -> list[Outcome]:
    """Return a row's runs; the one whose time the others have is the same for both budgets."""
    own_time = same_time and row != config.same_time_as
    return [each for each in outcomes if each.row == row and each.same_time == own_time]


def _budget(
    config: ExperimentConfig, outcomes: Sequence[Outcome], row: str, *, same_time: bool
) -> tuple[str, str]:
    runs = _runs(config, outcomes, row, same_time=same_time)
    seconds = statistics.median(each.seconds for each in runs)
    return str(runs[0].iterations), f"{seconds:.0f}"


def _single(
    config: ExperimentConfig, found: Mapping[str, Mapping[int, Mapping[str, float]]], seed: int
) -> dict[str, float]:
    rows = {
        "mean_iou": config.single.get(SEGMENTATION, ""),
        "rmse": next((row for task, row in config.single.items() if task in UNITS), ""),
    }
    single = {
        figure: found[row][seed][figure]
        for figure, row in rows.items()
        if seed in found.get(row, {}) and figure in found[row][seed]
    }
    return single if len(single) == len(rows) else {}


def _rows(
    config: ExperimentConfig,
    scene: str,
    found: Mapping[str, Mapping[int, Mapping[str, float]]],
    *,
    short: bool,
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return a table's head and its rows."""
    rows, unit = config.rows, UNITS[config.quantity]
    columns = [column for column in _COLUMNS if not short or column[1] in _SHORT]
    labels: dict[Figure, str] = {
        figure: f"{label} {unit}" if figure == "rmse" else label for label, figure, _, _ in columns
    }
    printed = [
        name
        for name in labels
        if not short and any(name in row.paper.get(scene, {}) for row in rows)
    ]
    head = ("method", *labels.values(), *(f"paper's {labels[name]}" for name in printed))
    lines = [
        (
            row.name,
            *(
                _cell([each[figure] for each in found[row.name].values() if figure in each], *how)
                for _, figure, *how in columns
            ),
            *(_paper(row.paper.get(scene, {}).get(name)) for name in printed),
        )
        for row in rows
        if row.name in found
    ]
    return head, tuple(lines)


def _cell(values: Sequence[float], factor: float, decimals: int) -> str:
    if not values:
        return "-"
    scaled = [factor * value for value in values]
    mean = f"{statistics.mean(scaled):.{decimals}f}"
    if len(scaled) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(scaled):.{decimals}f}"


def _paper(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def outcomes_csv(outcomes: Sequence[Outcome]) -> str:
    """Return every figure in a row of its own."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_RUN_HEAD, "scene", "statistics", "figure", "value"))
    for each in outcomes:
        budget = "time" if each.same_time else "iterations"
        run = (each.row, each.seed, budget, each.iterations, each.steps, f"{each.seconds:.1f}")
        for scene, kinds in each.scores.items():
            for kind, figures in kinds.items():
                for name, value in figures.items():
                    writer.writerow((*run, scene, kind, name, f"{value:.6g}"))
    return text.getvalue()
