"""What pixel values mean, and what stands where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def filled(values: NDArray[Any], valid: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    """Return values where they are valid, and a fill of their type elsewhere.

    Args:
        values: Of any type and shape.
        valid: Of their shape, or of their last axes.
        fill: What stands where they are not valid.

    Returns:
        The array itself where all is valid, which is common and far quicker; else a new one.
    """
    return values if valid.all() else np.where(valid, values, values.dtype.type(fill))


def value_range_remedy(dtype: str) -> str:
    """Return what to do where nobody said which pixel values of a type map to 0 and 1."""
    example = "0,1" if np.dtype(dtype).kind == "f" else "0,10000"
    return f"say which values are black and white, such as --value-range {example}"


def unit_values(pixels: NDArray[Any], value_range: tuple[float, float]) -> NDArray[np.float32]:
    """Map pixel values to [0, 1]; what lies outside the range is clipped to it.

    Args:
        pixels: Of any type and shape.
        value_range: The values that become 0 and 1.
    """
    low, high = value_range
    unit: NDArray[np.float32] = pixels.astype(np.float32)
    unit -= np.float32(low)
    unit /= np.float32(high - low)
    return unit.clip(0, 1, out=unit)
