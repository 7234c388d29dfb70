"""Charts whose places are known."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.height_pairs import PairCounts
from geosemimtl.publish.report.charts import Axis, calibration_chart, height_chart, small_chart


def parsed(chart: str) -> ET.Element:
    return ET.fromstring(chart)  # noqa: S314  (what this project has just made)


def curve_of(chart: ET.Element) -> list[tuple[float, float]]:
    (line,) = (each for each in chart.iter("polyline") if each.get("class") == "curve")
    places = (pair.split(",") for pair in str(line.get("points")).split())
    return [(float(x), float(y)) for x, y in places]


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 100), [0, 20, 40, 60, 80, 100]),
        (Axis(-2, 21.5), [0, 5, 10, 15, 20]),
        (Axis(0, 0.5), [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
    ],
)
def test_ticks_are_round(axis: Axis, ticks: list[float]) -> None:
    assert axis.ticks == pytest.approx(ticks)


def test_a_sure_and_right_model_is_in_the_corner() -> None:
    every = np.ones(4, bool)
    sure = CalibrationCounts.from_confidence(np.full(4, 100, np.uint8), every, every)
    chart = parsed(calibration_chart(sure))
    ((x, y),) = curve_of(chart)
    (ideal,) = (each for each in chart.iter("polyline") if each.get("class") == "ideal")
    assert str(ideal.get("points")).endswith(f" {x},{y}")
    assert "said 100.0 %, right 100.0 %: 4 pixels" in "".join(chart.itertext())


def test_the_mean_prediction_by_true_height() -> None:
    truth, guess = np.array([0.0, 0, 10]), np.array([0.0, 2, 10])
    pairs = PairCounts.from_heights(guess, truth, np.ones(3, bool))
    text, table = height_chart(pairs)
    assert table.counts.sum() == 3
    chart = parsed(text)
    (first, second), (ideal,) = (
        curve_of(chart),
        [each for each in chart.iter("polyline") if each.get("class") == "ideal"],
    )
    left, right = (pair.split(",") for pair in str(ideal.get("points")).split())
    # at 0 m it says 1 m on average: a tenth of the way up; at 10 m the truth
    rise = (float(left[1]) - first[1]) / (float(left[1]) - float(right[1]))
    assert rise == pytest.approx((1 + 0.125) / (10 + 0.25), abs=0.01)
    assert second[1] < first[1]


def test_names_are_escaped_and_numbers_short() -> None:
    chart = parsed(small_chart('a<b"c', [(9, 1.3e-4), (19, 1e-4)]))
    assert str(chart.get("aria-label")).startswith('a<b"c, 2 values')
    assert [each.text for each in chart.iter("text")] == ["0", "1.3e-4", "9", "19"]


@pytest.mark.parametrize("points", [[(5, 0.0)], [(0, -1.0), (1, -1.0)], [(0, 2.0), (0, 3.0)]])
def test_charts_of_hardly_anything(points: list[tuple[float, float]]) -> None:
    for x, y in curve_of(parsed(small_chart("loss", points))):
        assert np.isfinite([x, y]).all()
