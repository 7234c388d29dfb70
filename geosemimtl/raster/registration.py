"""How far two layers of one scene are apart: phase correlation of their edges.

An image, its labels and its heights rarely come from one origin. Where they show the same place,
their edges lie in the same places: of roofs, of kerbs, of crowns. What is compared is the
direction of the edges with its angle doubled, so that it does not matter which side is the
brighter, and noise, which has no direction, averages out. The cross-power spectrum is whitened
(De Castro and Morandi 1987, here to the power 0.75, since edges fill the spectrum unevenly), and
its peak is the shift.

Shadows and leaning roofs make edges of their own beside the true ones, and pull the peak towards
them: on the synthetic city, which casts shadows, by up to 0.2 px for layers that lie right
(tests/raster/test_registration.py). Hence the square root of the brightness, which weakens them,
and only the lowest metres of the heights, which show where things stand and not the forms of roofs
and crowns. Shifts below half a pixel mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy import fft
from scipy.ndimage import gaussian_filter, minimum_filter

from geosemimtl.classes import IGNORE

Edges = NDArray[np.complex64]

#: Shifts up to this many pixels along each axis are looked for.
REACH_PX = 32
#: A peak this many deviations above what else is within reach is believed. Layers of different
#: places reached 5.5 in the worst of 96 trials, the same place had 7.7 or more.
TRUSTED = 7.0

#: Side of the windows of a scene, how many are looked at, and how many are correlated.
_WINDOW_PX = 512
_LOOKED_AT = 24
_CORRELATED = 12
#: Deviation of the Gaussian whose derivative finds edges, and how far it reaches.
_SIGMA_PX = 1.0
_RADIUS_PX = 3
#: Heights count up to this many metres: what stands has an outline there, a tower no better one.
_OUTLINE_M = 2.0
#: What is lower than nearly everything is ground, or no height at all.
_GROUND_PERCENT = 5
#: Deviation of the Gaussian that smooths the correlation.
_SMOOTH_PX = 1.5
#: 0 is plain correlation, 1 whitens fully.
_WHITENING = 0.75
#: What lies closer than this to a peak belongs to it.
_PEAK_PX = 5
#: Share of a window, at either end, along which it fades out.
_FADE = 0.25
#: Windows agree when they are closer than this.
_AGREEMENT_PX = 1.5


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a layer lies relative to another.

    Attributes:
        rows_px: Pixels that it lies further down.
        cols_px: Pixels that it lies further to the right.
        confidence: Height of the correlation's peak above the mean of what else is within reach,
            in deviations; see ``TRUSTED``.
    """

    rows_px: float
    cols_px: float
    confidence: float

    @property
    def length_px(self) -> float:
        """Its length in pixels."""
        return float(np.hypot(self.rows_px, self.cols_px))


def image_edges(pixels: NDArray[np.generic], valid: NDArray[np.bool_]) -> Edges:
    """Return the edges of an image's brightness.

    Args:
        pixels: (bands, rows, columns) of any type.
        valid: (rows, columns); what is not valid makes no edge.

    Returns:
        (rows, columns): strength of each edge, and as its phase twice its direction; 0 for none.
    """
    if not valid.any():
        return np.zeros(valid.shape, np.complex64)
    brightness = np.where(valid, pixels, 0).mean(axis=0, dtype=np.float32)
    above = np.maximum(brightness - brightness[valid].min(), 0)
    return _directions([_slopes(np.sqrt(above), valid)])


def class_edges(indices: NDArray[np.uint8]) -> Edges:
    """Return the borders of classes; the edge of what is not labelled is none.

    Args:
        indices: (rows, columns), ``IGNORE`` where unlabelled.

    Returns:
        As ``image_edges``.
    """
    labelled = indices != IGNORE
    present = np.unique(indices[labelled])
    return _directions([_slopes((indices == index), labelled) for index in present], indices.shape)


def height_edges(heights_m: NDArray[np.floating], valid: NDArray[np.bool_]) -> Edges:
    """Return the outlines of what stands on the ground.

    Args:
        heights_m: (rows, columns) in metres, above ground; above the sea where the ground is flat.
        valid: (rows, columns); what is not valid makes no edge.

    Returns:
        As ``image_edges``.
    """
    if not valid.any():
        return np.zeros(valid.shape, np.complex64)
    ground = np.percentile(heights_m[valid], _GROUND_PERCENT)
    outlines = np.clip(np.where(valid, heights_m, ground) - ground, 0, _OUTLINE_M)
    return _directions([_slopes(outlines, valid)])


def correlation(reference: Edges, moving: Edges) -> NDArray[np.float32] | None:
    """Correlate two windows' edges.

    Args:
        reference: Edges of one layer (rows, columns).
        moving: Of another, of the same shape.

    Returns:
        The correlation at shifts of whole pixels, ``moving`` against ``reference``, in deviations:
        square, no shift in its middle, up to ``REACH_PX`` or a quarter of the window either way.
        ``None`` where a layer has no edges, or the window is too small.
    """
    rows, cols = reference.shape
    reach = min(REACH_PX, min(rows, cols) // 4)
    if reach <= 2 * _PEAK_PX:
        return None
    fade = np.outer(_taper(rows), _taper(cols))
    spectra = [fft.fft2(edges * fade) for edges in (reference, moving)]
    cross = spectra[1] * np.conj(spectra[0])
    size = np.abs(cross)
    if not size.max() > 0:
        return None
    down, across = fft.fftfreq(rows)[:, None], fft.fftfreq(cols)[None, :]
    smooth = np.exp(-2 * (np.pi * _SMOOTH_PX) ** 2 * (down**2 + across**2))
    cross *= smooth / np.maximum(size, 1e-9 * size.max()) ** _WHITENING
    around = np.arange(-reach, reach + 1)
    surface = np.real(fft.ifft2(cross))[np.ix_(around % rows, around % cols)]
    others = surface[_beside(surface)]
    standard: NDArray[np.float32] = ((surface - others.mean()) / others.std()).astype(np.float32)
    return standard


def peak(surface: NDArray[np.float32]) -> Shift:
    """Return the shift at a correlation's peak, between pixels by parabolas through it.

    A peak at the rim has no parabola and no confidence: the true one may lie beyond.
    """
    middle = len(surface) // 2
    row, col = (int(place) for place in np.unravel_index(surface.argmax(), surface.shape))
    others = surface[_beside(surface)]
    height = float((surface[row, col] - others.mean()) / others.std())
    if not (0 < row < len(surface) - 1 and 0 < col < len(surface) - 1):
        return Shift(row - middle, col - middle, 0.0)
    down = _vertex(*surface[row - 1 : row + 2, col].tolist())
    across = _vertex(*surface[row, col - 1 : col + 2].tolist())
    return Shift(row - middle + down, col - middle + across, height)


def estimate_shift(reference: Edges, moving: Edges) -> Shift | None:
    """Estimate how far a layer lies from another in one window.

    Args:
        reference: Edges of one layer (rows, columns).
        moving: Of another, of the same shape.

    Returns:
        The shift, or ``None`` where nothing can be told.
    """
    surface = correlation(reference, moving)
    return None if surface is None else common_shift([surface])


def common_shift(surfaces: Sequence[NDArray[np.float32]]) -> Shift | None:
    """Estimate one shift from the correlations of several windows.

    The windows' correlations are added, so that windows too poor to tell alone still count; where
    several can tell alone, more than half of them have to agree with the sum.

    Args:
        surfaces: Of ``correlation``, all of one shape.

    Returns:
        The shift, or ``None`` where nothing can be told.
    """
    if not surfaces:
        return None
    found = peak(np.mean(surfaces, axis=0))
    if found.confidence < TRUSTED:
        return None
    alone = [one for one in map(peak, surfaces) if one.confidence >= TRUSTED]
    near = [
        one
        for one in alone
        if np.hypot(one.rows_px - found.rows_px, one.cols_px - found.cols_px) < _AGREEMENT_PX
    ]
    if 2 * len(near) <= len(alone) and alone:
        return None
    return found


def layer_shift(
    shape: tuple[int, int],
    reference: Callable[[Window], Edges],
    moving: Callable[[Window], Edges],
) -> Shift | None:
    """Estimate how far a layer of a scene lies from another.

    Up to 24 windows of 512 px, spread over the scene, are looked at, and the 12 with the strongest
    edges of the moving layer correlated.

    Args:
        shape: (rows, columns) of the grid on which both are read.
        reference: Gives the edges of one layer in a window.
        moving: Gives those of the other.

    Returns:
        The shift, or ``None`` where nothing can be told.
    """
    windows = spread_windows(shape, _WINDOW_PX, _LOOKED_AT)
    strength = [float(np.abs(moving(window)).sum()) for window in windows]
    best = np.argsort(strength)[::-1][:_CORRELATED]
    surfaces = (
        correlation(reference(windows[i]), moving(windows[i])) for i in best if strength[i] > 0
    )
    return common_shift([surface for surface in surfaces if surface is not None])


def spread_windows(shape: tuple[int, int], size_px: int, most: int) -> list[Window]:
    """Return windows of one size, spread evenly over a grid and overlapping by at most a half.

    Args:
        shape: (rows, columns) of the grid.
        size_px: Side of a window; the grid's shorter side where that is less.
        most: How many at most.
    """
    side = min(size_px, *shape)
    counts = [max(1, round(length / side)) for length in shape]
    while counts[0] * counts[1] > most:
        counts[counts[1] > counts[0]] -= 1
    rows, cols = (
        _spread(length - side, count) for length, count in zip(shape, counts, strict=True)
    )
    return [Window(col, row, side, side) for row in rows for col in cols]


def _spread(last: int, count: int) -> Iterable[int]:
    return [last // 2] if count == 1 else np.linspace(0, last, count).astype(int).tolist()


def _slopes(values: NDArray[np.generic], valid: NDArray[np.bool_]) -> NDArray[np.complex64]:
    """Return the slope as a complex number, right + down * i; 0 near what is not valid."""
    if not valid.any():
        return np.zeros(valid.shape, np.complex64)
    filled = np.where(valid, values, 0).astype(np.float32)
    if not valid.all():
        filled[~valid] = filled[valid].mean()
    across, down = (
        gaussian_filter(filled, _SIGMA_PX, order=order, truncate=_RADIUS_PX)
        for order in ((0, 1), (1, 0))
    )
    sure = minimum_filter(valid.view(np.uint8), 2 * _RADIUS_PX + 1) if not valid.all() else 1
    return ((across + 1j * down) * sure).astype(np.complex64)


def _directions(slopes: Sequence[Edges], shape: tuple[int, ...] = ()) -> Edges:
    """Return slopes with their angles doubled, and their strength as it was."""
    squares = sum((slope * slope for slope in slopes), np.zeros(shape, np.complex64))
    return (squares / np.sqrt(np.maximum(np.abs(squares), 1e-12))).astype(np.complex64)


def _taper(length: int) -> NDArray[np.float64]:
    middle = np.arange(length) + 0.5
    to_end = np.minimum(middle, length - middle) / (_FADE * length)
    fading: NDArray[np.float64] = np.sin(np.pi / 2 * np.minimum(to_end, 1)) ** 2
    return fading


def _beside(surface: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return what does not belong to the highest peak."""
    row, col = np.unravel_index(surface.argmax(), surface.shape)
    rows, cols = np.ogrid[: surface.shape[0], : surface.shape[1]]
    distant: NDArray[np.bool_] = (rows - row) ** 2 + (cols - col) ** 2 > _PEAK_PX**2
    return distant


def _vertex(before: float, at: float, after: float) -> float:
    """Return where a parabola through three neighbouring values has its top, from the middle."""
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else 0.5 * (before - after) / bend
