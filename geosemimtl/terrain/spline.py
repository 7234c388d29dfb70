"""A smooth surface through scattered cells of a grid: a thin plate, bent as little as possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Float = NDArray[np.float64]
#: Steps of the conjugate gradients on each grid, and the change in metres that ends them.
_STEPS = 60
_CHANGE_M = 0.003
#: The coarsest grid has no more cells than this along its shorter side.
_COARSEST = 8


def thin_plate(
    level_m: Float, weight: Float, cell_m: tuple[float, float], length_m: float
) -> Float:
    """Return the surface z that makes ``sum(weight (z - level)^2) + bending`` small.

    The bending is ``length^4`` times the sum of the squared second differences, so that waves
    shorter than ``2 pi length`` are smoothed away; where nothing is known, the plate bends freely
    and goes straight on at the edges. It is solved by conjugate gradients with a cosine transform
    as preconditioner, first on coarser grids, where wide gaps are a few cells.

    Args:
        level_m: (rows, columns), what is known; finite everywhere.
        weight: Same shape, 0 where nothing is known.
        cell_m: (rows, columns) size of a cell.
        length_m: What is smoothed.
    """
    if min(level_m.shape) <= _COARSEST:
        mean = float((weight * level_m).sum() / max(weight.sum(), 1e-12))
        start, steps = np.full(level_m.shape, mean), 5 * _STEPS
    else:
        halved = _halved(level_m, weight)
        coarse = thin_plate(*halved, (2 * cell_m[0], 2 * cell_m[1]), length_m)
        start, steps = _doubled(coarse, level_m.shape), _STEPS
    return _solved(_Plate(level_m.shape, weight, cell_m, length_m), level_m, start, steps)


class _Plate:
    """The plate's equations: what weighs, plus what bends."""

    def __init__(
        self, shape: tuple[int, ...], weight: Float, cell_m: tuple[float, float], length_m: float
    ) -> None:
        self._weight = weight
        self._stiff = [(length_m / size) ** 2 for size in cell_m]
        waves = [2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in shape]
        bend = self._stiff[0] * waves[0][:, None] + self._stiff[1] * waves[1][None]
        self._spectrum = max(float(weight.mean()) / 2, 1e-3) + bend**2

    def pull(self, level: Float) -> Float:
        return np.asarray(self._weight * level)

    def apply(self, z: Float) -> Float:
        out = self._weight * z
        for axis, stiff in enumerate(self._stiff):
            if z.shape[axis] > 2:
                bent = stiff**2 * np.diff(z, 2, axis=axis)
                for offset, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
                    part = [slice(None), slice(None)]
                    part[axis] = slice(offset, offset + bent.shape[axis])
                    out[tuple(part)] += factor * bent
        twist = 2 * self._stiff[0] * self._stiff[1] * np.diff(np.diff(z, axis=0), axis=1)
        out[:-1, :-1] += twist
        out[1:, :-1] -= twist
        out[:-1, 1:] -= twist
        out[1:, 1:] += twist
        return out

    def precondition(self, residual: Float) -> Float:
        return np.asarray(
            fft.idctn(fft.dctn(residual, norm="ortho") / self._spectrum, norm="ortho")
        )


def _solved(plate: _Plate, level: Float, start: Float, steps: int) -> Float:
    """Return the solution of the plate's equations by preconditioned conjugate gradients."""
    z = start.copy()
    residual = plate.pull(level) - plate.apply(z)
    ahead = plate.precondition(residual)
    direction = ahead.copy()
    energy = float((residual * ahead).sum())
    for _ in range(steps):
        if energy <= 0:
            break  # solved to the last bit
        applied = plate.apply(direction)
        step = energy / float((direction * applied).sum())
        z += step * direction
        if step * float(np.abs(direction).max()) < _CHANGE_M:
            break
        residual -= step * applied
        ahead = plate.precondition(residual)
        now = float((residual * ahead).sum())
        direction = ahead + now / energy * direction
        energy = now
    return z


def _halved(level: Float, weight: Float) -> tuple[Float, Float]:
    """Return weighted means of two by two cells, and a quarter of their weight."""
    total = _quads(weight)
    mean = np.divide(_quads(weight * level), total, out=np.zeros_like(total), where=total > 0)
    return mean, total / 4


def _quads(values: Float) -> Float:
    rows, cols = values.shape
    padded = np.pad(values, ((0, rows % 2), (0, cols % 2)))
    return np.asarray(padded.reshape((rows + 1) // 2, 2, (cols + 1) // 2, 2).sum(axis=(1, 3)))


def _doubled(coarse: Float, shape: tuple[int, ...]) -> Float:
    """Return the coarse grid, linear between its centres, on the finer one."""
    for axis, count in enumerate(shape):
        place = np.clip((np.arange(count) + 0.5) / 2 - 0.5, 0, coarse.shape[axis] - 1)
        low = np.minimum(place.astype(np.int64), max(coarse.shape[axis] - 2, 0))
        share = np.expand_dims(place - low, 1 - axis)
        high = np.minimum(low + 1, coarse.shape[axis] - 1)
        coarse = np.take(coarse, low, axis) * (1 - share) + np.take(coarse, high, axis) * share
    return coarse
