"""Scores whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.inference.evaluation.scoring import (
    ErodedCounts,
    Evaluation,
    HeightResult,
    SegmentationResult,
)
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.grouped import HeightGroups
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.tasks import Classes, LandClass

NAMES = ("low_vegetation", "tree", "clutter")


@pytest.fixture
def evaluation() -> Evaluation:
    """Return scores of three classes, one of them nowhere, and of four heights."""
    classes = Classes(entries=tuple(LandClass(name=name, color="#000000") for name in NAMES))
    counts = ConfusionCounts(np.array([[6, 2, 0], [0, 2, 0], [0, 0, 0]]))
    most_common = ConfusionCounts(np.array([[8, 0, 0], [2, 0, 0], [0, 0, 0]]))
    eroded = ErodedCounts(3, ConfusionCounts(np.array([[3, 0, 0], [0, 1, 0], [0, 0, 0]])))
    truth, guess = np.array([0.2, 2, 4, 8]), np.array([1.2, 2, 2, 4])
    every = np.ones(4, bool)
    ranges = np.array([0, 1, 1, 1])
    model = HeightCounts.from_heights(guess, truth, every, eps=0.5)
    return Evaluation(
        SegmentationResult(classes, counts, most_common, ("clutter",), eroded),
        HeightResult(
            counts=model,
            mean=HeightCounts.from_heights(np.full(4, truth.mean()), truth, every, eps=0.5),
            zero=HeightCounts.from_heights(np.zeros(4), truth, every, eps=0.5),
            positive=HeightCounts.from_heights(guess, truth, every),
            edges_m=(1.0, 10.0),
            bins=HeightGroups.from_heights(guess, truth, every, ranges, 3, eps=0.5),
            by_class={"low_vegetation": model, "tree": HeightCounts(eps=0.5)},
        ),
    )
