"""What tile sets and models say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geosemimtl.errors import ModelFileError, TileSetError
from geosemimtl.inference.inspection.contents import coverage, info
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import TileSet
from geosemimtl.training.model_file import ModelCard

Make = Callable[..., Path]


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


def test_who_supervises_what(make_scene: Make, make_raster: Make, tmp_path: Path) -> None:
    """40 x 50 px of 0.5 m, one row unlabelled: 1950 px, 0.0004875 km2."""
    scene = make_scene("a.tif", np.ones((3, 40, 50), np.uint8), gsd=0.5)
    classes = np.zeros((1, 40, 50), np.uint8)
    classes[:, 0] = 255
    labels = make_raster("labels.tif", classes, gsd=0.5)
    options = TileOptions(size_px=32)
    tile([scene], tmp_path / "one", labels=[labels], options=options)
    tile([scene], tmp_path / "two", options=options)
    one, two = coverage([info(tmp_path / name) for name in ("one", "two")])  # type: ignore[misc]  # they are tile sets
    assert one.pixels == {"segmentation": 1950, "height": 0}
    assert one.km2["segmentation"] == pytest.approx(0.0004875)
    assert (two.sensor, sum(two.pixels.values())) == ("two", 0)
