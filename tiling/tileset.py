"""The tile set on disk: a self-describing folder of tiles of one sensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from geosemimtl.classes import Classes
from geosemimtl.errors import TileSetError
from geosemimtl.tasks import HEIGHT, SEGMENTATION, TASK_NAMES, Kind
from geosemimtl.tiling.layout import Edge

MANIFEST = "tileset.json"
INDEX = "tiles.gpkg"
#: Bins of the value histograms of images, over the value range.
IMAGE_BINS = 64
#: Shares of the pixels, in percent, whose bounding values the statistics name.
PERCENTILES = (2.0, 25.0, 50.0, 75.0, 98.0)
#: Bins of the histograms of real numbers.
BINS = 3000


class Steps(NamedTuple):
    """How numbers of a unit are counted.

    Attributes:
        bin: Width of the histogram's bins.
        whole: Parts of the unit that are added up as whole numbers.
        round_to: What scales are rounded up to.
    """

    bin: float
    whole: int
    round_to: float


#: By unit; 300 m and px, and 1.5 m away, are the ends of the histograms.
STEPS: Mapping[str, Steps] = {
    "m": Steps(0.1, 1000, 1.0),
    "px": Steps(0.1, 1000, 1.0),
    "1/m": Steps(0.0005, 1_000_000, 0.01),
}


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


class ClassTarget(_Frozen):
    """Labels of classes.

    Attributes:
        classes: In the order of their indices.
        pixels: Labelled pixels of each class.
    """

    kind: Literal[Kind.CLASSES] = Kind.CLASSES
    classes: Classes
    pixels: tuple[int, ...]

    @property
    def labelled(self) -> int:
        """How many pixels are labelled."""
        return sum(self.pixels)


class BinaryTarget(_Frozen):
    """Labels of yes and no.

    Attributes:
        pixels: Labelled pixels that say no, and yes.
    """

    kind: Literal[Kind.BINARY] = Kind.BINARY
    pixels: tuple[int, int]

    @property
    def labelled(self) -> int:
        """How many pixels are labelled."""
        return sum(self.pixels)


class QuantityTarget(_Frozen):
    """Labels that are real numbers.

    Attributes:
        unit: Of the numbers.
        minimum: Smallest.
        maximum: Largest.
        mean: Mean.
        bin: Width of the histogram's bins.
        histogram: Counts in bins from 0 up; what lies beyond counts in the first or last.
    """

    kind: Literal[Kind.QUANTITY] = Kind.QUANTITY
    unit: str
    minimum: float
    maximum: float
    mean: float
    bin: float
    histogram: tuple[int, ...]

    @property
    def labelled(self) -> int:
        """How many pixels are labelled."""
        return sum(self.histogram)


class DirectionTarget(_Frozen):
    """Labels that are unit vectors.

    Attributes:
        labelled: How many pixels are labelled.
    """

    kind: Literal[Kind.DIRECTION] = Kind.DIRECTION
    labelled: int


Target = Annotated[
    ClassTarget | BinaryTarget | QuantityTarget | DirectionTarget, Field(discriminator="kind")
]


def _task(name: str) -> str:
    if name not in TASK_NAMES:
        raise ValueError(f"{name} is none of the tasks {', '.join(TASK_NAMES)}")
    return name


class TileSet(_Frozen):
    """What a tile set's folder says of itself (``tileset.json``).

    Attributes:
        version: Of this schema.
        name: The sensor's or data set's name.
        gsd_m: Metres on the ground of every tile; ``None`` of images that lie nowhere on the
            ground, each of which is one tile, resized to ``size_px``.
        size_px: (rows, columns) of a tile.
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
        targets: What is known of the labels of each task that has any.
        sources: The scenes.
    """

    version: Literal[3] = 3
    name: str
    gsd_m: float | None
    size_px: tuple[int, int]
    overlap_px: int
    edge: Edge
    bands: tuple[str, ...]
    dtype: str
    value_range: tuple[float, float]
    tiles: int
    splits: dict[str, int]
    dropped: dict[str, int]
    statistics: tuple[BandStatistics, ...]
    targets: dict[Annotated[str, AfterValidator(_task)], Target]
    sources: tuple[Source, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that this tile set has labels for."""
        return tuple(self.targets)

    @property
    def classes(self) -> Classes | None:
        """Classes of the segmentation's labels; ``None`` without."""
        return self.classes_of(SEGMENTATION)

    @property
    def heights(self) -> QuantityTarget | None:
        """Statistics of the heights; ``None`` without."""
        return self.quantity_of(HEIGHT)

    @property
    def class_pixels(self) -> tuple[int, ...]:
        """Labelled pixels of each class of the segmentation."""
        target = self.targets.get(SEGMENTATION)
        return target.pixels if isinstance(target, ClassTarget) else ()

    def classes_of(self, task: str) -> Classes | None:
        """Return the classes of a task's labels; ``None`` without."""
        target = self.targets.get(task)
        return target.classes if isinstance(target, ClassTarget) else None

    def quantity_of(self, task: str) -> QuantityTarget | None:
        """Return the statistics of a task's numbers; ``None`` without."""
        target = self.targets.get(task)
        return target if isinstance(target, QuantityTarget) else None

    def labelled_pixels(self) -> Mapping[str, int]:
        """Return how many pixels supervise each task."""
        return {task: target.labelled for task, target in self.targets.items()}


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


def pooled_scale(tilesets: Mapping[str, TileSet], task: str) -> float:
    """Return the 99.5th percentile of a task's pooled numbers, rounded up.

    To a whole of their unit, or to a hundredth where that is 1/m.

    Raises:
        TileSetError: No tile set has such numbers.
    """
    known = [found for each in tilesets.values() if (found := each.quantity_of(task))]
    if not known:
        raise TileSetError(
            f"no {task} in {', '.join(tilesets)}: cut the tiles of one of them with its labels"
        )
    step, places = known[0].bin, STEPS[known[0].unit].round_to
    pooled = [sum(counts) for counts in zip(*(one.histogram for one in known), strict=True)]
    total, below = sum(pooled), 0
    for index, count in enumerate(pooled):
        below += count
        if below >= 0.995 * total:
            return max(places, math.ceil((index + 1) * step / places - 1e-9) * places)
    return BINS * step
