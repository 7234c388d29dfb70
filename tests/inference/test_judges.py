"""What GDAL's own programs and QGIS make of predicted rasters."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.classes import rgb_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.raster.styles import CONFIDENCE_RAMP, DISAGREEMENT_RAMP, HEIGHT_RAMP

QGIS_CHECK = Path(__file__).parents[1] / "judges" / "qgis_check.py"
#: A legend in per cent.
SHARES = ["0 %", "25 %", "50 %", "75 %", "100 %"]
pytestmark = pytest.mark.judge


@pytest.fixture
def predicted(
    pointwise: Callable[..., Any],
    make_scene: Callable[..., Path],
    noise: Callable[..., NDArray[Any]],
) -> dict[str, Path]:
    """Return the rasters of a scene with a corner without data, beside the scene."""
    pointwise()
    pixels = np.repeat(np.repeat(noise(3, 8, 10), 80, 1), 80, 2)
    mask = np.ones((640, 800), bool)
    mask[:100, :200] = False
    scene = make_scene("scene.tif", pixels, gsd=0.04, mask=mask, crs="EPSG:25832")
    every = PredictOptions(probabilities=True, disagreement=True)
    (written,) = predict([scene], Path("any.safetensors"), options=every)
    return {"scene": scene, **written.rasters}


def test_qgis_shows_them_with_their_styles(
    predicted: dict[str, Path], judge: Callable[[str], str], tmp_path: Path
) -> None:
    paths = {kind: path for kind, path in predicted.items() if kind != "scene"}
    done = subprocess.run(
        [judge("qgis"), str(QGIS_CHECK), str(tmp_path), *map(str, paths.values())],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {kind: json.loads(done.stdout)[str(path)] for kind, path in paths.items()}
    with rasterio.open(predicted["scene"]) as source:
        bounds, size = list(source.bounds), [source.width, source.height]
    for kind, facts in found.items():
        assert facts["valid"]
        assert facts["crs"] == "EPSG:25832"
        assert facts["extent"] == pytest.approx(bounds, abs=1e-9)
        assert facts["size"] == size
        assert facts["style"] == str(paths[kind].with_suffix(".qml"))
        assert "#ff00ff" in facts["colours"], (
            "the part without data must let the background through"
        )
        assert len(facts["colours"]) > (1 if kind == "disagreement" else 3)  # tiles agree here
        assert (tmp_path / f"{paths[kind].stem}.png").stat().st_size > 500
    classes = found["segmentation"]
    assert classes["renderer"] == "paletted"
    assert classes["nodata"] == 255
    assert classes["legend"] == [
        ["reddish", "#ff0000"],
        ["greenish", "#00ff00"],
        ["blueish", "#0000ff"],
    ]
    assert set(classes["colours"]) == {"#ff00ff", "#ff0000", "#00ff00", "#0000ff"}
    for kind, labels, colours in (
        ("height", ["0 m", "25 m", "50 m", "75 m", "100 m"], HEIGHT_RAMP),
        ("confidence", SHARES, CONFIDENCE_RAMP),
        ("probabilities", SHARES, CONFIDENCE_RAMP),
        ("disagreement", SHARES, DISAGREEMENT_RAMP),
    ):
        assert found[kind]["renderer"] == "singlebandpseudocolor"
        assert [label for *_, label in found[kind]["ramp"]] == labels
        assert [colour for _, colour, _ in found[kind]["ramp"]] == list(colours)
    assert found["height"]["nodata"] == found["disagreement"]["nodata"] == -9999
    assert found["probabilities"]["nodata"] == found["confidence"]["nodata"] == 255
    # of the first class, sure here and absent there: from the ramp's dark blue to its yellow
    shares = [rgb_of(name) for name in found["probabilities"]["colours"]]
    assert CONFIDENCE_RAMP[0] in found["probabilities"]["colours"]
    assert any(red > 220 and green > 140 for red, green, _ in shares)


def test_gdal_reads_names_units_and_overviews(
    predicted: dict[str, Path], judge: Callable[[str], str]
) -> None:
    def info(kind: str) -> dict[str, Any]:
        done = subprocess.run(
            [judge("gdalinfo"), "-json", str(predicted[kind])],
            capture_output=True,
            text=True,
            check=True,
        )
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts

    classes, height = info("segmentation"), info("height")
    for facts in [info(kind) for kind in predicted if kind != "scene"]:
        assert facts["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
        assert facts["bands"][0]["overviews"]
    (band,) = classes["bands"]
    assert band["colorTable"]["entries"][:3] == [
        [255, 0, 0, 255],
        [0, 255, 0, 255],
        [0, 0, 255, 255],
    ]
    text = subprocess.run(
        [judge("gdalinfo"), str(predicted["segmentation"])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.findall(r"^ +(\d+): +([a-z]+)$", text, re.MULTILINE) == [
        ("0", "reddish"),
        ("1", "greenish"),
        ("2", "blueish"),
    ]
    assert height["bands"][0]["unit"] == "m"
    assert height["bands"][0]["noDataValue"] == -9999


@pytest.mark.parametrize("compress", ["zstd", "none"])
def test_they_are_valid_cloud_optimised_geotiffs(
    predicted: dict[str, Path], judge: Callable[[str], str], compress: str
) -> None:
    options = PredictOptions(probabilities=True, disagreement=True, compress=compress)
    predict([predicted["scene"]], Path("any.safetensors"), options=options, overwrite=True)
    script = (
        "import sys\nfrom osgeo_utils.samples import validate_cloud_optimized_geotiff as v\n"
        "for path in sys.argv[1:]:\n"
        "    warnings, errors, _ = v.validate(path, full_check=True)\n"
        "    assert not errors and not warnings, (path, warnings, errors)\n"
    )
    paths = [str(path) for path in predicted["scene"].parent.glob("scene_*.tif")]
    assert len(paths) == 5
    done = subprocess.run(
        [judge("gdal"), "-c", script, *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
