"""QGIS styles."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from geosemimtl.raster.styles import classes_style, confidence_style, height_style
from geosemimtl.tasks import ISPRS_CLASSES, Classes, LandClass


def parsed(style: str) -> ET.Element:
    return ET.fromstring(style)  # noqa: S314  (what was written a line before)


def test_exactly_the_declared_classes() -> None:
    entries = parsed(classes_style(ISPRS_CLASSES)).findall(".//paletteEntry")
    assert [(e.get("value"), e.get("color"), e.get("label")) for e in entries] == [
        (str(index), entry.color, entry.name.replace("_", " "))
        for index, entry in enumerate(ISPRS_CLASSES.entries)
    ]


def test_names_that_xml_must_escape() -> None:
    entries = (
        LandClass(name='grass & "weeds"', color="#00ff00"),
        LandClass(name="<b>", color="#000000"),
    )
    labels = [
        e.get("label") for e in parsed(classes_style(Classes(entries=entries))).iter("paletteEntry")
    ]
    assert labels == ['grass & "weeds"', "<b>"]


@pytest.mark.parametrize(("maximum_m", "top"), [(0.3, 4), (23.9, 24), (31.6, 32), (33, 32)])
def test_heights_rise_evenly_to_a_round_maximum(maximum_m: float, top: float) -> None:
    items = parsed(height_style(maximum_m)).findall(".//item")
    assert [float(item.attrib["value"]) for item in items] == [top * k / 4 for k in range(5)]
    assert items[-1].attrib["label"] == f"{top} m"


def test_confidence_ends_at_a_hundred_per_cent() -> None:
    items = parsed(confidence_style()).findall(".//item")
    assert items[-1].attrib["label"] == "100 %"
