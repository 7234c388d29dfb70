"""One number for several tasks, against single-task training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet


def multi_task_gain(
    model: Mapping[str, float] | Sequence[float],
    single: Mapping[str, float] | Sequence[float],
    lower_is_better: str | Collection[str] | Mapping[str, bool] | Sequence[bool],
) -> float:
    """Return the mean relative gain over single-task training in percent (SemiMTL Eq. 10).

    ``100 / N * sum((-1) ** l * (model - single) / single)``, l = 1 for metrics to be lowered. The
    paper takes mIoU and RMSE, and single-task training on the same data set.

    Args:
        model: The model's metrics by name, or in some order.
        single: The baseline's, by the same names or in the same order.
        lower_is_better: Names of the metrics that improve downwards, or one flag for each, by name
            or in the metrics' order.

    Raises:
        ValueError: The metrics differ or there is none, one to be lowered is not among them, flags
            are too few or too many, or a baseline is 0.
    """
    ours, theirs = _named(model), _named(single)
    lowered = _lowered(lower_is_better, list(ours))
    if not ours or set(ours) != set(theirs):
        raise ValueError(f"{sorted(ours)} and {sorted(theirs)} must be the same metrics")
    if unknown := lowered - set(ours):
        raise ValueError(f"lower_is_better names {sorted(unknown)}, the metrics are {sorted(ours)}")
    if zero := [name for name, value in theirs.items() if value == 0]:
        raise ValueError(f"the baseline of {zero[0]} is 0: it has no relative gain")
    gains = [
        (-1 if name in lowered else 1) * (score - theirs[name]) / theirs[name]
        for name, score in ours.items()
    ]
    return 100 * sum(gains) / len(gains)


def _named(scores: Mapping[str, float] | Sequence[float]) -> dict[str, float]:
    if isinstance(scores, Mapping):
        return dict(scores)
    return {str(index): score for index, score in enumerate(scores)}


def _lowered(
    said: str | Collection[str] | Mapping[str, bool] | Sequence[bool], metrics: Sequence[str]
) -> set[str]:
    if isinstance(said, Mapping):
        return {name for name, is_lowered in said.items() if is_lowered or name not in metrics}
    each = [said] if isinstance(said, str) else list(said)
    names = {one for one in each if isinstance(one, str)}
    if len(names) == len(set(each)):
        return names
    if names or isinstance(said, AbstractSet) or len(each) != len(metrics):
        raise ValueError(f"lower_is_better: give names, or one flag for each of {list(metrics)}")
    return {name for name, is_lowered in zip(metrics, each, strict=True) if is_lowered}
