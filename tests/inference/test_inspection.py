"""What check and info say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from geosemimtl.errors import ModelFileError, TileSetError
from geosemimtl.inference.inspection import check, info
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import TileSet
from geosemimtl.training.model_file import ModelCard

Make = Callable[..., Path]


def test_what_a_scene_is(make_scene: Make) -> None:
    mask = np.ones((50, 80), bool)
    mask[:25, :40] = False
    scene = make_scene("a.tif", np.ones((3, 50, 80), np.uint8), gsd=0.05, mask=mask)
    report = check(scene, options=TileOptions(gsd_m=0.1, size_px=16, overlap=0.25))
    assert report.valid_share == 0.75
    assert report.grid.shape == (25, 40)
    assert report.layout.overlap_px == 4
    assert not report.problems
    assert any("averaged from 0.05 m to 0.1 m" in note for note in report.notes)
    document = json.loads(json.dumps(report.document()))
    assert document["bands"] == ["red", "green", "blue"]
    assert document["would_be"]["tiles"] == len(report.layout) == 2 * 3


def test_what_would_be_predicted(make_scene: Make, model_file: Path) -> None:
    report = check(make_scene("a.tif", np.ones((3, 50, 80), np.uint8), gsd=0.1), model=model_file)
    assert report.grid.shape == (100, 160)
    assert (report.layout.size_px, report.layout.overlap_px) == (32, 16)
    assert any("enlarged" in note for note in report.notes)


def test_every_problem_is_listed(make_raster: Make, model_file: Path) -> None:
    pixels = np.ones((3, 30, 30), np.uint16)
    scene = make_raster("a.tif", pixels, mask=np.zeros((30, 30), bool))
    assert len(check(scene).problems) == 2
    problems = check(scene, model=model_file).problems
    assert len(problems) == 3
    for problem, word in zip(problems, ("--bands", "--value-range", "no valid pixel"), strict=True):
        assert word in problem


@pytest.mark.parametrize(
    ("crs", "colours", "word"),
    [
        ("EPSG:4326", None, "degrees"),
        ("EPSG:25833", ("gray", "undefined", "undefined", "undefined"), "no names"),
        ("EPSG:25833", ("red", "green", "blue", "alpha"), "--alpha none"),
    ],
)
def test_what_deserves_a_look(
    make_raster: Make, crs: str, colours: tuple[str, ...] | None, word: str
) -> None:
    pixels = np.full((4, 30, 30), 255, np.uint8)
    transform = Affine(1e-6, 0, 13, 0, -1e-6, 52)
    scene = make_raster("a.tif", pixels, crs=crs, transform=transform, colours=colours)
    assert any(word in note for note in check(scene).notes)


def test_info(make_scene: Make, model_file: Path, tmp_path: Path) -> None:
    assert isinstance(info(model_file), ModelCard)
    tile([make_scene("a.tif", np.ones((3, 50, 80), np.uint8))], tmp_path / "tiles")
    assert isinstance(info(tmp_path / "tiles"), TileSet)


def test_info_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(TileSetError, match="no tile set"):
        info(tmp_path)
    with pytest.raises(ModelFileError, match="neither"):
        info(tmp_path / "no.tif")
    with pytest.raises(ModelFileError, match="no such model file"):
        info(tmp_path / "no.safetensors")
