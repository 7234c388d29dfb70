"""The tile set on disk: a self-describing folder of tiles of one sensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from geosemimtl.errors import TileSetError
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Classes
from geosemimtl.tiling.layout import Edge

MANIFEST = "tileset.json"
INDEX = "tiles.gpkg"
#: Bins of the value histograms of images, over the value range.
IMAGE_BINS = 64
#: Shares of the pixels, in percent, whose bounding values the statistics name.
PERCENTILES = (2.0, 25.0, 50.0, 75.0, 98.0)
#: Width of the bins of the height histogram; heights above the last bin count in it.
HEIGHT_BIN_M = 0.1
HEIGHT_BINS = 3000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """One scene that tiles were cut from; names only, no paths."""

    name: str
    files: tuple[str, ...]
    sizes_bytes: tuple[int, ...]
    modified_s: tuple[int, ...]


class BandStatistics(_Frozen):
    """Of one band, values mapped to [0, 1] by the value range, each pixel once.

    Attributes:
        mean: Mean.
        std: Standard deviation.
        percentiles: Values below which ``PERCENTILES`` of the pixels lie.
        histogram: Counts in ``IMAGE_BINS`` equal bins.
    """

    mean: float
    std: float
    percentiles: tuple[float, ...]
    histogram: tuple[int, ...]


class HeightStatistics(_Frozen):
    """Of all valid heights in metres, each pixel once.

    Attributes:
        minimum_m: Smallest.
        maximum_m: Largest.
        mean_m: Mean.
        histogram: Counts in bins of ``HEIGHT_BIN_M`` from 0 up.
    """

    minimum_m: float
    maximum_m: float
    mean_m: float
    histogram: tuple[int, ...]


class TileSet(_Frozen):
    """What a tile set's folder says of itself (``tileset.json``).

    Attributes:
        version: Of this schema.
        name: The sensor's or data set's name.
        gsd_m: Metres on the ground of every tile.
        size_px: Side of a tile.
        overlap_px: Pixels that neighbours share, at least.
        edge: What became of the last row and column of tiles: ``snap``, ``pad`` or ``drop``.
        bands: Names of the bands in order.
        dtype: Pixel type of the images.
        value_range: The pixel values that map to 0 and 1.
        tiles: Number of tiles.
        splits: Number of tiles of each split.
        dropped: Number of tiles left out, by reason: ``empty`` (no valid pixel), ``min_valid``
            (too few) or ``astride`` (between blocks of different splits).
        statistics: One entry a band. Here and below, of what the train tiles show, each pixel of
            a scene once.
        classes: Classes of the labels; ``None`` without labels.
        class_pixels: Labelled pixels of each class.
        heights: ``None`` without heights.
        sources: The scenes.
    """

    version: Literal[2] = 2
    name: str
    gsd_m: float
    size_px: int
    overlap_px: int
    edge: Edge
    bands: tuple[str, ...]
    dtype: str
    value_range: tuple[float, float]
    tiles: int
    splits: dict[str, int]
    dropped: dict[str, int]
    statistics: tuple[BandStatistics, ...]
    classes: Classes | None
    class_pixels: tuple[int, ...]
    heights: HeightStatistics | None
    sources: tuple[Source, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that this tile set has labels for."""
        has = {SEGMENTATION: self.classes is not None, HEIGHT: self.heights is not None}
        return tuple(task for task, present in has.items() if present)

    def labelled_pixels(self) -> Mapping[str, int]:
        """Return how many pixels supervise each task."""
        heights = sum(self.heights.histogram) if self.heights else 0
        return {SEGMENTATION: sum(self.class_pixels), HEIGHT: heights}


def read_tileset(folder: Path) -> TileSet:
    """Read and check a tile set's manifest.

    Raises:
        TileSetError: The folder is no tile set, or is damaged, or holds no tile.
    """
    path = folder / MANIFEST
    try:
        tileset = TileSet.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TileSetError(
            f"{folder}: is no tile set (no {MANIFEST}); make one with geosemimtl tile"
        ) from error
    except UnicodeDecodeError as error:
        raise TileSetError(f"{path}: is no text; cut the tiles again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "text"
        raise TileSetError(f"{path}: {where}: {first['msg']}; cut the tiles again") from error
    if not tileset.tiles:
        raise TileSetError(f"{folder}: holds no tile; lower --min-valid and cut the tiles again")
    return tileset


def height_scale_m(tilesets: Mapping[str, TileSet]) -> float:
    """Return the 99.5th percentile of the pooled heights, rounded up to a metre.

    Raises:
        TileSetError: No tile set has heights.
    """
    histograms = [t.heights.histogram for t in tilesets.values() if t.heights]
    if not histograms:
        raise TileSetError(
            f"no heights in {', '.join(tilesets)}: cut the tiles of one of them with --height"
        )
    pooled = [sum(counts) for counts in zip(*histograms, strict=True)]
    total, below = sum(pooled), 0
    for index, count in enumerate(pooled):
        below += count
        if below >= 0.995 * total:
            return float(max(1, math.ceil((index + 1) * HEIGHT_BIN_M - 1e-9)))
    return HEIGHT_BINS * HEIGHT_BIN_M
