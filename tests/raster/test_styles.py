"""QGIS styles."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from geosemimtl.classes import ISPRS_CLASSES, Classes, LandClass
from geosemimtl.raster.styles import (
    CONFIDENCE_STYLE,
    NORMALS_STYLE,
    PROBABILITY_STYLE,
    Ramp,
    classes_style,
    disagreement_ramp,
    elevation_ramp,
    height_ramp,
    hillshade_style,
    image_style,
    qgis_style,
    ramp_style,
    shown_bands,
)


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
    items = parsed(ramp_style(height_ramp(maximum_m))).findall(".//item")
    assert [float(item.attrib["value"]) for item in items] == [top * k / 4 for k in range(5)]
    assert items[-1].attrib["label"] == f"{top} m"


@pytest.mark.parametrize(
    ("ends", "stops"),
    [
        ((381.2, 398.7), [381, 386, 391, 396, 401]),
        ((-3.1, -2.9), [-4, -3, -2, -1, 0]),
        ((0, 4), [0, 1, 2, 3, 4]),
    ],
)
def test_elevations_rise_by_whole_metres(ends: tuple[float, float], stops: list[float]) -> None:
    items = parsed(ramp_style(elevation_ramp(*ends))).findall(".//item")
    assert [float(item.attrib["value"]) for item in items] == stops
    assert items[0].attrib["label"] == f"{stops[0]} m"
    shader = parsed(ramp_style(elevation_ramp(*ends))).find(".//colorrampshader")
    assert shader is not None
    assert float(shader.attrib["minimumValue"]) == stops[0]


@pytest.mark.parametrize("style", [PROBABILITY_STYLE, disagreement_ramp("share")])
def test_shares_are_read_in_per_cent(style: Ramp) -> None:
    items = parsed(ramp_style(style)).findall(".//item")
    assert [float(item.attrib["value"]) for item in items] == [0, 0.25, 0.5, 0.75, 1]
    assert [item.attrib["label"] for item in items] == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_confidence_ends_at_a_hundred_per_cent() -> None:
    items = parsed(ramp_style(CONFIDENCE_STYLE)).findall(".//item")
    assert items[-1].attrib["label"] == "100 %"


def renderer_of(style: str) -> ET.Element:
    (renderer,) = parsed(style).iter("rasterrenderer")
    return renderer


def test_an_image_shows_three_bands_or_one() -> None:
    coloured = renderer_of(image_style([4, 1, 2]))
    assert coloured.get("type") == "multibandcolor"
    assert [coloured.get(f"{name}Band") for name in ("red", "green", "blue")] == ["4", "1", "2"]
    assert list(coloured) == []  # bytes need no stretch
    grey = renderer_of(image_style([2], [(5, 900)]))
    assert (grey.get("type"), grey.get("grayBand")) == ("singlebandgray", "2")
    assert [part.text for part in grey[0]] == ["5", "900", "StretchToMinimumMaximum"]


def test_normals_are_three_colours() -> None:
    shown = renderer_of(qgis_style(NORMALS_STYLE))
    assert shown.get("type") == "multibandcolor"
    assert [[part.text for part in stretch][:2] for stretch in shown] == [["-1", "1"]] * 3


def test_a_ramp_mixes_its_colours() -> None:
    ramp = Ramp(("#000000", "#c80000", "#c8ff00"), (2, 6))
    assert ramp.colours([2, 3, 4, 5]) == [(0, 0, 0), (100, 0, 0), (200, 0, 0), (200, 128, 0)]
    assert ramp.colours([-9, 60]) == [(0, 0, 0), (200, 255, 0)]  # beyond its ends


def test_a_legend_without_unit_ends_with_its_number() -> None:
    items = parsed(ramp_style(Ramp(("#000000", "#ffffff"), (0, 8)))).findall(".//item")
    assert [item.attrib["label"] for item in items] == ["0", "8"]


def test_the_light_comes_from_the_north_west() -> None:
    shaded = renderer_of(hillshade_style(3.2808398950131235))
    assert (shaded.get("azimuth"), shaded.get("angle")) == ("315", "45")
    assert shaded.get("zfactor") == "3.28084"  # feet


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("nir", "blue", "green", "red"), ("red", "green", "blue")),
        (("green", "red", "nir"), ("nir", "red", "green")),
        (("band_1", "band_2", "band_3", "band_4"), ("band_1", "band_2", "band_3")),
        (("pan", "nir"), ("pan",)),
    ],
)
def test_bands_as_people_know_them(names: tuple[str, ...], shown: tuple[str, ...]) -> None:
    assert shown_bands(names) == shown
