"""Running a network on batches of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from geosemimtl.inference.networks import Network
from geosemimtl.models.network import activate
from geosemimtl.tasks import Kind, Task, kind_of


class Forward:
    """Runs a network; what goes in and out is float32 whatever its precision.

    Args:
        network: The network.
        tasks: What it predicts, in the order of the output's channels.
        tta: Whether each tile is seen in all eight flips and quarter turns, and the mean taken.
        upright: Whether it is of a street, which only its mirror image is like.

    Attributes:
        network: As given.
    """

    def __init__(
        self,
        network: Network,
        tasks: Sequence[Task],
        *,
        tta: bool = False,
        upright: bool = False,
    ) -> None:
        self.network, self._tasks = network, tasks
        turns = range(1 if upright else 4)
        self._poses = tuple(product(turns, (False, True))) if tta else ((0, False),)

    @property
    def device(self) -> torch.device:
        """Where tiles are taken from and predictions lie."""
        return self.network.device

    def __call__(self, tiles: Sequence[Tensor]) -> Tensor:
        """Return what the tasks predict.

        Args:
            tiles: Tiles (bands, rows, columns), normalised as the training's.

        Returns:
            (tiles, channels, rows, columns): probabilities, numbers or vectors of each task in
            their order.
        """
        image = torch.stack(list(tiles))
        with torch.inference_mode():
            total = sum(
                self._unposed(self._run(_posed(image, *pose)), *pose) for pose in self._poses
            )
            assert isinstance(total, Tensor)  # noqa: S101  (there is always a pose)
            return total / len(self._poses) if len(self._poses) > 1 else total

    def _run(self, image: Tensor) -> Tensor:
        logits = self.network(image)
        return torch.cat([activate(task, logits[task.name]) for task in self._tasks], dim=1)

    def _unposed(self, maps: Tensor, turns: int, flip: bool) -> Tensor:  # noqa: FBT001  (a pose's two parts)
        """Bring maps back, and vectors in them with the maps."""
        back = _unposed(maps, turns, flip)
        first = 0
        for task in self._tasks:
            if kind_of(task.name) is Kind.DIRECTION:
                x, y, _ = (back[:, first + axis] for axis in range(3))
                x = -x if flip else x
                for _ in range(turns):
                    x, y = -y, x
                back = back.clone()
                back[:, first], back[:, first + 1] = x, y
            first += task.channels
        return back


def _posed(image: Tensor, turns: int, flip: bool) -> Tensor:  # noqa: FBT001  (a pose's two parts)
    turned = torch.rot90(image, turns, (-2, -1)) if turns else image
    return turned.flip(-1) if flip else turned


def _unposed(maps: Tensor, turns: int, flip: bool) -> Tensor:  # noqa: FBT001  (a pose's two parts)
    back = maps.flip(-1) if flip else maps
    return torch.rot90(back, -turns, (-2, -1)) if turns else back
