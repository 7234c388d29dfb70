"""Irregular texture fixed to the ground: finer pixels sample the same field."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray


def value_noise(
    shape: tuple[int, int], gsd_m: float, spacing_m: float, seed: tuple[int, ...]
) -> NDArray[np.float32]:
    """Smooth noise of mean 0 and deviation about 1 over a lattice in metres.

    Args:
        shape: Rows and columns wanted.
        gsd_m: Metres of a pixel.
        spacing_m: Metres between lattice points: the size of the spots.
        seed: What names the field.

    Returns:
        ``(rows, cols)``.
    """
    rows, cols = shape
    down, across = (ceil(count * gsd_m / spacing_m + 1e-6) + 2 for count in shape)
    # One generator a lattice row: the field stays the same where rounding to whole pixels, or a
    # wider scene, asks for one node more.
    nodes = np.stack(
        [
            np.random.default_rng((*seed, row)).standard_normal(across, dtype=np.float32)
            for row in range(down)
        ]
    )
    lower, weight = _positions(rows, gsd_m, spacing_m)
    field: NDArray[np.float32] = (
        nodes[lower] * (1 - weight)[:, None] + nodes[lower + 1] * weight[:, None]
    )
    lower, weight = _positions(cols, gsd_m, spacing_m)
    field = (
        np.take(field, lower, axis=1) * (1 - weight) + np.take(field, lower + 1, axis=1) * weight
    )
    # Interpolating shrinks the deviation by 26 / 35, the integral of these weights squared.
    field *= np.float32(35 / 26)
    return field


def _positions(
    count: int, gsd_m: float, spacing_m: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    position = (np.arange(count) + 0.5) * (gsd_m / spacing_m)
    lower = np.floor(position).astype(np.intp)
    share = position - lower
    # Smoothstep: no creases at the lattice lines.
    return lower, (share * share * (3 - 2 * share)).astype(np.float32)
