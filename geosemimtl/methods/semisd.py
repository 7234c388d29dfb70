"""SemiSD: SemiMTL's baseline whose discriminators do not know the domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from geosemimtl.losses.adversarial import GROUND_TRUTH, domain_loss
from geosemimtl.methods.method import Method
from geosemimtl.methods.semimtl import Adversary, GroundTruthSection
from geosemimtl.tasks import Task

_PREDICTED = 1


class SemiSDConfig(GroundTruthSection):
    """Two-way discriminators: ground truth, or a prediction on whatever domain (SemiMTL 4.1)."""

    name: Literal["semisd"] = "semisd"

    def build(
        self,
        tasks: Sequence[Task],
        domains: int,  # noqa: ARG002  (they are not told apart)
        labelled: Mapping[str, Sequence[int]],  # noqa: ARG002  (likewise)
    ) -> Method:
        """Build discriminators of two classes."""
        return SemiSD(self, tasks, 1)


class SemiSD(Adversary):
    """Every prediction is one class, and is pushed towards ground truth."""

    def own_class(self, domain: int) -> int:  # noqa: ARG002  (see above)
        """Return the class of all predictions."""
        return _PREDICTED

    def alignment(self, task: str, judged: Tensor, own: int, valid: Tensor) -> Tensor:  # noqa: ARG002  (see above)
        """Return the distance from ground truth."""
        return domain_loss(judged, GROUND_TRUTH, valid)
