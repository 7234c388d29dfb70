"""Running a network on batches of tiles."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor, nn

from geosemimtl.errors import ConfigError
from geosemimtl.models.network import MultiTaskNetwork, Output, activate
from geosemimtl.tasks import Task
from geosemimtl.tiling.layers import Piece

#: How numbers are held inside the network: ``auto`` is the faster one of the processor at hand.
PRECISIONS = ("auto", "float32", "bfloat16")


def resolved(precision: str, device: torch.device) -> str:
    """Return the precision meant: ``auto`` is bfloat16 where the processor calculates with it.

    Raises:
        ConfigError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"--precision {precision}: choose from {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # the public torch.cpu.get_capabilities is in newer releases only
    native = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001
    return "bfloat16" if native else "float32"


class Forward:
    """Runs a network; what goes in and out is float32 whatever its precision.

    Args:
        network: The network, which is moved to the device.
        tasks: What it predicts, in the order of the output's channels.
        device: Where it runs.
        precision: As in ``resolved``.
        tta: Whether each tile is seen in all eight flips and quarter turns, and the mean taken.
        compiled: Whether torch compiles the network first, which takes a minute.

    Raises:
        ConfigError: There is no such precision.
    """

    def __init__(
        self,
        network: MultiTaskNetwork,
        tasks: Sequence[Task],
        device: torch.device,
        precision: str,
        *,
        tta: bool = False,
        compiled: bool = False,
    ) -> None:
        self.precision = resolved(precision, device)
        self.device = device
        self._tasks = tasks
        self._poses = tuple(product(range(4), (False, True))) if tta else ((0, False),)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks the pair
        self._network = network
        self._call: Callable[[Tensor], Output] = torch.compile(network) if compiled else network
        self._learned: list[dict[str, Tensor]] = []

    def __call__(self, tiles: Sequence[Tensor]) -> Tensor:
        """Return what the tasks predict.

        Args:
            tiles: Square tiles (bands, rows, columns), normalised as the training's.

        Returns:
            (tiles, channels, rows, columns): probabilities or metres of each task in
            their order.
        """
        image = torch.stack(list(tiles)).contiguous(memory_format=torch.channels_last)
        is_half = self.precision == "bfloat16"
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, torch.bfloat16, enabled=is_half),
        ):
            total = sum(_unposed(self._run(_posed(image, *pose)), *pose) for pose in self._poses)
            assert isinstance(total, Tensor)  # noqa: S101  (there is always a pose)
            return total / len(self._poses) if len(self._poses) > 1 else total

    def adapt(self, tiles: Sequence[Piece], batch: int) -> None:
        """Estimate the statistics of batch normalisation anew, in float32.

        Args:
            tiles: Of the scene; with none, the training's statistics stay.
            batch: How many are seen at once.

        Raises:
            ConfigError: The network has no batch normalisation.
        """
        layers = [layer for layer in self._network.modules() if isinstance(layer, nn.BatchNorm2d)]
        if not layers:
            raise ConfigError("--adapt-bn: the model has no batch normalisation; leave it out")
        self._learned = self._learned or [copy.deepcopy(layer.state_dict()) for layer in layers]
        for layer, learned in zip(layers, self._learned, strict=True):
            layer.load_state_dict(learned)
        if not tiles:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean of all batches
            layer.train()
        with torch.no_grad():
            for first in range(0, len(tiles), batch):
                part = [torch.from_numpy(tile.pixels) for tile in tiles[first : first + batch]]
                image = torch.stack(part).to(self.device, memory_format=torch.channels_last)
                self._network(image)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()

    def _run(self, image: Tensor) -> Tensor:
        logits = self._call(image.contiguous(memory_format=torch.channels_last)).logits
        return torch.cat([activate(task, logits[task.name]) for task in self._tasks], dim=1)


def _posed(image: Tensor, turns: int, flip: bool) -> Tensor:  # noqa: FBT001  (a pose's two parts)
    turned = torch.rot90(image, turns, (-2, -1)) if turns else image
    return turned.flip(-1) if flip else turned


def _unposed(maps: Tensor, turns: int, flip: bool) -> Tensor:  # noqa: FBT001  (a pose's two parts)
    back = maps.flip(-1) if flip else maps
    return torch.rot90(back, -turns, (-2, -1)) if turns else back
