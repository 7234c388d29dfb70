"""The multi-task gain against the paper's Table 2."""

import itertools
from typing import Any

import pytest

from geosemimtl.metrics.multitask import multi_task_gain

POTSDAM_STL = {"miou": 79.7, "rmse": 4.686}


@pytest.mark.parametrize(
    ("miou", "rmse", "printed"), [(80.7, 4.430, 3.4), (80.8, 4.322, 4.6), (81.4, 4.217, 6.1)]
)
def test_the_gain_reproduces_table_2(miou: float, rmse: float, printed: float) -> None:
    gain = multi_task_gain({"miou": miou, "rmse": rmse}, POTSDAM_STL, {"rmse"})
    assert gain == pytest.approx(printed, abs=0.05)


#: mIoU, RMSE and the printed gain of every row, by the single-task scores of its table.
PRINTED = {
    "Table 1, Cityscapes": ((71.4, 6.744), [(71.4, 5.469, 9.4), (71.9, 5.234, 11.5)]),
    "Supplement, Tables 1 and 2": (
        (71.4, 6.744),
        [
            (71.9, 5.479, 9.7),
            (72.7, 5.352, 11.2),
            (71.9, 5.271, 11.3),
            (73.3, 5.220, 12.6),
            (72.1, 5.370, 10.7),
        ],
    ),
    "Table 2, Vaihingen": (
        (42.4, 1.899),
        [(62.2, 1.949, 22.1), (63.8, 2.088, 20.4), (64.9, 1.802, 29.2)],
    ),
    "Table 3, Cityscapes": (
        (76.0, 14.36),
        [
            (75.5, 8.646, 19.6),
            (75.8, 7.893, 22.3),
            (76.2, 7.959, 22.4),
            (76.4, 7.645, 23.7),
            (76.9, 7.558, 24.3),
        ],
    ),
    "Table 3, Synscapes": (
        (61.9, 6.214),
        [
            (63.4, 5.307, 8.5),
            (62.8, 5.183, 9.0),
            (65.8, 5.153, 11.7),
            (65.5, 5.157, 11.2),
            (65.4, 5.056, 12.1),
        ],
    ),
}
#: What no scores that round to the printed ones give (docs/methods/semimtl.md).
IRREPRODUCIBLE = {("Table 3, Synscapes", 11.2)}


@pytest.mark.parametrize("table", PRINTED)
def test_gains_of_the_papers_tables(table: str) -> None:
    """Reachable by scores that round to the printed ones, but for one row."""
    (miou, rmse), rows = PRINTED[table]
    wrong = set()
    for ours, error, printed in rows:
        reached = [
            multi_task_gain([ours + a, error + b], [miou + c, rmse + d], [False, True])
            for a, c in itertools.product((-0.05, 0.05), repeat=2)
            for b, d in itertools.product((-0.0005, 0.0005), repeat=2)
        ]
        if not min(reached) - 0.05 <= printed <= max(reached) + 0.05:
            wrong.add((table, printed))
    assert wrong == {each for each in IRREPRODUCIBLE if each[0] == table}


def test_metrics_in_an_order() -> None:
    gain = multi_task_gain([81.4, 4.217], [79.7, 4.686], [False, True])
    assert gain == pytest.approx(6.07, abs=0.005)


def test_the_baseline_gains_nothing_over_itself() -> None:
    assert multi_task_gain(POTSDAM_STL, POTSDAM_STL, {"rmse"}) == 0


def test_what_cannot_be_compared_is_an_error() -> None:
    with pytest.raises(ValueError, match="be the same metrics"):
        multi_task_gain({"miou": 1}, POTSDAM_STL, ())
    with pytest.raises(ValueError, match="be the same metrics"):
        multi_task_gain({}, {}, ())
    with pytest.raises(ValueError, match="lower_is_better names"):
        multi_task_gain(POTSDAM_STL, POTSDAM_STL, {"mae"})
    with pytest.raises(ValueError, match="baseline of rmse is 0"):
        multi_task_gain(POTSDAM_STL, {"miou": 1, "rmse": 0}, {"rmse"})


@pytest.mark.parametrize(
    "lowered", ["rmse", ["rmse"], {"rmse"}, {"miou": False, "rmse": True}, [False, True]]
)
def test_what_is_to_be_lowered_can_be_said_in_several_ways(lowered: Any) -> None:
    ours = {"miou": 81.4, "rmse": 4.217}
    assert multi_task_gain(ours, POTSDAM_STL, lowered) == pytest.approx(6.07, abs=0.005)


@pytest.mark.parametrize("lowered", [[True], {1}, [False, True, True], ["rmse", True]])
def test_flags_that_belong_to_no_metric(lowered: Any) -> None:
    with pytest.raises(ValueError, match="names, or one flag for each"):
        multi_task_gain([81.4, 4.217], [79.7, 4.686], lowered)
    with pytest.raises(ValueError, match="lower_is_better"):
        multi_task_gain(POTSDAM_STL, POTSDAM_STL, {"rmse": True, "mae": False, "x": True})
