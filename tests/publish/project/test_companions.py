"""Polygons and QGIS projects of predicted scenes, and what QGIS makes of them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.inference.choosing import Chosen
from geosemimtl.progress import silent
from geosemimtl.publish.project.companions import POLYGONS, PROJECT
from geosemimtl.tasks import Height, Segmentation, Task

Choose = Callable[..., Chosen]
QGIS_CHECK = Path(__file__).parents[2] / "judges" / "qgis_project_check.py"
TASKS = (Segmentation(classes=ISPRS_CLASSES), Height(scale_m=20))
#: Of the class tree, and the image's brightness.
TREE, PALE = 3, 200


def made(chosen: Chosen) -> ET.Element:
    """Make a scene's companions and return its project."""
    for companion in (POLYGONS, PROJECT):
        if companion.applies(chosen.outputs):
            companion.make(chosen, companion.path(chosen), silent)
    with zipfile.ZipFile(PROJECT.path(chosen)) as archive:
        (name,) = archive.namelist()
        assert name == "scene.qgs"
        return ET.fromstring(archive.read(name))  # noqa: S314  (written just now)


def titles(project: ET.Element) -> list[str]:
    return [node.get("name", "") for node in project.iter("layer-tree-layer")]


def test_a_project_holds_all_there_is(choose: Choose) -> None:
    project = made(choose(disagreement=True, probabilities=True))
    assert titles(project) == [
        "Buildings",
        "Buildings as blocks",
        "Land cover",
        "Hillshade",
        "Height above ground",
        "Confidence",
        "Probabilities",
        "Disagreement of tiles",
        "Image",
    ]
    sources = [layer.findtext("datasource") for layer in project.iter("maplayer")]
    assert sources[:3] == [
        "./scene_polygons.gpkg|layername=buildings",
        "./scene_polygons.gpkg|layername=buildings_lod1",
        "./scene_classes.tif",
    ]
    assert sources[-1] == "../scene.tif"


def test_the_same_scene_has_the_same_project(choose: Choose) -> None:
    chosen = choose()
    made(chosen)
    first = PROJECT.path(chosen).read_bytes()
    PROJECT.make(chosen, PROJECT.path(chosen), silent)
    assert PROJECT.path(chosen).read_bytes() == first


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        (TASKS[:1], ["Buildings", "Land cover", "Confidence", "Image"]),
        (TASKS[1:], ["Hillshade", "Height above ground", "Image"]),
    ],
)
def test_one_task_alone(choose: Choose, tasks: tuple[Task, ...], found: list[str]) -> None:
    project = made(choose(tasks))
    assert titles(project) == found
    assert project.find("mapViewDocks3D") is None


def test_a_scene_without_buildings(choose: Choose, caplog: pytest.LogCaptureFixture) -> None:
    chosen = choose(inside=TREE)
    with caplog.at_level(logging.WARNING, "geosemimtl"):
        project = made(chosen)
    assert "has no pixel of building" in caplog.text
    assert not POLYGONS.path(chosen).exists()
    assert titles(project)[0] == "Land cover"


def test_degrees_have_no_space(choose: Choose) -> None:
    project = made(choose(crs="EPSG:4326"))
    assert titles(project)[:2] == ["Buildings", "Land cover"]
    assert project.find("mapViewDocks3D") is None


def test_an_image_of_sixteen_bits_is_stretched(choose: Choose) -> None:
    pixels = np.repeat(np.arange(12000, dtype=np.uint16).reshape(1, 100, 120), 4, axis=0)
    names = ("nir", "red", "green", "blue")
    chosen = choose(pixels=pixels, names=names, value_range=(0.0, 12000.0))
    (image,) = (x for x in made(chosen).iter("maplayer") if x.findtext("layername") == "Image")
    renderer = image.find("pipe/rasterrenderer")
    assert renderer is not None
    assert [renderer.get(f"{colour}Band") for colour in ("red", "green", "blue")] == ["2", "3", "4"]
    low, high = (
        float(renderer.findtext(f"greenContrastEnhancement/{n}Value") or 0) for n in ("min", "max")
    )
    assert low == pytest.approx(240, abs=2)
    assert high == pytest.approx(11760, abs=2)


def test_a_file_that_is_no_geopackage(choose: Choose) -> None:
    chosen = choose()
    POLYGONS.path(chosen).write_text("x" * 100)
    with pytest.raises(Exception, match=r"scene_polygons\.gpkg: is no GeoPackage of geosemimtl"):
        PROJECT.make(chosen, PROJECT.path(chosen), silent)
    assert not PROJECT.path(chosen).exists()


@pytest.mark.judge
def test_qgis_opens_and_draws_it(
    choose: Choose, judge: Callable[[str], str], tmp_path: Path
) -> None:
    chosen = choose()
    made(chosen)
    moved = tmp_path.with_name(f"{tmp_path.name} moved")
    tmp_path.rename(moved)  # its paths are relative
    done = subprocess.run(
        [judge("qgis"), str(QGIS_CHECK), str(moved / "out" / "scene.qgz"), str(moved / "map.png")],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    layers = dict(found["layers"])
    assert found["read"]
    assert found["group"] == "scene"
    assert list(layers) == [
        "Buildings",
        "Buildings as blocks",
        "Land cover",
        "Hillshade",
        "Height above ground",
        "Confidence",
        "Image",
    ]
    assert all(layer["valid"] for layer in layers.values())
    assert {layer["crs"] for layer in layers.values()} == {"EPSG:25833"}
    assert (found["crs"], found["view_crs"]) == ("EPSG:25833", "EPSG:25833")
    assert found["extent"] == pytest.approx(chosen.plan.output.bounds)
    multiply = 13  # Qt's number
    blends = {name for name, layer in layers.items() if layer["blend"] == multiply}
    assert blends == {"Land cover", "Hillshade"}
    legend = [
        [entry.name.replace("_", " "), entry.color.lower()] for entry in ISPRS_CLASSES.entries
    ]
    assert layers["Land cover"]["legend"] == legend
    assert layers["Buildings"]["legend"] == [["building", "#0000ff"]]
    assert layers["Hillshade"]["renderer"] == "hillshade"
    assert layers["Buildings"]["raised"]
    assert layers["Buildings as blocks"]["raised"]
    assert found["themes"] == {
        "Land cover": ["Land cover", "Image"],
        "Buildings": ["Buildings", "Image"],
        "Heights": ["Hillshade", "Height above ground"],
        "Image": ["Image"],
    }
    assert found["shown"] == ["Land cover", "Image"]
    assert found["space"] == ["Buildings", "Image"]
    # three fifths of the image times the class's blue, two fifths of the image alone
    dark = round(0.4 * PALE)
    assert found["middle"] == pytest.approx([dark, dark, PALE], abs=2)
