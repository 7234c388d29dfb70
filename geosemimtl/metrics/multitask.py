"""One number for several tasks, against single-task training."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def delta_m(
    scores: Mapping[str, float], baseline: Mapping[str, float], lower_is_better: Collection[str]
) -> float:
    """Return the mean relative gain over the baseline in percent (SemiMTL Eq. 10).

    ``100 / N * sum((-1) ** l * (score - baseline) / baseline)``, l = 1 for metrics to be lowered.
    The paper takes mIoU and RMSE, and single-task training on the same data set as the baseline.

    Args:
        scores: Metrics by name.
        baseline: The baseline's metrics of the same names.
        lower_is_better: Names of the metrics that improve downwards.

    Raises:
        ValueError: The names differ, there is none, one to be lowered is not among them, or a
            baseline is 0.
    """
    if not scores or set(scores) != set(baseline):
        raise ValueError(
            f"scores {sorted(scores)} and baseline {sorted(baseline)} must name the same metrics"
        )
    if unknown := set(lower_is_better) - set(scores):
        raise ValueError(f"lower_is_better names {sorted(unknown)}, scores {sorted(scores)}")
    if zero := [name for name, value in baseline.items() if value == 0]:
        raise ValueError(f"the baseline of {zero[0]} is 0: it has no relative gain")
    gains = [
        (-1 if name in lower_is_better else 1) * (score - baseline[name]) / baseline[name]
        for name, score in scores.items()
    ]
    return 100 * sum(gains) / len(gains)
