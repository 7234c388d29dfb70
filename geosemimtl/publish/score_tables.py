"""Scores as tables for the terminal and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from geosemimtl.inference.evaluation.scoring import Evaluation, HeightResult, SegmentationResult
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.tasks import HEIGHT, SEGMENTATION, TASK_NAMES

_CLASS_HEAD = ("class", "IoU", "F1", "precision", "recall", "share")
_METRE_HEAD = ("RMSE m", "MAE m", "bias m")
_RATIO_HEAD = ("AbR", "d1 %", "d2 %", "d3 %")
#: From here on figures are shown by their order of magnitude.
_LARGE = 1e4


@dataclass(frozen=True, slots=True)
class Summary:
    """A table of scores.

    Attributes:
        title: What stands above it.
        head: Names of the columns; the first is text, the others are numbers.
        rows: As texts.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [self.head, ("---", *("---:",) * (len(self.head) - 1)), *self.rows]
        return f"{self.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def counted_how(evaluation: Evaluation) -> str:
    """Return in a sentence which pixels were counted how often."""
    if evaluation.per_tile:
        return "Tiles on their own, not blended: pixels of overlaps count once a tile."
    return "Whole rasters: each pixel counts once."


def score_summaries(evaluation: Evaluation) -> tuple[Summary, ...]:
    """Return the scores of one evaluation, with the reference lines that they have to beat."""
    tables: list[Summary] = []
    if evaluation.segmentation:
        tables += _class_tables(evaluation.segmentation)
    if evaluation.height:
        tables += _height_tables(evaluation.height)
    return tuple(tables)


def scene_tables(
    evaluations: Mapping[str, Evaluation], supervises: Mapping[str, Collection[str]]
) -> tuple[Summary, ...]:
    """Return a table a task with a row a scene.

    Args:
        evaluations: By the scene's name, with both tasks.
        supervises: By the scene's name, the tasks whose labels its sensor gave to the training.
    """
    classes, heights = [], []
    for name, evaluation in evaluations.items():
        used = {task: "yes" if task in supervises[name] else "no" for task in TASK_NAMES}
        if scores := evaluation.segmentation:
            counts, left_out = scores.counts, scores.left_out
            shares = (
                counts.miou,
                counts.miou_without(left_out),
                counts.pixel_accuracy,
                scores.most_common.miou,
            )
            classes.append((name, used[SEGMENTATION], *map(_percent, shares)))
        if height := evaluation.height:
            metres = [
                value
                for each in (height.counts, height.mean, height.zero)
                for value in (each.rmse, each.mae)
            ]
            heights.append((name, used[HEIGHT], *map(_decimals, metres)))
    scored = ("mIoU", "no clutter", "accuracy", "reference mIoU")
    measured = ("RMSE", "MAE", "mean: RMSE", "MAE", "zero: RMSE", "MAE")
    return (
        Summary(
            "Land cover in %; reference: the most common class everywhere",
            ("scene", "labels", *scored),
            tuple(classes),
        ),
        Summary(
            "Height in metres; references: the mean height, and zero height, everywhere",
            ("scene", "labels", *measured),
            tuple(heights),
        ),
    )


def _class_tables(scores: SegmentationResult) -> Iterator[Summary]:
    near = scores.eroded and f"without what is within {scores.eroded.radius_px} px of a boundary"
    rows = list(_mean_rows("all pixels", scores, scores.counts))
    if scores.eroded:
        rows += _mean_rows("eroded", scores, scores.eroded.counts)
    constant = scores.most_common
    rows.append(_mean_row("always the most common class", constant, constant.mean_f1()))
    title = "Land cover in %" + (f"; eroded: {near}" if near else "")
    yield Summary(title, ("", "mIoU", "mean F1", "accuracy", "pixels"), tuple(rows))
    yield Summary("Classes in %", _CLASS_HEAD, tuple(_class_rows(scores, scores.counts)))
    if scores.eroded:
        eroded = tuple(_class_rows(scores, scores.eroded.counts))
        yield Summary(f"Classes in %, {near}", _CLASS_HEAD, eroded)


def _mean_rows(
    what: str, scores: SegmentationResult, counts: ConfusionCounts
) -> Iterator[tuple[str, ...]]:
    classes, left_out = len(scores.classes), scores.left_out
    yield _mean_row(f"{what}, {classes} classes", counts, counts.mean_f1())
    if left_out:
        names = " and ".join(_words(name) for name in scores.without)
        yield (
            f"{what}, {classes - len(left_out)} without {names}",
            _percent(counts.miou_without(left_out)),
            _percent(counts.mean_f1(left_out)),
            "",
            "",
        )


def _mean_row(what: str, counts: ConfusionCounts, mean_f1: float) -> tuple[str, ...]:
    shares = (counts.miou, mean_f1, counts.pixel_accuracy)
    return what, *map(_percent, shares), str(counts.total)


def _class_rows(scores: SegmentationResult, counts: ConfusionCounts) -> Iterator[tuple[str, ...]]:
    true = counts.matrix.sum(axis=1) / max(counts.total, 1)
    columns = (counts.iou, counts.f1, counts.precision, counts.recall, true)
    for name, *values in zip(scores.classes.names, *columns, strict=True):
        yield _words(name), *map(_percent, values)


def _height_tables(scores: HeightResult) -> Iterator[Summary]:
    eps = f"where the truth is above {scores.counts.eps:g} m"
    yield Summary(
        f"Height; AbR and d1 to d3 (below 1.25, 1.25², 1.25³) {eps}",
        ("", *_METRE_HEAD, *_RATIO_HEAD),
        (
            ("model", *_errors(scores.counts), *_ratios(scores.counts)),
            ("  truth above 0 m", "", "", "", *_ratios(scores.positive)),
            ("always the mean", *_errors(scores.mean), *_ratios(scores.mean)),
            ("always 0 m", *_errors(scores.zero), *_ratios(scores.zero)),
        ),
    )
    edges, bins = [f"{edge:g}" for edge in scores.edges_m], scores.bins.counts
    between = [f"{low} to {high} m" for low, high in pairwise(edges)]
    ranges = [f"below {edges[0]} m", *between, f"{edges[-1]} m and up"]
    head = (*_METRE_HEAD, "AbR", "d1 %", "share %")
    yield Summary(
        f"Height by true height; AbR and d1 {eps}",
        ("truth", *head),
        tuple(
            _group_row(name, each, scores.counts.n) for name, each in zip(ranges, bins, strict=True)
        ),
    )
    if scores.by_class:
        yield Summary(
            f"Height by true class; AbR and d1 {eps}",
            ("class", *head),
            tuple(
                _group_row(_words(name), each, scores.counts.n)
                for name, each in scores.by_class.items()
            ),
        )


def _group_row(name: str, counts: HeightCounts, pixels: int) -> tuple[str, ...]:
    return name, *_errors(counts), *_ratios(counts)[:2], _percent(counts.n / pixels)


def _errors(counts: HeightCounts) -> tuple[str, ...]:
    bias = f"{counts.bias:+.2f}" if math.isfinite(counts.bias) else "-"
    return _decimals(counts.rmse), _decimals(counts.mae), bias


def _ratios(counts: HeightCounts) -> tuple[str, ...]:
    return _decimals(counts.abs_rel), *(_percent(counts.delta(power)) for power in (1, 2, 3))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _decimals(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0e}" if abs(value) >= _LARGE else f"{value:.2f}"  # a ratio to almost 0


def _percent(value: float) -> str:
    return f"{100 * value:.1f}" if math.isfinite(value) else "-"
