"""Accuracy by confidence, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geosemimtl.metrics.calibration import CalibrationCounts

PERCENT = np.array([[95, 100, 90, 25], [20, 0, 60, 255]], np.uint8)
RIGHT = np.array([[True, True, False, True], [False, False, True, True]])
VALID = np.array([[True, True, True, True], [True, True, False, False]])


def test_bins_by_hand() -> None:
    counts = CalibrationCounts.from_confidence(PERCENT, RIGHT, VALID)
    assert counts.total == 6
    first, third, last = counts.bins[0], counts.bins[2], counts.bins[9]
    assert list(first) == [0, 0.1, 1, 0, 0]
    assert list(third) == pytest.approx([0.2, 0.3, 2, 0.225, 0.5])
    # 100 % belongs to the last
    assert list(last) == pytest.approx([0.9, 1, 3, 0.95, 2 / 3])
    assert [each.pixels for each in counts.bins] == [1, 0, 2, 0, 0, 0, 0, 0, 0, 3]
    assert math.isnan(counts.bins[6].accuracy)  # the pixel of 60 % does not count
    # |0.5 - 0.225| of 2 pixels and |2/3 - 0.95| of 3, over 6
    assert counts.error == pytest.approx((2 * 0.275 + 3 * (0.95 - 2 / 3)) / 6)


def test_sure_and_right_is_no_error() -> None:
    sure = np.full((2, 3), 100, np.uint8)
    every = np.ones((2, 3), bool)
    assert CalibrationCounts.from_confidence(sure, every, every).error == 0
    assert CalibrationCounts.from_confidence(sure, ~every, every).error == 1


def test_counts_add_up() -> None:
    whole = CalibrationCounts.from_confidence(PERCENT, RIGHT, VALID)
    parts = CalibrationCounts.zeros()
    for row in range(2):
        one = slice(row, row + 1)
        parts = parts + CalibrationCounts.from_confidence(PERCENT[one], RIGHT[one], VALID[one])
    np.testing.assert_array_equal(parts.pixels, whole.pixels)
    np.testing.assert_array_equal(parts.right, whole.right)


def test_nothing_has_no_error() -> None:
    assert math.isnan(CalibrationCounts.zeros().error)


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="255 % where valid"):
        CalibrationCounts.from_confidence(PERCENT, RIGHT, np.ones_like(VALID))
    with pytest.raises(ValueError, match="one shape"):
        CalibrationCounts.from_confidence(PERCENT[:1], RIGHT, VALID)
