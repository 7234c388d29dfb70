"""Statistics of a tile set, gathered while its tiles are cut.

Everything is a count of whole numbers, so that sums do not depend on the order of the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import HEIGHT_NODATA
from geosemimtl.tiling.tileset import (
    HEIGHT_BIN_M,
    HEIGHT_BINS,
    IMAGE_BINS,
    PERCENTILES,
    BandStatistics,
    HeightStatistics,
)

#: Values are counted one by one up to 16 bit, wider ones in so many steps of the value range.
_LEVELS = 1 << 16
#: Heights are counted in millimetres for their mean.
_MM = 1000


class StatisticsSum:
    """Counts over pixels, from which the statistics follow; each pixel is to be added once.

    Args:
        bands: Number of bands.
        dtype: numpy name of the pixel type.
        value_range: The pixel values that map to 0 and 1.
        classes: Number of classes.
    """

    def __init__(
        self, bands: int, dtype: str, value_range: tuple[float, float], classes: int
    ) -> None:
        self._made_of = (bands, dtype, value_range, classes)
        kind = np.dtype(dtype)
        self._range = value_range
        self._is_exact = kind.kind in "ui" and kind.itemsize <= 2
        self._first = int(np.iinfo(kind).min) if self._is_exact else 0
        levels = 1 << (8 * kind.itemsize) if self._is_exact else _LEVELS
        self._values = np.zeros((bands, levels), np.int64)
        self._classes = np.zeros(classes, np.int64)
        self._heights = np.zeros(HEIGHT_BINS, np.int64)
        self._height_sum_mm = 0
        self._height_range = (np.inf, -np.inf)

    def empty(self) -> Self:
        """Return counts of the same kind, all zero."""
        return type(self)(*self._made_of)

    def add_image(self, pixels: NDArray[Any], valid: NDArray[np.bool_] | None) -> None:
        """Add pixels (bands, rows, columns) where valid (rows, columns); ``None``: everywhere."""
        for index, band in enumerate(pixels):
            seen = band.ravel() if valid is None else band[valid]
            levels = self._values.shape[1]
            self._values[index] += np.bincount(self._levels(seen), minlength=levels)

    def add_labels(self, indices: NDArray[np.uint8], counted: NDArray[np.bool_] | None) -> None:
        """Add class indices (rows, columns) that are not ``IGNORE``."""
        seen = indices.ravel() if counted is None else indices[counted]
        self._classes += np.bincount(seen, minlength=256)[: len(self._classes)]

    def add_heights(self, metres: NDArray[np.float32], counted: NDArray[np.bool_] | None) -> None:
        """Add heights (rows, columns) where they are not nodata."""
        known = metres != HEIGHT_NODATA
        values = metres[known if counted is None else known & counted]
        if not values.size:
            return
        bins = np.clip(values / HEIGHT_BIN_M, 0, HEIGHT_BINS - 1).astype(np.int64)
        self._heights += np.bincount(bins, minlength=HEIGHT_BINS)
        self._height_sum_mm += int(np.rint(values.astype(np.float64) * _MM).sum())
        low, high = self._height_range
        self._height_range = (min(low, float(values.min())), max(high, float(values.max())))

    def add(self, other: Self) -> None:
        """Add the counts of other pixels of the same kind."""
        self._values += other._values
        self._classes += other._classes
        self._heights += other._heights
        self._height_sum_mm += other._height_sum_mm
        low, high = other._height_range
        self._height_range = (min(self._height_range[0], low), max(self._height_range[1], high))

    def document(self) -> dict[str, Any]:
        """Return the counts as JSON's types, zeros left out; see ``restore``."""
        return {
            "values": [_sparse(band) for band in self._values],
            "classes": self._classes.tolist(),
            "heights": _sparse(self._heights),
            "height_sum_mm": self._height_sum_mm,
            "height_range": self._height_range if self._heights.any() else None,
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take the counts that ``document`` returned instead of the own."""
        for band, (places, counts) in zip(self._values, document["values"], strict=True):
            band[:] = 0
            band[places] = counts
        self._classes[:] = document["classes"]
        places, counts = document["heights"]
        self._heights[:] = 0
        self._heights[places] = counts
        self._height_sum_mm = document["height_sum_mm"]
        self._height_range = tuple(document["height_range"] or (np.inf, -np.inf))

    def bands(self) -> tuple[BandStatistics, ...]:
        """Return mean, deviation, percentiles and histogram of each band."""
        levels = np.arange(self._values.shape[1], dtype=np.float64)
        if self._is_exact:
            unit = unit_values(levels + self._first, self._range).astype(np.float64)
        else:
            unit = (levels + 0.5) / _LEVELS
        bins = np.clip(unit * IMAGE_BINS, 0, IMAGE_BINS - 1).astype(np.int64)
        return tuple(_described(counts, unit, bins) for counts in self._values)

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
            mean_m=self._height_sum_mm / _MM / total,
            histogram=tuple(self._heights.tolist()),
        )

    def _levels(self, values: NDArray[Any]) -> NDArray[Any]:
        if self._is_exact:
            return values if self._first == 0 else values.astype(np.int64) - self._first
        levels = unit_values(values, self._range) * _LEVELS
        return np.minimum(levels, _LEVELS - 1).astype(np.int64)


def _sparse(counts: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    places = np.nonzero(counts)[0]
    return places.tolist(), counts[places].tolist()


def _described(
    counts: NDArray[np.int64], unit: NDArray[np.float64], bins: NDArray[np.int64]
) -> BandStatistics:
    total = max(int(counts.sum()), 1)
    mean = float((counts * unit).sum() / total)
    below = np.cumsum(counts)
    places = np.searchsorted(below, np.array(PERCENTILES) / 100 * below[-1])
    histogram = np.bincount(bins, weights=counts, minlength=IMAGE_BINS).astype(np.int64)
    return BandStatistics(
        mean=mean,
        std=float(np.sqrt((counts * (unit - mean) ** 2).sum() / total)),
        percentiles=tuple(unit[np.minimum(places, len(unit) - 1)].tolist()),
        histogram=tuple(histogram.tolist()),
    )
