"""TensorFlow's padding, for images of any size."""

from __future__ import annotations

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.pool2d_same import MaxPool2dSame
from timm.layers.std_conv import ScaledStdConv2dSame
from torch import nn

from geosemimtl.models.padding import constant_padding


@pytest.mark.parametrize("size", [(3, 3), (5, 2), (1, 1)])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_the_same_where_sides_are_multiples_of_the_stride(
    size: tuple[int, int], stride: int, dilation: int
) -> None:
    torch.manual_seed(0)
    layers: tuple[nn.Module, ...] = (
        Conv2dSame(4, 6, size, stride=stride, dilation=dilation, groups=2),
        ScaledStdConv2dSame(4, 6, size, stride=stride, dilation=dilation),
        MaxPool2dSame(size, stride, dilation=dilation),
    )
    for rows, cols in ((8, 8), (12, 20)):
        image = torch.rand(2, 4, rows, cols)
        for layer in layers:
            with constant_padding():
                constant = layer(image)
            torch.testing.assert_close(constant, layer(image), rtol=0, atol=0)


def test_what_it_does_and_undoes() -> None:
    """By hand: a window of 3 px in steps of 2 starts outside of 5 px, but not of a multiple."""
    layer = Conv2dSame(1, 1, 3, stride=2, bias=False)
    nn.init.ones_(layer.weight)
    image = torch.ones(1, 1, 5, 5)
    own = torch.tensor([[[[4.0, 6, 4], [6, 9, 6], [4, 6, 4]]]])
    torch.testing.assert_close(layer(image), own)
    with constant_padding():
        torch.testing.assert_close(layer(image), torch.full((1, 1, 2, 2), 9.0))
    torch.testing.assert_close(layer(image), own)
