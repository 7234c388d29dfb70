"""Labels drawn as polygons with a class column, as class indices on any grid."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.windows import Window

from geosemimtl.classes import IGNORE, ClassMap
from geosemimtl.errors import LabelError
from geosemimtl.progress import Track, silent
from geosemimtl.raster.environment import WARNINGS
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.rings import Rings
from geosemimtl.tiling.vectors import Layer, read_layer

#: Side of the squares in which polygons become pixels, whatever window is read: so every window
#: shows the same pixels, even where an edge runs through their centres.
BLOCK_PX = 512
#: Squares that a reader keeps, 40 MB: two rows of them across 40,000 pixels.
_KEPT_BLOCKS = 160


@dataclass(frozen=True, slots=True)
class PolygonLabels:
    """Polygons of one or several files that were read, in the order in which they are drawn.

    Attributes:
        path: What messages call them.
        files: The files they came from.
        layers: Their features.
        indices: (features,) class indices of each layer's features; -1 where undeclared.
        class_map: How the class column writes the classes.
        column: Name of that column.
    """

    path: Path
    files: tuple[Path, ...]
    layers: tuple[Layer, ...]
    indices: tuple[NDArray[np.int16], ...]
    class_map: ClassMap
    column: str

    @property
    def read_from(self) -> tuple[Path, ...]:
        """Those are all."""
        return self.files

    @property
    def grid(self) -> None:
        """Polygons have no pixels of their own."""
        return

    def check(self, grid: PixelGrid, track: Track = silent) -> None:
        """Refuse undeclared classes, and polygons that lie elsewhere than a grid.

        Raises:
            LabelError: The first such value with its feature, and how many features have one.
        """
        pairs = list(zip(self.layers, self.indices, strict=True))
        for layer, indices in track(pairs, f"labels of {self.path.name}", len(pairs)):
            wrong = np.flatnonzero(indices < 0)
            if wrong.size:
                raise LabelError(
                    f"{layer.path}: {self.column} {_shown(layer.values[wrong[0]])} of feature "
                    f"{layer.ids[wrong[0]]} is no declared class ({wrong.size} undeclared "
                    "feature(s)); "
                    f"{self.class_map.declared(column=True)}; declare it with --classes"
                    + (' (a NULL as "")' if layer.values[wrong[0]] is None else "")
                )
        whole = Window(0, 0, grid.shape[1], grid.shape[0])
        if not any(rings.touching(whole).size for rings in self._rings(grid)):
            raise LabelError(
                f"{self.path}: no polygon meets its scene; check the order of --labels, and both "
                "CRS"
            )

    @contextmanager
    def on_grid(self, grid: PixelGrid) -> Iterator[PolygonReader]:
        """Open the polygons as class indices of the pixels whose centres they cover."""
        drawn = [
            (rings, indices[rings.features])
            for rings, indices in zip(self._rings(grid), self.indices, strict=True)
        ]
        yield PolygonReader(drawn, grid, self.class_map.background_index)

    def _rings(self, grid: PixelGrid) -> list[Rings]:
        try:
            return [Rings.on_grid(layer.polygons, layer.crs, grid) for layer in self.layers]
        except LabelError as error:
            raise LabelError(f"{self.path}: {error}") from error


class PolygonReader:
    """Reads class indices on a grid, window by window; made by ``PolygonLabels.on_grid``."""

    def __init__(
        self, drawn: Sequence[tuple[Rings, NDArray[np.int16]]], grid: PixelGrid, background: int
    ) -> None:
        self._drawn = [(rings, values.tolist()) for rings, values in drawn]
        self._background = background
        self._blocks: OrderedDict[tuple[int, int], NDArray[np.uint8]] = OrderedDict()
        self.grid = grid

    def read(self, window: Window | None = None) -> NDArray[np.uint8]:
        """Return the class indices (rows, columns) of a window, ``IGNORE`` where unlabelled.

        What reaches beyond the grid is unlabelled.
        """
        rows, cols = self.grid.shape
        window = window or Window(0, 0, cols, rows)
        top, left = int(window.row_off), int(window.col_off)
        found = np.full((int(window.height), int(window.width)), IGNORE, np.uint8)
        bottom, right = top + found.shape[0], left + found.shape[1]
        for row in _blocks(top, bottom, rows):
            for col in _blocks(left, right, cols):
                block = self._block(row, col)
                r0, c0 = row * BLOCK_PX, col * BLOCK_PX
                r = slice(max(top, r0), min(bottom, r0 + block.shape[0]))
                c = slice(max(left, c0), min(right, c0 + block.shape[1]))
                part = block[r.start - r0 : r.stop - r0, c.start - c0 : c.stop - c0]
                found[r.start - top : r.stop - top, c.start - left : c.stop - left] = part
        return found

    def _block(self, row: int, col: int) -> NDArray[np.uint8]:
        known = self._blocks.get((row, col))
        if known is None:
            known = self._draw(row, col)
            if len(self._blocks) >= _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks[row, col] = known
        self._blocks.move_to_end((row, col))
        return known

    def _draw(self, row: int, col: int) -> NDArray[np.uint8]:
        rows, cols = self.grid.shape
        top, left = row * BLOCK_PX, col * BLOCK_PX
        window = Window(left, top, min(BLOCK_PX, cols - left), min(BLOCK_PX, rows - top))
        block = np.full((window.height, window.width), self._background, np.uint8)
        shapes = [
            (shape, values[polygon])
            for rings, values in self._drawn
            for polygon in rings.touching(window)  # in file order: the later lies on top
            if (shape := rings.shape(polygon, window)) is not None
        ]
        if shapes:
            with WARNINGS:
                rasterize(shapes, out=block)
        return block


def _blocks(start: int, stop: int, limit: int) -> range:
    """Return the numbers of the squares that hold the pixels of a range, along one axis."""
    start, stop = max(start, 0), min(stop, limit)
    return range(start // BLOCK_PX, -(-stop // BLOCK_PX)) if start < stop else range(0)


def open_polygons(
    paths: Sequence[Path], class_map: ClassMap, *, assume_crs: str | None, class_column: str
) -> PolygonLabels:
    """Read polygons and their classes.

    Args:
        paths: Vector files; ``file.gpkg|layername=parcels`` names one of several layers.
        class_map: How the class column writes the classes, as names or numbers.
        assume_crs: CRS of files that carry none.
        class_column: Name of the column.

    Raises:
        LabelError: A file, layer, column or CRS is missing, or there are no polygons.
    """
    layers = tuple(read_layer(path, class_column, assume_crs) for path in paths)
    return PolygonLabels(
        path=paths[0],
        files=tuple(file for layer in layers for file in layer.files),
        layers=layers,
        indices=tuple(_indices(layer.values, class_map) for layer in layers),
        class_map=class_map,
        column=class_column,
    )


def _indices(values: Sequence[Any], class_map: ClassMap) -> NDArray[np.int16]:
    numbers, texts = class_map.numbers, class_map.texts
    known: dict[Any, int] = {}
    for value in set(values):
        text = "" if value is None else str(value)
        found = texts.get(text)
        known[value] = _number(value, numbers) if found is None else found
    return np.array([known[value] for value in values], np.int16)


def _number(value: Any, numbers: dict[int, int]) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return -1
    return numbers.get(int(number), -1) if number.is_integer() else -1


def _shown(value: Any) -> str:
    return "NULL" if value is None else repr(value)
