"""Depths as MTPSL and AT/DT count them, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.metrics.depth import SCORES, DepthMeans, known_depth_counts
from geosemimtl.metrics.regression import HeightCounts

#: V6's.
Y = np.array([0, 0.5, 1, 2, 4, 8])
P = np.array([0.3, 0.6, 1.3, 1.5, 4, 5])
ALL = np.ones(6, bool)


def test_a_truth_of_zero_is_unknown() -> None:
    counts = known_depth_counts(P, Y, ALL)
    assert counts.n == 5
    assert counts.mae == pytest.approx(0.78)  # V6 with its first pixel invalid


def test_predictions_have_a_least() -> None:
    counts = known_depth_counts(
        np.array([-5.0, np.nan]), np.array([2.0, 1]), np.array([True, False])
    )
    assert counts.mae == pytest.approx(2, abs=1e-8)
    assert counts.mae < 2


def test_one_image_has_the_values_of_v6() -> None:
    means = DepthMeans.from_image(P, Y, ALL).means
    expected = [0.225, 0.272, 1.3674794, 0.2848651, 0.4, 0.8, 1]
    assert list(means) == list(SCORES)
    assert list(means.values()) == pytest.approx(expected, abs=1e-6)


def test_images_are_averaged_and_not_pooled() -> None:
    """V6's second example: images with errors (0, 1) and (0, 0, 0, 0)."""
    first, second = (np.full(n, 5.0) for n in (2, 4))
    off = first + np.array([0, 1])
    one = DepthMeans.from_image(off, first, ALL[:2])
    two = DepthMeans.from_image(second, second, ALL[:4])
    assert (one + two).images == 2
    assert (one + two).means["rmse"] == pytest.approx(0.3535534, abs=1e-7)
    pooled = HeightCounts.from_heights(off, first, ALL[:2])
    pooled += HeightCounts.from_heights(second, second, ALL[:4])
    assert pooled.rmse == pytest.approx(0.4082483, abs=1e-7)


def test_what_is_too_near_or_far_does_not_count_and_predictions_are_clipped() -> None:
    truth = np.array([0.001, 100, 50, 99, np.inf])
    guess = np.array([7.0, 7, 50, 1000, 7])
    means = DepthMeans.from_image(guess, truth, ALL[:5]).means
    assert means["rmse"] == pytest.approx(math.sqrt(0.5))
    near = DepthMeans.from_image(np.array([-3.0]), np.array([1.0]), ALL[:1]).means
    assert near["rmse_log"] == pytest.approx(math.log(1000))
    assert near["abs_rel"] == pytest.approx(0.999)
    assert DepthMeans.from_image(guess, truth, ALL[:5], farthest_m=20).images == 0


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5), st.integers(0, 5))
def test_images_add_up_in_any_grouping(seeds: list[int], cut: int) -> None:
    each = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        p, y = rng.gamma(2, 10, (2, 5, 6)).astype(np.float32)
        each.append(DepthMeans.from_image(p, y, rng.random((5, 6)) < 0.7))
    halves = [sum(part, DepthMeans()) for part in (each[:cut], each[cut:])]
    sums = (halves[0] + halves[1]).means
    for name in SCORES:
        mean = np.mean([one.means[name] for one in each if one.images])
        assert sums[name] == pytest.approx(mean, nan_ok=True)


def test_an_image_without_pixels_does_not_count() -> None:
    none = DepthMeans.from_image(P, Y, ~ALL)
    assert all(math.isnan(value) for value in none.means.values())
    one = DepthMeans.from_image(P, Y, ALL)
    assert one + none == one


def test_errors_name_the_value() -> None:
    with pytest.raises(ValueError, match="from 0 to 100"):
        DepthMeans.from_image(P, Y, ALL, nearest_m=0)
    with pytest.raises(ValueError, match="not finite"):
        DepthMeans.from_image(P * np.nan, Y, ALL)
