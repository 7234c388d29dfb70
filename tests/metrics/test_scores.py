"""Scores that add up, against worked examples."""

import math
import pickle

import numpy as np
import pytest
import torch

from geosemimtl.metrics import DepthScores, SegmentationScores

#: V5's confusion matrix, rows the truth.
MATRIX = np.array([[50, 3, 2], [4, 30, 6], [0, 5, 0]])
TRUTH, GUESS = (np.repeat(side.ravel(), MATRIX.ravel()) for side in np.indices((3, 3)))
#: V6's heights.
Y = torch.tensor([0, 0.5, 1, 2, 4, 8])
P = torch.tensor([0.3, 0.6, 1.3, 1.5, 4, 5])


def test_segmentation_has_the_values_of_v5() -> None:
    scores = SegmentationScores(3)
    scores.update(GUESS, TRUTH)
    expected = {"pixel_accuracy": 0.8, "mean_iou": 0.4908192}
    assert scores.compute() == pytest.approx(expected, abs=1e-7)


def test_an_absent_class_does_not_count() -> None:
    two = (TRUTH < 2) & (GUESS < 2)
    scores = SegmentationScores(3)
    scores.update(GUESS, TRUTH, two)
    pairs = [[50, 3], [4, 30]]
    iou = [50 / 57, 30 / 37]
    assert scores.counts.matrix[:2, :2].tolist() == pairs
    assert scores.compute()["mean_iou"] == pytest.approx(sum(iou) / 2)


def test_ignored_pixels_and_tensors() -> None:
    scores = SegmentationScores(3, ignore=7)
    truth = torch.tensor([[0, 1], [7, 2]])
    scores.update(
        torch.tensor([[0, 1], [9, 2]]), truth, torch.tensor([[True, True], [True, False]])
    )
    assert scores.counts.matrix.trace() == 2
    assert scores.counts.total == 2


def test_depth_has_the_values_of_v6() -> None:
    scores = DepthScores()
    scores.update(P, Y, Y > 0)
    expected = {"abs_rel": 0.225, "rmse": 1.3674794, "mae": 0.78}
    expected |= {"delta1": 0.4, "delta2": 0.8, "delta3": 1.0}
    assert scores.compute() == pytest.approx(expected, abs=1e-6)


def test_the_smallest_target_limits_only_the_ratios() -> None:
    everywhere, high = DepthScores(), DepthScores(min_target=1.5)
    for scores in (everywhere, high):
        scores.update(P.bfloat16(), Y.double(), torch.ones(6))
    assert high.compute()["rmse"] == everywhere.compute()["rmse"]
    assert high.counts.n_ratio == 3
    assert everywhere.counts.n_ratio == 5


def test_scores_add_up_and_pool_errors() -> None:
    """V6: one error of 1 among six pixels is 0.408, not the mean of two images' RMSE."""
    first, second = DepthScores(), DepthScores()
    first.update(np.array([0.0, 1.0]), np.zeros(2))
    second.update(np.zeros(4), np.zeros(4))
    assert (first + second).compute()["rmse"] == pytest.approx(0.4082483, abs=1e-7)
    halves = [SegmentationScores(3) for _ in range(2)]
    for part, scores in enumerate(halves):
        scores.update(GUESS[part::2], TRUTH[part::2])
    assert (halves[0] + halves[1]).counts.matrix.tolist() == MATRIX.tolist()
    assert sum(halves).counts.matrix.tolist() == MATRIX.tolist()  # type: ignore[union-attr]  # sum() may be 0
    assert pickle.loads(pickle.dumps(sum(halves))).compute() == sum(halves).compute()  # type: ignore[union-attr]  # noqa: S301  (as above; its own)


def test_what_does_not_add_up() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        DepthScores() + DepthScores(0.5)
    with pytest.raises(ValueError, match="do not add up"):
        SegmentationScores(3) + SegmentationScores(3, ignore=0)
    with pytest.raises(TypeError):
        1 + DepthScores()


def test_values_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="min_target -1"):
        DepthScores(-1)
    with pytest.raises(ValueError, match=r"prediction holds 0\.9"):
        SegmentationScores(3).update(np.array([0.9]), np.array([0]))
    SegmentationScores(3).update(np.array([2.0]), np.array([0]))


def test_doubles_stay_doubles() -> None:
    scores = DepthScores()
    scores.update(torch.tensor([0.7], dtype=torch.float64), torch.tensor([0.0]))
    assert scores.compute()["mae"] == 0.7


def test_nothing_seen() -> None:
    found = {**SegmentationScores(2).compute(), **DepthScores().compute()}
    assert all(math.isnan(value) for value in found.values())
