"""A scene's pixels on a grid whose axes are parallel to its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.classes import IGNORE
from geosemimtl.raster.averaging import Alignment, AxisWeights, average
from geosemimtl.raster.recoding import Recode
from geosemimtl.raster.scene import Scene
from geosemimtl.raster.values import filled
from geosemimtl.raster.voting import majority

#: So many source values are read at once: they bound the memory, however coarse the grid.
SOURCE_VALUES = 1 << 24


class AlignedPixels:
    """Gives averages, most frequent classes, or the file's own pixels.

    Args:
        source: The scene, opened by rasterio.
        scene: What is known of it.
        indexes: The bands wanted.
        alignment: How the grid lies on it.
        nodata: A value to treat as nodata in a scene that declares none.
        recoding: Makes class indices of the pixels of labels.
    """

    def __init__(
        self,
        source: Any,
        scene: Scene,
        indexes: Sequence[int],
        alignment: Alignment,
        nodata: float | None,
        recoding: Recode | None = None,
    ) -> None:
        self._source = source
        self._scene = scene
        self._indexes = list(indexes)
        self._alignment = alignment
        self._nodata = scene.nodata if scene.mask == "nodata" else nodata
        self._masked = [flag.name for flag in source.mask_flag_enums[0]] == ["per_dataset"]
        self._recoding = recoding
        is_image = recoding is None
        self.dtype = source.dtypes[indexes[0] - 1] if is_image else "uint8"
        self.bands = len(indexes) if is_image else 1

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return pixels (bands, rows, columns) and where they are valid (rows, columns)."""
        (step_r, step_c), (off_r, off_c) = self._alignment.step, self._alignment.offset
        height, width = self._scene.grid.shape
        top, left = int(window.row_off), int(window.col_off)
        bottom = top + int(window.height)
        cols = AxisWeights.of(left, left + int(window.width), step_c, off_c, width)
        # the coarser the grid, the more source pixels a row of it takes
        below = (cols.needs[1] - cols.needs[0]) * len(self._indexes) * max(step_r, 1)
        run = max(1, int(SOURCE_VALUES / below))
        parts = []
        for first in range(top, bottom, run):
            rows = AxisWeights.of(first, min(first + run, bottom), step_r, off_r, height)
            parts.append(self._read_rows(rows, cols))
        if len(parts) == 1:
            return parts[0]
        pixels, valid = zip(*parts, strict=True)
        return np.concatenate(pixels, axis=1), np.concatenate(valid)

    def _read_rows(
        self, rows: AxisWeights, cols: AxisWeights
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        (r0, r1), (c0, c1) = rows.needs, cols.needs
        pixels, valid = self._read_source(Window(c0, r0, c1 - c0, r1 - r0))
        if self._recoding is not None:
            classes = self._recoding(pixels)
            if valid is not None:
                classes[~valid.any(axis=0)] = IGNORE
            classes = majority(classes, rows.shifted(r0), cols.shifted(c0))
            return classes[None], classes != IGNORE
        inside = rows.weights.all() and cols.weights.all()
        if self._alignment.is_shift and inside:
            if pixels.dtype.kind == "f":
                pixels += 0.0  # no -0, as in averages
            if valid is None:
                return pixels, np.ones(pixels.shape[1:], bool)
            seen: NDArray[np.bool_] = np.logical_or.reduce(valid, axis=0)
            return filled(pixels, seen, 0), seen
        return average(pixels, valid, rows.shifted(r0), cols.shifted(c0))

    def _read_source(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return source pixels, and where (1, rows, columns) they are valid; ``None`` for all."""
        alpha = [] if self._scene.alpha is None else [self._scene.alpha]
        read = self._source.read([*self._indexes, *alpha], window=window)
        pixels, masks = read[: len(self._indexes)], []
        if alpha:
            masks.append(read[-1:] > 0)
        elif self._masked:
            masks.append(self._source.dataset_mask(window=window)[None] > 0)
        elif self._nodata is not None and self._may_hold(pixels, self._nodata):
            # as a whole: black in one band of a coloured pixel is no hole
            missing = pixels.dtype.type(self._nodata)
            masks.append((pixels != missing).any(axis=0, keepdims=True))
        if pixels.dtype.kind == "f" and not np.isfinite([pixels.min(), pixels.max()]).all():
            masks.append(np.isfinite(pixels).all(axis=0, keepdims=True))
        if all(mask.all() for mask in masks):
            return pixels, None
        return pixels, reduce(np.logical_and, masks)

    @staticmethod
    def _may_hold(pixels: NDArray[Any], value: float) -> bool:
        """Return whether a value may be among pixels, which their extremes tell at a glance."""
        return not (value < pixels.min() or value > pixels.max() or np.isnan(value))
