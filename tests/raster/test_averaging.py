"""Laws of area averages between grids of parallel axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.raster.averaging import Alignment, AxisWeights, average
from geosemimtl.raster.grid import PixelGrid, model_grid

GridMaker = Callable[..., PixelGrid]
DTYPES = ("uint8", "int16", "uint16", "float32", "float64")
sizes = st.integers(1, 30)
steps = st.floats(0.3, 6)
offsets = st.floats(-4, 8)


def axis(length: int, step: float, offset: float = 0.0) -> AxisWeights:
    """Return the weights of as many output pixels as it takes to reach the source's end."""
    return AxisWeights.of(0, max(1, math.ceil((length - offset) / step)), step, offset, length)


def drawn(seed: int, dtype: str, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return pixels over the type's range, and a mask a band."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        pixels: NDArray[Any] = random.normal(0, 1e3, shape).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        pixels = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return pixels, random.random(shape) > 0.4


def dense(weights: AxisWeights, length: int) -> NDArray[np.float64]:
    """Return the weights as a matrix (output pixels, source pixels)."""
    matrix = np.zeros((len(weights.first), length + len(weights.weights) + 1))
    for tap, row in enumerate(weights.weights):
        matrix[np.arange(len(row)), weights.first + tap] += row
    assert not matrix[:, length:].any(), "a pixel that is not there weighs"
    return matrix[:, :length]


@given(length=sizes, step=steps, offset=offsets, count=sizes)
def test_weights_are_the_lengths_that_intervals_share(
    length: int, step: float, offset: float, count: int
) -> None:
    matrix = dense(AxisWeights.of(0, count, step, offset, length), length)
    for place, row in enumerate(matrix):
        low, high = offset + place * step, offset + (place + 1) * step
        shared = [max(0.0, min(high, k + 1) - max(low, k)) for k in range(length)]
        np.testing.assert_allclose(row, shared, atol=3e-6)


@given(
    shape=st.tuples(sizes, sizes),
    step=st.tuples(steps, steps),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 99),
    masked=st.booleans(),
)
def test_constant_in_constant_out(
    shape: tuple[int, int], step: tuple[float, float], dtype: str, seed: int, *, masked: bool
) -> None:
    value = np.dtype(dtype).type(113)
    noise, valid = drawn(seed, dtype, (2, *shape))
    pixels = np.where(valid, value, noise) if masked else np.full_like(noise, value)
    rows, cols = axis(shape[0], step[0]), axis(shape[1], step[1])
    out, known = average(pixels, valid if masked else None, rows, cols)
    assert out.dtype == pixels.dtype
    if masked:
        assert np.isin(out, (0, value)).all() or np.dtype(dtype).kind == "f"
        np.testing.assert_allclose(out[out != 0].astype(float), 113, rtol=1e-6)
        np.testing.assert_array_equal((out != 0).any(axis=0), known)
    else:
        assert known.all()
        np.testing.assert_allclose(out.astype(float), 113, rtol=1e-6)


@given(
    counts=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    ratios=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 99),
)
def test_whole_ratios_keep_the_mean(
    counts: tuple[int, int], ratios: tuple[int, int], seed: int
) -> None:
    shape = (counts[0] * ratios[0], counts[1] * ratios[1])
    pixels, _ = drawn(seed, "float64", (1, *shape))
    out, _ = average(pixels, None, *(axis(n, r) for n, r in zip(shape, ratios, strict=True)))
    assert out.shape[1:] == counts
    assert out.astype(float).mean() == pytest.approx(np.mean(pixels), rel=1e-9, abs=1e-9)


@given(
    shape=st.tuples(sizes, sizes),
    step=st.tuples(steps, steps),
    offset=st.tuples(offsets, offsets),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 99),
    masked=st.booleans(),
)
def test_it_is_the_mean_of_the_valid_by_area(
    shape: tuple[int, int],
    step: tuple[float, float],
    offset: tuple[float, float],
    dtype: str,
    seed: int,
    *,
    masked: bool,
) -> None:
    pixels, valid = drawn(seed, dtype, (2, *shape))
    rows, cols = (axis(n, s, o) for n, s, o in zip(shape, step, offset, strict=True))
    out, known = average(pixels, valid if masked else None, rows, cols)
    down, across = dense(rows, shape[0]), dense(cols, shape[1])
    mask = valid if masked else np.ones_like(valid)
    sums = down @ np.where(mask, pixels, 0).astype(float) @ across.T
    shares = down @ mask.astype(float) @ across.T
    np.testing.assert_array_equal(known, (shares > 0).any(axis=0))
    expected = np.divide(sums, shares, out=np.zeros_like(sums), where=shares > 1e-9)
    clear = (shares > 1e-9) | (shares == 0)
    room = 0.5 + 1e-6 if np.dtype(dtype).kind in "ui" else 1e-6 * max(1, np.abs(pixels).max())
    assert np.abs(out - expected)[clear].max(initial=0) <= room


@given(
    corner=st.tuples(st.integers(-3, 40), st.integers(-3, 40)),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    step=st.tuples(steps, steps),
    offset=st.tuples(offsets, offsets),
    dtype=st.sampled_from(DTYPES),
    masked=st.booleans(),
    seed=st.integers(0, 99),
)
def test_windows_equal_the_whole_bit_for_bit(
    corner: tuple[int, int],
    size: tuple[int, int],
    step: tuple[float, float],
    offset: tuple[float, float],
    dtype: str,
    seed: int,
    *,
    masked: bool,
) -> None:
    (top, left), (height, width) = corner, size
    shape = (40, 50)
    pixels, valid = drawn(seed, dtype, (2, *shape))
    weights = [
        [AxisWeights.of(b, e, s, o, n) for b, e in ((-3, 80), (begin, begin + length))]
        for begin, length, s, o, n in (
            (top, height, step[0], offset[0], shape[0]),
            (left, width, step[1], offset[1], shape[1]),
        )
    ]
    (all_rows, rows), (all_cols, cols) = weights
    whole, whole_known = average(pixels, valid if masked else None, all_rows, all_cols)
    (r0, r1), (c0, c1) = rows.needs, cols.needs
    assert r0 < shape[0], "there is always something to read"
    assert c0 < shape[1]
    part = np.s_[r0:r1, c0:c1]
    got, known = average(
        pixels[:, *part], valid[:, *part] if masked else None, rows.shifted(r0), cols.shifted(c0)
    )
    same = np.s_[top + 3 : top + 3 + height, left + 3 : left + 3 + width]
    assert got.tobytes() == np.ascontiguousarray(whole[:, *same]).tobytes()
    np.testing.assert_array_equal(known, whole_known[same])


def test_by_hand() -> None:
    # 5 pixels into 2 of 2.5: (10 + 20 + 30 / 2) / 2.5 = 18, (30 / 2 + 40 + 60) / 2.5 = 46
    one = AxisWeights.of(0, 1, 1, 0, 1)
    pixels = np.array([[[10, 20, 30, 40, 60]]], np.float64)
    out, known = average(pixels, None, one, axis(5, 2.5))
    np.testing.assert_allclose(out.astype(float), [[[18, 46]]])
    assert known.all()
    # without 20 and 60: (10 + 30 / 2) / 1.5 = 16.67, (30 / 2 + 40) / 1.5 = 36.67
    valid = np.array([[[True, False, True, True, False]]])
    out, _ = average(pixels, valid, one, axis(5, 2.5))
    np.testing.assert_allclose(out.astype(float), [[[25 / 1.5, 55 / 1.5]]])


def test_what_is_not_valid_weighs_in_no_band() -> None:
    pixels = np.array([[[1, 255], [3, 255]], [[7, 9], [255, 255]]], np.uint8)
    two = axis(2, 2)
    alone, _ = average(pixels, np.array([[[True, False], [True, False]]]), two, two)
    np.testing.assert_array_equal(alone, [[[2]], [[131]]])
    each, known = average(pixels, pixels < 255, two, two)
    np.testing.assert_array_equal(each, [[[2]], [[8]]])
    assert known.all()
    none, known = average(pixels, np.zeros((1, 2, 2), bool), two, two)
    assert not none.any()
    assert not known.any()


def test_the_last_partial_pixel_averages_what_is_there() -> None:
    pixels = np.array([[[10, 20, 30, 40, 50]]], np.float64)
    out, _ = average(pixels, None, axis(1, 3), axis(5, 3))
    np.testing.assert_allclose(out.astype(float), [[[20, 45]]])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
@pytest.mark.parametrize("ratio", ["1.2", "1.6", "2", "4"])
def test_exact_halves_round_up(ratio: str, dtype: str) -> None:
    step = Fraction(ratio)
    length, bands = 24, 40
    pixels, _ = drawn(3, "uint8", (bands, length, length))
    signed = pixels.astype(np.int64) - (128 if dtype == "int16" else 0)
    weights = axis(length, float(step))
    out, _ = average(signed.astype(dtype), None, weights, weights)
    count = len(weights.first)
    # in whole numbers: pixels in units of the ratio's denominator
    part, unit = step.numerator, step.denominator
    fine = signed.repeat(unit, axis=1).repeat(unit, axis=2)[:, : count * part, : count * part]
    sums = np.add.reduceat(fine, range(0, fine.shape[1], part), axis=1)
    sums = np.add.reduceat(sums, range(0, fine.shape[2], part), axis=2)
    ends = np.minimum(np.arange(1, count + 1) * part, length * unit)
    spans = np.diff(ends, prepend=0)
    areas = spans[:, None] * spans
    halves = 2 * sums % (2 * areas) == areas
    assert halves.sum() > 20, "the law is about halves"
    np.testing.assert_array_equal(out, (2 * sums + areas) // (2 * areas))


def test_sums_do_not_overflow() -> None:
    pixels = np.full((1, 64, 64), 65535, np.uint16)
    out, _ = average(pixels, None, axis(64, 64), axis(64, 64))
    np.testing.assert_array_equal(out, 65535)


def test_pixels_beyond_the_source_are_not_known() -> None:
    rows = AxisWeights.of(-2, 6, 1.5, 0, 4)
    out, known = average(np.ones((1, 4, 4), np.float32), None, rows, axis(4, 1))
    np.testing.assert_array_equal(known[:, 0], [False] * 2 + [True] * 3 + [False] * 3)
    np.testing.assert_array_equal(out[0], known)


@given(
    degrees=st.floats(-180, 180),
    gsd=st.tuples(st.floats(0.02, 3), st.floats(0.02, 3)),
    gsd_m=st.floats(0.02, 2),
    origin=st.sampled_from([(500000.0, 0.0), (368000.0, 5806000.0), (600000.0, 9e6)]),
)
def test_a_scene_and_its_own_grid_are_parallel(
    degrees: float, gsd: tuple[float, float], gsd_m: float, origin: tuple[float, float]
) -> None:
    turned = Affine.translation(*origin) @ Affine.rotation(degrees) @ Affine.scale(gsd[0], -gsd[1])
    scene = PixelGrid(turned, (100, 120), CRS.from_epsg(25833))
    found = Alignment.between(scene, model_grid(scene, gsd_m))
    assert found is not None
    assert found.step == pytest.approx((gsd_m / gsd[1], gsd_m / gsd[0]), rel=1e-5)
    assert found.offset == pytest.approx((0, 0), abs=1e-6)


@pytest.mark.parametrize("degrees", [0, 30, 180])
@pytest.mark.parametrize("origin", [(0.0, 0.0), (1e7, 1e7)])
def test_shifted_grids(make_grid: GridMaker, degrees: float, origin: tuple[float, float]) -> None:
    scene = make_grid((40, 60), gsd=(0.2, 0.3), degrees=degrees, origin=origin)
    moved = replace(scene, transform=scene.transform @ Affine.translation(7, -3), shape=(9, 9))
    found = Alignment.between(scene, moved)
    assert found == Alignment((1.0, 1.0), (-3.0, 7.0))
    assert found.is_shift
    between = replace(scene, transform=scene.transform @ Affine.translation(0.25, 0.5))
    found = Alignment.between(scene, between)
    assert found is not None
    assert found.offset == pytest.approx((0.5, 0.25), abs=1e-6)
    assert not found.is_shift


def test_a_thousandth_of_a_pixel_is_no_shift(make_grid: GridMaker) -> None:
    scene = make_grid((100, 100))
    for drift, is_shift in ((5e-4, True), (2e-3, False)):
        moved = replace(scene, transform=scene.transform @ Affine.translation(drift, 0))
        grown = replace(scene, transform=scene.transform @ Affine.scale(1 + drift / 100))
        for grid in (moved, grown):
            found = Alignment.between(scene, grid)
            assert found is not None
            assert found.is_shift is is_shift


def test_other_axes_are_not_parallel(make_grid: GridMaker) -> None:
    scene = make_grid((100, 100), degrees=10)
    assert Alignment.between(scene, make_grid((100, 100), degrees=10.01)) is None
    assert Alignment.between(scene, make_grid((100, 100), degrees=190)) is None
    assert Alignment.between(scene, replace(scene, crs=CRS.from_epsg(25832))) is None
    for flip in (Affine.scale(-1, 1), Affine.scale(1, -1)):
        assert Alignment.between(scene, replace(scene, transform=scene.transform @ flip)) is None
    south_up = replace(scene, transform=scene.transform @ Affine.scale(1, -1))
    assert Alignment.between(south_up, model_grid(south_up, 0.09)) is not None
