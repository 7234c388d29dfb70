"""What a training step sees of one domain: images, and for every task what is known where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of one domain. A missing label is an all-false ``valid``, nothing else.

    Attributes:
        domain: Index of the domain, from 0.
        image: (B, C, H, W); in [0, 1] by the value range before ``augmentation.augmented``,
            of mean 0 and deviation 1 after.
        observed: Bool (B, H, W): real imagery, false for nodata and for what augmentation filled.
        targets: By task (B, H, W): class indices or 0 and 1 (int64), or numbers in the task's
            unit; or unit vectors (B, 3, H, W).
        valid: By task, bool (B, H, W): where the target is known; implies ``observed``.
        tiles: Names of the tiles, for messages; may be left out.
    """

    domain: int
    image: Tensor
    observed: Tensor
    targets: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]
    tiles: tuple[str, ...] = ()

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(
            self.domain,
            self.image.to(device),
            self.observed.to(device),
            {name: target.to(device) for name, target in self.targets.items()},
            {name: valid.to(device) for name, valid in self.valid.items()},
            self.tiles,
        )

    def parts(self, count: int) -> list[Batch]:
        """Return the images in ``count`` parts, as even as can be, fewer if there are fewer."""
        size, rest = divmod(len(self.image), count)
        ends = list(accumulate([size + (k < rest) for k in range(count)]))
        return [
            Batch(
                self.domain,
                self.image[begin:end],
                self.observed[begin:end],
                {name: target[begin:end] for name, target in self.targets.items()},
                {name: valid[begin:end] for name, valid in self.valid.items()},
                self.tiles[begin:end],
            )
            for begin, end in pairwise([0, *ends])
            if begin < end
        ]

    def labelled(self, task: str) -> Tensor:
        """Return which images are labelled for a task: those with any valid pixel. Bool (B,)."""
        return self.valid[task].flatten(1).any(dim=1)
