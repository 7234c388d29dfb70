"""Losses of numbers a pixel: BerHu (Laina et al., arXiv:1606.00373) and L1."""

from __future__ import annotations

import torch
from torch import Tensor

from geosemimtl.losses.masking import masked_mean, require_alike, widen, without


def berhu_loss(
    prediction: Tensor, target: Tensor, valid: Tensor | None = None, fraction: float = 0.2
) -> Tensor:
    """Average x where x <= c, else (x^2 + c^2) / (2 c), with x = abs(prediction - target).

    c is ``fraction`` of the largest x over the valid pixels of the whole batch, and a constant to
    the gradient. Scaling both inputs scales the loss, and the gradient per pixel lies between
    1 and 1 / fraction times 1 / N. A widespread implementation takes the signed maximum before
    masking, omits the division and counts large errors twice; this is the paper's.

    Args:
        prediction: Of any shape and unit; anything, also NaN, where it is not valid.
        target: Likewise.
        valid: Boolean, likewise: which pixels count; all by default.
        fraction: c over the largest error, above 0: 0.2 in the literature.

    Returns:
        A scalar, float32 or wider; 0, still with a graph, where nothing is valid or all is exact.

    Raises:
        ValueError: The shapes differ, or ``fraction`` is not above 0.
    """
    if not fraction > 0:  # nor NaN
        raise ValueError(
            f"fraction {fraction}: c is a share of the largest error, give more than 0"
        )
    error = _absolute_error(prediction, target, valid)
    threshold = fraction * error.detach().amax() if error.numel() else error.new_zeros(())
    divisor = 2 * threshold.clamp(min=torch.finfo(error.dtype).tiny)
    squared = (error.square() + threshold.square()) / divisor
    return masked_mean(torch.where(error <= threshold, error, squared), valid)


def l1_loss(prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Average abs(prediction - target): depths of MTPSL and AT/DT.

    What is far is the caller's: AT/DT's code leaves out what is beyond 100 m (``valid``), its
    paper clips targets there. Both leave out a depth of 0, as MTPSL does.

    Args:
        prediction: Of any shape and unit; anything, also NaN, where it is not valid.
        target: Likewise.
        valid: Boolean, likewise: which pixels count; all by default.

    Returns:
        A scalar, float32 or wider; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: The shapes differ.
    """
    return masked_mean(_absolute_error(prediction, target, valid), valid)


def _absolute_error(prediction: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Return abs(prediction - target) in float32 or wider; 0 where it is not valid."""
    require_alike(prediction=prediction, target=target, valid=valid)
    prediction = widen(prediction if prediction.is_floating_point() else prediction.float())
    target = target.to(prediction.dtype)
    if valid is not None:
        # before the difference: the gradient of abs(NaN) is NaN even behind a mask
        prediction, target = without(prediction, valid.bool()), without(target, valid.bool())
    return (prediction - target).abs()
