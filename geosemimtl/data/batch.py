"""What a training step sees of one domain: images, and for every task what is known where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of one domain. A missing label is an all-false ``valid``, nothing else.

    Attributes:
        domain: Index of the domain, from 0.
        image: (B, C, H, W); in [0, 1] by the value range before :func:`augmentation.augmented`,
            of mean 0 and deviation 1 after.
        observed: Bool (B, H, W): real imagery, false for nodata and for what augmentation filled.
        targets: By task (B, H, W): class indices (int64), or metres.
        valid: By task, bool (B, H, W): where the target is known; implies ``observed``.
    """

    domain: int
    image: Tensor
    observed: Tensor
    targets: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(
            self.domain,
            self.image.to(device),
            self.observed.to(device),
            {name: target.to(device) for name, target in self.targets.items()},
            {name: valid.to(device) for name, valid in self.valid.items()},
        )

    def labelled(self, task: str) -> Tensor:
        """Return which images are labelled for a task: those with any valid pixel. Bool (B,)."""
        return self.valid[task].flatten(1).any(dim=1)
