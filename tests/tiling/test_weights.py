"""Blend weights are a partition of unity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.errors import ConfigError
from geosemimtl.tiling.layout import axis_offsets
from geosemimtl.tiling.weights import CENTRE, WINDOWS, axis_weights


@given(
    length=st.integers(1, 300),
    size=st.integers(1, 64),
    share=st.floats(0, 1, exclude_max=True),
    window=st.sampled_from(sorted(WINDOWS)),
)
def test_weights_sum_to_one_at_every_pixel(
    length: int, size: int, share: float, window: str
) -> None:
    offsets = axis_offsets(length, size, min(int(share * size), size - 1))
    total = np.zeros(length)
    for offset, weights in zip(offsets, axis_weights(offsets, size, length, window), strict=True):
        assert weights.dtype == np.float32
        assert weights.min() > 0 or window == CENTRE
        total[offset : offset + size] += weights
    # a float32 rounding for each of the tiles that meet
    np.testing.assert_allclose(total, 1, atol=len(offsets) * 6e-8)


@pytest.mark.parametrize("window", sorted(WINDOWS))
def test_windows_are_symmetric_and_nowhere_zero(window: str) -> None:
    for size in (1, 2, 7, 64):
        shape = WINDOWS[window](size)
        np.testing.assert_allclose(shape, shape[::-1])
        assert shape.min() > 0


def test_two_halves_by_hand() -> None:
    first, second = axis_weights((0, 2), 4, 6, "linear")
    # distances to the ends: .5 1.5 1.5 .5 meet as 1.5 : .5 and .5 : 1.5
    np.testing.assert_allclose(first, [1, 1, 0.75, 0.25])
    np.testing.assert_allclose(second, [0.25, 0.75, 1, 1])


def test_the_nearest_centre_by_hand() -> None:
    first, second, third = axis_weights((0, 2, 5), 4, 9, CENTRE)
    # tiles' centres at 2, 4 and 7: pixels up to 3 belong to the first, up to 5 to the second
    np.testing.assert_array_equal(first, [1, 1, 1, 0])
    np.testing.assert_array_equal(second, [0, 1, 1, 0.5])  # 5.5 is as near to the third
    np.testing.assert_array_equal(third, [0.5, 1, 1, 1])
    np.testing.assert_array_equal(axis_weights((0, 1), 4, 5, CENTRE)[0], [1, 1, 0.5, 0])


def test_an_unknown_window_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match="choose one of centre, flat, hann, linear"):
        axis_weights((0,), 4, 4, "gauss")
