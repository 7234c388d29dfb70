"""What a report shows beside scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from geosemimtl.errors import GeoSemiMTLError, LabelError, ModelFileError, SceneError
from geosemimtl.publish.report.sources import (
    command_of,
    images_beside,
    model_sources,
    read_losses,
)

Make = Callable[..., Path]
BLACK = np.zeros((1, 4, 4), np.uint8)


def test_a_command_names_files_without_folders() -> None:
    arguments = ["evaluate", "/home/me/a b.tif", "--report=/tmp/x.html", "-o", "../out/", "3,5"]
    assert command_of(arguments) == "geosemimtl evaluate 'a b.tif' --report=x.html -o out 3,5"
    assert command_of([r"C:\me\a.tif", "..", "/"]) == "geosemimtl a.tif .. /"


def test_losses_by_name(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("a/height,step,epoch,b/x/y\n0.5,9,0,\n0.25,19,0,2\n")
    assert read_losses(path) == {"a/height": ((9, 0.5), (19, 0.25)), "b/x/y": ((19, 2),)}


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a,step\nx,1\n", "a,step\n1,2,3,4\n", b"\xff\xfe"])
def test_a_table_of_something_else(
    tmp_path: Path, one_line: Callable[[BaseException], str], text: str | bytes
) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelFileError) as error:
        read_losses(path)
    assert "move it away" in one_line(error.value)


def test_no_model_is_known() -> None:
    assert model_sources(None, [Path("x_classes.tif")]) == (None, {})


def test_scenes_beside_rasters_are_found(make_raster: Make) -> None:
    raster = make_raster("a_classes.tif", BLACK)
    make_raster("a.png.tif", BLACK)
    assert images_beside([raster], []) == (None,)
    make_raster("a.tif", BLACK)
    (found,) = images_beside([raster], [])
    assert found is not None
    assert found.path.name == "a.tif"


@pytest.mark.parametrize("trouble", ["no raster", "elsewhere"])
def test_a_scene_beside_that_is_of_no_use(make_raster: Make, trouble: str) -> None:
    """Nobody named it: it is left out, and where it was named, refused."""
    raster = make_raster("a_classes.tif", BLACK)
    scene = raster.with_name("a.tif")
    if trouble == "no raster":
        scene.write_text("nothing")
    else:
        make_raster("a.tif", BLACK, transform=Affine(0.05, 0, 400000, 0, -0.05, 5806000))
    assert images_beside([raster], []) == (None,)
    with pytest.raises(GeoSemiMTLError, match=r"a\.tif"):
        images_beside([raster], [scene])


def test_scenes_that_are_named(make_raster: Make) -> None:
    rasters = [make_raster(f"{name}_classes.tif", BLACK) for name in "ab"]
    scene = make_raster("s.tif", BLACK)
    assert [each and each.path for each in images_beside(rasters, [scene, scene])] == [scene] * 2
    with pytest.raises(LabelError, match=r"2 predicted scene\(s\) but 1 --image"):
        images_beside(rasters, [scene])
    with pytest.raises(SceneError, match="no such file"):
        images_beside(rasters, [scene, Path("missing.tif")])
