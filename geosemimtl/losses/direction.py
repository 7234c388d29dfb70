"""Losses of surface normals: the network's three channels are made a unit vector first."""

from __future__ import annotations

from torch import Tensor

from geosemimtl.losses.masking import masked_mean, require_alike, widen, without

#: Predictions shorter than this are divided by it instead of by their length.
SHORTEST = 1e-3


def cosine_loss(prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Average 1 - p . y with p the prediction at length 1: normals of MTPSL (NYUv2) and AT/DT.

    A prediction shorter than 0.001 is divided by 0.001 instead (ours; MTPSL's code divides by any
    length): the gradient then stays within 1000 / N, and a prediction of 0 still learns.

    Args:
        prediction: (B, 3, H, W), of any length; anything, also NaN, where not valid.
        target: Unit vectors, likewise; they are taken as they are.
        valid: Boolean, (B, H, W): which pixels count, see ``known_normals``; all by default.

    Returns:
        A scalar, float32 or wider, 0 to 2; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: The shapes differ.
    """
    direction, target = _directions(prediction, target, valid)
    return masked_mean(1 - (direction * target).sum(dim=1), valid)


def normals_l1_loss(prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Average abs(p - y) over pixels and channels, with p the prediction at length 1.

    The loss of normals on PASCAL-Context, which MTPSL takes over; a third of the L1 distance of
    two vectors. Short predictions are treated as by ``cosine_loss``.

    Args:
        prediction: (B, 3, H, W), of any length; anything, also NaN, where not valid.
        target: Unit vectors, likewise; they are taken as they are.
        valid: Boolean, (B, H, W): which pixels count, see ``known_normals``; all by default.

    Returns:
        A scalar, float32 or wider; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: The shapes differ.
    """
    direction, target = _directions(prediction, target, valid)
    return masked_mean((direction - target).abs().mean(dim=1), valid)


def known_normals(target: Tensor, *, legacy: bool = False) -> Tensor:
    """Return where a normal is known: where it has a length.

    Args:
        target: (B, 3, H, W); zeros, or NaN, where nothing is known.
        legacy: MTPSL's code asks whether the sum of components is not 0, and so leaves out
            normals like (1, -1, 0); to reproduce its figures.

    Returns:
        Boolean, (B, H, W).

    Raises:
        ValueError: The target has another number of dimensions.
    """
    _require_map(target, "target")
    finite = target.isfinite().all(dim=1)
    return finite & ((target.sum(dim=1) != 0) if legacy else (target != 0).any(dim=1))


def _directions(prediction: Tensor, target: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the prediction at length 1, and the target; zeros where not valid."""
    _require_map(prediction, "prediction")
    require_alike(prediction=prediction, target=target)
    prediction = widen(prediction)
    target = target.to(prediction.dtype)
    if valid is not None:
        require_alike(pixels=prediction[:, 0], valid=valid)
        known = valid.bool()[:, None]
        prediction, target = without(prediction, known), without(target, known)
    # clamped before the root, whose gradient at 0 is infinite
    length = prediction.square().sum(dim=1, keepdim=True).clamp(min=SHORTEST**2).sqrt()
    return prediction / length, target


def _require_map(vectors: Tensor, name: str) -> None:
    if vectors.ndim != 4:
        raise ValueError(f"{name} of shape {tuple(vectors.shape)}: give (B, 3, H, W)")
