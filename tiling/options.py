"""How scenes are cut."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geosemimtl.classes import ISPRS_CLASS_MAP, ClassMap
from geosemimtl.errors import ConfigError
from geosemimtl.tiling.layout import EDGES, Edge


@dataclass(frozen=True, slots=True)
class TileOptions:
    """How scenes are cut.

    Attributes:
        gsd_m: Metres on the ground of the tiles' pixels; the first scene's own by default.
        crs: CRS of the tiles, such as ``EPSG:25832``, or ``auto`` for the scene's UTM zone; the
            scene's own by default.
        resize: (rows, columns) of images that lie nowhere on the ground, such as a street's: each
            becomes one tile as a whole, and GSD, size, overlap and edge do not count.
        size_px: Side of a tile.
        overlap: What neighbours have in common, at least: a share of a tile from 0 up to below
            1, or pixels if it is an ``int``.
        edge: What becomes of the last row and column of tiles: ``snap`` (moved inwards), ``pad``
            or ``drop``.
        min_valid: Tiles with a smaller share of valid pixels are dropped; empty ones always are.
        split: How tiles are parted: ``none`` (all are train), ``by-scene``, ``blocks``, the name
            of a built-in list of scenes, or the path of such a list.
        split_shares: Shares of train, val and test, where scenes or blocks are drawn.
        block_m: Side of a block in metres on the ground; four tiles by default.
        seed: Of the draw.
        mosaic: All files together are one scene.
        classes: The classes, and how the labels write them.
        class_column: Column of label polygons that holds the class.
        bands: Names of the files' bands in file order, where the files do not tell.
        alpha: As in ``geosemimtl.raster.scene.open_scene``.
        assume_crs: CRS of files that carry none.
        value_range: Pixel values that map to 0 and 1; the type's range for 8 bit.
        height_scale_m: Metres that the value 1 of the heights stands for; 1 by default, but never
            of JPEGs, whose grey levels nothing tells the unit of.
        name: The sensor's name; the output folder's by default.
    """

    gsd_m: float | None = None
    crs: str | None = None
    resize: tuple[int, int] | None = None
    size_px: int = 512
    overlap: float | int = 0.5
    edge: Edge = "snap"
    min_valid: float = 0.0
    split: str = "none"
    split_shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    block_m: float | None = None
    seed: int = 0
    mosaic: bool = False
    classes: ClassMap = ISPRS_CLASS_MAP
    class_column: str = "class"
    bands: tuple[str, ...] | None = None
    alpha: int | str = "auto"
    assume_crs: str | None = None
    value_range: tuple[float, float] | None = None
    height_scale_m: float | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.gsd_m is not None and not self.gsd_m > 0:
            raise ConfigError(f"--gsd {self.gsd_m:g}: metres on the ground must be above 0")
        self._require_resizable()
        if self.size_px < 1:
            raise ConfigError(f"--size {self.size_px}: a tile needs at least one pixel")
        shared_px(self.overlap, self.size_px)  # refuses what cannot be
        if self.edge not in EDGES:
            raise ConfigError(f"--edge {self.edge}: choose from {', '.join(EDGES)}")
        if not 0 <= self.min_valid <= 1:
            raise ConfigError(f"--min-valid {self.min_valid:g}: give a share from 0 to 1")
        if not (min(self.split_shares) >= 0 and abs(sum(self.split_shares) - 1) <= 1e-6):
            shares = ",".join(f"{share:g}" for share in self.split_shares)
            raise ConfigError(f"--split-shares {shares}: give three shares that add up to 1")
        if self.block_m is not None and not 0 < self.block_m < math.inf:
            raise ConfigError(f"--block {self.block_m:g}: give metres on the ground, above 0")
        if self.height_scale_m is not None and not 0 < self.height_scale_m < math.inf:
            raise ConfigError(f"--height-scale {self.height_scale_m:g}: give metres, above 0")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            low, high = self.value_range
            raise ConfigError(f"--value-range {low:g},{high:g}: the first must be the smaller")

    def _require_resizable(self) -> None:
        if self.resize is None:
            return
        if min(self.resize) < 1:
            raise ConfigError(f"--resize {self.resize[0]}x{self.resize[1]}: give ROWSxCOLUMNS")
        if self.mosaic:
            raise ConfigError(
                "--mosaic: images that lie nowhere on the ground form no scene together; leave it "
                "out, or --resize"
            )
        if self.gsd_m is not None or self.crs is not None:
            raise ConfigError(
                "--resize: images that lie nowhere on the ground have no metres and no CRS; leave "
                "out --gsd and --crs, or --resize"
            )

    @property
    def tile_px(self) -> tuple[int, int]:
        """(rows, columns) of a tile."""
        return self.resize or (self.size_px, self.size_px)

    @property
    def shared_px(self) -> int:
        """Pixels that neighbouring tiles share, at least."""
        if self.resize is not None:
            return 0
        return shared_px(self.overlap, self.size_px)


def shared_px(overlap: float, size_px: int) -> int:
    """Return the pixels that tiles share, said as a share of their size or as a whole number.

    Raises:
        ConfigError: Tiles of that size cannot share so much.
    """
    if isinstance(overlap, int):
        if not 0 <= overlap < size_px:
            raise ConfigError(
                f"--overlap {overlap}px: tiles of {size_px} px can share 0 to {size_px - 1} px"
            )
        return overlap
    if not 0 <= overlap < 1:
        raise ConfigError(
            f"--overlap {overlap:g}: give a share from 0 up to below 1, or pixels: 128px"
        )
    return min(round(overlap * size_px), size_px - 1)
