"""The questions that the training loop asks of every method."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

from geosemimtl.data.batch import Batch
from geosemimtl.models.network import Output


class Method:
    """Adds to the supervised losses what a method knows; this one, JTL, adds nothing.

    Attributes:
        networks: The method's own networks (discriminators, mappers), with their own optimiser.
        decays: Whether that optimiser's learning rate follows the polynomial schedule.
    """

    decays = True

    def __init__(self) -> None:
        self.networks = nn.ModuleDict()

    def prepare(self, batch: Batch) -> Batch:
        """Return what is to be seen in place of a batch: another view, a mixture of domains."""
        return batch

    def network_losses(self, batch: Batch, output: Output) -> Mapping[str, Tensor]:  # noqa: ARG002  (the question's default)
        """Return what the network loses besides the labels' losses: weighted, by name."""
        return {}

    def own_losses(self, batch: Batch, logits: Mapping[str, Tensor]) -> Mapping[str, Tensor]:  # noqa: ARG002  (the question's default)
        """Return what the method's own networks lose on detached predictions, by name."""
        return {}

    def optimiser(self) -> Optimizer | None:
        """Return what moves the method's own networks; ``None`` where it has none."""
        return None

    def after_step(self, network: nn.Module) -> None:
        """Move what follows the network's step, such as an average of its weights."""
