"""Decoders: from the encoder's feature maps to one task's output at some stride."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from geosemimtl.config import DecoderConfig
from geosemimtl.errors import ConfigError
from geosemimtl.models.layers import BINS, PyramidPooling, conv_block, resize

_MIN_WIDTH = 8


class PSPDecoder(nn.Module):
    """Pyramid pooling over the deepest features (SemiMTL 3.1; docs/methods.md).

    Bins 1, 2, 3 and 6, a 1x1 convolution each; concatenation; 3x3 convolution; dropout of feature
    maps; 1x1 convolution. Works for any map size, and
    in training with a single image (see ``geosemimtl.models.layers.SafeBatchNorm2d``).
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        *,
        dropout: float = 0.1,
        bins: tuple[int, ...] = BINS,
    ) -> None:
        super().__init__()
        self.pyramid = PyramidPooling(in_channels, width, bins)
        self.fuse = conv_block(self.pyramid.out_channels, width, 3)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(width, out_channels, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map features to (B, out, h, w) at the deepest features' stride."""
        return self.head(self.dropout(self.fuse(self.pyramid(features[-1]))))  # type: ignore[no-any-return]  # torch types modules' calls as Any


class AuxiliaryHead(nn.Sequential):
    """PSPNet's second head over shallower features: 3x3 convolution, dropout, 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        width = max(in_channels // 4, _MIN_WIDTH)
        super().__init__(
            conv_block(in_channels, width, 3),
            nn.Dropout2d(0.1),
            nn.Conv2d(width, out_channels, 1),
        )


class UpsamplingDecoder(nn.Module):
    """The paper's height head: convolutions and upsampling, then a regression layer.

    3x3 convolution to ``width``, twice (x2 bilinear, 3x3 convolution to half the width), 3x3
    convolution to the output, linear (docs/methods.md: the paper gives no numbers).
    """

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        half, quarter = max(width // 2, _MIN_WIDTH), max(width // 4, _MIN_WIDTH)
        self.blocks = nn.ModuleList(
            [
                conv_block(in_channels, width, 3),
                conv_block(width, half, 3),
                conv_block(half, quarter, 3),
            ]
        )
        self.head = nn.Conv2d(quarter, out_channels, 3, padding=1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map features to (B, out, 4 h, 4 w), h and w those of the deepest features."""
        x = self.blocks[0](features[-1])
        for block in self.blocks[1:]:
            x = block(resize(x, (2 * x.shape[-2], 2 * x.shape[-1])))
        return self.head(x)  # type: ignore[no-any-return]  # torch types modules' calls as Any


class UNetDecoder(nn.Module):
    """Skip connections from every feature map, deepest to finest (not in the paper).

    A small pyramid pooling gives the deepest map its context. Then, map by map: resize to the
    finer map, concatenate, one 3x3 convolution. The width halves with the stride, so that the
    fine maps, which cost most, stay cheap; maps of equal stride (a dilated encoder's) keep it.
    """

    def __init__(
        self, channels: Sequence[int], strides: Sequence[int], width: int, out_channels: int
    ) -> None:
        super().__init__()
        self.pyramid = PyramidPooling(channels[-1], max(width // 4, _MIN_WIDTH))
        self.bottom = conv_block(self.pyramid.out_channels, width, 3)
        self.blocks = nn.ModuleList()
        below = width
        for skip, stride in zip(reversed(channels[:-1]), reversed(strides[:-1]), strict=True):
            here = max(width * stride // strides[-1], 2 * _MIN_WIDTH)
            self.blocks.append(conv_block(below + skip, here, 3))
            below = here
        self.head = nn.Conv2d(below, out_channels, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map features to (B, out, h, w) at the finest features' stride."""
        x = self.bottom(self.pyramid(features[-1]))
        for block, skip in zip(self.blocks, reversed(features[:-1]), strict=True):
            x = block(torch.cat([resize(x, (skip.shape[-2], skip.shape[-1])), skip], dim=1))
        return self.head(x)  # type: ignore[no-any-return]  # torch types modules' calls as Any


DecoderFactory = Callable[[DecoderConfig, Sequence[int], Sequence[int], int], nn.Module]


def _psp(
    config: DecoderConfig, channels: Sequence[int], _strides: Sequence[int], out_channels: int
) -> nn.Module:
    return PSPDecoder(
        channels[-1], config.channels, out_channels, dropout=config.dropout, bins=config.bins
    )


def _upsampling(
    config: DecoderConfig, channels: Sequence[int], _strides: Sequence[int], out_channels: int
) -> nn.Module:
    return UpsamplingDecoder(channels[-1], config.channels, out_channels)


def _unet(
    config: DecoderConfig, channels: Sequence[int], strides: Sequence[int], out_channels: int
) -> nn.Module:
    return UNetDecoder(channels, strides, config.channels, out_channels)


#: Decoders by their names in the configuration.
DECODERS: dict[str, DecoderFactory] = {"psp": _psp, "upsampling": _upsampling, "unet": _unet}


def build_decoder(
    config: DecoderConfig, channels: Sequence[int], strides: Sequence[int], out_channels: int
) -> nn.Module:
    """Build a task's decoder.

    Args:
        config: Name, width and dropout.
        channels: Channels of each of the encoder's feature maps, finest first.
        strides: Their strides.
        out_channels: Channels of the task's output.

    Raises:
        ConfigError: There is no decoder of that name.
    """
    if config.name not in DECODERS:
        raise ConfigError(f"decoder: {config.name} is unknown; known: {', '.join(DECODERS)}")
    return DECODERS[config.name](config, channels, strides, out_channels)
