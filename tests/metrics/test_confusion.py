"""The confusion matrix against worked examples and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.metrics.confusion import ConfusionCounts

V5 = ConfusionCounts(np.array([[50, 3, 2], [4, 30, 6], [0, 5, 0]]))
ABSENT = ConfusionCounts(np.array([[50, 5, 0], [4, 41, 0], [0, 0, 0]]))


def test_counts_have_the_values_of_v5() -> None:
    np.testing.assert_allclose(V5.iou, [0.8474576, 0.625, 0], atol=1e-7)
    assert V5.miou == pytest.approx(0.4908192, abs=1e-7)
    assert V5.pixel_accuracy == pytest.approx(0.80)
    assert np.mean(V5.recall) == pytest.approx(0.5530303, abs=1e-7)
    assert V5.total == 100


def test_an_absent_class_leaves_the_mean_alone() -> None:
    assert np.isnan(ABSENT.iou[2])
    assert ABSENT.miou == pytest.approx(0.8337288, abs=1e-7)


def test_precision_recall_and_f1_agree() -> None:
    np.testing.assert_allclose(V5.precision, [50 / 54, 30 / 38, 0])
    np.testing.assert_allclose(V5.recall, [50 / 55, 30 / 40, 0])
    np.testing.assert_allclose(V5.f1, [100 / 109, 60 / 78, 0])
    assert np.isnan(ABSENT.f1[2])


def test_classes_can_be_left_out_of_the_mean() -> None:
    assert V5.miou_without([2]) == pytest.approx((0.8474576 + 0.625) / 2, abs=1e-7)
    assert V5.miou_without([]) == V5.miou
    assert np.isnan(ABSENT.miou_without([0, 1]))


def test_nothing_counted_gives_nan() -> None:
    empty = ConfusionCounts.zeros(3)
    assert np.isnan([empty.miou, empty.pixel_accuracy, *empty.iou]).all()
    np.testing.assert_array_equal((empty + V5).matrix, V5.matrix)


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_parts_add_up_to_the_whole(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction = rng.integers(0, 4, (2, 60), dtype=np.uint8)
    truth[rng.random(60) < 0.2] = 255
    valid = truth != 255
    whole = ConfusionCounts.from_labels(prediction, truth, valid, 4)
    left = ConfusionCounts.from_labels(prediction[:cut], truth[:cut], valid[:cut], 4)
    right = ConfusionCounts.from_labels(prediction[cut:], truth[cut:], valid[cut:], 4)
    np.testing.assert_array_equal((left + right).matrix, whole.matrix)
    assert whole.total == valid.sum()


def test_mean_f1_with_and_without_a_class() -> None:
    # rows true: F1 of 2*2/(3+2), 2*1/(1+3), and of a class that is nowhere
    counts = ConfusionCounts(np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]]))
    assert counts.mean_f1() == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert counts.mean_f1([1]) == pytest.approx(4 / 5)
    assert np.isnan(counts.mean_f1([0, 1]))


def test_rows_are_the_truth() -> None:
    truth, prediction = np.array([[0, 0]], np.uint8), np.array([[1, 1]], np.uint8)
    counts = ConfusionCounts.from_labels(prediction, truth, np.array([[True, True]]), 2)
    np.testing.assert_array_equal(counts.matrix, [[0, 2], [0, 0]])


@pytest.mark.parametrize(("truth", "prediction"), [(255, 0), (0, 255), (-1, 0)])
def test_a_valid_pixel_without_a_class_is_an_error(truth: int, prediction: int) -> None:
    arrays = np.array([prediction]), np.array([truth])
    with pytest.raises(ValueError, match="classes are 0 to 2"):
        ConfusionCounts.from_labels(*arrays, np.array([True]), 3)
    assert ConfusionCounts.from_labels(*arrays, np.array([False]), 3).total == 0


def test_shapes_and_class_counts_must_agree() -> None:
    labels = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        ConfusionCounts.from_labels(labels, labels[0], labels == 0, 2)
    with pytest.raises(ValueError, match="square"):
        ConfusionCounts(np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError, match="do not add up"):
        V5 + ConfusionCounts.zeros(2)
    with pytest.raises(ValueError, match="read-only"):
        V5.matrix[0, 0] = 1
