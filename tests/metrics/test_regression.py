"""Height metrics against worked examples and their laws."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.metrics.regression import HeightCounts

Y = np.array([0, 0.5, 1, 2, 4, 8])
P = np.array([0.3, 0.6, 1.3, 1.5, 4, 5])


def test_counts_have_the_values_of_v6() -> None:
    counts = HeightCounts.from_heights(P, Y, Y > 0)
    assert counts.abs_rel == pytest.approx(0.225)
    assert counts.sq_rel == pytest.approx(0.272)
    assert counts.rmse == pytest.approx(1.3674794, abs=1e-7)
    assert counts.rmse_log == pytest.approx(0.2848651, abs=1e-7)
    assert [counts.delta(i) for i in (1, 2, 3)] == pytest.approx([0.4, 0.8, 1])
    assert counts.mae == pytest.approx(0.78)
    assert counts.bias == pytest.approx(-3.1 / 5)


def test_a_truth_near_zero_ruins_abs_rel() -> None:
    truth = np.array([0.01, *Y[1:]])
    counts = HeightCounts.from_heights(P, truth, truth > 0)
    assert counts.abs_rel == pytest.approx(5.0208333, abs=1e-7)
    assert counts.rmse == pytest.approx(1.2539338, abs=1e-7)
    floored = HeightCounts.from_heights(P, truth, truth > 0, eps=0.5)
    assert floored.n_ratio == 4  # above eps, not at it
    assert floored.rmse == counts.rmse


def test_errors_count_zero_truths_and_ratios_do_not() -> None:
    counts = HeightCounts.from_heights(P, Y, np.ones(6, bool))
    assert (counts.n, counts.n_ratio) == (6, 5)
    assert counts.mae == pytest.approx(4.2 / 6)
    assert counts.abs_rel == pytest.approx(0.225)


def test_rmse_is_pooled_over_images() -> None:
    first = HeightCounts.from_heights(np.array([0.0, 1]), np.zeros(2), np.ones(2, bool))
    second = HeightCounts.from_heights(np.zeros(4), np.zeros(4), np.ones(4, bool))
    assert (first + second).rmse == pytest.approx(0.4082483, abs=1e-7)


def test_predictions_at_or_below_zero_have_finite_ratios() -> None:
    counts = HeightCounts.from_heights(np.array([-1.0]), np.array([1.0]), np.array([True]))
    assert counts.rmse_log == pytest.approx(math.log(1000))
    assert counts.delta(3) == 0
    assert counts.abs_rel == 2
    assert counts.bias == -2


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_parts_add_up_to_the_whole(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.gamma(2, 3, (2, 40)).astype(np.float32)
    valid = rng.random(40) < 0.8
    whole = HeightCounts.from_heights(p, y, valid, eps=0.5)
    parts = HeightCounts.from_heights(p[:cut], y[:cut], valid[:cut], eps=0.5)
    parts += HeightCounts.from_heights(p[cut:], y[cut:], valid[cut:], eps=0.5)
    assert dataclasses.astuple(parts) == pytest.approx(dataclasses.astuple(whole))


def test_nothing_counted_gives_nan() -> None:
    empty = HeightCounts()
    assert all(math.isnan(x) for x in (empty.rmse, empty.mae, empty.abs_rel, empty.delta(1)))


def test_errors_name_the_value() -> None:
    valid = np.ones(6, bool)
    with pytest.raises(ValueError, match="one shape"):
        HeightCounts.from_heights(P[:2], Y, valid)
    with pytest.raises(ValueError, match="not finite"):
        HeightCounts.from_heights(P * np.nan, Y, valid)
    with pytest.raises(ValueError, match="eps = -1"):
        HeightCounts.from_heights(P, Y, valid, eps=-1)
    with pytest.raises(ValueError, match=r"eps 0\.0 and 0\.5"):
        HeightCounts() + HeightCounts(eps=0.5)
    with pytest.raises(ValueError, match="choose 1, 2 or 3"):
        HeightCounts().delta(4)
