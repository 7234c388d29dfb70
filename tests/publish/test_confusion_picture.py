"""The picture of confusions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from geosemimtl.classes import Classes, LandClass
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.publish import confusion_picture
from geosemimtl.publish.confusion_picture import draw_confusion


def test_rows_add_up_and_empty_rows_are_blank(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(confusion_picture, "write_figure", lambda figure, _: kept.append(figure))
    assert evaluation.segmentation is not None
    draw_confusion(tmp_path / "c.png", evaluation.segmentation)
    full, eroded = kept[0].axes
    assert [text.get_text() for text in full.texts] == [
        "75.0",
        "25.0",
        "0.0",
        "0.0",
        "100.0",
        "0.0",
    ]
    assert "3 px" in eroded.get_title()
    names = [label.get_text() for label in full.get_yticklabels()]
    assert names == ["low vegetation", "tree", "clutter"]


@pytest.mark.parametrize("count", [2, 60])
def test_any_number_of_classes(evaluation: Evaluation, tmp_path: Path, count: int) -> None:
    assert evaluation.segmentation is not None
    entries = tuple(LandClass(name=f"c{k}", color="#000000") for k in range(count))
    counts = ConfusionCounts(np.eye(count, dtype=np.int64))
    scores = replace(
        evaluation.segmentation, classes=Classes(entries=entries), counts=counts, eroded=None
    )
    draw_confusion(tmp_path / "c.png", scores)
    assert max(imread(tmp_path / "c.png").shape) < 2500
