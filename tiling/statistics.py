"""Statistics of a tile set, gathered while its tiles are cut.

Everything is a count of whole numbers, so that sums do not depend on the order of the parts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import LandClass
from geosemimtl.raster.values import unit_values
from geosemimtl.tiling.target_sums import sparse, target_sum
from geosemimtl.tiling.tileset import IMAGE_BINS, PERCENTILES, BandStatistics, Target

#: Values are counted one by one up to 16 bit, wider ones in so many steps of the value range.
_LEVELS = 1 << 16


class StatisticsSum:
    """Counts over pixels, from which the statistics follow; each pixel is to be added once.

    Args:
        bands: Number of bands.
        dtype: numpy name of the pixel type.
        value_range: The pixel values that map to 0 and 1.
        classes: By task that has labels its classes, none where it has none.
    """

    def __init__(
        self,
        bands: int,
        dtype: str,
        value_range: tuple[float, float],
        classes: Mapping[str, Sequence[LandClass]],
    ) -> None:
        self._made_of = (bands, dtype, value_range, classes)
        kind = np.dtype(dtype)
        self._range = value_range
        self._is_exact = kind.kind in "ui" and kind.itemsize <= 2
        self._first = int(np.iinfo(kind).min) if self._is_exact else 0
        levels = 1 << (8 * kind.itemsize) if self._is_exact else _LEVELS
        self._values = np.zeros((bands, levels), np.int64)
        self._targets = {task: target_sum(task, own) for task, own in classes.items()}

    def empty(self) -> Self:
        """Return counts of the same kind, all zero."""
        return type(self)(*self._made_of)

    def add_image(self, pixels: NDArray[Any], valid: NDArray[np.bool_] | None) -> None:
        """Add pixels (bands, rows, columns) where valid (rows, columns); ``None``: everywhere."""
        for index, band in enumerate(pixels):
            seen = band.ravel() if valid is None else band[valid]
            levels = self._values.shape[1]
            self._values[index] += np.bincount(self._levels(seen), minlength=levels)

    def add_targets(
        self, targets: Mapping[str, NDArray[Any]], counted: NDArray[np.bool_] | None
    ) -> None:
        """Add labels by task, in its form, where counted; ``None``: everywhere."""
        for task, sums in self._targets.items():
            if task in targets:
                sums.add_labels(targets[task], counted)

    def add(self, other: Self) -> None:
        """Add the counts of other pixels of the same kind."""
        self._values += other._values
        for task, sums in self._targets.items():
            sums.add(other._targets[task])

    def document(self) -> dict[str, Any]:
        """Return the counts as JSON's types, zeros left out; see ``restore``."""
        return {
            "values": [sparse(band) for band in self._values],
            "targets": {task: sums.document() for task, sums in self._targets.items()},
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take the counts that ``document`` returned instead of the own."""
        for band, (places, counts) in zip(self._values, document["values"], strict=True):
            band[:] = 0
            band[places] = counts
        for task, sums in self._targets.items():
            sums.restore(document["targets"][task])

    def bands(self) -> tuple[BandStatistics, ...]:
        """Return mean, deviation, percentiles and histogram of each band."""
        levels = np.arange(self._values.shape[1], dtype=np.float64)
        if self._is_exact:
            unit = unit_values(levels + self._first, self._range).astype(np.float64)
        else:
            unit = (levels + 0.5) / _LEVELS
        bins = np.clip(unit * IMAGE_BINS, 0, IMAGE_BINS - 1).astype(np.int64)
        return tuple(_described(counts, unit, bins) for counts in self._values)

    def targets(self, tasks: Collection[str]) -> dict[str, Target]:
        """Return what is known of the labels of some tasks; not of those without any."""
        found = {task: sums.target() for task, sums in self._targets.items() if task in tasks}
        return {task: target for task, target in found.items() if target is not None}

    def _levels(self, values: NDArray[Any]) -> NDArray[Any]:
        if self._is_exact:
            return values if self._first == 0 else values.astype(np.int64) - self._first
        levels = unit_values(values, self._range) * _LEVELS
        return np.minimum(levels, _LEVELS - 1).astype(np.int64)


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
