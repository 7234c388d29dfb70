"""The domain-aware discriminator of one task (SemiMTL; docs/methods/semimtl.md)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from geosemimtl.models.layers import resize

_TINY = 1e-7  # probabilities are kept that far from 0
MIN_PX = 32  # five halvings leave one pixel


def judged_cells(valid: Tensor) -> Tensor:
    """Return where logits that are not enlarged speak of any valid pixel (B, H, W)."""
    cells = tuple(side // MIN_PX for side in valid.shape[-2:])
    share: Tensor = functional.adaptive_max_pool2d(valid[:, None].float(), cells)[:, 0]
    return share > 0


class Discriminator(nn.Module):
    """Tell ground truth (class 0) from the predictions on each domain (classes 1 to K), per pixel.

    Five 4x4 convolutions of stride 2, spectral normalisation and LeakyReLU 0.2 on the first four,
    no batch normalisation; the logits are enlarged bilinearly to the input's size before any
    softmax. The paper prints the last width as K, but its text and Eq. 2 have K + 1 classes.

    Spectral norms follow the weights by one power iteration at each forward pass in training mode,
    as torch has it, or at each call of ``follow``.

    Args:
        in_channels: The task's channels: class probabilities or one-hot labels, or 1 height in
            the unit of the network's output.
        domains: K, the number of domains; 1 makes the two-way discriminator of SemiSD, 0 the
            single logit of DA.
        width: Channels of the first convolution.
        enlarge: ``logits``, ``probabilities``, of which then the logarithm is given, or ``none``.
        spectral: Normalise the first four convolutions spectrally.

    Raises:
        ValueError: There are no channels, or fewer than 0 domains.
    """

    def __init__(
        self,
        in_channels: int,
        domains: int,
        width: int = 64,
        *,
        enlarge: str = "logits",
        spectral: bool = True,
    ) -> None:
        super().__init__()
        if in_channels < 1 or domains < 0:
            raise ValueError(
                f"a discriminator of {in_channels} channels and {domains} domains: give at least 1 "
                "and 0"
            )
        self._channels = in_channels
        self._enlarge = enlarge
        widths = (in_channels, width, 2 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            convolution = nn.Conv2d(before, after, 4, stride=2, padding=1)
            layers.append(spectral_norm(convolution) if spectral else convolution)
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers.append(nn.Conv2d(widths[-1], domains + 1, 4, stride=2, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, maps: Tensor) -> Tensor:
        """Judge maps (B, C, H, W), both sides at least 32 px.

        Returns:
            Logits (B, K + 1, H, W); (B, K + 1, H // 32, W // 32) where nothing is enlarged.

        Raises:
            ValueError: The maps have another shape, or are smaller than 32 px.
        """
        if maps.ndim != 4 or maps.shape[1] != self._channels:
            raise ValueError(
                f"the discriminator takes maps (B, {self._channels}, H, W), not {tuple(maps.shape)}"
            )
        rows, cols = maps.shape[-2:]
        if min(rows, cols) < MIN_PX:
            raise ValueError(
                f"the discriminator takes maps of {MIN_PX} px or more, not {rows} x {cols}: "
                "use larger crops"
            )
        logits: Tensor = self.layers(maps)
        if logits.dtype in (torch.bfloat16, torch.float16):
            logits = logits.float()  # interpolation and losses in full precision
        if self._enlarge == "none":
            return logits
        if self._enlarge == "logits":
            return resize(logits, (rows, cols))
        if logits.shape[1] == 1:  # binary: the logit of the enlarged probability
            return resize(logits.sigmoid(), (rows, cols)).logit(_TINY)
        return resize(logits.softmax(dim=1), (rows, cols)).clamp(min=_TINY).log()

    @torch.no_grad()
    def follow(self) -> None:
        """Let the spectral norms follow the weights."""
        training = self.training
        self.train()
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d) and is_parametrized(layer):
                _ = layer.weight  # each look in training mode is one power iteration
        self.train(training)
