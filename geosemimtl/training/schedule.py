"""The learning rate by iteration."""

from __future__ import annotations

import math


def poly_decay(step: int, total: int, power: float = 0.9) -> float:
    """Return the share of the initial learning rate: (1 - step / total) ** power.

    Args:
        step: Iterations done, 0 to ``total``.
        total: Iterations of the whole training.
        power: 0.9 in SemiMTL; 0 keeps the rate.

    Raises:
        ValueError: ``step`` lies beyond ``total``, or there is no iteration.
    """
    if total < 1:
        raise ValueError(f"a training of {total} iterations has no schedule: give 1 or more")
    if not 0 <= step <= total:
        raise ValueError(f"step {step} of {total}: give 0 to {total}")
    return math.pow(1 - step / total, power)


def warm_up(step: int, steps: int) -> float:
    """Return the share of the learning rate while it rises linearly from next to nothing.

    Args:
        step: Iterations done.
        steps: Iterations that it takes; 0 in the paper.
    """
    return min(1.0, (step + 1) / (steps + 1))
