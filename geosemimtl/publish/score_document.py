"""Scores as JSON's types, every figure of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from geosemimtl.inference.evaluation.scoring import Evaluation, HeightResult, SegmentationResult
from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.regression import HeightCounts


def document_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return the scores as JSON's types; shares from 0 to 1, what is undefined is null."""
    document: dict[str, Any] = {"per_tile": evaluation.per_tile}
    if evaluation.segmentation:
        document["segmentation"] = _segmentation(evaluation.segmentation)
    if evaluation.height:
        document["height"] = _height(evaluation.height)
    return document


def flattened(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the single values of nested objects and lists by dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        inner = (
            {str(at): each for at, each in enumerate(value)} if isinstance(value, list) else value
        )
        flat |= flattened(inner, f"{name}.") if isinstance(inner, Mapping) else {name: inner}
    return flat


def _segmentation(scores: SegmentationResult) -> dict[str, Any]:
    document = _classes(scores, scores.counts)
    document["most_common_class_miou"] = _number(scores.most_common.miou)
    document["most_common_class_pixel_accuracy"] = _number(scores.most_common.pixel_accuracy)
    if scores.eroded:
        radius = {"radius_px": scores.eroded.radius_px}
        document["eroded"] = radius | _classes(scores, scores.eroded.counts)
    if scores.calibration:
        document["calibration"] = _calibration(scores.calibration)
    return document


def _calibration(counts: CalibrationCounts) -> dict[str, Any]:
    bins = [
        {
            "from": each.low,
            "to": each.high,
            "confidence": _number(each.confidence),
            "accuracy": _number(each.accuracy),
            "pixels": each.pixels,
        }
        for each in counts.bins
    ]
    return {"error": _number(counts.error), "bins": bins}


def _classes(scores: SegmentationResult, counts: ConfusionCounts) -> dict[str, Any]:
    names = scores.classes.names
    document: dict[str, Any] = {
        "miou": _number(counts.miou),
        "mean_f1": _number(counts.mean_f1()),
        "pixel_accuracy": _number(counts.pixel_accuracy),
    }
    if scores.without:
        document["without"] = {
            "classes": list(scores.without),
            "miou": _number(counts.miou_without(scores.left_out)),
            "mean_f1": _number(counts.mean_f1(scores.left_out)),
        }
    for metric in ("iou", "f1", "precision", "recall"):
        values = getattr(counts, metric)
        document[metric] = dict(zip(names, map(_number, values), strict=True))
    document["pixels"] = counts.total
    document["confusion"] = {  # true class, then predicted class
        true: dict(zip(names, row, strict=True))
        for true, row in zip(names, counts.matrix.tolist(), strict=True)
    }
    return document


def _height(scores: HeightResult) -> dict[str, Any]:
    ends = pairwise((None, *scores.edges_m, None))
    document: dict[str, Any] = {
        "model": _metres(scores.counts),
        "ratios_of_all_above_0_m": _ratios(scores.positive),
        "mean_height": _metres(scores.mean),
        "zero_height": _metres(scores.zero),
        "bins": [
            {"from_m": low, "to_m": high} | _metres(counts)
            for (low, high), counts in zip(ends, scores.bins.counts, strict=True)
        ],
        "pixels": scores.counts.n,
    }
    if scores.by_class:
        document["classes"] = {name: _metres(each) for name, each in scores.by_class.items()}
    return document


def _metres(counts: HeightCounts) -> dict[str, Any]:
    return {
        "rmse_m": _number(counts.rmse),
        "mae_m": _number(counts.mae),
        "bias_m": _number(counts.bias),
        "pixels": counts.n,
    } | _ratios(counts)


def _ratios(counts: HeightCounts) -> dict[str, Any]:
    deltas = {f"delta{power}": _number(counts.delta(power)) for power in (1, 2, 3)}
    return {
        "ratios_above_m": counts.eps,
        "ratio_pixels": counts.n_ratio,
        "abs_rel": _number(counts.abs_rel),
        "sq_rel_m": _number(counts.sq_rel),
        "rmse_log": _number(counts.rmse_log),
        **deltas,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
