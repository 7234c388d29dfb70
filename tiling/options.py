"""How scenes are cut."""

from __future__ import annotations

from dataclasses import dataclass

from geosemimtl.errors import ConfigError
from geosemimtl.tasks import ISPRS_CLASSES, Classes


@dataclass(frozen=True, slots=True)
class TileOptions:
    """How scenes are cut.

    Attributes:
        gsd_m: Metres on the ground of the tiles' pixels; the first scene's own by default.
        size_px: Side of a tile.
        overlap: Share of a tile that neighbours have in common, at least; 0 up to below 1.
        classes: Classes of the labels.
        bands: Names of the files' bands in file order, where the files do not tell.
        alpha: As in :func:`geosemimtl.raster.scene.open_scene`.
        assume_crs: CRS of files that carry none.
        value_range: Pixel values that map to 0 and 1; the type's range for 8 bit.
        min_valid: Tiles with a smaller share of valid pixels are dropped; empty ones always are.
        name: The sensor's name; the output folder's by default.
    """

    gsd_m: float | None = None
    size_px: int = 512
    overlap: float = 0.5
    classes: Classes = ISPRS_CLASSES
    bands: tuple[str, ...] | None = None
    alpha: int | str = "auto"
    assume_crs: str | None = None
    value_range: tuple[float, float] | None = None
    min_valid: float = 0.0
    name: str | None = None

    def __post_init__(self) -> None:
        if self.gsd_m is not None and not self.gsd_m > 0:
            raise ConfigError(f"--gsd {self.gsd_m:g}: metres on the ground must be above 0")
        if self.size_px < 1:
            raise ConfigError(f"--size {self.size_px}: a tile needs at least one pixel")
        if not 0 <= self.overlap < 1:
            raise ConfigError(f"--overlap {self.overlap:g}: give a share from 0 up to below 1")
        if not 0 <= self.min_valid <= 1:
            raise ConfigError(f"--min-valid {self.min_valid:g}: give a share from 0 to 1")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            low, high = self.value_range
            raise ConfigError(f"--value-range {low:g},{high:g}: the first must be the smaller")
