"""Each raster that predict can write says itself what it is: to GDAL, and to QGIS by its style."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.classes import HUMAN_PARTS_CLASSES
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import SUFFIXES, TITLES
from geosemimtl.inference.predictor import predict
from geosemimtl.tasks import HEIGHT, Quantity, Task

MODEL = Path("any.safetensors")
EVERY = PredictOptions(probabilities=True, disagreement=True)
CLASSES = {"reddish": "#ff0000", "greenish": "#00ff00", "blueish": "#0000ff"}
PER_CENT = ["0 %", "25 %", "50 %", "75 %", "100 %"]


class Look(NamedTuple):
    """What a raster says of itself, band by band, and the legend of its style."""

    dtype: str
    nodata: float
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    legend: list[str]
    scale: float = 1.0


LOOKS = {
    "segmentation": Look("uint8", 255, ("classes",), (None,), list(CLASSES)),
    "height": Look(
        "float32",
        -9999,
        ("height above ground",),
        ("m",),
        ["0 m", "25 m", "50 m", "75 m", "100 m"],
    ),
    "confidence": Look("uint8", 255, ("confidence",), ("%",), PER_CENT),
    "probabilities": Look("uint8", 255, tuple(CLASSES), ("share",) * 3, PER_CENT, 0.004),
    "disagreement": Look(
        "float32",
        -9999,
        (
            "classes",
            "height",
            "human_parts",
            "depth",
            "inverse_depth",
            "disparity",
            "normals",
            "saliency",
            "edges",
        ),
        ("share", "m", "share", "m", "1/m", "px", "length", "share", "share"),
        PER_CENT,
    ),
    "human_parts": Look(
        "uint8",
        255,
        ("human parts",),
        (None,),
        [name.replace("_", " ") for name in HUMAN_PARTS_CLASSES.names],
    ),
    "depth": Look("float32", -9999, ("depth",), ("m",), ["0 m", "20 m", "40 m", "60 m", "80 m"]),
    "inverse_depth": Look(
        "float32",
        -9999,
        ("inverse depth",),
        ("1/m",),
        ["0 1/m", "0.125 1/m", "0.25 1/m", "0.375 1/m", "0.5 1/m"],
    ),
    "disparity": Look(
        "float32", -9999, ("disparity",), ("px",), ["0 px", "30 px", "60 px", "90 px", "120 px"]
    ),
    "normals": Look("float32", -9999, ("x", "y", "z"), (None,) * 3, []),  # three colours
    "saliency": Look("uint8", 255, ("saliency",), ("%",), PER_CENT),
    "edges": Look("uint8", 255, ("edges",), ("%",), PER_CENT),
}


@pytest.fixture
def scene(make_scene: Callable[..., Path], noise: Callable[..., NDArray[Any]]) -> Path:
    """Return a scene."""
    return make_scene("a.tif", noise(3, 40, 40))


def legend(raster: Path) -> list[ET.Element]:
    """Return the legend's entries of a raster's style."""
    style = ET.parse(raster.with_suffix(".qml"))  # noqa: S314  (what was written a moment before)
    return [*style.iter("paletteEntry"), *style.iter("item")]


def test_no_raster_is_forgotten() -> None:
    assert set(LOOKS) == set(SUFFIXES) == set(TITLES)


def test_each_says_what_it_is(
    pointwise: Callable[..., Any], scene: Path, every_task: tuple[Task, ...]
) -> None:
    pointwise(tasks=every_task)
    (made,) = predict([scene], MODEL, options=EVERY)
    assert set(made.rasters) == set(LOOKS)
    for kind, path in made.rasters.items():
        look = LOOKS[kind]
        with rasterio.open(path) as source:
            assert set(source.dtypes) == {look.dtype}
            assert set(source.nodatavals) == {look.nodata}
            assert source.descriptions == look.names
            assert source.units == look.units
            assert set(source.scales) == {look.scale}
            assert source.tags()["GEOSEMIMTL_MODEL"] == "toy"
        assert [entry.get("label") for entry in legend(path)] == look.legend


def test_ramps_span_what_qgis_reads(pointwise: Callable[..., Any], scene: Path) -> None:
    """QGIS applies a band's scale before a style: a probability of 1 is 1 there, not 250."""
    pointwise()
    (made,) = predict([scene], MODEL, options=EVERY)
    for kind, top in (("height", 100), ("confidence", 100), ("probabilities", 1)):
        values = [float(entry.attrib["value"]) for entry in legend(made.rasters[kind])]
        assert (values[0], values[-1]) == (0, top)


def test_classes_have_their_colours_and_names_only(
    pointwise: Callable[..., Any], scene: Path
) -> None:
    pointwise()
    (made,) = predict([scene], MODEL)
    path = made.rasters["segmentation"]
    with rasterio.open(path) as source:
        palette = source.colormap(1)
    for index, color in enumerate(CLASSES.values()):
        assert "#{:02x}{:02x}{:02x}".format(*palette[index][:3]) == color
    names = ET.parse(f"{path}.aux.xml").iter("Category")  # noqa: S314  (as above)
    assert [name.text for name in names] == list(CLASSES)
    entries = [(entry.get("value"), entry.get("color")) for entry in legend(path)]
    assert entries == [(str(i), color) for i, color in enumerate(CLASSES.values())]


def test_disagreement_of_heights_alone_is_in_metres(
    pointwise: Callable[..., Any], scene: Path
) -> None:
    pointwise(tasks=(Quantity(name=HEIGHT, scale=100),))
    (made,) = predict([scene], MODEL, options=EVERY)
    assert set(made.rasters) == {"height", "disagreement"}
    labels = [entry.get("label") for entry in legend(made.rasters["disagreement"])]
    assert labels == ["0 m", "1 m", "2 m", "3 m", "4 m"]
    with rasterio.open(made.rasters["disagreement"]) as source:
        assert (source.descriptions, source.units) == (("height",), ("m",))
