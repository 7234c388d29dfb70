"""Panels side by side: an image, and what is predicted and true of each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from geosemimtl.classes import Classes
from geosemimtl.raster.styles import DISTANCE_RAMP, HEIGHT_RAMP, NEARNESS_RAMP
from geosemimtl.tasks import Quantity, Segmentation, Task

_NODATA_GREY = 0.85
_KINDS = ("predicted", "true")
#: Inches that an entry of the legend takes.
_ENTRY_IN = 1.4
#: What is written above panels, where it is not the task's name, and beside the scale of colours.
_TITLES = {"segmentation": "land cover"}
_SCALES = {"height": "height above ground"}
_RAMPS = {
    "height": HEIGHT_RAMP,
    "depth": DISTANCE_RAMP,
    "inverse_depth": NEARNESS_RAMP,
    "disparity": NEARNESS_RAMP,
}


@dataclass(frozen=True, slots=True)
class Panels:
    """One row of a picture as arrays, all of one size.

    Attributes:
        title: What is written above.
        image: (rows, columns, 3) from 0 to 1.
        width_m: Metres on the ground from left to right; ``None`` of images that lie nowhere.
        tasks: By task what is predicted and what is true: class indices, ``IGNORE`` where nothing
            is known; or numbers, shares, or vectors (3, rows, columns), NaN where nothing is known;
            ``None`` where a row has nothing to show.
    """

    title: str
    image: NDArray[np.floating]
    width_m: float | None
    tasks: Mapping[str, tuple[NDArray[Any] | None, NDArray[Any] | None]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class Look:
    """How a task is shown.

    Attributes:
        task: Its name.
        classes: Names and colours, of classes.
        top: Where the scale of numbers ends.
        unit: Of numbers.
        on_ground: Whether images show the ground from above, so that classes are land cover.
    """

    task: str
    classes: Classes | None = None
    top: float | None = None
    unit: str = ""
    on_ground: bool = True

    @property
    def title(self) -> str:
        """What is written above its panels."""
        known = _TITLES if self.on_ground else {}
        return known.get(self.task, self.task.replace("_", " "))

    @property
    def ramp(self) -> Colormap:
        """Colours of numbers from 0 to the top."""
        colours = LinearSegmentedColormap.from_list(self.task, _RAMPS[self.task])
        return colours.with_extremes(bad=str(_NODATA_GREY))

    @property
    def scale(self) -> str:
        """What is written beside the scale of colours."""
        return f"{_SCALES.get(self.task, self.title)} ({self.unit})"


def look_of(task: Task, *, on_ground: bool = True) -> Look:
    """Return how a task is shown, numbers up to its scale."""
    classes = task.classes if isinstance(task, Segmentation) else None
    if isinstance(task, Quantity):
        return Look(task.name, None, task.scale, task.unit, on_ground)
    return Look(task.name, classes, on_ground=on_ground)


def drawn(rows: Sequence[Panels], looks: Sequence[Look], kinds: Sequence[str] = _KINDS) -> Figure:
    """Draw a row of panels a scene, with legends, scales of numbers and scale bars.

    Args:
        rows: The scenes.
        looks: The tasks that there are panels of.
        kinds: Whether of each what is ``predicted``, or ``true``, or both in this order.
    """
    count = 1 + len(kinds) * len(looks)
    high, wide = rows[0].image.shape[:2]
    width = 3.4 * max(1.0, wide / high) ** 0.5
    size = (width * count, (width * high / wide + 0.05) * len(rows) + 0.7)
    figure = Figure(figsize=size, layout="constrained", dpi=110)
    grid = figure.subplots(len(rows), count, squeeze=False)
    for axes, row in zip(grid, rows, strict=True):
        _show_image(axes[0], row)
        places = iter(axes[1:])
        for look in looks:
            known = dict(zip(_KINDS, row.tasks.get(look.task, (None, None)), strict=True))
            for name in kinds:
                _show(next(places), f"{look.title}, {name}", look, known[name], high / wide)
    for axis in grid.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    _explain(figure, grid, looks, len(kinds))
    return figure


def _explain(figure: Figure, grid: NDArray[Any], looks: Sequence[Look], kinds: int) -> None:
    """Add a legend of classes and a scale of each task's numbers."""
    patches = [
        Patch(facecolor=entry.color, edgecolor="black", label=entry.name.replace("_", " "))
        for look in looks
        for entry in (look.classes.entries if look.classes else ())
    ]
    if patches:
        columns = max(2, min(len(patches), int(figure.get_figwidth() / _ENTRY_IN)))
        figure.legend(handles=patches, loc="outside lower left", ncols=columns, frameon=False)
    for place, look in enumerate(looks):
        if look.top is not None:
            scale = ScalarMappable(Normalize(0, look.top), look.ramp)
            beside = list(grid[:, kinds * (place + 1)])
            figure.colorbar(scale, ax=beside, label=look.scale, shrink=0.9)


def _show(axis: Axes, title: str, look: Look, pixels: NDArray[Any] | None, aspect: float) -> None:
    """Show a panel, or that there is nothing to show."""
    axis.set_title(title, fontsize=10)
    if pixels is None:
        axis.set_facecolor(str(_NODATA_GREY))
        axis.set_box_aspect(aspect)
        axis.text(0.5, 0.5, "no labels", ha="center", va="center", transform=axis.transAxes)
    elif look.classes is not None:
        axis.imshow(coloured(pixels, look.classes), interpolation="none")
    elif look.top is not None:
        axis.imshow(pixels, interpolation="none", cmap=look.ramp, vmin=0, vmax=look.top)
    elif pixels.ndim == 3:
        axis.imshow(facing(pixels), interpolation="none")
    else:
        axis.imshow(pixels, interpolation="none", cmap="gray", vmin=0, vmax=1)


def _show_image(axis: Axes, row: Panels) -> None:
    axis.imshow(row.image, interpolation="none")
    axis.set_title(row.title, fontsize=10, loc="left")
    if row.width_m is None:
        return
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


def facing(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the usual colours of normals (3, rows, columns): blue is what faces the camera."""
    known = np.isfinite(vectors).all(axis=0)
    x, y, z = np.where(known, vectors, 0)
    colours: NDArray[np.float64] = np.clip((np.stack([x, -y, -z], axis=-1) + 1) / 2, 0, 1)
    colours[~known] = _NODATA_GREY
    return colours


def coloured(indices: NDArray[np.integer], classes: Classes) -> NDArray[np.float64]:
    """Return class indices in their colours, (rows, columns, 3) from 0 to 1; others in grey."""
    lookup = np.full((256, 3), _NODATA_GREY)
    lookup[: len(classes)] = np.array([entry.rgb for entry in classes.entries]) / 255
    shown: NDArray[np.float64] = lookup[indices]
    return shown


def _round_length(length_m: float) -> float:
    power = 10 ** np.floor(np.log10(length_m))
    return float(max(step * power for step in (1, 2, 5) if step * power <= length_m))
