"""Potsdam and Vaihingen as they are shipped, by fakes of their names, colours and encodings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rasterio

from geosemimtl.classes import color_of
from geosemimtl.data.sets.benchmark import Benchmark, Kind, Variant, Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.data.sets.registry import DATA_SETS, benchmark_of
from geosemimtl.errors import ConfigError, GridError, TileSetError
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.layers import open_layers
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scene_cutting import SceneCutter
from geosemimtl.tiling.splits import read_split_list

ROOT = Path(__file__).parents[3]
Make = Callable[..., Path]
PATCHES = ((2, 10), (2, 13), (4, 12), (6, 7))
AREAS = ((1, 1), (2, 0))


def whole(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Return a raster's pixels (bands, rows, columns)."""
    with rasterio.open(path) as source:
        pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = source.read()
    return pixels


def stock(data: DataSet, kind: str) -> int:
    """Return how many scenes have a kind of file."""
    (found,) = [each.found for each in data.stocks if each.kind == kind]
    return found


@pytest.mark.parametrize(("name", "counts"), [("potsdam", (24, 14)), ("vaihingen", (16, 17))])
def test_the_scenes_are_those_of_the_official_split(name: str, counts: tuple[int, int]) -> None:
    names = list(benchmark_of(name).scenes.values())
    splits = list(read_split_list(name).assign(names).values())
    assert (splits.count("train"), splits.count("test"), len(splits)) == (*counts, sum(counts))


@pytest.mark.parametrize("name", ["potsdam", "vaihingen"])
def test_torchgeo_knows_the_same(name: str) -> None:
    """Its lists, its classes in another order, and its colours; it has no heights."""
    from torchgeo.datasets import Potsdam2D, Vaihingen2D  # noqa: PLC0415  (loads torch)

    theirs: Any = {"potsdam": Potsdam2D, "vaihingen": Vaihingen2D}[name]
    known = benchmark_of(name)
    ours = read_split_list(name).assign(list(known.scenes.values()))
    assert {n.removesuffix(".tif"): s for s, ns in theirs.splits.items() for n in ns} == ours
    colours = {entry.name: entry.color for entry in known.options.classes.entries}
    names = [label.split("/")[0].removesuffix(" surfaces") for label in theirs.classes]
    theirs_by_name = {
        name.lower().replace(" ", "_"): color_of(rgb)
        for name, rgb in zip(names, theirs.colormap, strict=True)
    }
    assert theirs_by_name == colours
    assert set(theirs.filenames) <= {kind.source for kind in known.kinds}


@pytest.mark.parametrize("zips", [False, True])
def test_potsdam_is_found_in_folders_and_in_zips(make_isprs: Make, zips: bool) -> None:  # noqa: FBT001  (a parameter)
    data = find_data_set("potsdam", make_isprs("potsdam", PATCHES, zips=zips))
    assert [scene.name for scene in data.scenes] == [f"top_potsdam_{r}_{c}" for r, c in PATCHES]
    assert data.problems == ()
    assert {each.kind: each.found for each in data.stocks} == {
        "irrg images": 4,
        "rgb images": 4,
        "rgbir images": 4,
        "labels": 4,
        "labels without boundaries": 4,
        "heights in metres": 0,
        "heights as grey levels": 4,
        "surface models": 4,
    }
    first = data.scenes[0]
    assert [each.name for each in (*first.image, *first.labels, *first.height)] == [
        "top_potsdam_2_10_IRRG.tif",
        "top_potsdam_2_10_label.tif",
    ]
    layers = open_layers(first, data.options)
    assert layers.image.bands == ("nir", "red", "green")
    assert layers.image.grid.crs.to_epsg() == 32633
    assert layers.image.grid.gsd_m == pytest.approx((0.05, 0.05), rel=1e-3)
    assert layers.image.grid.transform.c == pytest.approx(366036)


@pytest.mark.parametrize("zips", [False, True])
def test_vaihingens_images_and_labels_are_told_apart(make_isprs: Make, zips: bool) -> None:  # noqa: FBT001  (a parameter)
    root = make_isprs("vaihingen", AREAS, zips=zips)
    data = find_data_set("vaihingen", root, Wanted(height_scale_m=0.1))
    assert [scene.name for scene in data.scenes] == [f"top_mosaic_09cm_area{n}" for n, _ in AREAS]
    for scene in data.scenes:
        (image,), (labels,), (heights,) = scene.image, scene.labels, scene.height
        assert image.name == labels.name
        assert image.parent.name == "top"
        assert "ground_truth_COMPLETE" in str(labels) or "gts_for" in str(labels)
        assert heights.suffix == ".jpg"
    assert not [remark for remark in data.remarks if "world files" in remark]
    grid = open_layers(data.scenes[1], data.options).image.grid
    assert grid.transform.to_gdal() == pytest.approx((497020, 0.09, 0, 5419000, 0, -0.09))
    assert grid.crs.to_epsg() == 32632


def test_areas_without_world_files_lie_side_by_side(make_isprs: Make) -> None:
    root = make_isprs("vaihingen", AREAS)
    shutil.rmtree(root / "Vaihingen_dsm_tiles_geoinfo")
    data = find_data_set("vaihingen", root)
    first, second = (open_layers(scene, data.options).image.grid for scene in data.scenes)
    assert first.bounds[2] < second.bounds[0]
    assert first.gsd_m == pytest.approx((0.09, 0.09), rel=1e-3)
    assert any("laid side by side" in remark for remark in data.remarks)


@pytest.mark.parametrize(
    ("variant", "bands"),
    [
        ("rgb", ("red", "green", "blue")),
        ("irrg", ("nir", "red", "green")),
        ("rgbir", ("red", "green", "blue", "nir")),
    ],
)
@pytest.mark.parametrize("zips", [False, True])
def test_tiles_have_the_bands_classes_and_heights(
    make_isprs: Make,
    tmp_path: Path,
    variant: str,
    bands: tuple[str, ...],
    zips: bool,  # noqa: FBT001  (a parameter)
) -> None:
    """72 px of 5 cm are 40 px of 9 cm; six stripes of 12 px are 6.67 px wide then.

    Column 6 meets the source's 10, 11 and 12, two of which are class 0; column 13 meets 23, 24 and
    25, two of which are class 2.
    """
    root = make_isprs("potsdam", PATCHES, zips=zips)
    data = find_data_set("potsdam", root, Wanted(variant, height_scale_m=0.1))
    made = tile(data, tmp_path / "tiles")
    assert made.name == "potsdam"
    assert made.gsd_m == 0.09
    assert (made.size_px, made.overlap_px) == (512, 256)
    assert made.bands == bands
    values = {"nir": 200, "red": 120, "green": 80, "blue": 40}
    means = [band.mean * 255 for band in made.statistics]
    assert means == pytest.approx([values[band] for band in bands])
    assert made.splits == {"test": 1, "train": 3}
    for name in ("top_potsdam_2_10", "top_potsdam_4_12", "top_potsdam_6_7"):
        (file,) = (tmp_path / "tiles" / "segmentation").glob(f"{name}*")
        stripes = whole(file)[0, 20, :40]
        assert (np.diff(stripes.astype(int)) >= 0).all()
        assert np.bincount(stripes).tolist() == [7, 6, 7, 7, 6, 7]
        (file,) = (tmp_path / "tiles" / "height").glob(f"{name}*")
        heights = whole(file)[0, 20, :40]
        assert heights[:13].tolist() == [0] * 13
        assert heights[14:] == pytest.approx(5.5)


def test_a_zip_and_its_folder_give_the_same_tiles(make_isprs: Make, tmp_path: Path) -> None:
    made = []
    for zips in (False, True):
        root = make_isprs("potsdam", PATCHES[:2], zips=zips)
        data = find_data_set("potsdam", root, Wanted(height_scale_m=0.1))
        folder = tmp_path / f"tiles{zips}"
        tile(data, folder)
        files = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.*") if p.is_file()}
        assert b"/vsizip" not in files.pop(Path("tileset.json"))  # it tells the files' date, too
        made.append(files)
        shutil.rmtree(root)
    assert len(made[0]) > 3
    assert made[0] == made[1]


def test_no_boundary_ignores_black(make_isprs: Make, tmp_path: Path) -> None:
    root = make_isprs("vaihingen", AREAS)
    data = find_data_set("vaihingen", root, Wanted(no_boundary=True))
    full = tile(find_data_set("vaihingen", root), tmp_path / "full")
    eroded = tile(data, tmp_path / "eroded")
    # of 48 columns four are black in the train area
    assert sum(full.class_pixels) == 40 * 48
    assert sum(eroded.class_pixels) == 40 * 44


def test_labels_asked_for_are_needed(make_isprs: Make) -> None:
    root = make_isprs("vaihingen", AREAS)
    for path in root.rglob("*noBoundary*"):
        path.unlink()
    (problem,) = find_data_set("vaihingen", root, Wanted(no_boundary=True)).problems
    assert "leave --no-boundary out" in problem


def test_grey_levels_are_no_metres(make_isprs: Make) -> None:
    """Without their unit they are left out, and the reason is said."""
    data = find_data_set("potsdam", make_isprs("potsdam", PATCHES))
    assert all(scene.height == () for scene in data.scenes)
    (remark,) = [each for each in data.remarks if "heights" in each]
    assert "grey levels" in remark
    assert "--height-scale METRES" in remark
    assert "geosemimtl ndsm" in remark


def test_a_missing_column_is_not_valid(make_isprs: Make, tmp_path: Path) -> None:
    """As in the surface model and the JPEG of patch 3_13; nothing is stretched."""
    root = make_isprs("potsdam", [(2, 10), (3, 13)])
    data = find_data_set("potsdam", root, Wanted(height_scale_m=0.1))
    tile(data, tmp_path / "tiles", options=replace(data.options, gsd_m=0.05))
    (file,) = (tmp_path / "tiles" / "height").glob("top_potsdam_3_13*")
    row = whole(file)[0, 30, :72]
    assert row[:71].tolist() == pytest.approx([0] * 24 + [5.5] * 47)
    assert row[71] == -9999


def test_heights_of_a_folder_ndsm_are_metres(make_isprs: Make) -> None:
    root = make_isprs("potsdam", PATCHES)
    (root / "ndsm").mkdir()
    shutil.copy(root / "1_DSM" / "dsm_potsdam_02_10.tif", root / "ndsm")
    data = find_data_set("potsdam", root)
    assert stock(data, "heights in metres") == 1
    assert stock(data, "surface models") == 4
    assert [len(scene.height) for scene in data.scenes] == [1, 0, 0, 0]
    assert any("3 of 4 scenes have none and are cut without" in each for each in data.remarks)


def test_what_is_missing_is_said(
    make_isprs: Make, one_line: Callable[[BaseException], str]
) -> None:
    root = make_isprs("potsdam", PATCHES)
    shutil.rmtree(root / "3_Ortho_IRRG")
    data = find_data_set("potsdam", root)
    assert data.scenes == ()
    with pytest.raises(TileSetError, match="pass --variant rgb") as caught:
        tile(data, root / "tiles")
    one_line(caught.value)
    shutil.rmtree(root)
    root.mkdir()
    (problem,) = find_data_set("potsdam", root).problems
    assert "3_Ortho_IRRG.zip" in problem
    assert "ask for the data at https://www.isprs.org/" in problem


def test_a_damaged_zip(make_isprs: Make) -> None:
    root = make_isprs("potsdam", PATCHES, zips=True)
    broken = root / "5_Labels_all.zip"
    broken.write_bytes(broken.read_bytes()[:-100])
    (problem,) = find_data_set("potsdam", root).problems
    assert problem.startswith(f"{broken}: is damaged or incomplete")


def test_zips_in_a_zip_are_to_be_unpacked(make_isprs: Make, tmp_path: Path) -> None:
    """Once they are, the zip around them does not matter."""
    root = make_isprs("potsdam", PATCHES, zips=True)
    with zipfile.ZipFile(root / "Potsdam.zip", "w") as nested:
        nested.write(root / "2_Ortho_RGB.zip", "Potsdam/2_Ortho_RGB.zip")
    assert find_data_set("potsdam", root).problems == ()
    (tmp_path / "only").mkdir()
    shutil.move(root / "Potsdam.zip", tmp_path / "only")
    (problem,) = find_data_set("potsdam", tmp_path / "only").problems
    assert "Potsdam.zip: holds zips itself; unpack it" in problem


def test_a_patch_without_georeference_is_refused(make_isprs: Make) -> None:
    root = make_isprs("potsdam", PATCHES[:1])
    (root / "3_Ortho_IRRG" / "top_potsdam_2_10_IRRG.tfw").unlink()
    data = find_data_set("potsdam", root)
    with pytest.raises(GridError, match="no georeference; add a world file"):
        open_layers(data.scenes[0], data.options)


def test_a_world_file_that_is_none(make_isprs: Make) -> None:
    root = make_isprs("vaihingen", AREAS)
    file = root / "Vaihingen_dsm_tiles_geoinfo" / "dsm_09cm_matching_area1.tfw"
    file.write_text("0.09\n0\n")
    with pytest.raises(TileSetError, match="is no world file of six numbers"):
        find_data_set("vaihingen", root)


def test_wrong_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--dataset berlin: unknown; choose from potsdam"):
        find_data_set("berlin", tmp_path)
    with pytest.raises(ConfigError, match="vaihingen comes as irrg; choose"):
        find_data_set("vaihingen", tmp_path, Wanted("rgb"))
    with pytest.raises(TileSetError, match="is no folder"):
        find_data_set("potsdam", tmp_path / "none")


def test_a_new_data_set_is_one_file_and_one_line(
    make_raster: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own names, bands, classes and split; what it does not ship is never found."""
    toy = ModuleType("toy")
    toy.BENCHMARK = Benchmark(  # type: ignore[attr-defined]  # a module as a data set's file is
        name="toy",
        request="https://example.org",
        scenes={(1,): "one", (2,): "two"},
        options=TileOptions(size_px=64, name="toy"),
        variants={"pan": Variant(Kind("images", r"pan/(\d)\.tif", "pan.zip"), ("pan",))},
        labels=Kind("labels", r"gt/(\d)\.tif", "gt.zip"),
        crs="EPSG:25833",
        splits={(1,): "train", (2,): "val"},
    )
    monkeypatch.setitem(sys.modules, "toy", toy)
    monkeypatch.setitem(DATA_SETS, "toy", "toy")
    with pytest.raises(ConfigError, match="--no-boundary: toy has no such labels"):
        find_data_set("toy", tmp_path, Wanted(no_boundary=True))
    for number in (1, 2):
        make_raster(f"root/PAN/{number}.tif", np.full((1, 64, 64), 7, np.uint8))
        make_raster(f"root/gt/{number}.tif", np.full((1, 64, 64), number, np.uint8))
    made = tile(find_data_set("toy", tmp_path / "root"), tmp_path / "tiles")
    assert made.bands == ("pan",)
    assert made.splits == {"train": 1, "val": 1}
    assert made.class_pixels == (0, 64 * 64, 0, 0, 0, 0)


def test_finding_loads_no_torch() -> None:
    script = "import sys, geosemimtl.data.sets.finding; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_a_stopped_run_of_zips_goes_on_and_sees_changes(
    make_isprs: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zip counts with its size and date."""
    root = make_isprs("potsdam", PATCHES[:2], zips=True)
    data, folder = find_data_set("potsdam", root), tmp_path / "tiles"
    cut = SceneCutter.cut
    names: list[str] = []

    def counted(self: SceneCutter, *arguments: Any) -> Any:
        names.append(self._target.layers.name)
        if len(names) == 2:
            raise KeyboardInterrupt
        return cut(self, *arguments)

    monkeypatch.setattr(SceneCutter, "cut", counted)
    with pytest.raises(KeyboardInterrupt):
        tile(data, folder)
    tile(data, folder)
    first, second = (f"top_potsdam_{row}_{col}" for row, col in PATCHES[:2])
    assert names == [first, second, second]
    archive = root / "5_Labels_all.zip"
    os.utime(archive, (1, 1))
    names.clear()
    with pytest.raises(KeyboardInterrupt):
        tile(data, folder, overwrite=True)
    os.utime(archive, (2, 2))
    tile(data, folder, overwrite=True)
    assert names == [first, second, first, second]


def test_without_labels_nothing_is_said_of_classes(
    make_isprs: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_isprs("potsdam", PATCHES[:2])
    shutil.rmtree(root / "5_Labels_all")
    data = find_data_set("potsdam", root)
    assert any("labels (5_Labels_all.zip): 2 of 2 scenes" in remark for remark in data.remarks)
    assert tile(data, tmp_path / "tiles").tasks == ()
    assert "--classes" not in caplog.text
