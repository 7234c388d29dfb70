"""From a label raster's values to class indices, and what must hold before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.errors import LabelError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, label_filter, read_on_grid
from geosemimtl.raster.scene import Scene, overlap
from geosemimtl.tasks import IGNORE, Classes

#: Heights above ground outside of this are no heights; the highest building has 828 m.
PLAUSIBLE_M = (-100.0, 1000.0)
_ROWS = 1024


class LabelReader:
    """Reads class indices on a grid, window by window; made by :func:`labels_on_grid`."""

    def __init__(self, reader: GridReader) -> None:
        self._reader = reader

    def read(self, window: Window | None = None) -> NDArray[np.uint8]:
        """Return the class indices (rows, columns) of a window, ``IGNORE`` where unlabelled."""
        indices, valid = self._reader.read(window)
        return np.where(valid, indices[0], np.uint8(IGNORE))


@contextmanager
def labels_on_grid(labels: Scene, grid: PixelGrid, classes: Classes) -> Iterator[LabelReader]:
    """Open a label raster as class indices on another grid; only labelled pixels weigh.

    Where pixels grow, the most frequent class of those labelled wins; else the nearest is taken.
    """
    table = {value: index for index, value in enumerate(classes.values)}
    with read_on_grid(labels, grid, label_filter(labels.grid, grid), recode=table) as reader:
        yield LabelReader(reader)


def check_labels(labels: Scene, classes: Classes) -> None:
    """Refuse a label raster with values that are neither a class nor to be ignored.

    Raises:
        LabelError: The first such value, how often undeclared values occur, and where first.
    """
    if len(labels.indexes) != 1 or np.dtype(labels.dtype).kind not in "ui":
        raise LabelError(
            f"{labels.path}: has {len(labels.indexes)} band(s) of {labels.dtype}; labels need one "
            "band of whole numbers, a class index a pixel"
        )
    if labels.nodata in classes.values:
        name = classes.names[classes.values.index(int(labels.nodata))]
        raise LabelError(
            f"{labels.path}: declares nodata {labels.nodata:g}, which is also the class {name}; "
            "drop one: gdal_edit.py -unsetnodata, or another value in --classes"
        )
    declared = np.array([*classes.values, *classes.ignore])
    count, first = 0, None
    for top, values, valid in _blocks(labels):
        wrong = valid & ~np.isin(values, declared)
        if wrong.any() and first is None:
            row, col = (int(places[0]) for places in np.nonzero(wrong))
            first = (int(values[row, col]), top + row, col)
        count += int(wrong.sum())
    if first is not None:
        value, row, col = first
        pairs = zip(classes.names, classes.values, strict=True)
        raise LabelError(
            f"{labels.path}: value {value} at row {row}, column {col} is no declared class "
            f"({count} such pixel(s)); declared: "
            f"{', '.join(f'{name}={value}' for name, value in pairs)}; ignored: "
            f"{', '.join(map(str, classes.ignore)) or 'none'}; declare it with --classes"
        )


def check_heights(heights: Scene) -> None:
    """Refuse a height raster that is not one band of plausible metres above ground.

    Raises:
        LabelError: It has several bands, or heights that are undeclared nodata rather than metres.
    """
    if len(heights.indexes) != 1:
        raise LabelError(f"{heights.path}: has {len(heights.indexes)} bands; heights need one")
    low, high = PLAUSIBLE_M
    for top, values, valid in _blocks(heights):
        wrong = valid & ((values < low) | (values > high))
        if wrong.any():
            row, col = (int(places[0]) for places in np.nonzero(wrong))
            raise LabelError(
                f"{heights.path}: {values[row, col]:g} at row {top + row}, column {col} is no "
                f"height above ground in metres ({low:g} to {high:g}); if it means no data, "
                "declare it: gdal_edit.py -a_nodata VALUE"
            )


def _blocks(layer: Scene) -> Iterator[tuple[int, NDArray[Any], NDArray[np.bool_]]]:
    """Yield first row, values and validity of a one-band raster's rows, on its own grid."""
    rows, cols = layer.grid.shape
    with read_on_grid(layer, layer.grid, Resampling.nearest) as reader:
        for top in range(0, rows, _ROWS):
            values, valid = reader.read(Window(0, top, cols, min(_ROWS, rows - top)))
            yield top, values[0], valid


def check_overlap(layer: Scene, scene: Scene) -> None:
    """Refuse a layer that lies elsewhere than its scene.

    Raises:
        LabelError: Their bounds do not meet.
    """
    if not overlap(layer.grid, scene.grid):
        raise LabelError(
            f"{layer.path}: does not overlap {scene.path}; check the order of --labels and "
            "--height, and both CRS"
        )
