"""The rasters that prediction writes: their names, what they hold, and how pixels become theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geosemimtl.classes import IGNORE
from geosemimtl.inference.task_outputs import (
    DISAGREEMENT_UNITS,
    TASK_FILE_NAMES,
    TASK_TITLES,
    decided_pixels,
    task_nodata,
    task_raster,
)
from geosemimtl.raster.declared import MODEL_TAG
from geosemimtl.raster.formats import ENDINGS, GEOTIFF, FileForm, file_forms
from geosemimtl.raster.styles import CONFIDENCE_STYLE, PROBABILITY_STYLE, Style, disagreement_ramp
from geosemimtl.raster.writing import RasterKind
from geosemimtl.tasks import (
    NODATA,
    SEGMENTATION,
    Quantity,
    Segmentation,
    Task,
    kind_of,
)

CONFIDENCE = "confidence"
PROBABILITIES = "probabilities"
DISAGREEMENT = "disagreement"
#: How the name of each raster's file ends, before its format's ending.
FILE_NAMES = {
    **TASK_FILE_NAMES,
    CONFIDENCE: "_confidence",
    PROBABILITIES: "_probabilities",
    DISAGREEMENT: "_disagreement",
}
#: Suffix of each raster's file name as a GeoTIFF.
SUFFIXES = {kind: f"{name}.tif" for kind, name in FILE_NAMES.items()}
#: Suffixes of all that prediction may write of a raster, by the name of a format.
ALL_SUFFIXES = {
    file_format: tuple(name + ending for name in FILE_NAMES.values() for ending in endings)
    for file_format, endings in ENDINGS.items()
}
#: What each raster shows; in this order a QGIS project lists them.
TITLES = {
    **TASK_TITLES,
    CONFIDENCE: "Confidence",
    PROBABILITIES: "Probabilities",
    DISAGREEMENT: "Disagreement of tiles",
}
#: What a probability of 1 is written as.
_CERTAIN = 250
#: Deviations below this share of the height are the rounding of its square.
_ROUNDING = 1e-3


def scene_name(raster: Path) -> str:
    """Return the name of the scene that a raster is of: ``a`` of ``a_height.tif``."""
    # the longest first: inverse depths are no depths
    for suffix in sorted(SUFFIXES.values(), key=len, reverse=True):
        if raster.name.endswith(suffix):
            return raster.name.removesuffix(suffix)
    return raster.stem


def sibling(raster: Path, kind: str) -> Path:
    """Return where another raster of the same prediction lies, if it was written.

    Args:
        raster: One of them; a file of any other name has itself for its sibling.
        kind: Name of the other.
    """
    name = scene_name(raster)
    return raster if name == raster.stem else raster.with_name(name + SUFFIXES[kind])


@dataclass(frozen=True, slots=True)
class Outputs:
    """Which rasters are wanted of a model's tasks.

    Channels of a tile are the tasks' in their order: probabilities and metres; then, where
    disagreement is wanted, what it is calculated from.

    Attributes:
        tasks: The model's.
        model: Its name, for the rasters' tags.
        kinds: Names of the rasters, keys of ``FILE_NAMES``.
        file_format: What they are written as, see ``geosemimtl.raster.formats``.
    """

    tasks: tuple[Task, ...]
    model: str
    kinds: tuple[str, ...]
    file_format: str = GEOTIFF

    @classmethod
    def of(
        cls,
        tasks: Sequence[Task],
        model: str,
        *,
        confidence: bool,
        probabilities: bool,
        disagreement: bool,
        file_format: str = GEOTIFF,
    ) -> Outputs:
        """Choose the rasters that the tasks can give."""
        kinds: list[str] = [task.name for task in tasks]
        if SEGMENTATION in kinds:
            kinds += [CONFIDENCE] * confidence + [PROBABILITIES] * probabilities
        kinds += [DISAGREEMENT] * disagreement
        return cls(tuple(tasks), model, tuple(kinds), file_format)

    @property
    def channels(self) -> int:
        """Channels of a tile."""
        own = sum(task.channels for task in self.tasks)
        return 2 * own if DISAGREEMENT in self.kinds else own

    def expanded(self, tiles: Tensor) -> Tensor:
        """Add what disagreement is calculated from.

        Args:
            tiles: (B, C, H, W), the tasks' channels.

        Returns:
            The same, and behind it each tile's own class as 0 and 1, and squares of its metres.
        """
        if DISAGREEMENT not in self.kinds:
            return tiles
        more = []
        for task, part in zip(self.tasks, self._parts(tiles, 1), strict=True):
            if isinstance(task, Segmentation):
                votes = torch.zeros_like(part)
                more.append(votes.scatter_(1, part.argmax(dim=1, keepdim=True), 1.0))
            else:
                more.append(part.square())
        return torch.cat([tiles, *more], dim=1)

    def reduced(self, strip: Tensor) -> Tensor:
        """Turn blended channels into those that are resampled.

        Args:
            strip: (channels, rows, columns).

        Returns:
            The tasks' channels, and behind them one a task if disagreement is wanted: the weight
            of the tiles that say another class, 0 to 1; the weighted standard deviation, metres.
        """
        if DISAGREEMENT not in self.kinds:
            return strip
        half = len(strip) // 2
        differ = []
        both = zip(
            self.tasks, self._parts(strip[:half], 0), self._parts(strip[half:], 0), strict=True
        )
        for task, mean, other in both:
            if isinstance(task, Segmentation):
                agree = other.gather(0, mean.argmax(dim=0, keepdim=True))
                differ.append((1 - agree).clamp(0, 1))
            else:
                variance = other - mean.square()
                spread = torch.where(variance > _ROUNDING**2 * other, variance, 0).clamp(min=0)
                differ.append(spread.sum(dim=0, keepdim=True).sqrt())
        return torch.cat([strip[:half], *differ])

    def decided(self, values: Tensor, valid: Tensor | None) -> dict[str, NDArray[Any]]:
        """Decide what is written of a block of pixels.

        Args:
            values: (channels, rows, columns) as ``reduced`` returns them.
            valid: Bool (rows, columns); ``None`` is everywhere.

        Returns:
            By raster (bands, rows, columns) in its type.
        """
        made: dict[str, Tensor] = {}
        for task, part in zip(self.tasks, self._parts(values, 0), strict=True):
            if isinstance(task, Segmentation):
                certainty, made[task.name] = _largest(part)
                if task.name == SEGMENTATION and CONFIDENCE in self.kinds:
                    made[CONFIDENCE] = certainty.mul_(100).round_().to(torch.uint8)
                if task.name == SEGMENTATION and PROBABILITIES in self.kinds:
                    made[PROBABILITIES] = (part * _CERTAIN).round_().to(torch.uint8)
            else:
                made[task.name] = decided_pixels(task, part)
        if DISAGREEMENT in self.kinds:
            made[DISAGREEMENT] = values[-len(self.tasks) :].clone()
        if valid is not None:
            hole = ~valid
            made = {kind: out.masked_fill(hole, _nodata(kind)) for kind, out in made.items()}
        return {kind: out.cpu().numpy() for kind, out in made.items()}

    def empty(self, shape: tuple[int, int]) -> dict[str, NDArray[Any]]:
        """Return what is written where nothing is valid."""
        rasters = {kind: self.raster(kind)[0] for kind in self.kinds}
        return {
            kind: np.full((len(raster.band_names), *shape), raster.nodata, raster.dtype)
            for kind, raster in rasters.items()
        }

    def files(self, kind: str) -> tuple[FileForm, ...]:
        """Return the files of a raster in the order they get their names: its data last."""
        return file_forms(self.file_format, *self.raster(kind))

    def suffixes(self, kind: str) -> tuple[str, ...]:
        """Return the suffixes of a raster's files, that of its data last."""
        return tuple(FILE_NAMES[kind] + form.ending for form in self.files(kind))

    def raster(self, kind: str) -> tuple[RasterKind, Style]:
        """Return what a raster holds, and how it is shown."""
        tags = {MODEL_TAG: self.model}
        own: dict[str, Task] = {task.name: task for task in self.tasks}
        if kind in own:
            return task_raster(own[kind], tags)
        nodata, land = _nodata(kind), own.get(SEGMENTATION)
        if kind == CONFIDENCE:
            return RasterKind("uint8", nodata, ("confidence",), "%", tags=tags), CONFIDENCE_STYLE
        if kind == PROBABILITIES and isinstance(land, Segmentation):
            names = land.classes.names
            shares = RasterKind("uint8", nodata, names, "share", tags=tags, scale=1 / _CERTAIN)
            return shares, PROBABILITY_STYLE
        words, units = zip(*map(_disagreement_band, self.tasks), strict=True)
        raster = RasterKind("float32", nodata, words, units, tags=tags)
        return raster, disagreement_ramp(units[0])

    def _parts(self, values: Tensor, dim: int) -> list[Tensor]:
        """Return each task's channels."""
        sizes = [task.channels for task in self.tasks]
        return list(torch.split(values.narrow(dim, 0, sum(sizes)), sizes, dim))


def _largest(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of some channels and its number as uint8, the first of equal ones.

    Twice as quick as torch's own ``max`` over a first axis: it needs no 64-bit indices.
    """
    most = values[:1].clone()
    number = torch.zeros(most.shape, dtype=torch.uint8, device=values.device)
    for index in range(1, len(values)):
        here = values[index : index + 1]
        torch.maximum(number, (here > most).view(torch.uint8).mul_(index), out=number)
        torch.maximum(most, here, out=most)
    return most, number


def _disagreement_band(task: Task) -> tuple[str, str]:
    unit = task.unit if isinstance(task, Quantity) else DISAGREEMENT_UNITS[kind_of(task.name)]
    return ("classes" if task.name == SEGMENTATION else task.name), unit


def _nodata(kind: str) -> float:
    if kind in TASK_FILE_NAMES:
        return task_nodata(kind)
    return NODATA if kind == DISAGREEMENT else IGNORE
