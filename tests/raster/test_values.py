"""The mapping of pixel values to [0, 1]."""

from __future__ import annotations

import numpy as np

from geosemimtl.raster.values import unit_values


def test_the_range_becomes_zero_to_one_and_is_clipped() -> None:
    pixels = np.array([0, 1000, 2000, 3000, 65535], np.uint16)
    np.testing.assert_allclose(unit_values(pixels, (1000, 3000)), [0, 0, 0.5, 1, 1])
    assert unit_values(pixels, (0, 1)).dtype == np.float32
