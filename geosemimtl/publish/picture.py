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

from geosemimtl.classes import IGNORE, Classes
from geosemimtl.files import write_bytes
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter, read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.styles import HEIGHT_RAMP

Filter = Callable[[PixelGrid, PixelGrid], Resampling]

#: Pixels of a panel; larger rasters are read thinned out.
_PANEL_PX = 700
_NODATA_GREY = 0.85
_KINDS = ("predicted", "true")


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


@dataclass(frozen=True, slots=True)
class Panels:
    """One row of a picture as arrays, all of one size.

    Attributes:
        title: What is written above.
        image: (rows, columns, 3) from 0 to 1.
        width_m: Metres on the ground from left to right.
        classes: Predicted and true class indices, ``IGNORE`` where nothing is known; ``None`` where
            a row has nothing to show.
        heights: Predicted and true metres, NaN where nothing is known; likewise.
    """

    title: str
    image: NDArray[np.floating]
    width_m: float
    classes: tuple[NDArray[np.integer] | None, NDArray[np.integer] | None] = (None, None)
    heights: tuple[NDArray[np.floating] | None, NDArray[np.floating] | None] = (None, None)


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
    write_figure(drawn(panels, classes, _top_height([row.heights[1] for row in panels])), path)


def drawn(rows: Sequence[Panels], classes: Classes | None, top_m: float | None) -> Figure:
    """Draw a row of panels a scene, with a legend, a height scale and scale bars.

    Args:
        rows: The scenes.
        classes: Names and colours of the classes; ``None`` has no panels for them.
        top_m: Where the scale of heights ends; likewise.
    """
    count = 1 + 2 * (classes is not None) + 2 * (top_m is not None)
    figure = Figure(figsize=(3.4 * count, 3.45 * len(rows) + 0.7), layout="constrained", dpi=110)
    grid = figure.subplots(len(rows), count, squeeze=False)
    colours = LinearSegmentedColormap.from_list("height", HEIGHT_RAMP)
    ramp = colours.with_extremes(bad=str(_NODATA_GREY))
    for axes, row in zip(grid, rows, strict=True):
        _show_image(axes[0], row)
        places = iter(axes[1:])
        if classes is not None:
            for name, indices in zip(_KINDS, row.classes, strict=True):
                shown = None if indices is None else _coloured(indices, classes)
                _show(next(places), f"land cover, {name}", shown)
        if top_m is not None:
            for name, metres in zip(_KINDS, row.heights, strict=True):
                _show(next(places), f"height, {name}", metres, cmap=ramp, vmin=0, vmax=top_m)
    for axis in grid.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    patches = [
        Patch(facecolor=entry.color, edgecolor="black", label=entry.name.replace("_", " "))
        for entry in (classes.entries if classes else ())
    ]
    if patches:
        figure.legend(handles=patches, loc="outside lower left", ncols=len(patches), frameon=False)
    if top_m is not None:
        scale = ScalarMappable(Normalize(0, top_m), ramp)
        figure.colorbar(scale, ax=list(grid[:, -1]), label="height above ground (m)", shrink=0.9)
    return figure


def _show(axis: Axes, title: str, pixels: NDArray[Any] | None, **options: Any) -> None:
    """Show a panel, or that there is nothing to show."""
    axis.set_title(title, fontsize=10)
    if pixels is not None:
        axis.imshow(pixels, interpolation="none", **options)
        return
    axis.set_facecolor(str(_NODATA_GREY))
    axis.set_box_aspect(1)
    axis.text(0.5, 0.5, "no labels", ha="center", va="center", transform=axis.transAxes)


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
        (_classes(row.classes[0]), _classes(row.classes[1])),
        (_heights(row.heights[0]), _heights(row.heights[1])),
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


def _show_image(axis: Axes, row: Panels) -> None:
    axis.imshow(row.image, interpolation="none")
    axis.set_title(row.title, fontsize=10, loc="left")
    rows, cols = row.image.shape[:2]
    bar_m = _round_length(row.width_m / 4)
    left, top = cols * 0.04, rows * 0.93
    bar_px = bar_m / row.width_m * cols
    axis.add_patch(Rectangle((left, top), bar_px, rows * 0.02, color="white"))
    axis.text(left, top - rows * 0.015, f"{bar_m:g} m", color="white", fontsize=9, va="bottom")


def stretched(
    pixels: NDArray[Any], valid: NDArray[np.bool_], least: float = 1e-6
) -> NDArray[np.float64]:
    """Return pixels as they are pleasant to see, (rows, columns, 3) from 0 to 1.

    Args:
        pixels: (bands, rows, columns); the first three are shown, or the first as grey.
        valid: (rows, columns): which pixels tell where black and white are.
        least: Between black and white, so that what is all alike keeps its colour.
    """
    bands = [0, 1, 2] if len(pixels) > 2 else [0, 0, 0]
    values = pixels[bands].astype(np.float64)
    low, high = np.percentile(values[:, valid], (1, 99.5)) if valid.any() else (0, 1)
    shown: NDArray[np.float64] = np.clip((values - low) / max(high - low, least), 0, 1) ** 0.8
    return np.moveaxis(shown, 0, -1)


def _round_length(length_m: float) -> float:
    power = 10 ** np.floor(np.log10(length_m))
    return float(max(step * power for step in (1, 2, 5) if step * power <= length_m))


def _coloured(indices: NDArray[np.integer], classes: Classes) -> NDArray[np.float64]:
    lookup = np.full((256, 3), _NODATA_GREY)
    lookup[: len(classes)] = np.array([entry.rgb for entry in classes.entries]) / 255
    coloured: NDArray[np.float64] = lookup[indices]
    return coloured
