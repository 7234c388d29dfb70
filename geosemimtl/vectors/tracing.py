"""Faces of a class raster: connected pixels of one class, found strip by strip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array, csgraph

from geosemimtl.vectors.arcs import trace
from geosemimtl.vectors.rings import Side, sides_of
from geosemimtl.vectors.simplification import simplified
from geosemimtl.vectors.zonal import ConfidenceSums, HeightSums, height_sums

Sums = TypeVar("Sums", HeightSums, ConfidenceSums)
#: Rows of a strip. Where borders cross from one into the next they keep a vertex, so it is fixed.
STRIP_ROWS = 256


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows of a class raster, and what else is known of their pixels.

    Attributes:
        codes: (rows, columns) uint8 class of each pixel plus one, 0 where none is wanted.
        heights_m: Float32 of the same shape, NaN where there is none; or ``None``.
        confidences: Likewise, in per cent.
    """

    codes: NDArray[np.uint8]
    heights_m: NDArray[np.float32] | None = None
    confidences: NDArray[np.float32] | None = None


@dataclass(slots=True, eq=False)
class Face:
    """Pixels of one class that are connected by their edges.

    Attributes:
        code: Its class plus one.
        pixels: How many.
        sides: The arcs around it.
        heights: Of its pixels, where known.
        confidence: Likewise.
    """

    code: int
    pixels: int = 0
    sides: list[Side] = field(default_factory=list)
    heights: HeightSums | None = None
    confidence: ConfidenceSums | None = None

    def absorb(self, other: Face) -> None:
        """Take in another part of the same face."""
        self.pixels += other.pixels
        self.sides += other.sides
        self.heights = _sum(self.heights, other.heights)
        self.confidence = _sum(self.confidence, other.confidence)


def _sum(one: Sums | None, other: Sums | None) -> Sums | None:
    return one + other if one is not None and other is not None else one or other


def faces(
    strips: Iterable[Strip], *, tolerance_m: float, pixel_m: tuple[float, float]
) -> Iterator[Face]:
    """Yield the faces of a raster, each as soon as it is whole.

    Memory holds two strips and the faces that reach into the last one.

    Args:
        strips: From the top down, all of ``STRIP_ROWS`` rows but the last.
        tolerance_m: As of ``geosemimtl.vectors.simplification.simplified``.
        pixel_m: Width and height of a pixel.
    """
    tracer = _Tracer(tolerance_m, pixel_m)
    waiting: Strip | None = None
    for strip in strips:
        if waiting is not None:
            yield from tracer.add(waiting, strip.codes[0])
        waiting = strip
    if waiting is not None:
        nothing = np.zeros_like(waiting.codes[0])
        yield from tracer.add(waiting, nothing)
        yield from tracer.add(Strip(nothing[None]), nothing)


class _Tracer:
    """Traces one strip after another; knows the faces that reach into the last one."""

    def __init__(self, tolerance_m: float, pixel_m: tuple[float, float]) -> None:
        self._tolerance_m, self._pixel_m = tolerance_m, pixel_m
        self._top = 0
        self._codes: NDArray[np.uint8] | int = 0  # of the row above
        self._labels: NDArray[np.int32] | int = 0  # likewise: numbers of the open faces
        self._open: list[Face] = []

    def add(self, strip: Strip, below: NDArray[np.uint8]) -> Iterator[Face]:
        """Add a strip whose next row is known; yield the faces that end above it or in it."""
        rows, cols = strip.codes.shape
        codes = np.zeros((rows + 2, cols + 2), np.uint8)
        codes[0, 1:-1], codes[1:-1, 1:-1], codes[-1, 1:-1] = self._codes, strip.codes, below
        labels = np.zeros(codes.shape, np.int32)
        labels[0, 1:-1] = self._labels
        own = labels[1:-1, 1:-1]
        parts = self._open + _labelled(strip, own, len(self._open))
        owner = _joined(parts, codes, labels)
        arcs, corners = trace(codes, labels, self._top)
        arcs = simplified(arcs, corners, self._tolerance_m, self._pixel_m)
        about = (values.tolist() for values in (arcs.faces, arcs.steps, arcs.doubled))
        ends = pairwise(arcs.starts.tolist())
        for (left, right), steps, doubled, (start, stop) in zip(*about, ends, strict=True):
            vertices = arcs.vertices[start:stop]
            if left:
                owner[left - 1].sides.append(sides_of(vertices, steps, doubled, on_left=True))
            if right:
                owner[right - 1].sides.append(sides_of(vertices, steps, doubled, on_left=False))
        last = own[-1]
        self._open = _distinct(owner[label - 1] for label in np.unique(last[last > 0]).tolist())
        number = {face: index + 1 for index, face in enumerate(self._open)}
        numbers = [0, *(number.get(face, 0) for face in owner)]
        self._labels = np.array(numbers, np.int32)[last]
        self._codes, self._top = strip.codes[-1], self._top + rows
        yield from (face for face in _distinct(owner) if face not in number)


def _labelled(strip: Strip, labels: NDArray[np.int32], offset: int) -> list[Face]:
    """Number a strip's faces in place, from an offset on, and return them."""
    made: list[Face] = []
    for code in np.unique(strip.codes[strip.codes > 0]).tolist():
        here = strip.codes == code
        found, count = ndimage.label(here)
        labels[here] = found[here] + (offset + len(made))
        made += [Face(code) for _ in range(count)]
    inside = labels > 0
    numbers = labels[inside] - (offset + 1)
    for face, pixels in zip(made, np.bincount(numbers, minlength=len(made)).tolist(), strict=True):
        face.pixels = pixels
    if strip.heights_m is not None:
        metres = strip.heights_m[inside]
        known = np.isfinite(metres)
        for number, sums in height_sums(numbers[known], metres[known]):
            made[number].heights = sums
    if strip.confidences is not None:
        percent = strip.confidences[inside]
        known = np.isfinite(percent)
        counts = np.bincount(numbers[known], minlength=len(made))
        totals = np.bincount(numbers[known], percent[known], minlength=len(made))
        for number in np.flatnonzero(counts).tolist():
            made[number].confidence = ConfidenceSums(int(counts[number]), float(totals[number]))
    return made


def _joined(
    parts: Sequence[Face], codes: NDArray[np.uint8], labels: NDArray[np.int32]
) -> list[Face]:
    """Return whose each label is, once faces are joined across a strip's upper border."""
    owner = list(parts)
    same = (codes[0] == codes[1]) & (codes[0] > 0)
    pairs = np.unique(labels[:2, same], axis=1) - 1
    graph = coo_array((np.ones(pairs.shape[1], bool), pairs), (len(parts),) * 2)
    _, whole = csgraph.connected_components(graph, directed=False)
    groups: dict[int, list[int]] = {}
    for label in np.unique(pairs).tolist():
        groups.setdefault(int(whole[label]), []).append(label)
    for members in groups.values():
        largest = max((parts[label] for label in members), key=lambda face: len(face.sides))
        for label in members:
            if owner[label] is not largest:
                largest.absorb(owner[label])
            owner[label] = largest
    return owner


def _distinct(faces: Iterable[Face]) -> list[Face]:
    return list(dict.fromkeys(faces))
