"""What all methods with discriminators of predictions have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from geosemimtl.data.batch import Batch
from geosemimtl.losses.masking import widen, without
from geosemimtl.methods.method import Method, MethodSection
from geosemimtl.models.discriminator import Discriminator
from geosemimtl.models.network import activate
from geosemimtl.tasks import Binary, Normals, Quantity, Task


class AdversarialSection(MethodSection):
    """The discriminators of a method, one a task.

    Attributes:
        width: Channels of the discriminators' first convolution: 64 in the paper.
        lr: Learning rate of their Adam.
        betas: Its moments' decay.
        poly: Whether they follow the polynomial schedule (the paper is silent; AdaptSegNet does).
        reduction: ``mean`` over the valid pixels, or the ``sum`` over them that the paper writes,
            averaged over images: its weights are those of work that averages.
    """

    width: int = Field(64, ge=4)
    lr: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    poly: bool = True
    reduction: Literal["mean", "sum"] = "mean"


class AdversarialMethod(Method, ABC):
    """Base of methods whose own networks are discriminators under one Adam.

    Args:
        config: As above.
    """

    sees_unlabelled = True

    def __init__(self, config: AdversarialSection) -> None:
        super().__init__()
        self._section = config
        self.decays = config.poly

    def optimiser(self) -> Adam:
        """Return Adam over all discriminators."""
        return Adam(self.networks.parameters(), self._section.lr, self._section.betas)

    def reduced(self, loss: Tensor, valid: Tensor) -> Tensor:
        """Return a mean over valid pixels (B, H, W) as the configuration wants it."""
        if self._section.reduction == "mean":
            return loss
        return loss * valid.sum() / len(valid)

    def pixels(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return over how many pixels each loss is a mean; sums are averaged over images."""
        return self.counted(batch) if self._section.reduction == "mean" else {}

    @abstractmethod
    def counted(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return over how many pixels each loss goes, by name."""

    def after_own_step(self) -> None:
        """Let the spectral norms follow; within an iteration discriminators stay the same."""
        for network in self.networks.values():
            if isinstance(network, Discriminator):
                network.follow()


def scopes(batch: Batch, task: str) -> tuple[Tensor, Tensor]:
    """Return where labelled images are valid, and where unlabelled images are observed."""
    unlabelled = ~batch.labelled(task)[:, None, None]
    return batch.valid[task], batch.observed & unlabelled


def prediction_map(task: Task, logits: Tensor, seen: Tensor) -> Tensor:
    """Return what a discriminator sees of a prediction: probabilities, numbers as they are.

    Where nothing is to be seen (B, H, W) it is 0, as labels are where they are unknown: gaps look
    alike, and no pixel within them teaches anybody anything.
    """
    logits = widen(logits)
    # numbers in the network's unit, and below 0 too
    shown = logits if isinstance(task, Quantity) else activate(task, logits)
    return without(shown, seen[:, None])


def truth_map(task: Task, target: Tensor, valid: Tensor) -> Tensor:
    """Return labels as the network would say them: one-hot, or in its unit; 0 where unknown."""
    if isinstance(task, Quantity):
        return torch.where(valid, target / task.scale, 0)[:, None].float()
    if isinstance(task, Normals):
        return without(target.float(), valid[:, None])
    if isinstance(task, Binary):
        return torch.where(valid, target, 0)[:, None].float()
    index = torch.where(valid, target, 0)
    one_hot = functional.one_hot(index, task.channels).movedim(-1, 1).float()
    return one_hot * valid[:, None]


@contextmanager
def standing_still(module: nn.Module, *, learns: bool = False) -> Iterator[nn.Module]:
    """Keep spectral norms from moving and, unless it learns, gradients from a discriminator."""
    training = module.training
    module.eval().requires_grad_(learns)
    try:
        yield module
    finally:
        module.train(training).requires_grad_(requires_grad=True)
