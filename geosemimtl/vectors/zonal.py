"""Sums of what lies within a face: added strip by strip, merged where faces join."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Steps of a metre in which heights are counted for medians and percentiles.
_STEPS = 100
#: Bits of a height in steps, and what is added to make it positive: 10 km down, 31 km up.
_BITS, _SHIFT = 22, 1_000_000


@dataclass(frozen=True, slots=True)
class HeightSums:
    """Heights of some pixels.

    Attributes:
        count: Pixels with a height.
        total_m: Their sum.
        most_m: The largest.
        levels: (levels,) distinct heights in hundredths of a metre, rising.
        counts: (levels,) pixels of each.
    """

    count: int
    total_m: float
    most_m: float
    levels: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __add__(self, other: HeightSums) -> HeightSums:
        both = np.concatenate((self.levels, other.levels))
        levels, which = np.unique(both, return_inverse=True)
        counts = np.zeros(len(levels), np.int64)
        np.add.at(counts, which, np.concatenate((self.counts, other.counts)))
        return HeightSums(
            self.count + other.count,
            self.total_m + other.total_m,
            max(self.most_m, other.most_m),
            levels,
            counts,
        )

    @property
    def mean_m(self) -> float:
        """The mean."""
        return self.total_m / self.count

    def percentile_m(self, share: float) -> float:
        """Return the lowest height, to a centimetre, that a share of the pixels does not exceed."""
        reached = np.cumsum(self.counts) >= share * self.count
        return float(self.levels[int(np.argmax(reached))]) / _STEPS


@dataclass(frozen=True, slots=True)
class ConfidenceSums:
    """Confidences of some pixels: how many have one, and their sum in per cent."""

    count: int
    total: float

    def __add__(self, other: ConfidenceSums) -> ConfidenceSums:
        return ConfidenceSums(self.count + other.count, self.total + other.total)

    @property
    def mean(self) -> float:
        """The mean in per cent."""
        return self.total / self.count


def height_sums(
    faces: NDArray[np.integer], heights_m: NDArray[np.float32]
) -> Iterator[tuple[int, HeightSums]]:
    """Yield each face that has heights, and their sums.

    Args:
        faces: (pixels,) number of each pixel's face.
        heights_m: (pixels,) height of each.
    """
    if not len(faces):
        return
    faces, heights = _by_face(faces, heights_m)
    begin = np.flatnonzero(np.diff(faces, prepend=faces[0] - 1))
    sizes = np.diff(np.append(begin, len(faces)))
    totals, most = np.add.reduceat(heights, begin), np.maximum.reduceat(heights, begin)
    numbers = faces[begin]
    keys, counts = np.unique(_keys(heights, sizes), return_counts=True)
    ends = np.searchsorted(keys >> _BITS, np.arange(len(begin) + 1))
    levels = (keys & ((1 << _BITS) - 1)) - _SHIFT
    for index, number in enumerate(numbers.tolist()):
        own = slice(ends[index], ends[index + 1])
        yield (
            number,
            HeightSums(
                int(sizes[index]),
                float(totals[index]),
                float(most[index]),
                levels[own],
                counts[own],
            ),
        )


# functions of their own, so that what they needed is gone when they are done: of a wide raster's
# strip each array of pixels takes megabytes


def _by_face(
    faces: NDArray[np.integer], heights_m: NDArray[np.float32]
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    """Return faces and heights, face by face."""
    order = np.argsort(faces, kind="stable")
    return faces[order], heights_m[order].astype(np.float64)


def _keys(heights_m: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers that tell a height's face from the left, in bits above those of its level."""
    level = np.clip(np.rint(heights_m * _STEPS), -_SHIFT, (1 << _BITS) - _SHIFT - 1)
    keys = np.repeat(np.arange(len(sizes)) << _BITS, sizes)
    keys += level.astype(np.int64) + _SHIFT
    return keys
