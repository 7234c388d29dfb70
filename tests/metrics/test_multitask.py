"""The multi-task gain against the paper's Table 2."""

import pytest

from geosemimtl.metrics.multitask import multi_task_gain

POTSDAM_STL = {"miou": 79.7, "rmse": 4.686}


@pytest.mark.parametrize(
    ("miou", "rmse", "printed"), [(80.7, 4.430, 3.4), (80.8, 4.322, 4.6), (81.4, 4.217, 6.1)]
)
def test_the_gain_reproduces_table_2(miou: float, rmse: float, printed: float) -> None:
    gain = multi_task_gain({"miou": miou, "rmse": rmse}, POTSDAM_STL, {"rmse"})
    assert gain == pytest.approx(printed, abs=0.05)


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
