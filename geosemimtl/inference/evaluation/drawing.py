"""Drawing small maps from the blocks of pixels that are compared, while these are counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.classes import IGNORE, Classes
from geosemimtl.inference.evaluation.counting import ClassBlock, HeightBlock
from geosemimtl.inference.evaluation.views import ClassView, HeightView
from geosemimtl.raster.grid import PixelGrid

#: Pixels of a map along its longer side, at most.
SIDE_PX = 800


class _Cells:
    """Sums of pixels over the squares that a coarser grid's pixels are."""

    def __init__(self, shape: tuple[int, int], step: int) -> None:
        self._step = step
        self._sums = np.zeros([math.ceil(length / step) for length in shape])

    def add(self, top: int, values: NDArray[np.generic]) -> None:
        """Add the values of whole rows of pixels from ``top`` on."""
        height, width = values.shape
        starts = np.maximum(np.arange(-(top % self._step), height, self._step), 0)
        down = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        across = np.add.reduceat(down, np.arange(0, width, self._step), axis=1)
        first = top // self._step
        self._sums[first : first + len(across)] += across

    def over(self, others: _Cells) -> NDArray[np.float64]:
        """Return these sums divided by others; NaN where those are 0."""
        below = others._sums
        ratio = np.full(below.shape, np.nan)
        np.divide(self._sums, below, out=ratio, where=below > 0)
        return ratio


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where maps lie on a scene."""

    name: str
    scene: PixelGrid
    step: int

    @classmethod
    def of(cls, name: str, scene: PixelGrid) -> _Frame:
        return cls(name, scene, max(1, math.ceil(max(scene.shape) / SIDE_PX)))

    @property
    def grid(self) -> PixelGrid:
        rows, cols = (math.ceil(length / self.step) for length in self.scene.shape)
        moved = self.scene.transform @ Affine.scale(self.step)
        return PixelGrid(moved, (rows, cols), self.scene.crs)

    def cells(self) -> _Cells:
        return _Cells(self.scene.shape, self.step)


class _Colours:
    """Mixes the colours of classes."""

    def __init__(self, frame: _Frame, lookup: NDArray[np.uint8]) -> None:
        self._lookup = lookup
        self._all, self._known = frame.cells(), frame.cells()
        self._channels = [frame.cells() for _ in range(3)]

    def add(self, top: int, classes: NDArray[np.integer]) -> None:
        known = classes != IGNORE
        self._all.add(top, np.ones(classes.shape, bool))
        self._known.add(top, known)
        for channel, cells in enumerate(self._channels):
            cells.add(top, self._lookup[classes, channel])

    def mixed(self) -> NDArray[np.uint8]:
        colours = [cells.over(self._known) for cells in self._channels]
        alpha = 255 * self._known.over(self._all)
        return np.nan_to_num(np.stack([*colours, alpha], axis=-1)).round().astype(np.uint8)


class ClassCanvas:
    """Draws a scene's classes as their blocks come, from the top down, rows over the whole width.

    Args:
        name: The scene's.
        grid: On which is counted.
        classes: Their colours.
    """

    def __init__(self, name: str, grid: PixelGrid, classes: Classes) -> None:
        lookup = np.zeros((256, 3), np.uint8)
        lookup[: len(classes)] = [entry.rgb for entry in classes.entries]
        self._frame = frame = _Frame.of(name, grid)
        self._true, self._predicted = _Colours(frame, lookup), _Colours(frame, lookup)
        self._wrong, self._counted = frame.cells(), frame.cells()

    def watching(self, blocks: Iterable[ClassBlock]) -> Iterator[ClassBlock]:
        """Yield the blocks on, drawn."""
        top = 0
        for block in blocks:
            self._true.add(top, block.truth)
            self._predicted.add(top, block.guess)
            self._wrong.add(top, block.valid & (block.guess != block.truth))
            self._counted.add(top, block.valid)
            top += len(block.valid)
            yield block

    def view(self) -> ClassView:
        """Return the maps."""
        frame, wrong = self._frame, self._wrong.over(self._counted)
        maps = self._true.mixed(), self._predicted.mixed(), wrong.astype(np.float32)
        return ClassView(frame.name, frame.grid, frame.step, *maps)


class _Metres:
    """Takes means of heights, where they are known."""

    def __init__(self, frame: _Frame) -> None:
        self._sums, self._known = frame.cells(), frame.cells()

    def add(self, top: int, metres: NDArray[np.floating], known: NDArray[np.bool_]) -> None:
        self._sums.add(top, np.where(known, metres, 0))
        self._known.add(top, known)

    def mean(self) -> NDArray[np.float32]:
        return self._sums.over(self._known).astype(np.float32)


class HeightCanvas:
    """Draws a scene's heights as their blocks come; see ``ClassCanvas``.

    Args:
        name: The scene's.
        grid: On which is counted.
    """

    def __init__(self, name: str, grid: PixelGrid) -> None:
        self._frame = frame = _Frame.of(name, grid)
        self._true, self._predicted, self._error = _Metres(frame), _Metres(frame), _Metres(frame)

    def watching(self, blocks: Iterable[HeightBlock]) -> Iterator[HeightBlock]:
        """Yield the blocks on, drawn."""
        top = 0
        for block in blocks:
            for metres, one in ((block.truth, self._true), (block.guess, self._predicted)):
                one.add(top, metres, np.isfinite(metres))
            self._error.add(top, block.guess - block.truth, block.valid)
            top += len(block.valid)
            yield block

    def view(self) -> HeightView:
        """Return the maps."""
        frame = self._frame
        maps = (each.mean() for each in (self._true, self._predicted, self._error))
        return HeightView(frame.name, frame.grid, frame.step, *maps)
