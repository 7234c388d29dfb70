"""Saliency and edges at thresholds, worked out by hand, and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.metrics.binary import THRESHOLDS, BinaryCounts, BinaryMeans

P = np.array([0.1, 0.4, 0.5, 0.95, 0.7, 0.3])
YES = np.array([False, True, False, True, True, True])
ALL = np.ones(6, bool)
THREE = (0.2, 0.5, 0.8)


def counts_of(p: list[float], yes: list[int]) -> BinaryCounts:
    return BinaryCounts.from_probability(
        np.array(p), np.array(yes), np.ones(len(p), bool), thresholds=THREE
    )


def test_thresholds_are_the_papers() -> None:
    np.testing.assert_allclose(THRESHOLDS, np.linspace(0.2, 0.9, 15))


def test_counts_by_hand() -> None:
    counts = BinaryCounts.from_probability(P, YES, ALL, thresholds=THREE)
    assert counts.hits.tolist() == [4, 2, 1]
    assert counts.alarms.tolist() == [1, 0, 0]  # 0.5 is not above 0.5
    assert (counts.positives, counts.negatives) == (4, 2)
    assert counts.precision.tolist() == [0.8, 1, 1]
    assert counts.recall.tolist() == [1, 0.5, 0.25]
    assert counts.iou.tolist() == [0.8, 0.5, 0.25]
    assert counts.max_iou == 0.8


def test_f_by_hand() -> None:
    counts = BinaryCounts.from_probability(P, YES, ALL, thresholds=THREE)
    expected = [1.3 * 0.8 / (0.3 * 0.8 + 1), 1.3 * 0.5 / 0.8, 1.3 * 0.25 / 0.55]
    assert counts.f() == pytest.approx(expected)
    assert counts.max_f() == pytest.approx(max(expected))
    assert counts.f(1) == pytest.approx([1.6 / 1.8, 1 / 1.5, 0.5 / 1.25])
    assert counts.pixel_f == counts.max_f(1) == pytest.approx(1.6 / 1.8)


def test_beta_decides_which_threshold_is_best() -> None:
    counts = counts_of([0.9, 0.3, 0.3, 0.3], [1, 1, 0, 0])  # P, R: .5, 1 or 1, .5
    assert counts.f(0.3).argmax() == 1
    assert counts.f(3.0).argmax() == 0


def test_what_is_not_valid_does_not_count() -> None:
    p, yes = np.append(P, np.nan), np.append(YES.astype(float), 255)
    counts = BinaryCounts.from_probability(p, yes, np.append(ALL, [False]), thresholds=THREE)
    assert counts.hits.tolist() == [4, 2, 1]
    assert counts.positives + counts.negatives == 6


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_parts_add_up_to_the_whole_and_to_a_plain_count(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random((2, 40)).astype(np.float32)
    yes, valid = rng.random((2, 2, 40)) < [[[0.3]], [[0.8]]]
    whole = BinaryCounts.from_probability(p, yes, valid)
    sums = BinaryCounts.zeros()
    for part in (slice(cut), slice(cut, None)):
        sums += BinaryCounts.from_probability(p[:, part], yes[:, part], valid[:, part])
    for found in (whole, sums):
        said = [p.astype(float) > threshold for threshold in THRESHOLDS]
        assert found.hits.tolist() == [(each & yes & valid).sum() for each in said]
        assert found.alarms.tolist() == [(each & ~yes & valid).sum() for each in said]
    assert (sums.positives, sums.negatives) == (whole.positives, whole.negatives)


@given(st.integers(0, 2**32 - 1))
def test_iou_never_exceeds_f_nor_f_its_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    yes = np.append(True, rng.random(30) < 0.4)
    counts = BinaryCounts.from_probability(rng.random(31), yes, np.ones(31, bool))
    known = ~np.isnan(counts.precision)
    f, parts = counts.f(1)[known], np.stack([counts.precision, counts.recall])[:, known]
    assert (counts.iou[known] <= f + 1e-12).all()
    assert (f <= parts.max(axis=0) + 1e-12).all()
    assert (f >= parts.min(axis=0) - 1e-12).all()


def test_images_count_the_same_whatever_their_size() -> None:
    """A large image that is right and a small one that is half right."""
    large, small = counts_of([0.9] * 8, [1] * 8), counts_of([0.9, 0.9], [1, 0])
    pooled = large + small
    means = BinaryMeans.from_image(large) + BinaryMeans.from_image(small)
    assert pooled.max_iou == 0.9
    assert means.images == 2
    assert means.max_iou == pytest.approx((1 + 0.5) / 2)
    assert means.max_f(1) == pytest.approx(2 * 0.75 / 1.75)  # of precision 0.75 and recall 1
    assert means.max_f() == pytest.approx(1.3 * 0.75 / (0.3 * 0.75 + 1))


def test_the_best_threshold_is_one_for_all_images() -> None:
    faint, bold = counts_of([0.4, 0.1], [1, 0]), counts_of([0.9, 0.4], [1, 0])
    means = BinaryMeans.from_image(faint) + BinaryMeans.from_image(bold)
    assert (faint.max_iou, bold.max_iou) == (1, 1)
    assert means.max_iou == pytest.approx((1 + 0.5) / 2)


def test_images_where_a_score_is_zero_by_zero() -> None:
    rightly_nothing = BinaryMeans.from_image(counts_of([0.1, 0.1], [0, 0]))
    assert rightly_nothing.max_iou == 1
    assert rightly_nothing.max_f() == 0
    wrongly_something = BinaryMeans.from_image(counts_of([0.9, 0.9], [0, 0]))
    assert wrongly_something.max_iou == 0
    nothing_valid = BinaryMeans.from_image(BinaryCounts.zeros(THREE))
    assert (rightly_nothing + nothing_valid).images == 1


def test_nothing_counted_gives_nan() -> None:
    counts, means = BinaryCounts.zeros(), BinaryMeans.zeros()
    found = (counts.max_iou, counts.max_f(), counts.pixel_f, means.max_iou, means.max_f())
    assert all(math.isnan(each) for each in found)
    assert math.isnan(counts_of([0.1], [0]).max_iou)


def test_errors_name_the_value() -> None:
    with pytest.raises(ValueError, match="one shape"):
        BinaryCounts.from_probability(P[:2], YES, ALL)
    for wrong in (1.5, -0.1, np.nan):
        with pytest.raises(ValueError, match="not logits"):
            BinaryCounts.from_probability(np.array([wrong]), YES[:1], ALL[:1])
    for limits in ((), (0.5, 0.2)):
        with pytest.raises(ValueError, match="rising order"):
            BinaryCounts.from_probability(P, YES, ALL, thresholds=limits)
    with pytest.raises(ValueError, match="do not add up"):
        BinaryCounts.zeros() + BinaryCounts.zeros(THREE)
    with pytest.raises(ValueError, match="do not add up"):
        BinaryMeans.zeros() + BinaryMeans.zeros(THREE)
    for scores in (BinaryCounts.zeros(), BinaryMeans.zeros()):
        with pytest.raises(ValueError, match="beta_squared 0"):
            scores.max_f(0)
