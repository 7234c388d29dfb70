"""A seeded sample of a scene's tiles, from which batch normalisation can learn its statistics."""

from __future__ import annotations

import numpy as np

from geosemimtl.inference.planning import Plan
from geosemimtl.inference.scene_pixels import ScenePixels
from geosemimtl.tiling.layers import Piece

#: Tiles that are looked at, and how much of them must be valid.
_TILES = 32
_LEAST_VALID = 0.5
#: Tiles that are tried, of a scene that is mostly empty.
_TRIED = 512


def sample_tiles(pixels: ScenePixels, plan: Plan) -> list[Piece]:
    """Read tiles of a scene, the same ones in every run.

    Args:
        pixels: How the scene is read.
        plan: Where its tiles lie.

    Returns:
        At most 32 tiles that are valid for the better half; fewer, or none, where there are none.

    Raises:
        SceneError: The scene cannot be read.
    """
    layout = plan.layout
    order = np.random.default_rng(0).permutation(len(layout))[:_TRIED]
    found: list[Piece] = []
    with pixels.images(plan.grid) as reader:
        for index in order.tolist():
            tile = reader.read(layout.window(*divmod(index, len(layout.col_offsets))))
            if tile.valid.mean() >= _LEAST_VALID:
                found.append(tile)
            if len(found) == _TILES:
                break
    return found
