"""Scores as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.table import Table

from geosemimtl.cli.console import table
from geosemimtl.inference.scoring import RATIO_EPS_M, Evaluation


def score_tables(evaluation: Evaluation) -> Iterator[Table]:
    """Yield a table a task, with its reference lines."""
    if evaluation.segmentation:
        counts = evaluation.segmentation.counts
        names = evaluation.segmentation.classes.names
        rows: list[tuple[object, ...]] = [
            (name.replace("_", " "), _percent(iou), _percent(f1))
            for name, iou, f1 in zip(names, counts.iou, counts.f1, strict=True)
        ]
        constant = evaluation.segmentation.most_common
        rows.append(("mean of all classes", _percent(counts.miou), ""))
        rows.append(("  always the most common class", _percent(constant.miou), ""))
        rows.append(("pixel accuracy", _percent(counts.pixel_accuracy), ""))
        rows.append(("  always the most common class", _percent(constant.pixel_accuracy), ""))
        yield table("Land cover (%)", ("class", "IoU", "F1"), rows)
    if evaluation.height:
        scores = evaluation.height
        lines = (
            ("model", scores.counts),
            ("always the mean", scores.mean),
            ("always 0 m", scores.zero),
        )
        yield table(
            f"Height (ratios where truth > {RATIO_EPS_M:g} m)",
            ("", "RMSE m", "MAE m", "bias m", "abs. rel.", "delta 1 %"),
            [
                (
                    name,
                    f"{c.rmse:.2f}",
                    f"{c.mae:.2f}",
                    f"{c.bias:+.2f}",
                    f"{c.abs_rel:.2f}",
                    _percent(c.delta(1)),
                )
                for name, c in lines
            ],
        )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}" if math.isfinite(value) else "-"
