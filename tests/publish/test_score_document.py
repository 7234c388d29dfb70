"""Scores as JSON: figures by hand, and nothing left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.publish.score_document import document_of, flattened


def test_classes(evaluation: Evaluation) -> None:
    scores = document_of(evaluation)["segmentation"]
    assert scores["iou"] == {"low_vegetation": 0.75, "tree": 0.5, "clutter": None}
    assert scores["precision"] == {"low_vegetation": 1, "tree": 0.5, "clutter": None}
    assert scores["recall"] == {"low_vegetation": 0.75, "tree": 1, "clutter": None}
    assert scores["f1"]["low_vegetation"] == pytest.approx(12 / 14)
    assert (scores["miou"], scores["pixel_accuracy"], scores["pixels"]) == (0.625, 0.8, 10)
    assert scores["mean_f1"] == pytest.approx((12 / 14 + 4 / 6) / 2)
    assert scores["without"]["classes"] == ["clutter"]
    assert scores["without"]["miou"] == 0.625
    assert scores["confusion"]["low_vegetation"] == {"low_vegetation": 6, "tree": 2, "clutter": 0}
    assert scores["most_common_class_pixel_accuracy"] == 0.8
    assert scores["eroded"]["radius_px"] == 3
    assert (scores["eroded"]["miou"], scores["eroded"]["pixels"]) == (1, 4)


def test_heights(evaluation: Evaluation) -> None:
    scores = document_of(evaluation)["height"]
    assert scores["model"]["mae_m"] == (1 + 0 + 2 + 4) / 4
    assert scores["model"]["bias_m"] == (1 + 0 - 2 - 4) / 4
    assert (scores["model"]["ratios_above_m"], scores["model"]["ratio_pixels"]) == (0.5, 3)
    assert scores["model"]["abs_rel"] == pytest.approx((0 + 0.5 + 0.5) / 3)
    assert scores["ratios_of_all_above_0_m"]["abs_rel"] == pytest.approx((5 + 0 + 0.5 + 0.5) / 4)
    assert [(each["from_m"], each["to_m"], each["pixels"]) for each in scores["bins"]] == [
        (None, 1, 1),
        (1, 10, 3),
        (10, None, 0),
    ]
    assert scores["bins"][2]["rmse_m"] is None
    assert scores["classes"]["tree"]["pixels"] == 0
    assert scores["zero_height"]["mae_m"] == pytest.approx(14.2 / 4)


def test_what_was_not_compared_is_absent(evaluation: Evaluation) -> None:
    assert "height" not in document_of(replace(evaluation, height=None))
    assert document_of(replace(evaluation, segmentation=None, per_tile=True))["per_tile"] is True


def test_it_is_strict_json(evaluation: Evaluation) -> None:
    document = document_of(evaluation)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_flattened() -> None:
    document = {"a": {"b": 1, "c": [2, {"d": None}]}, "e": "f"}
    assert flattened(document) == {"a.b": 1, "a.c.0": 2, "a.c.1.d": None, "e": "f"}
