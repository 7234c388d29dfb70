"""How rasters are shown: colours, and QGIS layer styles (.qml), which QGIS applies by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from geosemimtl.classes import Classes, Rgb, rgb_of

#: Viridis at five even steps: perceptually uniform, readable in grey and by the colour-blind.
HEIGHT_RAMP = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
#: For depths, light for near; and for what grows as one comes nearer, likewise light.
DISTANCE_RAMP = ("#fcfdbf", "#fc8961", "#b73779", "#51127c", "#000004")
NEARNESS_RAMP = DISTANCE_RAMP[::-1]
#: The same idea for confidence, dark for doubt.
CONFIDENCE_RAMP = ("#0d0887", "#7e03a8", "#cc4778", "#f89540", "#f0f921")
#: For disagreement, dark for much.
DISAGREEMENT_RAMP = ("#fcfdbf", "#fc8961", "#b73779", "#51127c", "#000004")

#: Bands that are shown as red, green and blue: natural colours, or colour infrared.
_COLOURS = (("red", "green", "blue"), ("nir", "red", "green"))


@dataclass(frozen=True, slots=True)
class Ramp:
    """Colours spread evenly over a range of the first band's values.

    Attributes:
        colors: From the low end to the high one.
        ends: Values of the first and the last colour, once a band's scale is applied.
        unit: Behind the legend's numbers.
        shown: What the legend shows for a value of 1, such as 100 for a share in per cent.
    """

    colors: tuple[str, ...]
    ends: tuple[float, float]
    unit: str = ""
    shown: float = 1

    def colours(self, values: Sequence[float]) -> list[Rgb]:
        """Return the colours of values; beyond the ends those of the ends."""
        stops = np.linspace(*self.ends, len(self.colors))
        channels = np.transpose([rgb_of(color) for color in self.colors])
        mixed = [np.interp(values, stops, channel).round().astype(int) for channel in channels]
        return [(int(red), int(green), int(blue)) for red, green, blue in zip(*mixed, strict=True)]


@dataclass(frozen=True, slots=True)
class Composite:
    """The first three bands shown as red, green and blue.

    Attributes:
        ends: Values that are shown darkest and brightest.
    """

    ends: tuple[float, float]


#: How a raster is shown.
Style = Classes | Ramp | Composite

CONFIDENCE_STYLE = Ramp(CONFIDENCE_RAMP, (0, 100), "%")
#: Of the first class's probability, a share of 1 by the band's scale.
PROBABILITY_STYLE = Ramp(CONFIDENCE_RAMP, (0, 1), "%", 100)
#: Unit vectors as people know normal maps.
NORMALS_STYLE = Composite((-1, 1))


def height_ramp(maximum_m: float) -> Ramp:
    """Return how heights in metres up to a round maximum are shown."""
    return Ramp(HEIGHT_RAMP, (0, max(4.0, 4.0 * round(maximum_m / 4))), "m")


def elevation_ramp(lowest_m: float, highest_m: float) -> Ramp:
    """Return how elevations in metres are shown, in four steps of whole metres."""
    low = math.floor(lowest_m)
    step = max(1, math.ceil((highest_m - low) / 4))
    return Ramp(HEIGHT_RAMP, (low, low + 4 * step), "m")


def disagreement_ramp(unit: str) -> Ramp:
    """Return how it is shown what overlapping tiles disagree by: a share of 1, or metres."""
    if unit == "share":
        return Ramp(DISAGREEMENT_RAMP, (0, 1), "%", 100)
    return Ramp(DISAGREEMENT_RAMP, (0, 4), unit)


def shown_bands(names: Sequence[str]) -> tuple[str, ...]:
    """Return which three of a scene's bands a picture shows as red, green and blue, or which one.

    Args:
        names: Of the bands in file order. Natural colours come first, then colour infrared, then
            the first three, then the first as grey.
    """
    named = (each for each in _COLOURS if set(each) <= set(names))
    return next(named, tuple(names[: 3 if len(names) > 2 else 1]))


def classes_style(classes: Classes) -> str:
    """Return a style with one legend entry for each declared class and no other."""
    root, pipe = _document()
    renderer = _renderer(pipe, "paletted")
    palette = ET.SubElement(renderer, "colorPalette")
    for index, entry in enumerate(classes.entries):
        label = entry.name.replace("_", " ")
        ET.SubElement(
            palette, "paletteEntry", value=str(index), color=entry.color, alpha="255", label=label
        )
    return _text(root)


def ramp_style(ramp: Ramp) -> str:
    """Return a style of colours over a range, with a legend entry for each."""
    low, high = ramp.ends
    root, pipe = _document()
    renderer = _renderer(pipe, "singlebandpseudocolor")
    renderer.set("classificationMin", f"{low:g}")
    renderer.set("classificationMax", f"{high:g}")
    shader = ET.SubElement(renderer, "rastershader")
    colours = ET.SubElement(
        shader,
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=f"{low:g}",
        maximumValue=f"{high:g}",
    )
    for step, color in enumerate(ramp.colors):
        value = low + (high - low) * step / (len(ramp.colors) - 1)
        label = f"{value * ramp.shown:g} {ramp.unit}".strip()
        ET.SubElement(colours, "item", value=f"{value:g}", color=color, alpha="255", label=label)
    return _text(root)


def qgis_style(style: Style) -> str:
    """Return how QGIS shows a raster, as it reads it."""
    if isinstance(style, Classes):
        return classes_style(style)
    if isinstance(style, Ramp):
        return ramp_style(style)
    return image_style((1, 2, 3), (style.ends,) * 3)


def image_style(bands: Sequence[int], ranges: Sequence[tuple[float, float]] = ()) -> str:
    """Return the style of an image.

    Args:
        bands: Three 1-based bands to be shown as red, green and blue, or one as grey.
        ranges: Values of each that are shown darkest and brightest; by default those of its type.
    """
    root, pipe = _document()
    if len(bands) == 1:
        renderer = _renderer(pipe, "singlebandgray")
        renderer.attrib.pop("band")
        renderer.set("grayBand", str(bands[0]))
        names = ["contrastEnhancement"]
    else:
        renderer = _renderer(pipe, "multibandcolor")
        renderer.attrib.pop("band")
        for colour, band in zip(("red", "green", "blue"), bands, strict=True):
            renderer.set(f"{colour}Band", str(band))
        names = [f"{colour}ContrastEnhancement" for colour in ("red", "green", "blue")]
    for name, (low, high) in zip(names, ranges, strict=False):
        stretch = ET.SubElement(renderer, name)
        ET.SubElement(stretch, "minValue").text = f"{low:g}"
        ET.SubElement(stretch, "maxValue").text = f"{high:g}"
        ET.SubElement(stretch, "algorithm").text = "StretchToMinimumMaximum"
    return _text(root)


def hillshade_style(metre: float) -> str:
    """Return the style that lights heights in metres from the north-west, half way up.

    Args:
        metre: One metre in the unit of the map.
    """
    root, pipe = _document()
    renderer = _renderer(pipe, "hillshade")
    for name, value in {"azimuth": "315", "angle": "45", "zfactor": f"{metre:.6g}"}.items():
        renderer.set(name, value)
    renderer.set("multidirection", "0")
    return _text(root)


def _document() -> tuple[ET.Element, ET.Element]:
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    return root, ET.SubElement(root, "pipe")


def _renderer(pipe: ET.Element, kind: str) -> ET.Element:
    return ET.SubElement(pipe, "rasterrenderer", type=kind, band="1", opacity="1", alphaBand="-1")


def _text(root: ET.Element) -> str:
    ET.SubElement(root, "blendMode").text = "0"
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
