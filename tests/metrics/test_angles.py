"""Angles between normals against worked examples, the arc cosine and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.metrics.angles import CELLS, LIMITS_DEG, AngleCounts

#: W5's three pixels, the last without a truth.
P = np.array([[0, 0, 1], [0.6, 0, 0.8], [1, 0, 0]]).T[:, None]
Y = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0]]).T[:, None]
VALID = np.array([[True, True, False]])


def tilted(*degrees: float) -> NDArray[np.float64]:
    """Return normals (3, 1, pixels), tilted by angles from (0, 0, 1)."""
    angle = np.radians([degrees])
    return np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)])


def counts_of(*degrees: float) -> AngleCounts:
    upright = tilted(*[0] * len(degrees))
    return AngleCounts.from_normals(tilted(*degrees), upright, np.ones((1, len(degrees)), bool))


def test_the_mean_has_the_value_of_w5() -> None:
    counts = AngleCounts.from_normals(P, Y, VALID)
    assert counts.n == 2
    assert counts.mean_deg == pytest.approx(18.434949, abs=1e-6)


def test_shares_and_median_by_hand() -> None:
    counts = counts_of(1.03, 11.2, 11.3, 22.4, 29.9, 30.1, 90, 180)
    assert [counts.within(limit) for limit in LIMITS_DEG] == [2 / 8, 4 / 8, 5 / 8]
    assert (counts.within(0), counts.within(179.9375), counts.within(180)) == (0, 7 / 8, 1)
    assert counts.cells[CELLS - 1] == 1  # of 180
    assert counts.mean_deg == pytest.approx((1.03 + 11.2 + 11.3 + 22.4 + 29.9 + 30.1 + 270) / 8)
    assert counts_of(3, 50.03, 100).median_deg == pytest.approx(50.03, abs=1 / 16)


def test_small_angles_are_exact() -> None:
    """The arc cosine of a float64 knows none below 1e-8 rad but 0."""
    tiny = 1e-7
    assert counts_of(tiny).mean_deg == pytest.approx(tiny, rel=1e-6)
    assert counts_of(180 - 1e-6).mean_deg == pytest.approx(180 - 1e-6, rel=1e-12)


def test_a_prediction_without_direction_is_wrong_by_a_right_angle() -> None:
    assert AngleCounts.from_normals(0 * P, Y, VALID).mean_deg == 90


@given(st.integers(0, 2**32 - 1))
def test_errors_are_the_arc_cosine_whatever_the_length(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(2, 2, 3, 4, 5))
    valid = rng.random((2, 4, 5)) < 0.8
    p, y = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (p, y))
    error = np.degrees(np.arccos(np.clip((p * y).sum(axis=1), -1, 1)))[valid]
    lengths = rng.gamma(2, 3, (2, 2, 1, 4, 5)) + 0.01
    counts = AngleCounts.from_normals(p * lengths[0], y * lengths[1], valid)
    assert counts.mean_deg == pytest.approx(error.mean())
    ranked, middle = np.sort(error), len(error) / 2
    low, high = ranked[math.ceil(middle) - 1], ranked[math.floor(middle)]
    assert low - 1 / 16 <= counts.median_deg <= high + 1 / 16
    assert counts.within(30) == pytest.approx((error < 30).mean())
    assert AngleCounts.from_normals(y, p, valid).mean_deg == pytest.approx(error.mean())


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_parts_add_up_to_the_whole(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(2, 3, 2, 40)).astype(np.float32)
    valid = rng.random((2, 40)) < 0.8
    whole = AngleCounts.from_normals(p, y, valid)
    sums = AngleCounts.zeros()
    for part in (slice(cut), slice(cut, None)):
        sums += AngleCounts.from_normals(p[..., part], y[..., part], valid[..., part])
    np.testing.assert_array_equal(sums.cells, whole.cells)
    assert sums.sum_deg == pytest.approx(whole.sum_deg)


def test_nothing_counted_gives_nan() -> None:
    empty = AngleCounts.from_normals(P, Y, np.zeros_like(VALID))
    assert empty.n == 0
    assert all(math.isnan(x) for x in (empty.mean_deg, empty.median_deg, empty.within(30)))


def test_errors_name_the_value() -> None:
    with pytest.raises(ValueError, match=r"give \(..., 3, rows, columns\)"):
        AngleCounts.from_normals(P[:2], Y[:2], VALID)
    with pytest.raises(ValueError, match=r"valid \(3,\)"):
        AngleCounts.from_normals(P, Y, VALID[0])
    with pytest.raises(ValueError, match="not finite"):
        AngleCounts.from_normals(P * np.nan, Y, VALID)
    with pytest.raises(ValueError, match="has no length"):
        AngleCounts.from_normals(P, Y, np.ones_like(VALID))
    for wrong in (11.2, -1.0, 180.25):
        with pytest.raises(ValueError, match="multiple of 1/16"):
            AngleCounts.zeros().within(wrong)
