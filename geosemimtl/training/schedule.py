"""The learning rate by iteration."""

from __future__ import annotations

import math


def poly_factor(iteration: int, iterations: int, *, power: float = 0.9, warmup: int = 0) -> float:
    """Return the share of the initial learning rate: (1 - i / N) ** power (docs/methods.md).

    Args:
        iteration: From 0.
        iterations: N.
        power: 0.9 in the paper; 0 keeps the rate.
        warmup: Iterations over which the rate rises linearly from next to nothing; 0 in the paper.
    """
    rise = min(1.0, (iteration + 1) / (warmup + 1))
    return rise * math.pow(1 - iteration / iterations, power)
