"""Scores of a tile set are called as the papers call them."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.inference.evaluation.tile_sets import TileSetScores
from geosemimtl.metrics.task_scores import scores_of
from geosemimtl.publish.tile_set_tables import tile_set_summaries
from geosemimtl.tasks import Binary, Normals, Quantity

TRUTH = np.array([[[1.0, 2.0]]])
SAID = np.array([[[1.0, 4.0]]])
ALL = np.ones((1, 1, 2), bool)


def _rows(task: Quantity | Binary | Normals) -> dict[str, str]:
    scores = scores_of(task)
    if isinstance(task, Normals):
        right = np.zeros((1, 3, 1, 2))
        right[:, 2] = 1
        scores.update(right, right, ALL)
    else:
        binary = isinstance(task, Binary)
        scores.update(SAID > 3 if binary else SAID, TRUTH > 1 if binary else TRUTH, ALL)
    (table,) = tile_set_summaries(TileSetScores("street", "val", 1, {task.name: scores}))
    assert table.title == "street: 1 tiles of the split val"
    return {row[1]: row[2] for row in table.rows}


def test_depths_have_those_of_images_beside() -> None:
    rows = _rows(Quantity(name="depth", scale=10))
    assert list(rows)[:4] == ["RMSE m", "MAE m", "aErr m", "AbR"]
    assert rows["RMSE m"] == "1.414"  # of errors 0 and 2
    assert rows["AbR"] == rows["AbR (images)"] == "0.5"
    assert rows["d1 %"] == rows["d1 % (images)"] == "50.0"
    assert "RMSE log (images)" in rows


@pytest.mark.parametrize(
    ("task", "names"),
    [
        (Quantity(name="inverse_depth", scale=1), ["RMSE 1/m", "MAE 1/m", "aErr 1/m", "AbR"]),
        (Quantity(name="disparity", scale=1), ["RMSE px", "MAE px", "aErr px", "AbR"]),
        (Binary(name="saliency"), ["best IoU %", "best F %", "pooled best F %"]),
        (Binary(name="edges"), ["pixel F %"]),
        (Normals(), ["mean error degrees", "median error degrees", "within 11.25 deg %"]),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_each_has_its_unit(task: Quantity | Binary | Normals, names: list[str]) -> None:
    assert list(_rows(task))[: len(names)] == names
