"""Scores as JSON's types and as tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from geosemimtl.inference.scoring import Evaluation, HeightResult, SegmentationResult
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.tasks import HEIGHT, SEGMENTATION, TASK_NAMES


@dataclass(frozen=True, slots=True)
class Summary:
    """A table of scores beside the reference lines that they have to beat."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [self.head, ("---", *("---:",) * (len(self.head) - 1)), *self.rows]
        return f"{self.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def score_document(evaluation: Evaluation) -> dict[str, Any]:
    """Return the scores as JSON's types; what is undefined is null."""
    document: dict[str, Any] = {}
    classes, height = evaluation.segmentation, evaluation.height
    if classes:
        document["segmentation"] = {
            "miou": _number(classes.counts.miou),
            "pixel_accuracy": _number(classes.counts.pixel_accuracy),
            "iou": {
                name: _number(iou)
                for name, iou in zip(classes.classes.names, classes.counts.iou, strict=True)
            },
            "most_common_class_miou": _number(classes.most_common.miou),
            "pixels": classes.counts.total,
        }
    if height:
        document["height"] = {
            "model": _height_document(height.counts),
            "mean_height": _height_document(height.mean),
            "zero_height": _height_document(height.zero),
            "pixels": height.counts.n,
        }
    return document


def summaries(
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
        if evaluation.segmentation:
            texts = _segmentation_texts(evaluation.segmentation)
            classes.append((name, used[SEGMENTATION], *texts))
        if evaluation.height:
            heights.append((name, used[HEIGHT], *_height_texts(evaluation.height)))
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


def _segmentation_texts(scores: SegmentationResult) -> tuple[str, ...]:
    names, counts = scores.classes.names, scores.counts
    rare = [names.index("clutter")] if "clutter" in names else []
    values = (
        counts.miou,
        counts.miou_without(rare),
        counts.pixel_accuracy,
        scores.most_common.miou,
    )
    return tuple(_percent(value) for value in values)


def _height_texts(scores: HeightResult) -> tuple[str, ...]:
    counts = (scores.counts, scores.mean, scores.zero)
    return tuple(f"{value:.2f}" for one in counts for value in (one.rmse, one.mae))


def _height_document(counts: HeightCounts) -> dict[str, float | None]:
    return {
        "rmse_m": _number(counts.rmse),
        "mae_m": _number(counts.mae),
        "bias_m": _number(counts.bias),
        "abs_rel": _number(counts.abs_rel),
        "delta1": _number(counts.delta(1)),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _percent(value: float) -> str:
    return f"{100 * value:.1f}" if math.isfinite(value) else "-"
