"""Layers that several decoders share."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from geosemimtl.models.layers import cell_means


@given(rows=st.integers(1, 20), cols=st.integers(1, 20), bins=st.integers(1, 7))
def test_cells_are_those_of_adaptive_pooling(rows: int, cols: int, bins: int) -> None:
    features = torch.rand(2, 3, rows, cols, generator=torch.Generator().manual_seed(rows * cols))
    torch.testing.assert_close(
        cell_means(features, bins), functional.adaptive_avg_pool2d(features, bins)
    )


def test_cells_by_hand() -> None:
    """Of three pixels the middle one lies in both cells."""
    features = torch.tensor([[[[1.0, 2.0, 6.0]]]])
    torch.testing.assert_close(cell_means(features, 2), torch.tensor([[[[1.5, 4.0], [1.5, 4.0]]]]))
