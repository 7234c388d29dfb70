"""Supervised losses: cross entropy of the classes, and the table of every task's loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.losses.masking import widen
from geosemimtl.losses.regression import berhu_loss
from geosemimtl.tasks import HEIGHT, SEGMENTATION

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


def height_loss(logits: Tensor, target: Tensor, valid: Tensor, *, scale_m: float = 1.0) -> Tensor:
    """Compare heights by BerHu in the unit of the network's output.

    Args:
        logits: (B, 1, H, W), in units of ``scale_m``.
        target: Metres (B, H, W); anything, also NaN, where not valid.
        valid: Boolean, (B, H, W).
        scale_m: Metres that the output 1.0 stands for; 1 if the target has the output's unit.

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.
    """
    return berhu_loss(logits[:, 0], target / scale_m, valid)


#: Supervised loss by task name: ``(logits, target, valid, **options)``; a segmentation takes
#: ``class_weights``, a height ``scale_m``.
SUPERVISED: dict[str, Callable[..., Tensor]] = {SEGMENTATION: cross_entropy, HEIGHT: height_loss}
