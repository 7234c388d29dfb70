"""Tables and bars whose figures are known."""

from __future__ import annotations

import pytest

from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.publish.report.tables import (
    Cell,
    calibration_table,
    coverage_table,
    figures,
    matrices,
    tables_of,
)


def test_bars_are_as_long_as_their_numbers(drawn: Evaluation) -> None:
    tables = tables_of(drawn)
    _, classes, _ = tables["land"]
    ious = {name: cells[0] for name, cells in classes.rows}
    assert ious["low vegetation"] == Cell("75.0", 0.75)
    assert ious["clutter"] == Cell("-")
    assert {cell.bar for _, cells in classes.rows for cell in cells[1:]} == {None}
    whole, *_ = tables["heights"]
    bars = [cells[0].bar for _, cells in whole.rows]
    assert max(bar for bar in bars if bar) == 1
    assert bars[1] is None  # a row of ratios alone


def test_the_main_figures(drawn: Evaluation) -> None:
    found = {figure.name: figure for figure in figures(drawn)}
    assert list(found) == [
        "mIoU",
        "Accuracy",
        "Calibration error",
        "Height RMSE",
        "Height MAE",
    ]
    # 6 of 8 and 2 of 4 overlap
    assert (found["mIoU"].value, found["Accuracy"].value) == ("62.5", "80.0")
    assert "62.5 % without clutter" in found["mIoU"].beside
    assert found["Height MAE"].value == "1.75"
    assert "bias -1.25 m" in found["Height MAE"].beside


def test_a_row_of_confusions_adds_up(drawn: Evaluation) -> None:
    assert drawn.segmentation is not None
    every, eroded = matrices(drawn.segmentation)
    assert eroded.title == "More than 3 px from a boundary"
    name, fields = every.rows[0]
    assert name == "low vegetation"
    assert [(field.text, field.kind, field.pixels) for field in fields] == [
        ("75.0", "right strong", 6),
        ("25.0", "wrong", 2),
        ("0.0", "wrong", 0),
    ]
    assert [field.text for field in every.rows[2][1]] == ["", "", ""]  # no clutter anywhere


def test_calibration_as_numbers(drawn: Evaluation) -> None:
    assert drawn.segmentation is not None
    assert drawn.segmentation.calibration is not None
    table = calibration_table(drawn.segmentation.calibration)
    assert table.rows == (
        ("80 to 90", (Cell("85.0"), Cell("25.0"), Cell("50.0", 0.5))),
        ("90 to 100", (Cell("95.0"), Cell("100.0"), Cell("50.0", 0.5))),
    )


def test_which_sensor_supervised_which_task() -> None:
    rows = [("sky", {"segmentation": 3_000_000}), ("air", {"segmentation": 0, "height": 1000})]
    table = coverage_table(rows, 0.5)
    assert table.head == ("sensor", "segmentation", "height")
    (_, sky), (_, air) = table.rows
    assert sky == (Cell("3,000,000 (0.75 km²)", 1.0), Cell("none", 0.0))
    assert air[0] == Cell("none", 0.0)
    assert air[1].bar == pytest.approx(1)
