"""The rasters that prediction writes: their names, what they hold, and how pixels become theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geosemimtl.classes import IGNORE
from geosemimtl.raster.declared import MODEL_TAG
from geosemimtl.raster.styles import (
    classes_style,
    confidence_style,
    disagreement_style,
    height_style,
    probability_style,
)
from geosemimtl.raster.writing import RasterKind
from geosemimtl.tasks import (
    HEIGHT,
    NODATA,
    SEGMENTATION,
    Height,
    Segmentation,
    Task,
)

CONFIDENCE = "confidence"
PROBABILITIES = "probabilities"
DISAGREEMENT = "disagreement"
#: Suffix of each raster's file name.
SUFFIXES = {
    SEGMENTATION: "_classes.tif",
    HEIGHT: "_height.tif",
    CONFIDENCE: "_confidence.tif",
    PROBABILITIES: "_probabilities.tif",
    DISAGREEMENT: "_disagreement.tif",
}
#: What each raster shows; in this order a QGIS project lists them.
TITLES = {
    SEGMENTATION: "Land cover",
    HEIGHT: "Height above ground",
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
    for suffix in SUFFIXES.values():
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
        kinds: Names of the rasters, keys of ``SUFFIXES``.
    """

    tasks: tuple[Task, ...]
    model: str
    kinds: tuple[str, ...]

    @classmethod
    def of(
        cls,
        tasks: Sequence[Task],
        model: str,
        *,
        confidence: bool,
        probabilities: bool,
        disagreement: bool,
    ) -> Outputs:
        """Choose the rasters that the tasks can give."""
        kinds: list[str] = [task.name for task in tasks]
        if SEGMENTATION in kinds:
            kinds += [CONFIDENCE] * confidence + [PROBABILITIES] * probabilities
        return cls(tuple(tasks), model, (*kinds, *[DISAGREEMENT] * disagreement))

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
                differ.append(
                    torch.where(variance > _ROUNDING**2 * other, variance, 0).clamp(min=0).sqrt()
                )
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
                certainty, made[SEGMENTATION] = _largest(part)
                if CONFIDENCE in self.kinds:
                    made[CONFIDENCE] = certainty.mul_(100).round_().to(torch.uint8)
                if PROBABILITIES in self.kinds:
                    made[PROBABILITIES] = (part * _CERTAIN).round_().to(torch.uint8)
            else:
                made[HEIGHT] = part.clone()  # else the whole block stays until it is written
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

    def raster(self, kind: str) -> tuple[RasterKind, Mapping[str, str]]:
        """Return what a raster holds, and its style by suffix."""
        tags = {MODEL_TAG: self.model}
        own = {task.name: task for task in self.tasks}
        land, metres = own.get(SEGMENTATION), own.get(HEIGHT)
        names = land.classes.names if isinstance(land, Segmentation) else ()
        nodata = _nodata(kind)
        if kind == SEGMENTATION and isinstance(land, Segmentation):
            raster = RasterKind(
                "uint8", nodata, ("classes",), classes=land.classes, overviews="MODE", tags=tags
            )
            style = classes_style(land.classes)
        elif kind == HEIGHT and isinstance(metres, Height):
            raster = RasterKind("float32", nodata, ("height above ground",), "m", tags=tags)
            style = height_style(metres.scale_m)
        elif kind == CONFIDENCE:
            raster = RasterKind("uint8", nodata, ("confidence",), "%", tags=tags)
            style = confidence_style()
        elif kind == PROBABILITIES:
            raster = RasterKind("uint8", nodata, names, "share", tags=tags, scale=1 / _CERTAIN)
            style = probability_style()
        else:
            bands = {SEGMENTATION: ("classes", "share"), HEIGHT: ("height", "m")}
            words, units = zip(*(bands[task.name] for task in self.tasks), strict=True)
            raster = RasterKind("float32", nodata, words, units, tags=tags)
            style = disagreement_style(units[0])
        return raster, {".qml": style}

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


def _nodata(kind: str) -> float:
    return NODATA if kind in {HEIGHT, DISAGREEMENT} else IGNORE
