"""Looking at scenes: bands, validity, georeference, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.errors import BandError, GridError, SceneError
from geosemimtl.raster.scene import Georeference, in_metres, in_pure_colours, open_scene, opened

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
RGB = ("red", "green", "blue")
RGBA = (*RGB, "alpha")


def test_the_user_names_the_bands(make_raster: Maker, noise: Noise) -> None:
    path = make_raster("a.tif", noise(3, 8, 8), colours=RGB, names=("x", "y", "z"))
    scene = open_scene(path, ("NIR", "red", "green"))
    assert (scene.bands, scene.named_by) == (("nir", "red", "green"), "user")
    assert scene.indexes_of(("green", "nir")) == (3, 1)


def test_the_file_names_the_bands(make_raster: Maker, noise: Noise) -> None:
    scene = open_scene(
        make_raster("a.tif", noise(3, 8, 8), colours=RGB, names=("NIR", "Red", "Green"))
    )
    assert (scene.bands, scene.named_by) == (("nir", "red", "green"), "file")


def test_colours_name_the_bands(make_raster: Maker, noise: Noise) -> None:
    scene = open_scene(make_raster("a.tif", noise(3, 8, 8), colours=("blue", "green", "red")))
    assert (scene.bands, scene.named_by) == (("blue", "green", "red"), "colour")


def test_nobody_names_the_bands(make_raster: Maker, noise: Noise) -> None:
    scene = open_scene(make_raster("a.tif", noise(2, 8, 8)))
    assert (scene.bands, scene.named_by) == (("band_1", "band_2"), "nobody")


def test_four_bands_that_call_infrared_alpha(make_raster: Maker, noise: Noise) -> None:
    path = make_raster("a.tif", noise(4, 8, 8), colours=RGBA)
    believed = open_scene(path)
    assert (believed.bands, believed.alpha, believed.mask) == (RGB, 4, "alpha")
    told = open_scene(path, ("red", "green", "blue", "nir"))
    assert (told.indexes, told.alpha, told.mask) == ((1, 2, 3, 4), None, "none")
    refused = open_scene(path, alpha="none")
    assert (refused.indexes, refused.alpha, refused.mask) == ((1, 2, 3, 4), None, "none")
    other = open_scene(path, alpha=1)
    assert (other.indexes, other.alpha) == ((2, 3, 4), 1)


@pytest.mark.parametrize(("nodata", "kept"), [(0, 0.0), (-9999, None), (300, None)])
def test_nodata_that_no_byte_can_have_is_none(
    make_raster: Maker, noise: Noise, tmp_path: Path, nodata: int, kept: float | None
) -> None:
    make_raster("a.tif", noise(1, 8, 8))
    virtual = tmp_path / "a.vrt"
    virtual.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><SRS>EPSG:25833</SRS>'
        "<GeoTransform>0,1,0,8,0,-1</GeoTransform>"
        f'<VRTRasterBand dataType="Byte" band="1"><NoDataValue>{nodata}</NoDataValue>'
        '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    assert open_scene(virtual).nodata == kept


@pytest.mark.parametrize("bands", [("red",), ("red", "red", "green"), ("a", "b", "c", "d", "e")])
def test_a_wrong_count_of_names(
    make_raster: Maker, noise: Noise, one_line: OneLine, bands: tuple[str, ...]
) -> None:
    path = make_raster("a.tif", noise(3, 8, 8))
    with pytest.raises(BandError) as caught:
        open_scene(path, bands)
    message = one_line(caught.value)
    assert str(path) in message
    assert f"names {len(bands)}" in message
    assert "in file order" in message


def test_an_alpha_that_is_not_there(make_raster: Maker, noise: Noise, one_line: OneLine) -> None:
    with pytest.raises(BandError, match="--alpha 5, but it has 3 band") as caught:
        open_scene(make_raster("a.tif", noise(3, 8, 8)), alpha=5)
    one_line(caught.value)


def test_bands_that_are_missing(make_raster: Maker, noise: Noise, one_line: OneLine) -> None:
    scene = open_scene(make_raster("a.tif", noise(3, 8, 8), colours=("gray",) * 3))
    with pytest.raises(BandError) as caught:
        scene.indexes_of(("nir", "red", "green"))
    message = one_line(caught.value)
    assert "has 3 band(s) (unnamed), wanted nir, red, green" in message
    assert "--bands nir,red,green" in message


def test_missing_file(tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(SceneError, match="no such file; check the path") as caught:
        open_scene(tmp_path / "no.tif")
    assert str(tmp_path / "no.tif") in one_line(caught.value)


def test_no_raster(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "a.tif"
    path.write_text("not a raster")
    with pytest.raises(SceneError, match="not a raster that GDAL reads") as caught:
        open_scene(path)
    assert str(path) in one_line(caught.value)


def test_no_crs_and_the_remedy(make_raster: Maker, noise: Noise, one_line: OneLine) -> None:
    path = make_raster("a.tif", noise(3, 8, 8), crs=None)
    with pytest.raises(GridError, match="has no CRS; name it, such as --assume-crs") as caught:
        open_scene(path)
    assert str(path) in one_line(caught.value)
    assert open_scene(path, assume_crs="EPSG:25833").grid.ground_crs.to_epsg() == 25833


def test_an_assumed_crs_never_replaces_the_files(make_raster: Maker, noise: Noise) -> None:
    path = make_raster("a.tif", noise(3, 8, 8))
    assert open_scene(path, assume_crs="EPSG:2994").grid.ground_crs.to_epsg() == 25833


def test_an_assumed_crs_that_is_not_used_is_said(
    make_raster: Maker, noise: Noise, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_raster("a.tif", noise(3, 8, 8))
    open_scene(path, assume_crs="EPSG:25833")
    assert not caplog.records
    open_scene(path, assume_crs="EPSG:2994")
    (record,) = caplog.records
    expected = f"{path}: has a CRS of its own, EPSG:25833; --assume-crs is not used"
    assert record.getMessage() == expected


def test_a_neighbours_crs_is_only_a_fallback(
    make_raster: Maker, noise: Noise, caplog: pytest.LogCaptureFixture
) -> None:
    near, named = CRS.from_epsg(25832), "EPSG:25834"
    without = make_raster("a.tif", noise(3, 8, 8), crs=None)
    with_own = make_raster("b.tif", noise(3, 8, 8))
    assert open_scene(without, fallback=Georeference(near)).grid.crs == near
    assert (
        open_scene(without, assume_crs=named, fallback=Georeference(near)).grid.ground_crs.to_epsg()
        == 25834
    )
    assert open_scene(with_own, fallback=Georeference(near)).grid.ground_crs.to_epsg() == 25833
    assert not caplog.records


def test_what_a_scene_is_made_of(make_raster: Maker, noise: Noise) -> None:
    path = make_raster("a#?b.tif", noise(3, 8, 8))
    scene = open_scene(path)
    assert (scene.path, scene.source, scene.files) == (path, str(path), (path,))
    with opened(scene.source) as source:
        assert source.shape == (8, 8)
    assert open_scene([path]) == scene


def test_an_unknown_crs(make_raster: Maker, noise: Noise, one_line: OneLine) -> None:
    path = make_raster("a.tif", noise(3, 8, 8), crs=None)
    with pytest.raises(GridError, match="--assume-crs EPSG:99: unknown CRS") as caught:
        open_scene(path, assume_crs="EPSG:99")
    one_line(caught.value)


@pytest.mark.filterwarnings("ignore:The given matrix")  # from writing it
def test_no_georeference(make_raster: Maker, noise: Noise, one_line: OneLine) -> None:
    path = make_raster("a.tif", noise(3, 8, 8), crs=None, transform=Affine.identity())
    with pytest.raises(GridError, match="no georeference; add a world file") as caught:
        open_scene(path, assume_crs="EPSG:25833")
    one_line(caught.value)


@pytest.mark.parametrize("kinds", [("Byte", "UInt16"), ("CFloat32", "CFloat32")])
def test_bands_are_of_one_type_of_real_numbers(
    tmp_path: Path, one_line: OneLine, kinds: tuple[str, str]
) -> None:
    bands = "".join(
        f"<VRTRasterBand dataType='{kind}' band='{i}'/>" for i, kind in enumerate(kinds, 1)
    )
    vrt = tmp_path / "both.vrt"
    vrt.write_text(
        "<VRTDataset rasterXSize='8' rasterYSize='8'><SRS>EPSG:25833</SRS>"
        f"<GeoTransform>368000, 1, 0, 5806000, 0, -1</GeoTransform>{bands}</VRTDataset>"
    )
    with pytest.raises(BandError) as caught:
        open_scene(vrt)
    assert "bands of one type of real numbers are needed" in one_line(caught.value)


@pytest.mark.filterwarnings("ignore:The given matrix")  # from writing it
@pytest.mark.parametrize("shape", [(8, 8), (8, 7), (9, 8)])
def test_a_layer_without_georeference_lies_on_its_image(
    make_raster: Maker, noise: Noise, shape: tuple[int, int]
) -> None:
    """A row or column more or less keeps every pixel where it is."""
    image = open_scene(make_raster("image.tif", noise(3, 8, 8)))
    path = make_raster("layer.tif", noise(1, *shape), crs=None, transform=Affine.identity())
    layer = open_scene(path, fallback=Georeference.of(image.grid))
    assert layer.grid.transform == image.grid.transform
    assert layer.grid.crs == image.grid.crs
    assert layer.grid.shape == shape
    with opened(layer.source) as source, opened(path) as plain:
        assert source.transform == image.grid.transform, "for what GDAL itself warps"
        assert (source.read() == plain.read()).all()


@pytest.mark.filterwarnings("ignore:The given matrix")  # from writing it
def test_a_layer_of_another_size_has_no_place(
    make_raster: Maker, noise: Noise, one_line: OneLine
) -> None:
    image = open_scene(make_raster("image.tif", noise(3, 8, 8)))
    path = make_raster("layer.tif", noise(1, 8, 6), crs=None, transform=Affine.identity())
    with pytest.raises(GridError, match="8 x 6 px where its image has 8 x 8") as caught:
        open_scene(path, fallback=Georeference.of(image.grid))
    one_line(caught.value)


def test_metres_of_grey_levels(make_raster: Maker) -> None:
    greys = np.array([[[0, 1, 254, 255]]], np.uint8)
    scene = in_metres(open_scene(make_raster("a.tif", greys)), 0.1)
    assert (scene.dtype, scene.mask) == ("float32", "nodata")
    with opened(scene.source) as source:
        assert source.read()[0, 0] == pytest.approx([0, 0.1, 25.4, 25.5])


def test_metres_where_heights_are_valid(make_raster: Maker) -> None:
    """Feet with nodata, and with a mask; neither is multiplied."""
    values = np.array([[[-9999, 10, np.nan]]], np.float32)
    whole = np.array([[[7, 10, 3]]], np.uint16)
    masked = np.array([[True, True, False]])
    for path, expected in (
        (make_raster("a.tif", values, nodata=-9999), [np.nan, 3.048, np.nan]),
        (make_raster("b.tif", whole, nodata=7), [np.nan, 3.048, 0.9144]),
        (make_raster("c.tif", whole, mask=masked), [2.1336, 3.048, np.nan]),
    ):
        with opened(in_metres(open_scene(path), 0.3048).source) as source:
            assert source.read()[0, 0] == pytest.approx(expected, nan_ok=True), path


def test_metres_are_left_as_they_are(make_raster: Maker, noise: Noise) -> None:
    scene = open_scene(make_raster("a.tif", noise(1, 8, 8)))
    assert in_metres(scene, 1) is scene


def test_pure_colours(make_raster: Maker) -> None:
    values = np.arange(256, dtype=np.uint8)[None, None].repeat(3, 0)
    scene = in_pure_colours(open_scene(make_raster("a.tif", values)))
    with opened(scene.source) as source:
        pixels = source.read()
    assert (pixels == np.where(values < 88, 0, np.where(values > 167, 255, 128))).all()
