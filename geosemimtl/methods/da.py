"""DA: single-task training whose predictions on other domains are made to look alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from geosemimtl.data.batch import Batch
from geosemimtl.losses.adversarial import binary_loss
from geosemimtl.methods.adversarial import (
    AdversarialMethod,
    AdversarialSection,
    prediction_map,
    scopes,
    standing_still,
)
from geosemimtl.methods.method import Method
from geosemimtl.models.discriminator import Discriminator, judged_cells
from geosemimtl.models.network import Output
from geosemimtl.tasks import Task

#: Labelled images within their labels, and unlabelled ones where they are observed.
_SOURCE, _TARGET = 0, 1
_SIDES = ("source", "target")


class DAConfig(AdversarialSection):
    """Domain adaptation of the output (AdaptSegNet, arXiv:1802.10349, with one level).

    Optimiser and learning rates are SemiMTL's, to compare methods and nothing else.

    Attributes:
        lambda_adv: Weight of the unlabelled domains' adversarial term: SemiMTL's lambda_intra,
            and AdaptSegNet's.
        spectral_norm: Whether its discriminators have it; AdaptSegNet's do not.
        enlarge: As for SemiMTL, or ``none``, AdaptSegNet's: one verdict for 32 x 32 px, which
            counts where any of them does.
    """

    name: Literal["da"] = "da"
    lambda_adv: float = Field(0.001, ge=0)
    spectral_norm: bool = False
    enlarge: Literal["none", "logits", "probabilities"] = "none"

    def require_tasks(self, tasks: Sequence[str]) -> None:
        """Refuse more than one task.

        Raises:
            ValueError: There are several.
        """
        if len(tasks) > 1:
            raise ValueError(f"da trains one task: write tasks: [{tasks[0]}], or another method")

    def build(
        self,
        tasks: Sequence[Task],
        domains: int,  # noqa: ARG002  (only labelled or not counts)
        labelled: Mapping[str, Sequence[int]],  # noqa: ARG002  (an image says so itself)
    ) -> Method:
        """Build discriminators of one logit."""
        return DomainAdaptation(self, tasks)


class DomainAdaptation(AdversarialMethod):
    """Predictions on unlabelled images (target, 1) are to be taken for those on labelled ones.

    Args:
        config: Weight and discriminators.
        tasks: What is predicted.
    """

    def __init__(self, config: DAConfig, tasks: Sequence[Task]) -> None:
        super().__init__(config)
        self._weight = config.lambda_adv
        self._tasks = {task.name: task for task in tasks}
        self._enlarge = config.enlarge
        for name, task in self._tasks.items():
            self.networks[name] = Discriminator(
                task.channels,
                0,
                config.width,
                enlarge=config.enlarge,
                spectral=config.spectral_norm,
            )

    def network_losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted adversarial losses; discriminators stay as they are."""
        losses = {}
        for name, task in self._tasks.items():
            _, target = scopes(batch, name)
            if self._weight > 0 and target.any():
                with standing_still(self.networks[name]) as discriminator:
                    judged = discriminator(prediction_map(task, output.logits[name], target))
                where = self._scopes(batch, name)[_TARGET]
                loss = self.reduced(binary_loss(judged, _SOURCE, where), where)
                losses[f"{name}/adversarial"] = self._weight * loss
        return losses

    def own_losses(self, batch: Batch, logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the discriminators' losses: half of each side's, as AdaptSegNet has it."""
        losses: dict[str, Tensor] = {}
        for name, task in self._tasks.items():
            source, target = scopes(batch, name)
            seen = source | target
            if not seen.any():
                continue
            with standing_still(self.networks[name], learns=True) as discriminator:
                judged = discriminator(prediction_map(task, logits[name], seen))
            for label, side in enumerate(self._scopes(batch, name)):
                if side.any():
                    loss = self.reduced(binary_loss(judged, label, side), side) / 2
                    losses[f"{name}/discriminator/{_SIDES[label]}"] = loss
        return losses

    def _scopes(self, batch: Batch, task: str) -> tuple[Tensor, ...]:
        """Return where the discriminator's verdicts count, on either side."""
        sides = scopes(batch, task)
        return tuple(map(judged_cells, sides)) if self._enlarge == "none" else sides

    def counted(self, batch: Batch) -> dict[str, Tensor]:
        """Return over how many verdicts each loss goes."""
        counts = {}
        for name in self._tasks:
            for side, where in zip(_SIDES, self._scopes(batch, name), strict=True):
                counts[f"{name}/discriminator/{side}"] = where.sum()
            counts[f"{name}/adversarial"] = counts[f"{name}/discriminator/{_SIDES[_TARGET]}"]
        return counts
