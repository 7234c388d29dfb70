"""Losses of yes or no, one logit a pixel: edges and saliency, where one answer is rare."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.losses.masking import masked_mean, require_alike, widen, without

#: Weight of an edge pixel on PASCAL-Context; all others have the rest to 1.
EDGE_WEIGHT = 0.95


def edge_loss(
    logits: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    *,
    positive_weight: float = EDGE_WEIGHT,
) -> Tensor:
    """Weigh edges against the many pixels without, by a constant: MTPSL on PASCAL-Context.

    Args:
        logits: (B, 1, H, W).
        target: As for ``balanced_cross_entropy``, (B, H, W).
        valid: Boolean, (B, H, W): which pixels count; all by default.
        positive_weight: As there.

    Returns:
        As there.

    Raises:
        ValueError: There is not one logit a pixel, or as there.
    """
    return balanced_cross_entropy(_single(logits), target, valid, positive_weight=positive_weight)


def saliency_loss(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Weigh salient pixels by the others' share of the batch: MTPSL on PASCAL-Context.

    A batch with nothing but one answer has a loss of 0, and no gradient, for it.

    Args:
        logits: (B, 1, H, W).
        target: As for ``balanced_cross_entropy``, (B, H, W).
        valid: Boolean, (B, H, W): which pixels count; all by default.

    Returns:
        As there.

    Raises:
        ValueError: There is not one logit a pixel, or the shapes differ.
    """
    return balanced_cross_entropy(_single(logits), target, valid)


def balanced_cross_entropy(
    logits: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    *,
    positive_weight: float | None = None,
) -> Tensor:
    """Average -w log p where the target is yes and -(1 - w) log(1 - p) elsewhere.

    p = sigmoid(logit). By default w is the share of the valid pixels of the batch that say no,
    so that both answers weigh the same (HED, arXiv:1504.06375, Eq. 2). There is no division by
    the weights' sum, and unlike torch's ``pos_weight`` the noes are weighed down as well.

    Args:
        logits: Of any shape; anything, also NaN, where not valid.
        target: Likewise: yes from 0.5 on; boolean, or numbers.
        valid: Boolean, likewise: which pixels count; all by default.
        positive_weight: w, 0 to 1.

    Returns:
        A scalar, float32 or wider; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: The shapes differ, or ``positive_weight`` is not from 0 to 1.
    """
    require_alike(logits=logits, target=target, valid=valid)
    logits, yes = widen(logits), target >= 0.5
    counted = torch.ones_like(yes) if valid is None else valid.bool()
    logits = without(logits, counted)
    if positive_weight is None:
        weight = (counted & ~yes).sum().to(logits.dtype) / counted.sum().clamp(min=1)
    elif 0 <= positive_weight <= 1:
        weight = logits.new_tensor(positive_weight)
    else:
        raise ValueError(f"positive_weight {positive_weight}: it is a share, give 0 to 1")
    surprise = functional.softplus(torch.where(yes, -logits, logits))
    return masked_mean(torch.where(yes, weight, 1 - weight) * surprise, counted)


def _single(logits: Tensor) -> Tensor:
    if logits.ndim != 4 or logits.shape[1] != 1:
        raise ValueError(f"logits of shape {tuple(logits.shape)}: give (B, 1, H, W), one a pixel")
    return logits[:, 0]
