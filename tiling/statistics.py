"""Statistics of a tile set, gathered while its tiles are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import HEIGHT_NODATA, IGNORE
from geosemimtl.tiling.tileset import (
    HEIGHT_BIN_M,
    HEIGHT_BINS,
    IMAGE_BINS,
    BandStatistics,
    HeightStatistics,
)


class StatisticsSum:
    """Sums over pixels, from which the statistics follow; each pixel is to be added once."""

    def __init__(self, bands: int, classes: int, value_range: tuple[float, float]) -> None:
        self._value_range = value_range
        self._count = 0
        self._sum = np.zeros(bands)
        self._squares = np.zeros(bands)
        self._histogram = np.zeros((bands, IMAGE_BINS), np.int64)
        self._classes = np.zeros(classes, np.int64)
        self._heights = np.zeros(HEIGHT_BINS, np.int64)
        self._height_sum = 0.0
        self._height_range = (np.inf, -np.inf)

    def add_image(self, pixels: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Add an image (bands, rows, columns) where it is valid (rows, columns)."""
        values = unit_values(pixels[:, valid], self._value_range).astype(np.float64)
        self._count += values.shape[1]
        self._sum += values.sum(axis=1)
        self._squares += (values**2).sum(axis=1)
        bins = np.clip(values * IMAGE_BINS, 0, IMAGE_BINS - 1).astype(np.int64)
        self._histogram += np.stack([np.bincount(band, minlength=IMAGE_BINS) for band in bins])

    def add_labels(self, indices: NDArray[np.uint8]) -> None:
        """Add class indices (rows, columns)."""
        labelled = indices[indices != IGNORE]
        self._classes += np.bincount(labelled, minlength=len(self._classes))

    def add_heights(self, heights_m: NDArray[np.float32]) -> None:
        """Add heights (rows, columns) where they are not nodata."""
        values = heights_m[heights_m != HEIGHT_NODATA].astype(np.float64)
        if not values.size:
            return
        bins = np.clip(values / HEIGHT_BIN_M, 0, HEIGHT_BINS - 1).astype(np.int64)
        self._heights += np.bincount(bins, minlength=HEIGHT_BINS)
        self._height_sum += float(values.sum())
        low, high = self._height_range
        self._height_range = (min(low, float(values.min())), max(high, float(values.max())))

    def bands(self) -> tuple[BandStatistics, ...]:
        """Return mean, deviation and histogram of each band."""
        mean = self._sum / max(self._count, 1)
        variance = self._squares / max(self._count, 1) - mean**2
        return tuple(
            BandStatistics(mean=m, std=s, histogram=tuple(h))
            for m, s, h in zip(
                mean.tolist(),
                np.sqrt(np.maximum(variance, 0)).tolist(),
                self._histogram.tolist(),
                strict=True,
            )
        )

    def class_pixels(self) -> tuple[int, ...]:
        """Return the labelled pixels of each class."""
        return tuple(self._classes.tolist())

    def heights(self) -> HeightStatistics | None:
        """Return the statistics of the heights, or ``None`` if none was valid."""
        total = int(self._heights.sum())
        if not total:
            return None
        return HeightStatistics(
            minimum_m=self._height_range[0],
            maximum_m=self._height_range[1],
            mean_m=self._height_sum / total,
            histogram=tuple(self._heights.tolist()),
        )
