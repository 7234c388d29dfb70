"""What can be asked of an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from geosemimtl.classes import ISPRS_CLASSES, Classes, LandClass
from geosemimtl.errors import ConfigError
from geosemimtl.inference.evaluation.scoring import ScoreOptions

TWO = Classes(entries=tuple(LandClass(name=n, color="#000000") for n in ("field", "wood")))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"erode_px": 0}, "--erode 0: give at least 1 pixel"),
        ({"height_bins_m": (1.0, 1.0)}, "--height-bins 1,1: write rising metres"),
        ({"height_bins_m": ()}, "--height-bins : write rising metres"),
        ({"height_bins_m": (1.0, float("inf"))}, "--height-bins 1,inf: write rising metres"),
        ({"height_bins_m": (float("nan"),)}, "--height-bins nan: write rising metres"),
    ],
)
def test_wrong_options(
    options: dict[str, Any], words: str, one_line: Callable[[BaseException], str]
) -> None:
    with pytest.raises(ConfigError) as error:
        ScoreOptions(**options)
    assert words in one_line(error.value)


def test_clutter_is_left_out_where_there_is_such_a_class() -> None:
    assert ScoreOptions().left_out(ISPRS_CLASSES) == ("clutter",)
    assert ScoreOptions().left_out(TWO) == ()
    assert ScoreOptions(without=("car", "tree")).left_out(ISPRS_CLASSES) == ("car", "tree")


def test_only_some_classes_that_are_there_can_be_left_out() -> None:
    with pytest.raises(ConfigError, match="--without pond: the classes are field, wood"):
        ScoreOptions(without=("field", "pond")).left_out(TWO)
    with pytest.raises(ConfigError, match="leaves no class"):
        ScoreOptions(without=("field", "wood")).left_out(TWO)
