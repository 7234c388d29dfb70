"""What items have in common."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geosemimtl.classes import Classes, LandClass
from geosemimtl.publish.stac.parts import class_objects, item_beside, mlm_name, relative_href


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo", "demo"),
        ("semi mtl-2.b", "semi mtl-2.b"),
        ("run/1", "run_1"),
        ("a", "geosemimtl a"),
        ("2024", "geosemimtl 2024"),
        ("straße_", "stra_e"),
        ("_", "geosemimtl model"),
    ],
)
def test_names_that_mlm_takes(name: str, expected: str) -> None:
    """Three characters or more, from a letter to a letter or digit."""
    assert mlm_name(name) == expected
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", mlm_name(name))


def test_classes() -> None:
    """Names are for machines, titles for people, colours without # in capitals."""
    entries = (
        LandClass(name="low_vegetation", color="#00ffaa"),
        LandClass(name="grüner weg", color="#000000"),
    )
    assert class_objects(Classes(entries=entries)) == [
        {"value": 0, "name": "low_vegetation", "title": "low vegetation", "color_hint": "00FFAA"},
        {"value": 1, "name": "gr_ner_weg", "title": "grüner weg", "color_hint": "000000"},
    ]


def test_addresses_are_relative_and_quoted(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "my run" / "a.stac.json"
    assert relative_href(target, tmp_path / "out") == "../runs/my%20run/a.stac.json"
    assert relative_href(target, target.parent) == "./a.stac.json"


def test_a_model_s_item_lies_beside_it() -> None:
    assert item_beside(Path("runs/a.b.safetensors")) == Path("runs/a.b.stac.json")
