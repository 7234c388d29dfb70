"""What prediction writes of each task: file names, titles, pixels and styles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.classes import IGNORE
from geosemimtl.raster.styles import (
    CONFIDENCE_STYLE,
    DISTANCE_RAMP,
    NEARNESS_RAMP,
    NORMALS_STYLE,
    Ramp,
    Style,
    height_ramp,
)
from geosemimtl.raster.writing import RasterKind
from geosemimtl.tasks import (
    DEPTH,
    DISPARITY,
    EDGES,
    HEIGHT,
    HUMAN_PARTS,
    INVERSE_DEPTH,
    NODATA,
    NORMALS,
    SALIENCY,
    SEGMENTATION,
    Binary,
    Kind,
    Quantity,
    Segmentation,
    Task,
    kind_of,
)

#: How the name of each task's file ends, before its format's ending.
TASK_FILE_NAMES: Final[Mapping[str, str]] = {
    SEGMENTATION: "_classes",
    HEIGHT: "_height",
    HUMAN_PARTS: "_human_parts",
    DEPTH: "_depth",
    INVERSE_DEPTH: "_inverse_depth",
    DISPARITY: "_disparity",
    NORMALS: "_normals",
    SALIENCY: "_saliency",
    EDGES: "_edges",
}
#: What each task's raster shows.
TASK_TITLES: Final[Mapping[str, str]] = {
    SEGMENTATION: "Land cover",
    HEIGHT: "Height above ground",
    HUMAN_PARTS: "Human parts",
    DEPTH: "Depth",
    INVERSE_DEPTH: "Inverse depth",
    DISPARITY: "Disparity",
    NORMALS: "Surface normals",
    SALIENCY: "Saliency",
    EDGES: "Edges",
}
#: Names of bands that are called otherwise than their task.
_BANDS: Final = {SEGMENTATION: "classes", HEIGHT: "height above ground"}
#: Short names and units of the bands that tell how far tiles differ.
DISAGREEMENT_UNITS: Final[Mapping[Kind, str]] = {
    Kind.CLASSES: "share",
    Kind.BINARY: "share",
    Kind.DIRECTION: "length",
}


def task_nodata(task: str) -> float:
    """Return the nodata value of a task's raster."""
    return IGNORE if kind_of(task) in (Kind.CLASSES, Kind.BINARY) else NODATA


def decided_pixels(task: Task, values: Tensor) -> Tensor:
    """Return what is written of blended values, but for classes.

    Args:
        task: What was predicted.
        values: (channels, rows, columns): numbers in the task's unit, vectors or probabilities.

    Returns:
        The numbers, unit vectors, or the probability of yes in per cent (uint8).
    """
    if isinstance(task, Binary):
        return (values * 100).round().to(torch.uint8)
    if kind_of(task.name) is Kind.DIRECTION:
        return functional.normalize(values, dim=0)
    return values.clone()  # else the whole block stays until it is written


def task_raster(task: Task, tags: Mapping[str, str]) -> tuple[RasterKind, Style]:
    """Return what a task's raster holds, and how it is shown."""
    nodata, name = task_nodata(task.name), _BANDS.get(task.name, task.name.replace("_", " "))
    if isinstance(task, Segmentation):
        classes = task.classes
        kind = RasterKind("uint8", nodata, (name,), classes=classes, overviews="MODE", tags=tags)
        return kind, classes
    if isinstance(task, Quantity):
        return RasterKind("float32", nodata, (name,), task.unit, tags=tags), _number_style(task)
    if isinstance(task, Binary):
        return RasterKind("uint8", nodata, (name,), "%", tags=tags), CONFIDENCE_STYLE
    return RasterKind("float32", nodata, ("x", "y", "z"), tags=tags), NORMALS_STYLE


def _number_style(task: Quantity) -> Ramp:
    if task.name == HEIGHT:
        return height_ramp(task.scale)
    ramp = DISTANCE_RAMP if task.name == DEPTH else NEARNESS_RAMP
    return Ramp(ramp, (0, task.scale), task.unit)
