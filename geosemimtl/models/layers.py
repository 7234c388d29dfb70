"""Layers that several decoders share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BINS = (1, 2, 3, 6)


class SafeBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that takes its running statistics where a batch has one value a channel.

    One value has no variance: torch refuses it, and a variance of 0 would erase the value. It
    happens to a pooled 1x1 map in training with one image. Such a batch is normalised as in
    evaluation and leaves the running statistics alone; every other batch is treated as usual.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name is torch's
        """Normalise (B, C, H, W)."""
        if self.training and input.numel() == input.shape[1]:
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(input)


def conv_block(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    """Return convolution (odd kernel, same size, no bias), batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        SafeBatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def resize(features: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate (B, C, H, W) bilinearly to ``size`` (rows, columns), corners not aligned."""
    if features.shape[-2:] == size:
        return features
    return functional.interpolate(features, size=size, mode="bilinear", align_corners=False)


def cell_means(features: Tensor, bins: int) -> Tensor:
    """Average (B, C, H, W) into ``bins`` x ``bins`` cells, as ``adaptive_avg_pool2d`` does.

    As products of matrices that follow from the size: a graph that holds them takes maps of any
    size, while that of torch's function holds for the size it was traced with.
    """
    down, across = (_cells(size, bins, features) for size in features.shape[-2:])
    return down @ features @ across.T


def _cells(size: int, bins: int, like: Tensor) -> Tensor:
    """Return the weight of each of ``size`` pixels (columns) in each cell (rows)."""
    cell = torch.arange(bins, device=like.device)[:, None]
    pixel = torch.arange(size, device=like.device)
    first, end = cell * size // bins, ((cell + 1) * size + bins - 1) // bins
    inside = (pixel >= first) & (pixel < end)
    return inside.to(like.dtype) / (end - first)


class PyramidPooling(nn.Module):
    """Context of several scales beside the features themselves (PSPNet, arXiv:1612.01105).

    For each bin count the map is averaged into bins x bins cells (cells overlap where the map is
    smaller), reduced by a 1x1 convolution, enlarged and concatenated to the map.

    Attributes:
        out_channels: ``in_channels + len(bins) * width``.
    """

    def __init__(self, in_channels: int, width: int, bins: tuple[int, ...] = BINS) -> None:
        super().__init__()
        self.bins = bins
        self.branches = nn.ModuleList(conv_block(in_channels, width, 1) for _ in bins)
        self.out_channels = in_channels + len(bins) * width

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, out_channels, H, W)."""
        size = (features.shape[-2], features.shape[-1])
        pool = cell_means if torch.compiler.is_exporting() else functional.adaptive_avg_pool2d
        pooled = [
            resize(branch(pool(features, bins)), size)
            for bins, branch in zip(self.bins, self.branches, strict=True)
        ]
        return torch.cat([features, *pooled], dim=1)
