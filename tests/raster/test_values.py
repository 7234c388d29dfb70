"""The mapping of pixel values to [0, 1]."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.raster.values import filled, unit_values, value_range_remedy


def test_the_range_becomes_zero_to_one_and_is_clipped() -> None:
    pixels = np.array([0, 1000, 2000, 3000, 65535], np.uint16)
    np.testing.assert_allclose(unit_values(pixels, (1000, 3000)), [0, 0, 0.5, 1, 1])
    assert unit_values(pixels, (0, 1)).dtype == np.float32


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_filled(dtype: str) -> None:
    values = np.arange(12, dtype=dtype).reshape(2, 2, 3)
    everywhere = np.ones((2, 3), bool)
    assert filled(values, everywhere, 9) is values
    hole = everywhere.copy()
    hole[1, 2] = False
    found = filled(values, hole, 9)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[:, ~hole], 9)
    np.testing.assert_array_equal(found[:, hole], values[:, hole])


@pytest.mark.parametrize(("dtype", "example"), [("uint16", "0,10000"), ("float32", "0,1")])
def test_the_remedy_fits_the_type(dtype: str, example: str) -> None:
    assert value_range_remedy(dtype).endswith(f"--value-range {example}")
