"""SemiMTL: adversarial semi-supervised multi-task learning (docs/methods/semimtl.md)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from geosemimtl.data.batch import Batch
from geosemimtl.losses.adversarial import GROUND_TRUTH, alignment_loss, domain_loss
from geosemimtl.methods.adversarial import (
    AdversarialMethod,
    AdversarialSection,
    prediction_map,
    scopes,
    standing_still,
    truth_map,
)
from geosemimtl.methods.method import Method
from geosemimtl.models.discriminator import Discriminator
from geosemimtl.models.network import Output
from geosemimtl.tasks import Task


class GroundTruthSection(AdversarialSection):
    """What SemiMTL and SemiSD have in common: predictions are told from ground truth.

    Attributes:
        lambda_intra: Weight of the labelled domains' adversarial term (Eq. 3); at 0 the term is
            left out, and the discriminators do not reach the network.
        lambda_inter: Weight of the unlabelled domains' adversarial term; likewise.
        d_loss_avg: Halve each term of the discriminators' losses, as AdaptSegNet does; Eq. 9 is
            their sum.
        enlarge: What is brought to the input's size: the discriminators' ``logits``, or their
            ``probabilities`` (the paper does not say which comes first).
    """

    lambda_intra: float = Field(0.001, ge=0)
    lambda_inter: float = Field(0.0001, ge=0)
    d_loss_avg: bool = False
    enlarge: Literal["logits", "probabilities"] = "logits"


class SemiMTLConfig(GroundTruthSection):
    """Domain-aware adversarial training; the defaults are the paper's.

    Attributes:
        mode: What an unlabelled domain's predictions are aligned to (Eq. 4, 5, 6): ``M1`` the
            labelled domains', ``M2`` (the paper's default) ground truth, ``M3`` not their own.
        several: Where M1 has several labelled domains, whether ``any`` of them satisfies it or
            ``each`` draws alike (the paper has one).
    """

    name: Literal["semimtl"] = "semimtl"
    mode: Literal["M1", "M2", "M3"] = "M2"
    several: Literal["any", "each"] = "any"

    def build(
        self, tasks: Sequence[Task], domains: int, labelled: Mapping[str, Sequence[int]]
    ) -> Method:
        """Build discriminators of K + 1 classes."""
        return SemiMTL(self, tasks, domains, labelled)


class Adversary(AdversarialMethod):
    """Predictions on unlabelled images are to look as if they came from where labels are.

    Each task has a discriminator that tells ground truth (class 0) from predictions (classes 1 to
    K). An image labelled for a task is pushed towards ground truth within its labels
    (intra-domain, Eq. 3); one without is aligned over all that is observed (inter-domain).

    Args:
        config: Weights and discriminators.
        tasks: What is predicted.
        classes: K, the kinds of predictions that are told apart.
    """

    def __init__(self, config: GroundTruthSection, tasks: Sequence[Task], classes: int) -> None:
        super().__init__(config)
        self._config = config
        self._tasks = {task.name: task for task in tasks}
        for name, task in self._tasks.items():
            self.networks[name] = Discriminator(
                task.channels, classes, config.width, enlarge=config.enlarge
            )

    @abstractmethod
    def own_class(self, domain: int) -> int:
        """Return the class, 1 to K, of predictions on a domain, from 0."""

    @abstractmethod
    def alignment(self, task: str, judged: Tensor, own: int, valid: Tensor) -> Tensor | None:
        """Return what the network loses on predictions without labels, before its weight.

        ``None`` where there is nothing to align them to.
        """

    def network_losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted intra- and inter-domain losses; discriminators stay as they are."""
        config, losses = self._config, {}
        for name, task in self._tasks.items():
            known, unknown = scopes(batch, name)
            intra = config.lambda_intra > 0 and bool(known.any())
            inter = config.lambda_inter > 0 and bool(unknown.any())
            if not intra and not inter:
                continue
            with standing_still(self.networks[name]) as discriminator:
                shown = prediction_map(task, output.logits[name], known | unknown)
                judged = discriminator(shown)
            if intra:
                loss = self.reduced(domain_loss(judged, GROUND_TRUTH, known), known)
                losses[f"{name}/intra"] = config.lambda_intra * loss
            aligned = self.alignment(name, judged, self.own_class(batch.domain), unknown)
            if inter and aligned is not None:
                losses[f"{name}/inter"] = config.lambda_inter * self.reduced(aligned, unknown)
        return losses

    def own_losses(self, batch: Batch, logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the discriminators' losses (Eq. 9): one term for predictions, one for labels."""
        share = 0.5 if self._config.d_loss_avg else 1.0
        losses = {}
        for name, task in self._tasks.items():
            known, unknown = scopes(batch, name)
            seen = known | unknown
            if not seen.any():
                continue
            own, shown = self.own_class(batch.domain), prediction_map(task, logits[name], seen)
            with standing_still(self.networks[name], learns=True) as discriminator:
                loss = self.reduced(domain_loss(discriminator(shown), own, seen), seen)
                losses[f"{name}/discriminator/prediction"] = share * loss
                if known.any():
                    truth = discriminator(truth_map(task, batch.targets[name], known))
                    loss = self.reduced(domain_loss(truth, GROUND_TRUTH, known), known)
                    losses[f"{name}/discriminator/truth"] = share * loss
        return losses

    def counted(self, batch: Batch) -> dict[str, Tensor]:
        """Return over how many pixels each loss goes."""
        counts = {}
        for name in self._tasks:
            known, unknown = scopes(batch, name)
            counts[f"{name}/intra"] = counts[f"{name}/discriminator/truth"] = known.sum()
            counts[f"{name}/inter"] = unknown.sum()
            counts[f"{name}/discriminator/prediction"] = (known | unknown).sum()
        return counts


class SemiMTL(Adversary):
    """Each domain's predictions are a class of their own.

    Args:
        config: Mode and weights.
        tasks: What is predicted.
        domains: K.
        labelled: By task, the domains (from 0) that have labels for it: what M1 aligns to.
    """

    def __init__(
        self,
        config: SemiMTLConfig,
        tasks: Sequence[Task],
        domains: int,
        labelled: Mapping[str, Sequence[int]],
    ) -> None:
        super().__init__(config, tasks, domains)
        self._mode, self._several = config.mode, config.several
        self._labelled: dict[str, list[int]] = {
            task.name: [k + 1 for k in labelled[task.name]] for task in tasks
        }

    def own_class(self, domain: int) -> int:
        """Return the domain's own class."""
        return domain + 1

    def alignment(self, task: str, judged: Tensor, own: int, valid: Tensor) -> Tensor | None:
        """Return the mode's loss."""
        # an image without labels may come from a domain that has some: its own class is no aim
        labelled = [k for k in self._labelled[task] if k != own]
        if self._mode == "M1" and not labelled:
            return None
        if self._mode == "M1" and self._several == "each":
            losses = [alignment_loss(judged, "M1", own, one, valid) for one in labelled]
            return sum(losses, judged.new_zeros(())) / len(losses)
        return alignment_loss(judged, self._mode, own, labelled, valid)
