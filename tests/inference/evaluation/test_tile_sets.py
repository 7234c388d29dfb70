"""Scores of a tile set as JSON."""

from __future__ import annotations

import json

import numpy as np

from geosemimtl.inference.evaluation.tile_sets import TileSetScores
from geosemimtl.metrics.task_scores import scores_of
from geosemimtl.tasks import Quantity


def test_what_is_undefined_is_null() -> None:
    scores = scores_of(Quantity(name="disparity", scale=1))
    sky = np.zeros((1, 1, 2))
    scores.update(sky + 1, sky, np.ones((1, 1, 2), bool))  # ratios to 0 are none
    document = TileSetScores("street", "val", 1, {"disparity": scores}).document()
    text = json.dumps(document, allow_nan=False)
    found = json.loads(text)["tasks"]["disparity"]
    assert (found["pixels"], found["rmse_px"], found["abs_rel"]) == (2, 1, None)
