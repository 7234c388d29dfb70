"""A picture of results: image, predicted and true classes and heights side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geosemimtl.files import write_bytes
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter, read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.styles import HEIGHT_RAMP
from geosemimtl.tasks import IGNORE, Classes

Filter = Callable[[PixelGrid, PixelGrid], Resampling]

#: Pixels of a panel; larger rasters are read thinned out.
_PANEL_PX = 700
_NODATA_GREY = 0.85


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
    figure = Figure(figsize=(17, 3.45 * len(rows) + 0.7), layout="constrained", dpi=110)
    grid = figure.subplots(len(rows), 5, squeeze=False)
    top = _top_height(rows)
    ramp = LinearSegmentedColormap.from_list("height", HEIGHT_RAMP)
    for axes, row in zip(grid, rows, strict=True):
        _show_image(axes[0], row.image)
        for axis, name, file in zip(axes[1:3], ("predicted", "true"), row.classes, strict=True):
            axis.imshow(_coloured(file, classes), interpolation="none")
            axis.set_title(f"land cover, {name}", fontsize=10)
        for axis, name, file in zip(axes[3:], ("predicted", "true"), row.heights, strict=True):
            axis.imshow(_heights(file), cmap=ramp, vmin=0, vmax=top, interpolation="none")
            axis.set_title(f"height, {name}", fontsize=10)
        axes[0].set_title(row.title, fontsize=10, loc="left")
    for axis in grid.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    patches = [
        Patch(facecolor=entry.color, edgecolor="black", label=entry.name.replace("_", " "))
        for entry in classes.entries
    ]
    figure.legend(handles=patches, loc="outside lower left", ncols=len(patches), frameon=False)
    scale = ScalarMappable(Normalize(0, top), ramp)
    figure.colorbar(scale, ax=list(grid[:, 4]), label="height above ground (m)", shrink=0.9)
    write_figure(figure, path)


def write_figure(figure: Figure, path: Path, dpi: float | Literal["figure"] = "figure") -> None:
    """Write a figure as PNG, whole or not at all; without a date.

    Raises:
        OutputError: It cannot be written.
    """
    data = BytesIO()
    figure.savefig(data, format="png", dpi=dpi, metadata={"Software": None})
    write_bytes(path, data.getvalue())


def _top_height(rows: Sequence[PictureRow]) -> float:
    """Return a round height that nearly all true heights stay below."""
    heights = [_heights(row.heights[1]) for row in rows]
    known = [metres[np.isfinite(metres)] for metres in heights]
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


def _show_image(axis: Axes, path: Path) -> None:
    pixels, valid, grid = _read(path, image_filter)
    axis.imshow(np.where(valid[..., None], stretched(pixels, valid), 1), interpolation="none")
    rows, cols = grid.shape
    width_m = cols * grid.gsd_m[0]
    bar_m = _round_length(width_m / 4)
    left, top = cols * 0.04, rows * 0.93
    bar_px = bar_m / width_m * cols
    axis.add_patch(Rectangle((left, top), bar_px, rows * 0.02, color="white"))
    axis.text(left, top - rows * 0.015, f"{bar_m:g} m", color="white", fontsize=9, va="bottom")


def stretched(pixels: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return pixels as they are pleasant to see, (rows, columns, 3) from 0 to 1.

    Args:
        pixels: (bands, rows, columns); the first three are shown, or the first as grey.
        valid: (rows, columns): which pixels tell where black and white are.
    """
    bands = [0, 1, 2] if len(pixels) > 2 else [0, 0, 0]
    values = pixels[bands].astype(np.float64)
    low, high = np.percentile(values[:, valid], (1, 99.5)) if valid.any() else (0, 1)
    shown: NDArray[np.float64] = np.clip((values - low) / max(high - low, 1e-6), 0, 1) ** 0.8
    return np.moveaxis(shown, 0, -1)


def _round_length(length_m: float) -> float:
    power = 10 ** np.floor(np.log10(length_m))
    return float(max(step * power for step in (1, 2, 5) if step * power <= length_m))


def _coloured(path: Path, classes: Classes) -> NDArray[np.float64]:
    pixels, valid, _ = _read(path, label_filter)
    lookup = np.full((256, 3), _NODATA_GREY)
    lookup[: len(classes)] = np.array([entry.rgb for entry in classes.entries]) / 255
    return lookup[np.where(valid, pixels[0], IGNORE)]
