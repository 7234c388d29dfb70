"""The charts of a report: SVG that takes its colours and letters from the page around it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
from markupsafe import Markup

from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.height_pairs import HeightTable, PairCounts
from geosemimtl.publish.report.maps import png_address

#: Units of a chart, about pixels on a phone; and what axes take of them.
_WIDTH, _HEIGHT = 400, 340
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 14, 14, 46
_SMALL = (170, 105)
_SMALL_AROUND = (40, 8, 6, 18)
#: Blue that is seen on white as on black; the denser, the less of the page shines through.
_DENSITY = (36, 116, 190)
_FAINTEST = 0.12
#: Of the pixels at either end, that a height chart may leave out; and its cells a side.
_TAIL, _MOST_CELLS = 0.0005, 80


class Axis(NamedTuple):
    """One axis of a chart.

    Attributes:
        low: Where it begins.
        high: Where it ends.
        label: What it shows, with its unit.
    """

    low: float
    high: float
    label: str = ""

    @property
    def ticks(self) -> list[float]:
        """Round numbers along it, four or five of them."""
        step = _round_step((self.high - self.low) / 4.5)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [place * step for place in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class _Plot:
    """A drawing area with axes; places are in their units."""

    root: ET.Element
    across: Axis
    up: Axis
    box: tuple[float, float, float, float]

    @classmethod
    def blank(
        cls,
        title: str,
        across: Axis,
        up: Axis,
        size: tuple[int, int] = (_WIDTH, _HEIGHT),
        around: tuple[int, int, int, int] = (_LEFT, _TOP, _RIGHT, _BOTTOM),
    ) -> _Plot:
        """Return an empty plot; ``around`` is left, top, right and bottom."""
        width, height = size
        root = ET.Element("svg", viewBox=f"0 0 {width} {height}", role="img")
        root.set("aria-label", title)
        left, top, right, bottom = around
        return cls(root, across, up, (left, top, width - right, height - bottom))

    def x(self, value: float) -> float:
        left, _, right, _ = self.box
        low, high = self.across.low, self.across.high
        return left + (right - left) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        _, top, _, bottom = self.box
        low, high = self.up.low, self.up.high
        return bottom - (bottom - top) * (value - low) / (high - low)

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        ET.SubElement(self.root, "polyline", points=places).set("class", kind)

    def dot(self, x: float, y: float, title: str) -> None:
        dot = ET.SubElement(self.root, "circle", cx=f"{self.x(x):.1f}", cy=f"{self.y(y):.1f}")
        dot.set("r", "4")
        dot.set("class", "dot")
        ET.SubElement(dot, "title").text = title

    def block(self, x: tuple[float, float], y: tuple[float, float], kind: str) -> None:
        (left, right), (bottom, top) = map(self.x, x), map(self.y, y)
        places = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        rect = ET.SubElement(self.root, "rect", {k: f"{v:.1f}" for k, v in places.items()})
        rect.set("class", kind)

    def words(self, x: float, y: float, text: str, kind: str) -> ET.Element:
        words = ET.SubElement(self.root, "text", x=f"{x:.1f}", y=f"{y:.1f}")
        words.text = text
        words.set("class", kind)
        return words

    def axes(self) -> None:
        """Draw ticks, their numbers, a faint grid and labels."""
        left, top, right, bottom = self.box
        for value in self.up.ticks:
            self.line([(self.across.low, value), (self.across.high, value)], "grid")
            self.words(left - 7, self.y(value) + 4, _number(value), "end")
        for value in self.across.ticks:
            self.line([(value, self.up.low), (value, self.up.high)], "grid")
            self.words(self.x(value), bottom + 17, _number(value), "middle")
        if self.across.label:
            self.words((left + right) / 2, bottom + 38, self.across.label, "middle")
        if self.up.label:
            x, y = 13.0, (top + bottom) / 2
            self.words(x, y, self.up.label, "middle").set("transform", f"rotate(-90 {x} {y})")

    def svg(self) -> Markup:
        """Return the drawing; what it is made of is escaped."""
        return Markup(ET.tostring(self.root, encoding="unicode"))  # noqa: S704  (made by ElementTree)


def calibration_chart(counts: CalibrationCounts) -> Markup:
    """Draw accuracy against confidence, and how many pixels have which confidence."""
    plot = _Plot.blank(
        "Calibration: share of right pixels by confidence",
        Axis(0, 100, "confidence (%)"),
        Axis(0, 100, "share (%)"),
    )
    plot.axes()
    known = [each for each in counts.bins if each.pixels]
    for each in known:
        span = (100 * each.low + 0.8, 100 * each.high - 0.8)
        plot.block(span, (0, 100 * each.pixels / counts.total), "bar")
    plot.line([(0, 0), (100, 100)], "ideal")
    points = [(100 * each.confidence, 100 * each.accuracy) for each in known]
    plot.line(points, "curve")
    for (said, right), each in zip(points, known, strict=True):
        plot.dot(said, right, f"said {said:.1f} %, right {right:.1f} %: {each.pixels:,} pixels")
    return plot.svg()


def height_chart(pairs: PairCounts) -> tuple[Markup, HeightTable]:
    """Draw how many pixels have which true and predicted height; also return what is drawn."""
    table = pairs.part(_TAIL, _MOST_CELLS)
    low, size = table.low_m, len(table.counts)
    high = low + size * table.cell_m
    plot = _Plot.blank(
        "Pixels by true and predicted height",
        Axis(low, high, "true height (m)"),
        Axis(low, high, "predicted height (m)"),
        (_WIDTH, _HEIGHT + 46),
    )
    plot.axes()
    left, top, right, bottom = plot.box
    picture = ET.SubElement(plot.root, "image", x=str(left), y=str(top), href=_density(table))
    picture.set("width", str(right - left))
    picture.set("height", str(bottom - top))
    picture.set("preserveAspectRatio", "none")
    picture.set("class", "cells")
    plot.line([(low, low), (high, high)], "ideal")
    plot.line([*_mean_line(table)], "curve")
    return plot.svg(), table


def _density(table: HeightTable) -> str:
    shown = np.log1p(table.counts.T[::-1].astype(np.float64))
    share = shown / max(shown.max(), 1e-9)
    alpha = np.where(shown > 0, _FAINTEST + (1 - _FAINTEST) * share, 0)
    colours = np.broadcast_to(np.array(_DENSITY), (*shown.shape, 3))
    return png_address(np.dstack([colours, 255 * alpha]).round().astype(np.uint8))


def _mean_line(table: HeightTable) -> Iterator[tuple[float, float]]:
    """Yield true heights and the mean of what is predicted there, where pixels are not rare."""
    centres = table.low_m + table.cell_m * (np.arange(len(table.counts)) + 0.5)
    enough = table.counts.sum() / 5000
    for centre, row in zip(centres, table.counts, strict=True):
        if row.sum() > enough:
            yield float(centre), float((row * centres).sum() / row.sum())


def small_chart(title: str, points: Sequence[tuple[float, float]]) -> Markup:
    """Draw one loss by iteration, as one of many."""
    steps, values = zip(*points, strict=True)
    low, high = min(0.0, *values), max(*values, 0.0)
    most = high if high > low else low + 1
    plot = _Plot.blank(
        f"{title}, {len(points)} values: first {values[0]:.3g}, last {values[-1]:.3g}",
        Axis(min(steps), max(*steps, min(steps) + 1)),
        Axis(low, most),
        _SMALL,
        _SMALL_AROUND,
    )
    left, _, right, bottom = plot.box
    for value in (low, most):
        plot.line([(plot.across.low, value), (plot.across.high, value)], "grid")
        plot.words(left - 5, plot.y(value) + 4, _short(value), "end")
    plot.words(left, bottom + 14, _number(plot.across.low), "start")
    plot.words(right, bottom + 14, _number(plot.across.high), "end")
    plot.line(points, "curve")
    return plot.svg()


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return min(
        (unit * power for unit in (1, 2, 5, 10)), key=lambda each: abs(math.log(each / step))
    )


def _short(value: float) -> str:
    text = f"{value:.2g}"
    return text if len(text) < 6 else f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")


def _number(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-9 else value:g}"
