"""What is told of images that lie nowhere: index, splits, runs that go on, and refusals."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.errors import BatchError, ConfigError, GeoSemiMTLError, GridError, LabelError
from geosemimtl.tasks import NODATA
from geosemimtl.tiling import scene_cutting
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.index import tile_class_shares, tile_names
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import (
    read_tileset,
)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
OneLine = Callable[[BaseException], str]
Streets = Mapping[str, Any]
Data = Callable[..., DataSet]
Write = Callable[[Path, NDArray[Any]], Path]
Read = Callable[[Path, str], dict[str, NDArray[Any]]]
Contents = Callable[[Path], dict[str, bytes]]

ROWS, COLS = 4, 6
NAMES = ("aachen_1", "bremen_1", "bremen_2")
OPTIONS = TileOptions(resize=(ROWS, COLS))
TASKS = ("segmentation", "depth", "normals", "saliency")


def test_the_index_is_a_table(streets: Streets, tmp_path: Path, street_data: Data) -> None:
    """A GeoPackage's "attributes", which has no geometry and no CRS; GDAL reads it as such."""
    tile(street_data(), tmp_path / "tiles")
    index = tmp_path / "tiles" / "tiles.gpkg"
    assert pyogrio.list_layers(index).tolist() == [["tiles", None]]
    info = pyogrio.read_info(index)
    assert (info["crs"], info["geometry_type"], info["features"]) == (None, None, 3)
    table = pyogrio.read_dataframe(index)
    assert list(table) == [
        "tile",
        "scene",
        "row",
        "column",
        "split",
        "valid_share",
        "padded",
        "share_road",
        "share_car",
        "depth_min_m",
        "depth_max_m",
        "normals_share",
        "saliency_share",
    ]
    assert table.scene.tolist() == list(NAMES)
    assert table.padded.tolist() == [False] * 3
    assert set(table["row"]) == set(table["column"]) == {0}
    for row in table.itertuples():
        street = streets[row.scene]
        assert row.share_car == pytest.approx((street.classes == 1).mean())
        assert row.depth_max_m == pytest.approx(street.depth.max())
        assert row.saliency_share == pytest.approx(street.salient.mean())
        assert row.normals_share == pytest.approx(1 - 1 / (ROWS * COLS))
    shares = tile_class_shares(tmp_path / "tiles", ("road", "car"))
    np.testing.assert_allclose(shares, table[["share_road", "share_car"]])


@pytest.mark.judge
def test_gdal_reads_the_index(
    tmp_path: Path, judge: Callable[[str], str], street_data: Data
) -> None:
    tile(street_data(), tmp_path / "tiles")
    index = str(tmp_path / "tiles" / "tiles.gpkg")
    done = subprocess.run(
        [judge("ogrinfo"), "-so", "-al", index], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "Geometry: None" in done.stdout
    assert "Feature Count: 3" in done.stdout


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_that_goes_on_gives_the_same_bytes(
    tmp_path: Path,
    contents: Contents,
    monkeypatch: pytest.MonkeyPatch,
    jobs: int,
    street_data: Data,
) -> None:
    """Interrupted before its last scene; what was cut is not cut again."""
    options = {"name": "streets", "split": "by-scene", "seed": 3}
    tile(street_data(**options), tmp_path / "whole")
    begun: list[str] = []
    cut = scene_cutting.SceneCutter.cut

    def interrupted(self: Any, *arguments: Any) -> Any:
        begun.append(self._target.layers.name)
        if self._target.layers.name == NAMES[-1] and begun.count(NAMES[-1]) == 1:
            raise KeyboardInterrupt
        return cut(self, *arguments)

    monkeypatch.setattr(scene_cutting.SceneCutter, "cut", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tile(street_data(**options), tmp_path / "tiles", jobs=jobs)
    assert not (tmp_path / "tiles").exists()
    tile(street_data(**options), tmp_path / "tiles", jobs=jobs)
    assert begun.count(NAMES[-1]) == 2
    assert contents(tmp_path / "tiles") == contents(tmp_path / "whole")


def test_another_reader_is_another_request(
    streets: Streets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    street_data: Data,
    read_tile: Read,
) -> None:
    """What an interrupted run left is no part of a run that decodes its files otherwise."""
    cut = scene_cutting.SceneCutter.cut

    def interrupted(self: Any, *arguments: Any) -> Any:
        if self._target.layers.name == NAMES[-1]:
            raise KeyboardInterrupt
        return cut(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(scene_cutting.SceneCutter, "cut", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tile(street_data(), tmp_path / "tiles", jobs=1)
    whole = street_data()
    tile(replace(whole, readers={**whole.readers, "depth": whole_metres}), tmp_path / "tiles")
    for name, street in streets.items():
        made = read_tile(tmp_path / "tiles", name)["depth"][0]
        np.testing.assert_array_equal(made, np.where(street.levels > 0, street.levels, NODATA))


def whole_metres(path: Path) -> NDArray[np.float32]:
    """Take levels for metres."""
    with rasterio.open(path) as source:
        levels = source.read(1).astype(np.float32)
    return np.where(levels > 0, levels, np.float32(np.nan))


def test_splits_by_scene(streets: Streets, tmp_path: Path, street_data: Data) -> None:
    made = tile(street_data(split="by-scene"), tmp_path / "tiles")
    assert made.splits == {"test": 1, "train": 1, "val": 1}
    table = pyogrio.read_dataframe(tmp_path / "tiles" / "tiles.gpkg")
    (trained,) = table[table.split == "train"].scene
    # statistics are of what trains alone
    assert made.class_pixels == tuple(np.bincount(streets[trained].classes.ravel())[:2])


def test_splits_by_a_list_and_of_the_scenes_own(tmp_path: Path, street_data: Data) -> None:
    (tmp_path / "s.yaml").write_text("train: ['bremen_*']\nval: ['aachen_*']\ntest: []\n")
    tile(street_data(split=str(tmp_path / "s.yaml")), tmp_path / "listed")
    assert tile_names(tmp_path / "listed", "val") == ("aachen_1_r000_c000.tif",)
    whole = street_data()
    scenes = tuple(replace(each, split="test") for each in whole.scenes[:2])
    tile(replace(whole, scenes=(*scenes, whole.scenes[2])), tmp_path / "own")
    assert tile_names(tmp_path / "own", "test") == tuple(f"{n}_r000_c000.tif" for n in NAMES[:2])


def refused(
    error: type[GeoSemiMTLError], wanted: DataSet, tmp_path: Path, one_line: OneLine
) -> str:
    """Return the message with which a data set is refused; nothing may be left."""
    with pytest.raises(error) as caught:
        tile(wanted, tmp_path / "tiles")
    assert not list(tmp_path.glob("*tiles*"))
    return one_line(caught.value)


def test_blocks_of_ground(tmp_path: Path, one_line: OneLine, street_data: Data) -> None:
    message = refused(ConfigError, street_data(split="blocks"), tmp_path, one_line)
    assert "--split blocks" in message
    assert "by-scene does" in message


@pytest.mark.parametrize("changed", [{"gsd_m": 0.1}, {"crs": "auto"}, {"crs": "EPSG:25832"}])
def test_metres_and_crs_of_what_has_none(changed: dict[str, Any], one_line: OneLine) -> None:
    with pytest.raises(ConfigError, match=r"--resize: .* leave out --gsd and --crs") as caught:
        replace(OPTIONS, **changed)
    one_line(caught.value)


def test_images_form_no_mosaic(one_line: OneLine) -> None:
    """They would hide one another."""
    with pytest.raises(ConfigError, match=r"--mosaic: images .* form no scene together") as caught:
        replace(OPTIONS, mosaic=True)
    one_line(caught.value)


@pytest.mark.parametrize("size", [(0, 4), (4, -1)])
def test_sizes_of_nothing(size: tuple[int, int], one_line: OneLine) -> None:
    with pytest.raises(ConfigError, match=f"--resize {size[0]}x{size[1]}: ") as caught:
        replace(OPTIONS, resize=size)
    one_line(caught.value)


def test_tiles_of_images_share_nothing() -> None:
    whole = replace(OPTIONS, size_px=512, overlap=0.5)
    assert (whole.tile_px, whole.shared_px) == ((ROWS, COLS), 0)
    assert replace(whole, resize=None).tile_px == (512, 512)


@pytest.mark.parametrize("task", ["segmentation", "depth", "saliency"])
def test_labels_of_another_form(
    task: str,
    streets: Streets,
    tmp_path: Path,
    one_line: OneLine,
    street_data: Data,
    write_png: Write,
) -> None:
    """An image of another form is no label of this one; the other scenes are cut."""
    (file,) = streets[NAMES[1]].files.of(task)
    write_png(file, np.ones((2 * ROWS, COLS), np.uint16 if task == "depth" else np.uint8))
    with pytest.raises(BatchError) as caught:
        tile(street_data(), tmp_path / "tiles")
    (failure,) = caught.value.failures
    assert isinstance(failure, GridError)
    message = one_line(failure)
    assert f"{file}: has 8 x 6 px, its image 4 x 6" in message
    assert read_tileset(tmp_path / "tiles").tiles == 2


def test_an_undeclared_class(
    streets: Streets, tmp_path: Path, one_line: OneLine, write_png: Write, street_data: Data
) -> None:
    (file,) = streets[NAMES[0]].files.of("segmentation")
    write_png(file, np.full((ROWS, COLS), 8, np.uint8))
    whole = street_data()
    message = refused(LabelError, replace(whole, scenes=whole.scenes[:1]), tmp_path, one_line)
    assert f"{file}: value 8 at row 0, column 0 is no declared class (24 undeclared" in message
