"""Running a network on batches of tiles."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from geosemimtl.data.augmentation import normalised
from geosemimtl.errors import ConfigError
from geosemimtl.models.network import MultiTaskNetwork, activate
from geosemimtl.training.model_file import ModelCard

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
        card: Its card: what pixels are normalised by, and what it predicts.
        device: Where it runs.
        precision: As in :func:`resolved`.

    Raises:
        ConfigError: There is no such precision.
    """

    def __init__(
        self, network: MultiTaskNetwork, card: ModelCard, device: torch.device, precision: str
    ) -> None:
        self.precision = resolved(precision, device)
        self._device = device
        self._tasks = card.tasks
        self._normalisation = (torch.tensor(card.mean), torch.tensor(card.std))
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks the pair
        self._network = network

    def __call__(
        self, pixels: NDArray[np.float32], observed: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return what the tasks predict, and last where it was observed.

        Args:
            pixels: (tiles, bands, rows, columns) in [0, 1].
            observed: (tiles, rows, columns).

        Returns:
            (tiles, channels, rows, columns): probabilities or metres of each task in the card's
            order, then 1 where observed.
        """
        seen = torch.from_numpy(observed).to(self._device)
        image = normalised(torch.from_numpy(pixels).to(self._device), seen, self._normalisation)
        is_half = self.precision == "bfloat16"
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=is_half),
        ):
            logits = self._network(image.contiguous(memory_format=torch.channels_last)).logits
            maps = [activate(task, logits[task.name]) for task in self._tasks]
            out = torch.cat([*maps, seen[:, None].to(maps[0])], dim=1)
        values: NDArray[np.float32] = out.cpu().numpy()
        return values
