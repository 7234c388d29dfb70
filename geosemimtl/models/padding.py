"""Padding that a graph for any size can hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from timm.layers import padding


@contextmanager
def constant_padding() -> Iterator[None]:
    """Have timm's layers pad as if each input's sides were multiples of the layer's stride.

    TensorFlow's "same" padding, which some encoders have, follows from the input's size. As a graph
    for any size it becomes formulas that torch does not get to the end of. For multiples, which
    networks feed their encoders, it is the same whatever the size.
    """
    own = padding.get_same_padding
    padding.get_same_padding = _same_padding
    try:
        yield
    finally:
        padding.get_same_padding = own


def _same_padding(
    x: int,  # noqa: ARG001  (the size, from which timm's follows)
    kernel_size: int,
    stride: int,
    dilation: int,
) -> int:
    return max(dilation * (kernel_size - 1) + 1 - stride, 0)
