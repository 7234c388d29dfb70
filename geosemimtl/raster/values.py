"""What pixel values mean: the one mapping from a file's values to what a network is fed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def unit_values(pixels: NDArray[Any], value_range: tuple[float, float]) -> NDArray[np.float32]:
    """Map pixel values to [0, 1]; what lies outside the range is clipped to it.

    Args:
        pixels: Of any type and shape.
        value_range: The values that become 0 and 1.
    """
    low, high = value_range
    unit: NDArray[np.float32] = (pixels.astype(np.float32) - low) / (high - low)
    return unit.clip(0, 1)
