"""How scenes are predicted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """How scenes are predicted.

    Attributes:
        bands: Names of the files' bands in file order, where the files do not tell.
        alpha: As in :func:`geosemimtl.raster.scene.open_scene`.
        assume_crs: CRS of files that carry none.
        value_range: Pixel values that map to 0 and 1, for scenes of another type than trained on.
        sensor: The training's domain whose sensor took the scenes: its value range holds, and
            values are compared with its values.
        mosaic: All files named together form one scene.
        grid: ``scene``: the outputs lie on the scene's own grid; ``model``: on the model's; or a
            GSD in metres.
        bounds: Left, bottom, right and top in the scene's CRS, to predict only that part.
        area: A file of polygons, to predict only within them.
        overlap: Of tiles: a share, or pixels as a whole number; the model's own by default.
        window: Blend window, see :mod:`geosemimtl.tiling.weights`.
        batch: Tiles that are run at once, at most; chosen by the memory by default.
        precision: Inside the network, see :mod:`geosemimtl.inference.forward`.
        tta: Whether each tile is seen in all eight flips and quarter turns, and the mean taken.
        adapt_bn: Whether batch normalisation learns its statistics from the scene first.
        compiled: Whether torch compiles the network first.
        confidence: Whether the largest probability is written too.
        probabilities: Whether each class's probability is written too.
        disagreement: Whether it is written how far overlapping tiles differ.
        compress: Of the rasters, see :mod:`geosemimtl.raster.cog`.
    """

    bands: tuple[str, ...] | None = None
    alpha: int | str = "auto"
    assume_crs: str | None = None
    value_range: tuple[float, float] | None = None
    sensor: str | None = None
    mosaic: bool = False
    grid: str | float = "scene"
    bounds: tuple[float, float, float, float] | None = None
    area: Path | None = None
    overlap: float | int | None = None
    window: str = "hann"
    batch: int | None = None
    precision: str = "auto"
    tta: bool = False
    adapt_bn: bool = False
    compiled: bool = False
    confidence: bool = True
    probabilities: bool = False
    disagreement: bool = False
    compress: str = "zstd"
