"""A user's own data set, described by one YAML file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geosemimtl.classes import ISPRS_CLASS_MAP
from geosemimtl.data.sets.listed import is_scenes_file, read_scenes_file
from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.tasks import SEGMENTATION
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
SCENES = """\
name: town
images: dop
labels: [labels/a.tif, labels/b.tif]
heights: ndsm/*.tif
bands: [nir, red, green]
value_range: [0, 1000]
height_scale: 0.1
gsd: 0.1
split: split.yaml
classes:
  entries:
    - {name: ground, color: "#d9c7a0", from: [1, 2]}
    - {name: tree, color: "#1b7837", from: [3]}
"""


@pytest.fixture
def town(make_raster: Maker, noise: Noise, tmp_path: Path) -> Path:
    """Return a description of two scenes."""
    for name in "ab":
        make_raster(f"dop/{name}.tif", noise(3, 64, 64, dtype="uint16", high=1000), gsd=0.1)
        make_raster(f"labels/{name}.tif", noise(1, 64, 64, high=4), gsd=0.1)
        make_raster(f"ndsm/{name}.tif", noise(1, 64, 64, high=100), gsd=0.1)
    (tmp_path / "split.yaml").write_text("train: [a]\ntest: [b]\n")
    file = tmp_path / "town.yaml"
    file.write_text(SCENES)
    return file


def test_everything_is_said_in_one_file(town: Path, tmp_path: Path) -> None:
    data = read_scenes_file(town)
    assert [scene.name for scene in data.scenes] == ["a", "b"]
    assert data.scenes[1].of(SEGMENTATION) == (tmp_path / "labels" / "b.tif",)
    made = tile(data, tmp_path / "tiles")
    assert (made.name, made.gsd_m, made.bands) == ("town", 0.1, ("nir", "red", "green"))
    assert made.value_range == (0, 1000)
    assert made.splits == {"test": 1, "train": 1}
    assert made.classes is not None
    assert made.classes.names == ("ground", "tree")
    assert made.heights is not None
    assert made.heights.maximum == pytest.approx(9.9)


def test_what_is_not_said_is_as_ever(town: Path) -> None:
    town.write_text("images: [dop/b.tif, dop/a.tif]\n")
    data = read_scenes_file(town)
    assert [scene.name for scene in data.scenes] == ["b", "a"]
    assert data.options == TileOptions(name="town")
    assert data.options.classes == ISPRS_CLASS_MAP


def test_a_class_map_of_its_own_file(town: Path, tmp_path: Path) -> None:
    entries = "entries:\n- {name: a, color: '#000001'}\n- {name: b, color: '#000002'}\n"
    (tmp_path / "classes.yaml").write_text(entries)
    town.write_text("images: dop\nclasses: classes.yaml\nsplit: by-scene\n")
    options = read_scenes_file(town).options
    assert options.classes.classes.names == ("a", "b")
    assert options.split == "by-scene"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("labels: a.tif\n", ConfigError, "images is missing"),
        ("images: dop\nband: [a]\n", ConfigError, "unknown key band: did you mean bands?"),
        ("images: none/*.tif\n", TileSetError, "no file matches this pattern"),
        ("images: dop\ngsd: -1\n", ConfigError, "--gsd -1"),
        ("images: dop\nheight_scale: 0\n", ConfigError, "--height-scale 0"),
        ("images: dop\nclasses: none.yaml\n", ConfigError, "none.yaml: cannot be read"),
    ],
)
def test_bad_descriptions(
    town: Path,
    text: str,
    error: type[Exception],
    said: str,
    one_line: Callable[[BaseException], str],
) -> None:
    town.write_text(text)
    with pytest.raises(error) as caught:
        read_scenes_file(town)
    assert said in one_line(caught.value)


def test_which_files_are_descriptions() -> None:
    names = ("a.yaml", "a.YML", "a.csv", "a.tif")
    assert [is_scenes_file(Path(name)) for name in names] == [True, True, False, False]


def test_images_that_lie_nowhere(
    tmp_path: Path,
    write_png: Callable[[Path, NDArray[Any]], None],
) -> None:
    write_png(tmp_path / "images" / "a.png", np.full((8, 16, 3), 7, np.uint8))
    file = tmp_path / "drive.yaml"
    file.write_text("images: images\nresize: [4, 8]\n")
    made = tile(read_scenes_file(file), tmp_path / "tiles")
    assert (made.gsd_m, made.size_px, made.tiles) == (None, (4, 8), 1)
