"""The tables of a report: texts, and how long the bars beside them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from geosemimtl.inference.evaluation.scoring import Evaluation, SegmentationResult
from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.publish.score_tables import Summary, score_summaries

#: Columns whose numbers have a bar, and the number of a whole bar; 0 is the column's largest.
_BARS = {"IoU": 100.0, "RMSE m": 0.0, "share of pixels": 100.0}
#: Shares of a true class from here on are written on so strong a colour that letters turn.
_STRONG = 0.55


class Cell(NamedTuple):
    """A number as text, and the length of its bar, 0 to 1, where it has one."""

    text: str
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column is text.

    Attributes:
        title: What stands above it.
        head: Names of the columns.
        rows: Name of each row, and its cells.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


class Figure(NamedTuple):
    """One of the numbers that a report begins with."""

    name: str
    value: str
    unit: str
    beside: str


class Share(NamedTuple):
    """A field of a confusion matrix.

    Attributes:
        text: Per cent of the true class; empty where there is none.
        share: The same from 0 to 1.
        kind: ``right`` or ``wrong``, and ``strong`` where the colour is.
        pixels: How many.
    """

    text: str
    share: float
    kind: str
    pixels: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix: each true class's row in per cent."""

    title: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Share, ...]], ...]


def tables_of(evaluation: Evaluation) -> dict[str, tuple[Table, ...]]:
    """Return the tables of scores by task, as ``evaluate`` prints them."""
    land = Evaluation(evaluation.segmentation, None)
    heights = Evaluation(None, evaluation.height)
    return {
        name: tuple(map(_with_bars, score_summaries(part)))
        for name, part in (("land", land), ("heights", heights))
    }


def calibration_table(counts: CalibrationCounts) -> Table:
    """Return the calibration curve as numbers."""
    rows = tuple(
        (
            f"{100 * each.low:.0f} to {100 * each.high:.0f}",
            _shares(each.confidence, each.accuracy, each.pixels / counts.total),
        )
        for each in counts.bins
        if each.pixels
    )
    head = ("confidence %", "mean confidence", "right", "share of pixels")
    return Table("Calibration in %, by confidence", head, rows)


def figures(evaluation: Evaluation) -> tuple[Figure, ...]:
    """Return the few numbers that say most, each beside what it has to beat."""
    found: list[Figure] = []
    if land := evaluation.segmentation:
        common = land.most_common
        found += [
            Figure("mIoU", _percent(land.counts.miou), "%", _beside_miou(land)),
            Figure(
                "Accuracy",
                _percent(land.counts.pixel_accuracy),
                "%",
                f"always the most common class: {_percent(common.pixel_accuracy)} %",
            ),
        ]
        if land.calibration:
            off = "mean distance of confidence and accuracy"
            found.append(Figure("Calibration error", _percent(land.calibration.error), "%", off))
    if heights := evaluation.height:
        own, mean = heights.counts, heights.mean
        found += [
            Figure("Height RMSE", f"{own.rmse:.2f}", "m", f"always the mean: {mean.rmse:.2f} m"),
            Figure(
                "Height MAE",
                f"{own.mae:.2f}",
                "m",
                f"always the mean: {mean.mae:.2f} m; bias {own.bias:+.2f} m",
            ),
        ]
    return tuple(found)


def matrices(scores: SegmentationResult) -> tuple[Matrix, ...]:
    """Return the confusion matrix, and the eroded one if there is one."""
    panels = [("All pixels", scores.counts)]
    if scores.eroded:
        radius = scores.eroded.radius_px
        panels.append((f"More than {radius} px from a boundary", scores.eroded.counts))
    names = tuple(name.replace("_", " ") for name in scores.classes.names)
    return tuple(_matrix(title, names, counts) for title, counts in panels)


def coverage_table(rows: Sequence[tuple[str, Mapping[str, int]]], gsd_m: float | None) -> Table:
    """Return which domain supervised which task by how many pixels.

    Args:
        rows: Name of each domain, and its labelled pixels by task.
        gsd_m: Of their pixels; ``None`` of images that lie nowhere on the ground.
    """
    tasks = list(dict.fromkeys(task for _, pixels in rows for task in pixels))
    total = {task: sum(pixels.get(task, 0) for _, pixels in rows) for task in tasks}
    square_km = ((gsd_m or 0) / 1000) ** 2

    def cells(pixels: Mapping[str, int]) -> tuple[Cell, ...]:
        found = []
        for task in tasks:
            count = pixels.get(task, 0)
            ground = f" ({count * square_km:.3g} km²)" if square_km else ""
            text = f"{count:,}{ground}" if count else "none"
            found.append(Cell(text, count / total[task] if total[task] else None))
        return tuple(found)

    body = [(name, cells(pixels)) for name, pixels in rows]
    return Table("Labelled pixels by sensor and task", ("sensor", *tasks), tuple(body))


def _with_bars(summary: Summary) -> Table:
    whole = {}
    for place, name in enumerate(summary.head):
        if name in _BARS:
            values = [_value(row[place]) or 0.0 for row in summary.rows]
            whole[place] = _BARS[name] or max(values)
    rows = []
    for row in summary.rows:
        cells = []
        for place, text in enumerate(row[1:], start=1):
            value, most = _value(text), whole.get(place)
            cells.append(Cell(text, min(value / most, 1.0) if value and most else None))
        rows.append((row[0].strip(), tuple(cells)))
    return Table(summary.title, summary.head, tuple(rows))


def _value(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _matrix(title: str, names: tuple[str, ...], counts: ConfusionCounts) -> Matrix:
    rows = []
    for place, (name, row) in enumerate(zip(names, counts.matrix.tolist(), strict=True)):
        total = int(np.sum(row))
        fields = []
        for other, pixels in enumerate(row):
            share = pixels / total if total else 0.0
            kind = "right" if other == place else "wrong"
            text = f"{100 * share:.1f}" if total else ""
            fields.append(Share(text, share, kind + " strong" * (share > _STRONG), pixels))
        rows.append((name, tuple(fields)))
    return Matrix(title, names, tuple(rows))


def _shares(confidence: float, accuracy: float, share: float) -> tuple[Cell, ...]:
    return (Cell(_percent(confidence)), Cell(_percent(accuracy)), Cell(_percent(share), share))


def _beside_miou(land: SegmentationResult) -> str:
    common = f"always the most common class: {_percent(land.most_common.miou)} %"
    if not land.left_out:
        return common
    names = " and ".join(name.replace("_", " ") for name in land.without)
    return f"{_percent(land.counts.miou_without(land.left_out))} % without {names}; {common}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
