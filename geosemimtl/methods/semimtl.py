"""SemiMTL: adversarial training with a domain-aware discriminator a task.

Wang et al., Semi-supervised Multi-task Learning for Semantics and Depth (WACV 2022), Eq. 2 to 9
and Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from geosemimtl.config import SemiMTLConfig
from geosemimtl.data.batch import Batch
from geosemimtl.losses.adversarial import GROUND_TRUTH, alignment_loss, domain_loss
from geosemimtl.losses.masking import widen
from geosemimtl.methods.method import Method
from geosemimtl.models.discriminator import Discriminator
from geosemimtl.models.network import Output
from geosemimtl.tasks import Segmentation, Task


class SemiMTL(Method):
    """Predictions on unlabelled images are to look as if they came from where labels are.

    Each task has a discriminator that tells ground truth (class 0) from the predictions on each
    domain (classes 1 to K). An image labelled for a task is pushed towards ground truth within
    its labels (intra-domain, Eq. 3); one without is aligned by the mode over all that is observed
    (inter-domain, Eq. 4 to 6).

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
        super().__init__()
        self._config = config
        self.decays = config.poly
        self._tasks = {task.name: task for task in tasks}
        self._labelled = {name: [k + 1 for k in labelled[name]] for name in self._tasks}
        for name, task in self._tasks.items():
            self.networks[name] = Discriminator(task.channels, domains, config.width)

    def network_losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted intra- and inter-domain losses; discriminators stay as they are."""
        losses = {}
        for name, task in self._tasks.items():
            known, unknown = self._scopes(batch, name)
            with _frozen(self.networks[name]) as discriminator:
                judged = discriminator(_prediction_map(task, output.logits[name]))
            if known.any():
                loss = domain_loss(judged, GROUND_TRUTH, known)
                losses[f"{name}/intra"] = self._config.lambda_intra * loss
            if unknown.any():
                labelled = self._labelled[name]
                own = batch.domain + 1
                loss = alignment_loss(judged, self._config.mode, own, labelled, unknown)
                losses[f"{name}/inter"] = self._config.lambda_inter * loss
        return losses

    def own_losses(self, batch: Batch, logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the discriminators' losses (Eq. 9): one term for labels, one for predictions."""
        losses = {}
        for name, task in self._tasks.items():
            known, unknown = self._scopes(batch, name)
            seen = known | unknown
            if not seen.any():
                continue
            judged = self.networks[name](_prediction_map(task, logits[name]))
            loss = domain_loss(judged, batch.domain + 1, seen)
            if known.any():
                truth = _truth_map(task, batch.targets[name], known)
                loss = loss + domain_loss(self.networks[name](truth), GROUND_TRUTH, known)
            losses[f"{name}/discriminator"] = loss
        return losses

    def optimiser(self) -> Adam:
        """Return Adam over all discriminators."""
        return Adam(self.networks.parameters(), self._config.lr, self._config.betas)

    @staticmethod
    def _scopes(batch: Batch, task: str) -> tuple[Tensor, Tensor]:
        """Return where labelled images are valid, and where unlabelled images are observed."""
        unlabelled = ~batch.labelled(task)[:, None, None]
        return batch.valid[task], batch.observed & unlabelled


def _prediction_map(task: Task, logits: Tensor) -> Tensor:
    """Return what a discriminator sees of a prediction: probabilities, or the height as it is."""
    logits = widen(logits)
    return logits.softmax(dim=1) if isinstance(task, Segmentation) else logits


def _truth_map(task: Task, target: Tensor, valid: Tensor) -> Tensor:
    """Return labels as the network would say them: one-hot, or in its unit; 0 where unknown."""
    if not isinstance(task, Segmentation):
        return torch.where(valid, target / task.scale_m, 0)[:, None].float()
    index = torch.where(valid, target, 0)
    one_hot = functional.one_hot(index, task.channels).movedim(-1, 1).float()
    return one_hot * valid[:, None]


@contextmanager
def _frozen(module: nn.Module) -> Iterator[nn.Module]:
    """Keep a module from learning and its spectral norms from moving."""
    training = module.training
    module.eval().requires_grad_(requires_grad=False)
    try:
        yield module
    finally:
        module.train(training).requires_grad_(requires_grad=True)
