"""A picture of results: image, predicted and true classes and heights side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geosemimtl.classes import IGNORE, Classes
from geosemimtl.files import write_bytes
from geosemimtl.publish.panels import Look, Panels, drawn, stretched
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter, read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION

Filter = Callable[[PixelGrid, PixelGrid], Resampling]

#: Pixels of a panel; larger rasters are read thinned out.
_PANEL_PX = 700


@dataclass(frozen=True, slots=True)
class PictureRow:
    """One scene of a picture.

    Attributes:
        title: What is written above its panels.
        image: The scene's file; three of its bands are shown as they come.
        classes: Predicted and true class raster.
        heights: Predicted and true height raster.
    """

    title: str
    image: Path
    classes: tuple[Path, Path]
    heights: tuple[Path, Path]


def draw_picture(path: Path, rows: Sequence[PictureRow], classes: Classes) -> None:
    """Draw one row of five panels a scene, with a legend, a height scale and scale bars.

    Args:
        path: The PNG.
        rows: The scenes.
        classes: Names and colours of the class rasters.

    Raises:
        SceneError: A raster cannot be read.
        OutputError: The picture cannot be written.
    """
    panels = [_panels(row) for row in rows]
    top_m = _top_height([row.tasks[HEIGHT][1] for row in panels])
    looks = [Look(SEGMENTATION, classes), Look(HEIGHT, None, top_m, "m")]
    write_figure(drawn(panels, looks), path)


def write_figure(figure: Figure, path: Path, dpi: float | Literal["figure"] = "figure") -> None:
    """Write a figure as PNG, whole or not at all; without a date.

    Raises:
        OutputError: It cannot be written.
    """
    data = BytesIO()
    figure.savefig(data, format="png", dpi=dpi, metadata={"Software": None})
    write_bytes(path, data.getvalue())


def _panels(row: PictureRow) -> Panels:
    """Read a row's rasters at the size of panels."""
    pixels, valid, grid = _read(row.image, image_filter)
    return Panels(
        row.title,
        np.where(valid[..., None], stretched(pixels, valid), 1),
        grid.shape[1] * grid.gsd_m[0],
        {
            SEGMENTATION: (_classes(row.classes[0]), _classes(row.classes[1])),
            HEIGHT: (_heights(row.heights[0]), _heights(row.heights[1])),
        },
    )


def _top_height(heights: Sequence[NDArray[np.floating] | None]) -> float:
    """Return a round height that nearly all true heights stay below."""
    known = [metres[np.isfinite(metres)] for metres in heights if metres is not None]
    highest = max((float(np.percentile(part, 99.5)) for part in known if part.size), default=0)
    return max(5.0, 5 * round(highest / 5))


def _read(path: Path, filter_of: Filter) -> tuple[NDArray[Any], NDArray[np.bool_], PixelGrid]:
    """Read a raster at the size of a panel: pixels, where they are valid, and their grid."""
    scene = open_scene(path)
    gsd_m = max(scene.grid.gsd_m) * max(1.0, max(scene.grid.shape) / _PANEL_PX)
    grid = model_grid(scene.grid, gsd_m)
    with read_on_grid(scene, grid, filter_of(scene.grid, grid)) as reader:
        pixels, valid = reader.read()
    return pixels, valid, grid


def _heights(path: Path) -> NDArray[np.float64]:
    pixels, valid, _ = _read(path, height_filter)
    return np.where(valid, pixels[0], np.nan)


def _classes(path: Path) -> NDArray[np.integer]:
    pixels, valid, _ = _read(path, label_filter)
    return np.where(valid, pixels[0], IGNORE)
