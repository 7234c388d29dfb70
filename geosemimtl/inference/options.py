"""How scenes are predicted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.errors import ConfigError
from geosemimtl.raster.cog import COMPRESSIONS
from geosemimtl.raster.formats import FORMATS, GEOTIFF
from geosemimtl.raster.scene import Georeference
from geosemimtl.tiling.weights import WINDOWS


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """How scenes are predicted.

    Attributes:
        bands: Names of the files' bands in file order, where the files do not tell.
        alpha: As in ``geosemimtl.raster.scene.open_scene``.
        assume_crs: CRS of files that carry none.
        georeference: What holds for scenes that do not say where they lie.
        value_range: Pixel values that map to 0 and 1, for scenes of another type than trained on.
        sensor: The training's domain whose sensor took the scenes: its value range holds, and
            values are compared with its values.
        mosaic: All files named together form one scene.
        grid: ``scene``: the outputs lie on the scene's own grid; ``model``: on the model's; or a
            GSD in metres.
        bounds: Left, bottom, right and top in the scene's CRS, to predict only that part.
        area: A file of polygons, to predict only within them.
        overlap: Of tiles: a share, or pixels as a whole number; the model's own by default.
        window: Blend window, see ``geosemimtl.tiling.weights``.
        batch: Tiles that are run at once, at most; chosen by the memory by default.
        precision: Inside the network, see ``geosemimtl.inference.forward``.
        tta: Whether each tile is seen in all eight flips and quarter turns, and the mean taken.
        adapt_bn: Whether batch normalisation learns its statistics from the scene first.
        compiled: Whether torch compiles the network first.
        confidence: Whether the largest probability is written too.
        probabilities: Whether each class's probability is written too.
        disagreement: Whether it is written how far overlapping tiles differ.
        format: What the rasters are written as, see ``geosemimtl.raster.formats``.
        compress: Of GeoTIFFs, see ``geosemimtl.raster.cog``.
    """

    bands: tuple[str, ...] | None = None
    alpha: int | str = "auto"
    assume_crs: str | None = None
    georeference: Georeference | None = None
    value_range: tuple[float, float] | None = None
    sensor: str | None = None
    mosaic: bool = False
    grid: str | float = "scene"
    bounds: tuple[float, float, float, float] | None = None
    area: Path | None = None
    overlap: float | None = None
    window: str = "hann"
    batch: int | None = None
    precision: str = "auto"
    tta: bool = False
    adapt_bn: bool = False
    compiled: bool = False
    confidence: bool = True
    probabilities: bool = False
    disagreement: bool = False
    format: str = GEOTIFF
    compress: str = "zstd"

    def __post_init__(self) -> None:
        for flag, given, choices in (
            ("--window", self.window, sorted(WINDOWS)),
            ("--compress", self.compress, list(COMPRESSIONS)),
            ("--format", self.format, list(FORMATS)),
        ):
            if given not in choices:
                raise ConfigError(f"{flag} {given}: choose from {', '.join(choices)}")
        if self.batch is not None and self.batch < 1:
            raise ConfigError(f"--batch {self.batch}: run at least one tile at once")
        words = isinstance(self.grid, str)
        if self.grid not in {"scene", "model"} if words else not 0 < float(self.grid) < math.inf:
            given = str(self.grid).removesuffix(".0")
            raise ConfigError(f"--grid {given}: write scene, model or metres above 0")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            low, high = self.value_range
            raise ConfigError(f"--value-range {low:g},{high:g}: the first must be the smaller")
