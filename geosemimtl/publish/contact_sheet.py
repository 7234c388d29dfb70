"""A look at a tile set of images that lie nowhere on the ground: some, with their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE
from geosemimtl.publish.panels import Look, Panels, drawn, stretched
from geosemimtl.publish.picture import write_figure
from geosemimtl.raster.scene import opened
from geosemimtl.tasks import Kind, form_of, kind_of
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.tileset import ClassTarget, QuantityTarget, Target, TileSet, pooled_scale

#: Images that are shown, spread over the splits.
_SHOWN = 6
_LEAST_RANGE = 60.0


def draw_contact_sheet(folder: Path, tileset: TileSet, path: Path) -> None:
    """Draw a few images of each split with their labels.

    Args:
        folder: The tile set.
        tileset: What it says of itself.
        path: The PNG.

    Raises:
        TileSetError: Its index cannot be read.
        SceneError: A tile cannot be read.
        OutputError: The picture cannot be written.
    """
    each = max(1, _SHOWN // max(len(tileset.splits), 1))
    rows = []
    for split in tileset.splits:
        names = tile_names(folder, split)
        for place in range(min(each, len(names))):
            name = names[place * len(names) // each if len(names) > each else place]
            rows.append(_row(folder, tileset, name, split))
    looks = [_look(task, target, tileset) for task, target in tileset.targets.items()]
    figure = drawn(rows, looks, kinds=("true",))
    height, width = tileset.size_px
    figure.suptitle(f"{tileset.name}: {tileset.tiles} images of {width} x {height} px", fontsize=11)
    write_figure(figure, path)


def _row(folder: Path, tileset: TileSet, name: str, split: str) -> Panels:
    with opened(folder / "image" / name) as source:
        image, seen = source.read(), source.dataset_mask() > 0
    low, high = tileset.value_range
    least = _LEAST_RANGE / 255 * (high - low)
    shown = np.where(seen[..., None], stretched(image, seen, least), 1)
    labels = {task: (None, _labels(folder / task / name, task)) for task in tileset.tasks}
    return Panels(f"{split}: {Path(name).stem}", shown, None, labels)


def _labels(path: Path, task: str) -> NDArray[Any] | None:
    if not path.exists():
        return None
    with opened(path) as source:
        labels: NDArray[Any] = source.read(1) if source.count == 1 else source.read()
    known = labels != form_of(task).nodata
    if not known.any():
        return None
    if kind_of(task) is Kind.CLASSES:
        return np.where(known, labels, IGNORE)
    return np.where(known, labels.astype(np.float64), np.nan)


def _look(task: str, target: Target, tileset: TileSet) -> Look:
    if isinstance(target, QuantityTarget):
        top = pooled_scale({tileset.name: tileset}, task)
        return Look(task, None, top, target.unit, on_ground=False)
    classes = target.classes if isinstance(target, ClassTarget) else None
    return Look(task, classes, on_ground=False)
