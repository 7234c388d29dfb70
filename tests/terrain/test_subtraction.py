"""Heights above ground as files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.warp
from affine import Affine
from numpy.typing import NDArray

import geosemimtl
from geosemimtl.errors import ConfigError, GeoSemiMTLError, LabelError, OutputError
from geosemimtl.terrain import subtraction
from geosemimtl.terrain.filtering import GroundFilter
from geosemimtl.terrain.subtraction import NdsmOptions

MakeRaster = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
FOOT = 0.3048


def read(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return a raster's only band and its profile."""
    with rasterio.open(path) as source:
        return source.read(1), source.profile | {"unit": source.units[0]}


@pytest.fixture
def scene(make_raster: MakeRaster) -> Path:
    """Return a surface model of 60 m x 50 m with a building of 6 m on a slope, and a gap."""
    surface = np.mgrid[0:120, 0:100][0] * 0.05 + 40.0
    surface[40:70, 30:60] += 6
    surface[:5, :5] = -9999
    return make_raster("dsm.tif", surface[None].astype(np.float32), gsd=0.5, nodata=-9999)


def test_the_ground_is_estimated(scene: Path, tmp_path: Path) -> None:
    output = geosemimtl.ndsm(scene, tmp_path / "ndsm.tif", write_dtm=tmp_path / "dtm.tif")
    heights, profile = read(output)
    ground, _ = read(tmp_path / "dtm.tif")
    surface, own = read(scene)
    assert (profile["dtype"], profile["nodata"], profile["unit"]) == ("float32", -9999, "m")
    assert (profile["transform"], profile["crs"]) == (own["transform"], own["crs"])
    assert (heights[:5, :5] == -9999).all()
    valid = surface != -9999
    assert np.array_equal(heights == -9999, ~valid)
    assert heights[valid] + ground[valid] == pytest.approx(surface[valid], abs=1e-4)
    assert heights[45:65, 35:55] == pytest.approx(np.full((20, 20), 6), abs=0.1)
    assert np.abs(heights[80:]).max() < 0.1
    assert 'maximumValue="8"' in (tmp_path / "ndsm.qml").read_text()
    low, high = ground[valid].min(), ground[valid].max()
    style = (tmp_path / "dtm.qml").read_text()
    ends = [float(re.findall(rf'{end}imumValue="([^"]+)"', style)[0]) for end in ("min", "max")]
    assert low - 1 < ends[0] <= low <= high <= ends[1] < high + 5


def test_a_terrain_model_on_another_grid_and_crs(make_raster: MakeRaster, tmp_path: Path) -> None:
    """A tilted plane in UTM 33 is the same plane on coarser pixels and, nearly, in UTM 32."""
    surface = np.full((40, 40), 50.0, np.float32)
    dsm = make_raster("dsm.tif", surface[None], gsd=0.5)
    rows = np.mgrid[0:20, 0:20][0]
    plane = (20 + (rows * 2 + 1) * 0.1)[None].astype(np.float32)
    dtm = make_raster("dtm.tif", plane, transform=Affine(2, 0, 367990, 0, -2, 5806010))
    heights, _ = read(geosemimtl.ndsm(dsm, tmp_path / "ndsm.tif", dtm=dtm))
    metres_down = 10 + (np.arange(40) + 0.5) * 0.5
    assert heights == pytest.approx(
        np.repeat((30 - metres_down * 0.1)[:, None], 40, axis=1), abs=1e-4
    )
    with rasterio.open(dsm) as source:
        bounds = rasterio.warp.transform_bounds(source.crs, "EPSG:25832", *source.bounds)
    moved = Affine(5, 0, bounds[0] - 50, 0, -5, bounds[3] + 50)
    flat = make_raster(
        "flat.tif", np.full((1, 30, 30), 20, np.float32), transform=moved, crs="EPSG:25832"
    )
    heights, _ = read(geosemimtl.ndsm(dsm, tmp_path / "other.tif", dtm=flat))
    assert (heights == 30).all()


def test_nodata_in_either_is_nodata(make_raster: MakeRaster, tmp_path: Path) -> None:
    surface, ground = np.full((1, 8, 8), 9, np.float32), np.full((1, 8, 8), 4, np.float32)
    surface[0, 0, 0], ground[0, 7, 7] = -3.4e38, np.nan
    dsm = make_raster("dsm.tif", surface, nodata=-3.4e38)
    dtm = make_raster("dtm.tif", ground)
    heights, _ = read(geosemimtl.ndsm(dsm, tmp_path / "ndsm.tif", dtm=dtm))
    assert np.argwhere(heights == -9999).tolist() == [[0, 0], [7, 7]]
    assert (heights[heights != -9999] == 5).all()


def test_feet_become_metres(make_raster: MakeRaster, tmp_path: Path) -> None:
    dsm = make_raster("dsm.tif", np.full((1, 8, 8), 110, np.int16))
    dtm = make_raster("dtm.tif", np.full((1, 8, 8), 100, np.int16))
    made = geosemimtl.ndsm(dsm, tmp_path / "ndsm.tif", dtm=dtm, options=NdsmOptions(unit="ft"))
    assert read(made)[0] == pytest.approx(np.full((8, 8), 10 * FOOT), abs=1e-4)


@pytest.mark.parametrize("how", ["band", "crs"])
def test_a_declared_foot_is_not_taken_for_metres(
    how: str, scene: Path, make_raster: MakeRaster, tmp_path: Path
) -> None:
    if how == "band":
        with rasterio.open(scene, "r+") as target:
            target.units = ("ft",)
    else:
        pixels = np.full((1, 8, 8), 110, np.float32)
        scene = make_raster("feet.tif", pixels, crs="EPSG:2227+6360")
    with pytest.raises(LabelError, match=r"pass --unit (us-)?ft"):
        geosemimtl.ndsm(scene, tmp_path / "ndsm.tif")
    geosemimtl.ndsm(scene, tmp_path / "ndsm.tif", options=NdsmOptions(unit="us-ft"))


def test_strips_do_not_show(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = geosemimtl.ndsm(scene, tmp_path / "whole.tif")
    monkeypatch.setattr(subtraction, "_STRIP_PX", 700)
    strips = geosemimtl.ndsm(scene, tmp_path / "strips.tif")
    assert np.array_equal(read(whole)[0], read(strips)[0])
    again = geosemimtl.ndsm(scene, tmp_path / "again.tif")
    assert again.read_bytes() == strips.read_bytes()


@pytest.mark.parametrize("value", [-9999.0, -3.4e38, 12000.0])
def test_values_that_are_no_elevations(
    value: float, make_raster: MakeRaster, tmp_path: Path, one_line: Callable[..., str]
) -> None:
    surface = np.full((1, 30, 30), 9, np.float32)
    surface[0, 3, 4] = value
    dsm = make_raster("dsm.tif", surface)
    with pytest.raises(LabelError, match="row 3, column 4") as raised:
        geosemimtl.ndsm(dsm, tmp_path / "ndsm.tif")
    assert "gdal_edit.py -a_nodata" in one_line(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dsm.tif"]


def test_outputs_and_inputs_are_not_mixed_up(scene: Path, tmp_path: Path) -> None:
    before = scene.read_bytes()
    for arguments in ({"output": scene}, {"output": tmp_path / "a.tif", "write_dtm": scene}):
        with pytest.raises(OutputError, match="twice"):
            geosemimtl.ndsm(scene, overwrite=True, **arguments)  # type: ignore[arg-type]  # paths by name
    with pytest.raises(ConfigError, match="--write-dtm"):
        geosemimtl.ndsm(scene, tmp_path / "a.tif", dtm=scene, write_dtm=tmp_path / "b.tif")
    assert scene.read_bytes() == before


def test_refusals(scene: Path, make_raster: MakeRaster, noise: Noise, tmp_path: Path) -> None:
    output = tmp_path / "ndsm.tif"
    far = make_raster(
        "far.tif", np.ones((1, 9, 9), np.float32), transform=Affine(1, 0, 9, 0, -1, 9)
    )
    empty = make_raster("empty.tif", np.full((1, 9, 9), -1, np.float32), nodata=-1)
    three = make_raster("three.tif", noise(3, 9, 9))
    for surface, terrain, words in (
        (scene, far, "does not overlap"),
        (empty, None, "no pixel"),
        (three, None, "3 bands"),
    ):
        with pytest.raises(GeoSemiMTLError, match=words):
            geosemimtl.ndsm(surface, output, dtm=terrain)
        assert not list(tmp_path.glob("*ndsm*"))
    geosemimtl.ndsm(scene, output)
    with pytest.raises(OutputError, match="--overwrite"):
        geosemimtl.ndsm(scene, output)
    geosemimtl.ndsm(scene, output, overwrite=True)


def test_pixels_in_degrees(make_raster: MakeRaster, tmp_path: Path) -> None:
    """At 60 degrees north a degree east is half a degree north: 0.5 m x 1 m here."""
    surface = np.full((60, 120), 30, np.float32)
    surface[20:40, 40:80] += 5
    step = 9e-6
    dsm = make_raster(
        "dsm.tif", surface[None], crs="EPSG:4326", transform=Affine(step, 0, 25, 0, -step, 60)
    )
    heights, _ = read(geosemimtl.ndsm(dsm, tmp_path / "ndsm.tif"))
    assert heights == pytest.approx(surface - 30, abs=0.05)


@pytest.mark.parametrize("name", ["n.png", "folder.tif"])
def test_an_output_that_is_no_geotiff(
    tmp_path: Path, make_raster: Callable[..., Path], name: str
) -> None:
    dsm = make_raster("d.tif", np.ones((1, 20, 20), np.float32), gsd=0.5)
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(OutputError, match=r"name a file that ends in \.tif"):
        geosemimtl.ndsm(dsm, tmp_path / name, overwrite=True)


def test_cells_as_large_as_buildings(one_line: Callable[[BaseException], str]) -> None:
    with pytest.raises(ConfigError, match=r"--cell 60: .* --width 60; give about 1") as caught:
        GroundFilter(cell_m=60)
    one_line(caught.value)


def test_a_crs_for_files_that_carry_none(make_raster: MakeRaster, tmp_path: Path) -> None:
    surface, ground = np.full((1, 8, 8), 12, np.float32), np.full((1, 8, 8), 10, np.float32)
    dsm, dtm = make_raster("dsm.tif", surface, crs=None), make_raster("dtm.tif", ground, crs=None)
    options = NdsmOptions(assume_crs="EPSG:25833")
    made = geosemimtl.ndsm(dsm, tmp_path / "ndsm.tif", dtm=dtm, options=options)
    heights, profile = read(made)
    assert (heights == 2).all()
    assert profile["crs"].to_epsg() == 25833
