"""The multi-task network: one encoder, one decoder a task, outputs at the input's size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from geosemimtl.config import NetworkConfig
from geosemimtl.models.decoders import AuxiliaryHead, build_decoder
from geosemimtl.models.encoders import Encoder, build_encoder
from geosemimtl.models.norm import freeze_statistics, keep_statistics_of, use_statistics_of
from geosemimtl.tasks import Binary, Kind, Quantity, Segmentation, Task, kind_of

#: What follows the last convolution of numbers, by its name in the configuration.
_NUMBER_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda logits: logits,
    "softplus": functional.softplus,
    "sigmoid": torch.sigmoid,
}


class Output(NamedTuple):
    """What the network gives for a batch.

    Attributes:
        features: The encoder's feature maps, finest first; of the padded input where H or W is
            no multiple of the largest stride.
        logits: (B, C, H, W) by task name: unnormalised class scores of a segmentation; numbers
            in units of ``task.scale``, by default linear, so perhaps below 0; vectors of any
            length; one logit of what is yes or no.
        auxiliary: In training, a second opinion by task name, likewise.
    """

    features: list[Tensor]
    logits: dict[str, Tensor]
    auxiliary: Mapping[str, Tensor] = {}


class MultiTaskNetwork(nn.Module):
    """Shared encoder and one decoder a task (SemiMTL, Fig. 2).

    Args:
        config: As it was built by.
        encoder: Gives the features.
        decoders: One a task, by the task's name, over the encoder's features.
        auxiliary: Heads that help the training, by task, over the last but one feature map.
        domains: Number of sensors whose statistics are kept apart, if ``config.norm`` says so.
    """

    def __init__(
        self,
        config: NetworkConfig,
        encoder: Encoder,
        decoders: Mapping[str, nn.Module],
        auxiliary: Mapping[str, nn.Module],
        domains: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.decoders = nn.ModuleDict(decoders)
        self.auxiliary = nn.ModuleDict(auxiliary)
        if config.norm == "per_domain":
            keep_statistics_of(self, domains)
        self.train()

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002  (torch's signature)
        """Turn to training, in which frozen statistics stay as they are, or to evaluation."""
        super().train(mode)
        if self.config.norm == "frozen":
            freeze_statistics(self)
        return self

    def use_domain(self, domain: int) -> None:
        """Expect images of a domain, from 0, where statistics are kept apart."""
        if self.config.norm == "per_domain":
            use_statistics_of(self, domain)

    def forward(self, image: Tensor) -> Output:
        """Predict every task for (B, C, H, W) of any H and W.

        An input whose sides are no multiples of the largest stride is extended at the right and
        the bottom by its mirror image (its border, if it is too small), and the outputs are cut.
        """
        rows, cols = image.shape[-2:]
        padded = pad_to_multiple(image, max(self.encoder.strides))
        size = (padded.shape[-2], padded.shape[-1])
        features = self.encoder(padded)
        logits = {
            name: self._enlarge(decoder(features), size)[..., :rows, :cols]
            for name, decoder in self.decoders.items()
        }
        number_of = _NUMBER_ACTIVATIONS[self.config.height_activation]
        logits |= {
            name: number_of(values)
            for name, values in logits.items()
            if kind_of(name) is Kind.QUANTITY
        }
        auxiliary = {
            name: self._enlarge(head(features[-2]), size)[..., :rows, :cols]
            for name, head in self.auxiliary.items()
            if self.training
        }
        return Output(features, logits, auxiliary)

    def _enlarge(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        if logits.dtype in (torch.bfloat16, torch.float16):
            logits = logits.float()  # 8 bits of mantissa would step a 30 m height by 0.1 m
        return functional.interpolate(
            logits, size=size, mode="bilinear", align_corners=self.config.align_corners
        )


def build_network(
    config: NetworkConfig,
    tasks: Sequence[Task],
    in_channels: int,
    domains: int = 1,
    *,
    initial: bool = True,
) -> MultiTaskNetwork:
    """Build the network of a configuration.

    Args:
        config: Encoder, decoders, output stride.
        tasks: What is predicted; one decoder each.
        in_channels: Bands of the image.
        domains: Number of sensors.
        initial: Whether to read the encoder's weights; not where others are to be loaded at once.

    Raises:
        ConfigError: As ``geosemimtl.models.encoders.build_encoder``.
    """
    encoder = build_encoder(config, in_channels, initial=initial)
    decoders: dict[str, nn.Module] = {
        task.name: build_decoder(
            config.decoder(task.name), encoder.channels, encoder.strides, task.channels
        )
        for task in tasks
    }
    auxiliary: dict[str, nn.Module] = {
        task.name: AuxiliaryHead(encoder.channels[-2], task.channels)
        for task in tasks
        if config.aux_weight > 0 and isinstance(task, Segmentation)
    }
    return MultiTaskNetwork(config, encoder, decoders, auxiliary, domains)


def activate(task: Task, logits: Tensor) -> Tensor:
    """Turn a task's logits (B, C, H, W) into what is blended and written.

    Returns:
        Float32 or wider: probabilities (B, C, H, W) of a segmentation; numbers (B, 1, H, W) in the
        task's unit, at least 0, not bounded above; unit vectors (B, 3, H, W); the probability
        (B, 1, H, W) of yes.
    """
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    if isinstance(task, Segmentation):
        return logits.softmax(dim=1)
    if isinstance(task, Quantity):
        return logits.clamp(min=0) * task.scale
    return logits.sigmoid() if isinstance(task, Binary) else functional.normalize(logits, dim=1)


def parameter_count(module: nn.Module) -> int:
    """Count the trainable numbers of a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Extend images (B, C, H, W) at the right and the bottom to multiples of a number of pixels.

    By their mirror image, or their border if they are too small.
    """
    rows, cols = image.shape[-2:]
    right, bottom = -cols % multiple, -rows % multiple
    if right == 0 and bottom == 0:
        return image
    mode = "reflect" if right < cols and bottom < rows else "replicate"
    return functional.pad(image, (0, right, 0, bottom), mode=mode)
