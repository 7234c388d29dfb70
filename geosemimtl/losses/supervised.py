"""Supervised losses by the kind of a task: what a training's ``losses`` chooses among."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from torch import Tensor

from geosemimtl.errors import ConfigError
from geosemimtl.losses.binary import edge_loss, saliency_loss
from geosemimtl.losses.direction import cosine_loss, normals_l1_loss
from geosemimtl.losses.regression import berhu_loss, l1_loss
from geosemimtl.losses.segmentation import cross_entropy
from geosemimtl.tasks import (
    EDGES,
    Kind,
    Quantity,
    Segmentation,
    Task,
    kind_of,
)

LossName = Literal["cross_entropy", "berhu", "l1", "cosine", "edge", "saliency"]
#: (logits (B, C, H, W), target, valid) to a scalar.
_Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
#: Losses by the kind of a task; the first is the papers' usual one.
LOSSES: Final[Mapping[Kind, Mapping[str, _Loss]]] = {
    Kind.CLASSES: {"cross_entropy": cross_entropy},
    Kind.QUANTITY: {"berhu": berhu_loss, "l1": l1_loss},
    Kind.DIRECTION: {"cosine": cosine_loss, "l1": normals_l1_loss},
    Kind.BINARY: {"saliency": saliency_loss, "edge": edge_loss},
}


def loss_name(task: str, wanted: str | None = None) -> str:
    """Return the name of a task's loss: the one wanted, or the usual one.

    Raises:
        ConfigError: No such loss suits the task.
    """
    known = LOSSES[kind_of(task)]
    usual = "edge" if task == EDGES else next(iter(known))
    if (name := wanted or usual) not in known:
        raise ConfigError(f"losses.{task}: {name} does not suit it; choose of {', '.join(known)}")
    return name


def supervised_loss(
    task: Task,
    name: str,
    logits: Tensor,
    target: Tensor,
    valid: Tensor,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Compare what the network says with labels.

    Args:
        task: What is predicted.
        name: Of the loss, as ``loss_name`` returns it.
        logits: (B, C, H, W) as the network gives them, numbers in units of the task's scale.
        target: Class indices, numbers in the task's unit, or 0 and 1 (B, H, W), or unit vectors
            (B, 3, H, W); anything, also NaN, where not valid.
        valid: Boolean, (B, H, W).
        class_weights: (C,), for the cross entropy.

    Returns:
        A scalar; 0, still with a graph, where nothing is valid.
    """
    if isinstance(task, Segmentation):
        return cross_entropy(logits, target, valid, class_weights=class_weights)
    loss = LOSSES[kind_of(task.name)][name]
    if isinstance(task, Quantity):
        return loss(logits[:, 0], target / task.scale, valid)
    return loss(logits, target, valid)
