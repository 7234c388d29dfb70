"""Losses on a discriminator's logits: class 0 is ground truth, k a prediction on domain k.

Each is a mean over the valid pixels of the batch where the paper writes a sum (docs/methods.md:
its lambdas are those of earlier work that averages). All are computed in float32 or wider, by
differences of logsumexp: log(1 - p) itself is infinite in float32 once p rounds to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from geosemimtl.errors import ConfigError
from geosemimtl.losses.masking import masked_mean, widen

GROUND_TRUTH = 0


def domain_cross_entropy(logits: Tensor, label: int, valid: Tensor) -> Tensor:
    """Average -log softmax(logits)[label]: SemiMTL Eq. 2, 3 and, aligned to one class, 4 and 5.

    With detached predictions it trains the discriminator (``label`` 0 for ground truth, k for
    domain k); with label 0 on predictions it is the network's intra-domain loss and mode M2.

    Args:
        logits: (B, K + 1, H, W).
        label: 0 to K.
        valid: Boolean, (B, H, W).

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.
    """
    return align_to_any(logits, (label,), valid)


def align_to_any(logits: Tensor, labels: Sequence[int], valid: Tensor) -> Tensor:
    """Average -log of the summed probabilities of ``labels``.

    SemiMTL's M1 (Eq. 4) for one labelled domain; for several, any of them satisfies it (our
    extension, docs/methods.md).

    Args:
        logits: (B, K + 1, H, W).
        labels: Distinct classes, at least one, each 0 to K.
        valid: Boolean, (B, H, W).

    Raises:
        ValueError: No label is given, or one is not a class of the discriminator.
    """
    chosen = _checked(labels, logits.shape[1])
    logits = widen(logits)
    return masked_mean(logits.logsumexp(dim=1) - logits[:, chosen].logsumexp(dim=1), valid)


def away_from_own(logits: Tensor, own: int, valid: Tensor) -> Tensor:
    """Average -log(1 - softmax(logits)[own]): SemiMTL's M3 (Eq. 6), float32-stable.

    Args:
        logits: (B, K + 1, H, W).
        own: The class of the predictions' own domain, 1 to K.
        valid: Boolean, (B, H, W).

    Raises:
        ValueError: ``own`` is not a class of the discriminator.
    """
    _checked((own,), logits.shape[1])
    others = [label for label in range(logits.shape[1]) if label != own]
    return align_to_any(logits, others, valid)


def _m1(logits: Tensor, _own: int, labelled: Sequence[int], valid: Tensor) -> Tensor:
    return align_to_any(logits, labelled, valid)


def _m2(logits: Tensor, _own: int, _labelled: Sequence[int], valid: Tensor) -> Tensor:
    return domain_cross_entropy(logits, GROUND_TRUTH, valid)


def _m3(logits: Tensor, own: int, _labelled: Sequence[int], valid: Tensor) -> Tensor:
    return away_from_own(logits, own, valid)


#: SemiMTL's three modes: towards the labelled domains, towards ground truth, away from one's own.
INTER_DOMAIN: dict[int, Callable[[Tensor, int, Sequence[int], Tensor], Tensor]] = {
    1: _m1,
    2: _m2,
    3: _m3,
}


def inter_domain_loss(
    mode: int, logits: Tensor, own: int, labelled: Sequence[int], valid: Tensor
) -> Tensor:
    """Return what the network loses on a domain that has no labels for the task.

    Args:
        mode: 1, 2 (the paper's default) or 3.
        logits: The discriminator's, of the predictions (B, K + 1, H, W).
        own: Class of the predictions' domain, 1 to K.
        labelled: Classes of the domains with labels for the task, each 1 to K.
        valid: Boolean, (B, H, W).

    Raises:
        ConfigError: There is no such mode.
        ValueError: A class is not one of the discriminator's.
    """
    if mode not in INTER_DOMAIN:
        choices = ", ".join(map(str, INTER_DOMAIN))
        raise ConfigError(f"method.mode: {mode} is unknown; choose one of {choices}")
    return INTER_DOMAIN[mode](logits, own, labelled, valid)


def _checked(labels: Sequence[int], classes: int) -> list[int]:
    chosen = sorted(set(labels))
    if not chosen or chosen[0] < 0 or chosen[-1] >= classes:
        raise ValueError(f"domain labels {list(labels)}: give at least one of 0 to {classes - 1}")
    return chosen
