"""The questions that the training loop asks of every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.optim import Optimizer

from geosemimtl.config import Section
from geosemimtl.data.batch import Batch
from geosemimtl.models.network import Output
from geosemimtl.tasks import Task


class Method:
    """Adds to the supervised losses what a method knows; this one, JTL, adds nothing.

    Attributes:
        networks: The method's own networks (discriminators, mappers), with their own optimiser.
        decays: Whether that optimiser's learning rate follows the polynomial schedule.
        sees_unlabelled: Whether images without any label have something to say; where not, they
            are not shown to the network, whose batch normalisation would notice.
    """

    decays = True
    sees_unlabelled = False

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

    def pixels(self, batch: Batch) -> Mapping[str, Tensor]:  # noqa: ARG002  (the question's default)
        """Return over how many pixels of a batch each of its losses is a mean, by name.

        By these the parts count that a batch is seen in to fit into memory; losses that are left
        out count by images.
        """
        return {}

    def optimiser(self) -> Optimizer | None:
        """Return what moves the method's own networks; ``None`` where it has none."""
        return None

    def after_step(self, network: nn.Module) -> None:
        """Move what follows the network's step, such as an average of its weights."""

    def after_own_step(self) -> None:
        """Move what follows the step of the method's own networks, such as their spectral norms."""


class MethodSection(Section):
    """Base of every method's section in a training's YAML file; ``name`` tells them apart."""

    def require_tasks(self, tasks: Sequence[str]) -> None:
        """Refuse tasks that the method cannot train together.

        Raises:
            ValueError: With what to change.
        """

    def build(
        self,
        tasks: Sequence[Task],  # noqa: ARG002  (the question's default)
        domains: int,  # noqa: ARG002  (the question's default)
        labelled: Mapping[str, Sequence[int]],  # noqa: ARG002  (the question's default)
    ) -> Method:
        """Build the method.

        Args:
            tasks: What is predicted.
            domains: Number of domains.
            labelled: By task, the domains (from 0) that have labels for it.
        """
        return Method()
