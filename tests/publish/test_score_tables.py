"""Scores as tables, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.publish.score_tables import counted_how, scene_tables, score_summaries
from geosemimtl.tasks import SEGMENTATION


def test_classes(evaluation: Evaluation) -> None:
    means, full, eroded = score_summaries(replace(evaluation, height=None))
    assert means.rows == (
        ("all pixels, 3 classes", "62.5", "76.2", "80.0", "10"),
        ("all pixels, 2 without clutter", "62.5", "76.2", "", ""),
        ("eroded, 3 classes", "100.0", "100.0", "100.0", "4"),
        ("eroded, 2 without clutter", "100.0", "100.0", "", ""),
        ("always the most common class", "40.0", "44.4", "80.0", "10"),
    )
    assert "3 px" in means.title
    assert full.rows == (
        ("low vegetation", "75.0", "85.7", "100.0", "75.0", "80.0"),
        ("tree", "50.0", "66.7", "50.0", "100.0", "20.0"),
        ("clutter", "-", "-", "-", "-", "0.0"),
    )
    assert eroded.rows[0] == ("low vegetation", "100.0", "100.0", "100.0", "100.0", "75.0")
    assert "3 px" in eroded.title


def test_nothing_eroded_and_nothing_left_out(evaluation: Evaluation) -> None:
    assert evaluation.segmentation is not None
    plain = replace(evaluation.segmentation, eroded=None, without=())
    means, _ = score_summaries(Evaluation(plain, None))
    names = [row[0] for row in means.rows]
    assert names == ["all pixels, 3 classes", "always the most common class"]


def test_heights(evaluation: Evaluation) -> None:
    every, ranges, classes = score_summaries(replace(evaluation, segmentation=None))
    assert "above 0.5 m" in every.title
    assert every.rows[0] == ("model", "2.29", "1.75", "-1.25", "0.33", "33.3", "33.3", "33.3")
    assert every.rows[1] == ("  truth above 0 m", "", "", "", "1.50", "25.0", "25.0", "25.0")
    assert [row[0] for row in ranges.rows] == ["below 1 m", "1 to 10 m", "10 m and up"]
    assert ranges.rows[0] == ("below 1 m", "1.00", "1.00", "+1.00", "-", "-", "25.0")
    assert ranges.rows[2] == ("10 m and up", "-", "-", "-", "-", "-", "0.0")
    assert [row[0] for row in classes.rows] == ["low vegetation", "tree"]


def test_a_ratio_to_almost_nothing_stays_short(evaluation: Evaluation) -> None:
    assert evaluation.height is not None
    counts = HeightCounts.from_heights(np.ones(2), np.array([1e-9, 1.0]), np.ones(2, bool))
    height = replace(evaluation.height, positive=counts)
    every, *_ = score_summaries(replace(evaluation, segmentation=None, height=height))
    assert every.rows[1][4] == "5e+08"


def test_who_counts_says_so(evaluation: Evaluation) -> None:
    assert "each pixel counts once" in counted_how(evaluation)
    assert "once a tile" in counted_how(replace(evaluation, per_tile=True))


def test_markdown(evaluation: Evaluation) -> None:
    text = score_summaries(replace(evaluation, segmentation=None))[1].markdown()
    lines = text.splitlines()
    assert lines[2].startswith("| truth | RMSE m |")
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert len(lines) == 7


def test_a_row_a_scene(evaluation: Evaluation) -> None:
    classes, heights = scene_tables({"a": evaluation}, {"a": (SEGMENTATION,)})
    assert classes.rows == (("a", "yes", "62.5", "62.5", "80.0", "40.0"),)
    assert heights.rows[0][:4] == ("a", "no", "2.29", "1.75")
