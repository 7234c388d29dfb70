"""Means over valid pixels, in a precision that a loss can bear."""

from __future__ import annotations

import torch
from torch import Tensor


def widen(values: Tensor) -> Tensor:
    """Return half-precision values as float32, wider ones as they are."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def masked_mean(values: Tensor, valid: Tensor | None) -> Tensor:
    """Average over the valid pixels of the whole batch.

    Args:
        values: Of any shape; what stands at invalid pixels has no influence.
        valid: Likewise, not 0 where it counts; ``None`` where all is valid.

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: The shapes differ: torch would spread one over the other.
    """
    require_alike(values=values, valid=valid)
    if valid is None:
        return values.mean() if values.numel() else values.sum()
    valid = valid.bool()
    return without(values, valid).sum() / valid.sum().clamp(min=1)


def without(values: Tensor, valid: Tensor) -> Tensor:
    """Return values with 0 where they are not valid; not even NaN reaches a gradient there."""
    return torch.where(valid, values, torch.zeros_like(values))


def require_alike(**tensors: Tensor | None) -> None:
    """Refuse tensors of different shapes, which torch would spread over each other.

    Raises:
        ValueError: With their names and shapes.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items() if tensor is not None}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"shapes differ: {shapes}")
