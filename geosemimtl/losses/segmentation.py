"""Cross entropy of classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.losses.masking import widen

_IGNORED = -100  # torch's default; never a class


def cross_entropy(
    logits: Tensor, target: Tensor, valid: Tensor, *, class_weights: Tensor | None = None
) -> Tensor:
    """Average -log softmax(logits)[target] over the valid pixels.

    With class weights it is torch's weighted mean: the sum of weights over the valid pixels
    divides, so that the loss keeps its size whatever classes a batch happens to hold.

    Args:
        logits: (B, C, H, W).
        target: Class indices (B, H, W) of any integer type; anything where not valid.
        valid: Boolean, (B, H, W).
        class_weights: (C,), on the logits' device.

    Returns:
        A scalar, float32 or wider; 0, still with a graph, where nothing is valid.
    """
    logits = widen(logits)
    index = torch.where(valid, target.long(), _IGNORED)
    if class_weights is None:
        total = functional.cross_entropy(logits, index, ignore_index=_IGNORED, reduction="sum")
        return total / valid.sum().clamp(min=1)
    weights = class_weights.to(logits)
    total = functional.cross_entropy(
        logits, index, weight=weights, ignore_index=_IGNORED, reduction="sum"
    )
    weight = torch.where(valid, weights[index.clamp(min=0)], 0).sum()
    return total / torch.where(weight > 0, weight, 1)
