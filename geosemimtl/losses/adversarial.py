"""Losses on a discriminator's logits: class 0 is ground truth, k a prediction on domain k.

Each is a mean over the valid pixels of the batch where the paper writes a sum
(docs/methods/semimtl.md: its lambdas are those of earlier work that averages). All are computed
in float32 or wider, by differences of logsumexp: log(1 - p) itself is infinite in float32 once p
rounds to 1.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import SupportsIndex

from torch import Tensor
from torch.nn import functional

from geosemimtl.errors import ConfigError
from geosemimtl.losses.masking import masked_mean, require_alike, widen, without

GROUND_TRUTH = 0


def domain_loss(logits: Tensor, domain: int, valid: Tensor | None = None) -> Tensor:
    """Average -log softmax(logits)[domain]: SemiMTL Eq. 2.

    On detached maps it trains the discriminator; on predictions with ``domain`` 0 it is what the
    network loses on a labelled domain (intra-domain, Eq. 3).

    Args:
        logits: (B, K + 1, H, W).
        domain: What the maps are: 0 for ground truth, k for predictions on domain k.
        valid: Boolean, (B, H, W): which pixels count; all by default.

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: ``domain`` is not a class of the discriminator.
    """
    return _any_of(logits, (domain,), valid)


def alignment_loss(
    logits: Tensor,
    mode: str,
    own: int,
    labelled: SupportsIndex | Sequence[int],
    valid: Tensor | None = None,
) -> Tensor:
    """Return what the network loses on a domain without labels for a task (Eq. 4, 5 and 6).

    ``M1`` draws its predictions towards those on the labelled domain, ``M2`` towards ground
    truth, ``M3`` only away from their own domain: -log(1 - softmax(logits)[own]). Where several
    domains are labelled, M1 is satisfied by any of them (our extension): the average of -log of
    their summed probabilities.

    Args:
        logits: The discriminator's, of the predictions (B, K + 1, H, W).
        mode: ``M1``, ``M2`` or ``M3``.
        own: The predictions' own domain, 1 to K.
        labelled: The domain, or domains, with labels for the task, 1 to K. M1 takes ground truth,
            0, too.
        valid: Boolean, (B, H, W): which pixels count; all by default.

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.

    Raises:
        ConfigError: There is no such mode.
        ValueError: A domain is not a class of the discriminator.
    """
    if mode not in _ALIGNED_TO:
        raise ConfigError(f"method.mode: {mode} is unknown; choose one of {', '.join(_ALIGNED_TO)}")
    classes = logits.shape[1]
    if isinstance(labelled, Tensor):  # of any size it says that it is an index
        labelled = labelled.flatten().tolist()
    several = (labelled,) if isinstance(labelled, SupportsIndex) else tuple(labelled)
    if _known(own, classes) == GROUND_TRUTH:
        raise ValueError("own is 0: ground truth is nothing to align; domains count from 1")
    known = [_known(domain, classes) for domain in several]
    return _any_of(logits, _ALIGNED_TO[mode](own, known, classes), valid)


def binary_loss(logits: Tensor, label: int, valid: Tensor | None = None) -> Tensor:
    """Average the binary cross entropy of one logit: AdaptSegNet's discriminator (DA).

    Args:
        logits: (B, 1, H, W).
        label: 0 (source) or 1 (target).
        valid: Boolean, (B, H, W): which pixels count; all by default.

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.

    Raises:
        ValueError: ``label`` is neither.
    """
    towards = -1 if _known(label, 2) else 1
    return masked_mean(functional.softplus(towards * widen(logits[:, 0])), valid)


#: The classes that a prediction is to be taken for: (own, labelled, number of classes).
_ALIGNED_TO: dict[str, Callable[[int, Sequence[int], int], Sequence[int]]] = {
    "M1": lambda _own, labelled, _classes: labelled,
    "M2": lambda _own, _labelled, _classes: (GROUND_TRUTH,),
    "M3": lambda own, _labelled, classes: [k for k in range(classes) if k != own],
}


def _any_of(logits: Tensor, labels: Sequence[int], valid: Tensor | None) -> Tensor:
    """Average -log of the summed probabilities of some classes."""
    if logits.ndim != 4:
        raise ValueError(f"logits of shape {tuple(logits.shape)}: give (B, K + 1, H, W)")
    chosen = sorted({_known(label, logits.shape[1]) for label in labels})
    if not chosen:
        raise ValueError("no domain is labelled: mode M1 needs one")
    logits = widen(logits)
    if valid is not None:
        require_alike(logits=logits[:, 0], valid=valid)
        logits = without(logits, valid.bool()[:, None])
    return masked_mean(logits.logsumexp(dim=1) - logits[:, chosen].logsumexp(dim=1), valid)


def _known(label: SupportsIndex, classes: int) -> int:
    try:
        index = operator.index(label)
    except TypeError as error:
        raise ValueError(f"domain {label!r}: give a whole number") from error
    if not 0 <= index < classes:
        raise ValueError(f"domain {index}: the discriminator knows 0 to {classes - 1}")
    return index
