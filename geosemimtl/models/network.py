"""The multi-task network: one encoder, one decoder a task, outputs at the input's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from geosemimtl.config import NetworkConfig
from geosemimtl.models.decoders import build_decoder
from geosemimtl.models.encoders import Encoder, build_encoder
from geosemimtl.tasks import Segmentation, Task


class Output(NamedTuple):
    """What the network gives for a batch.

    Attributes:
        features: The encoder's feature maps, finest first; of the padded input where H or W is
            no multiple of the largest stride.
        logits: (B, C, H, W) by task name: unnormalised class scores of a segmentation; heights
            in units of ``task.scale_m``, linear, so perhaps below 0.
    """

    features: list[Tensor]
    logits: dict[str, Tensor]


class MultiTaskNetwork(nn.Module):
    """Shared encoder and one decoder a task (SemiMTL, Fig. 2).

    Args:
        encoder: Gives the features.
        decoders: One a task, by the task's name, over the encoder's features.
        align_corners: How outputs are enlarged: ``False`` is our choice, the paper is silent.
    """

    def __init__(
        self, encoder: Encoder, decoders: Mapping[str, nn.Module], *, align_corners: bool = False
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoders = nn.ModuleDict(decoders)
        self.align_corners = align_corners

    def forward(self, image: Tensor) -> Output:
        """Predict every task for (B, C, H, W) of any H and W.

        An input whose sides are no multiples of the largest stride is extended at the right and
        the bottom by its mirror image (its border, if it is too small), and the outputs are cut.
        """
        rows, cols = image.shape[-2:]
        padded = _pad_to_multiple(image, max(self.encoder.strides))
        size = (padded.shape[-2], padded.shape[-1])
        features = self.encoder(padded)
        logits = {
            name: self._enlarge(decoder(features), size)[..., :rows, :cols]
            for name, decoder in self.decoders.items()
        }
        return Output(features, logits)

    def _enlarge(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        if logits.dtype in (torch.bfloat16, torch.float16):
            logits = logits.float()  # 8 bits of mantissa would step a 30 m height by 0.1 m
        return functional.interpolate(
            logits, size=size, mode="bilinear", align_corners=self.align_corners
        )


def build_network(
    config: NetworkConfig, tasks: Sequence[Task], in_channels: int
) -> MultiTaskNetwork:
    """Build the network of a configuration.

    Args:
        config: Encoder, decoders, output stride.
        tasks: What is predicted; one decoder each.
        in_channels: Bands of the image.

    Raises:
        ConfigError: As :func:`~geosemimtl.models.encoders.build_encoder`.
    """
    encoder = build_encoder(config, in_channels)
    decoders: dict[str, nn.Module] = {
        task.name: build_decoder(
            config.decoder(task.name), encoder.channels, encoder.strides, task.channels
        )
        for task in tasks
    }
    return MultiTaskNetwork(encoder, decoders, align_corners=config.align_corners)


def activate(task: Task, logits: Tensor) -> Tensor:
    """Turn a task's logits (B, C, H, W) into what is blended and written.

    Returns:
        Float32 or wider: probabilities (B, C, H, W) of a segmentation; metres (B, 1, H, W) of a
        height, at least 0, not bounded above.
    """
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    if isinstance(task, Segmentation):
        return logits.softmax(dim=1)
    return logits.clamp(min=0) * task.scale_m


def parameter_count(module: nn.Module) -> int:
    """Count the trainable numbers of a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    rows, cols = image.shape[-2:]
    right, bottom = -cols % multiple, -rows % multiple
    if right == 0 and bottom == 0:
        return image
    mode = "reflect" if right < cols and bottom < rows else "replicate"
    return functional.pad(image, (0, right, 0, bottom), mode=mode)
