"""How the losses are weighed before they are added."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def fixed_balance(weights: Mapping[str, float], losses: Mapping[str, Tensor]) -> Tensor:
    """Add losses, those of tasks times the task's weight, a method's own as they are.

    Args:
        weights: By task name; SemiMTL: 1 for segmentation, 0.01 for depth.
        losses: By task name, or ``task/term`` for what a method adds.
    """
    return sum(
        (weights.get(name, 1.0) * loss for name, loss in losses.items()),
        next(iter(losses.values())).new_zeros(()),
    )
