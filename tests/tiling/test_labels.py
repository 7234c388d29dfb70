"""Label rasters, of indices and of colours, and heights: what is refused, what values become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geosemimtl.classes import (
    IGNORE,
    ISPRS_CLASS_MAP,
    ClassMap,
    MappedClass,
)
from geosemimtl.errors import LabelError
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tiling.labels import check_heights, open_heights, open_labels

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
N = IGNORE
TWO = ClassMap(
    entries=(
        MappedClass(name="ground", color="#000000", written=(1,)),
        MappedClass(name="tree", color="#00ff00", written=(2,)),
    ),
    ignore=(0,),
)
#: Colour of each ISPRS class, and black for the value 255.
PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[:6] = [entry.rgb for entry in ISPRS_CLASS_MAP.classes.entries]


def own_grid(path: Path) -> PixelGrid:
    return open_scene(path).grid


def check(path: Path, class_map: ClassMap) -> None:
    open_labels([path], class_map).check(own_grid(path))


def read(path: Path, class_map: ClassMap, gsd_m: float | None = None) -> NDArray[np.uint8]:
    """Return the class indices of a label raster, on its own grid or at another GSD."""
    grid = own_grid(path) if gsd_m is None else model_grid(own_grid(path), gsd_m)
    with open_labels([path], class_map).on_grid(grid) as reader:
        return reader.read()


def coloured(indices: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (3, rows, columns) colours of (1, rows, columns) ISPRS classes."""
    return np.moveaxis(PALETTE[indices[0]], 2, 0)


def test_an_undeclared_value_is_named_counted_and_placed(
    make_raster: Maker, one_line: OneLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geosemimtl.tiling.labels._BLOCK", 20 * 100)  # a hundred rows at a time
    pixels = np.zeros((1, 1100, 20), np.uint8)
    pixels[0, 1050:1052, 7:9], pixels[0, 1099, 0] = 9, 8
    path = make_raster("l.tif", pixels)
    with pytest.raises(LabelError) as caught:
        check(path, ISPRS_CLASS_MAP)
    message = one_line(caught.value)
    assert message.startswith(f"{path}: value 9 at row 1050, column 7 is no declared class (5 ")
    assert "impervious=0, building=1" in message
    assert "ignored: 255" in message


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "int32", "uint32", "int64"])
def test_whole_numbers_of_any_type(make_raster: Maker, dtype: str) -> None:
    low, high = (100, 101) if dtype.startswith("u") else (-3, 101)
    class_map = ClassMap(
        entries=(
            MappedClass(name="ground", color="#000000", written=(low, 70000, -70000)),
            MappedClass(name="tree", color="#00ff00", written=(high,)),
        ),
        ignore=(7,),
    )
    pixels = np.array([[[low, high, 7], [high, low, low]]], dtype)
    path = make_raster("l.tif", pixels)
    check(path, class_map)
    np.testing.assert_array_equal(read(path, class_map), [[0, 1, N], [1, 0, 0]])
    pixels[0, 1, 2] = 99
    wrong = make_raster("w.tif", pixels)
    with pytest.raises(LabelError, match=r"value 99 at row 1, column 2 is no declared class \(1 "):
        check(wrong, class_map)
    np.testing.assert_array_equal(read(wrong, class_map)[1], [1, 0, N])


def test_an_undeclared_colour_is_named_counted_and_placed(
    make_raster: Maker, one_line: OneLine
) -> None:
    pixels = coloured(np.zeros((1, 8, 8), np.uint8))
    pixels[:, 5, 3:6] = np.array([0, 0, 254])[:, None]
    path = make_raster("l.tif", pixels)
    with pytest.raises(LabelError) as caught:
        check(path, ISPRS_CLASS_MAP)
    message = one_line(caught.value)
    assert message.startswith(f"{path}: colour #0000fe at row 5, column 3 is no declared class (3 ")
    assert "building=#0000ff" in message
    assert "ignored: #000000" in message
    assert (read(path, ISPRS_CLASS_MAP)[5] == [0, 0, 0, N, N, N, 0, 0]).all()


@pytest.mark.parametrize("how", ["plain", "alpha", "mask", "nodata"])
@pytest.mark.parametrize("gsd_m", [0.09, 0.05, 0.031])
def test_colours_are_read_as_the_same_classes(
    make_raster: Maker, noise: Noise, how: str, gsd_m: float
) -> None:
    """Decoded before they are resampled: never a colour between two."""
    small = noise(1, 40, 30, high=7) - 1  # six classes, in patches, and noise
    indices = np.where(noise(1, 120, 90, high=9, seed=1) > 1, small.repeat(3, 1).repeat(3, 2), 255)
    colours = coloured(indices)
    options: dict[str, Any] = {}
    if how == "alpha":
        opacity = np.where(indices == 255, 0, 7).astype(np.uint8)  # half transparent counts
        colours = np.concatenate((np.where(indices == 255, 255, colours), opacity))
        options["colours"] = ("red", "green", "blue", "alpha")
    elif how == "mask":
        colours, options["mask"] = np.where(indices == 255, 255, colours), indices[0] != 255
    elif how == "nodata":
        options["nodata"] = 0  # of single bands in every class: only black is missing
    index = make_raster("i.tif", indices.astype(np.uint8))
    path = make_raster("c.tif", colours.astype(np.uint8), **options)
    check(path, ISPRS_CLASS_MAP)
    expected = read(index, ISPRS_CLASS_MAP, gsd_m)
    assert {0, 1, 2, 3, 4, 5} <= {*np.unique(expected)}
    np.testing.assert_array_equal(read(path, ISPRS_CLASS_MAP, gsd_m), expected)


def test_as_many_colours_as_there_may_be(make_raster: Maker) -> None:
    """The bands' values tell apart more than two bytes could."""
    rng = np.random.default_rng(3)
    rgb = np.unique(rng.integers(0, 256, (300, 3)), axis=0)[rng.permutation(290)[:254]]
    entries = tuple(
        MappedClass(name=f"c{k}", color="#{:02X}{:02x}{:02x}".format(*one))
        for k, one in enumerate(rgb)
    )
    indices = rng.integers(0, 254, (40, 50))
    path = make_raster("c.tif", rgb[indices].transpose(2, 0, 1).astype(np.uint8))
    check(path, ClassMap(entries=entries))
    np.testing.assert_array_equal(read(path, ClassMap(entries=entries)), indices)


def test_values_where_nothing_is_valid_need_no_declaration(make_raster: Maker) -> None:
    pixels = np.full((1, 8, 8), 1, np.uint8)
    pixels[0, :4] = 77
    all_count = ClassMap(entries=TWO.entries)
    check(make_raster("nodata.tif", pixels, nodata=77), all_count)
    check(make_raster("mask.tif", pixels, mask=pixels[0] == 1), all_count)


def test_nodata_that_is_a_class_is_refused(make_raster: Maker, one_line: OneLine) -> None:
    path = make_raster("l.tif", np.full((1, 8, 8), 1, np.uint8), nodata=2)
    with pytest.raises(LabelError, match="nodata 2, which is also the class tree") as caught:
        check(path, TWO)
    assert "-unsetnodata" in one_line(caught.value)
    white = make_raster("w.tif", np.full((3, 8, 8), 255, np.uint8), nodata=255)
    with pytest.raises(LabelError, match="nodata 255, which is also the class impervious"):
        check(white, ISPRS_CLASS_MAP)


@pytest.mark.parametrize(("bands", "dtype"), [(3, "uint16"), (1, "float32"), (4, "uint8")])
def test_what_is_no_label_raster(
    make_raster: Maker, one_line: OneLine, bands: int, dtype: str
) -> None:
    colours = ("gray", "undefined", "undefined", "undefined")[:bands]
    path = make_raster("l.tif", np.ones((bands, 8, 8), dtype), colours=colours)
    with pytest.raises(LabelError, match=rf"has {bands} band\(s\) of {dtype}") as caught:
        open_labels([path], TWO)
    one_line(caught.value)


def test_labels_elsewhere(make_raster: Maker, make_grid: Callable[..., PixelGrid]) -> None:
    path = make_raster("l.tif", np.zeros((1, 8, 8), np.uint8))
    with pytest.raises(LabelError, match="does not overlap its scene; check the order"):
        open_labels([path], TWO).check(make_grid((8, 8), origin=(0, 5806000)))


@pytest.mark.parametrize("form", ["index", "colour"])
def test_several_rasters_are_one(
    make_raster: Maker, make_grid: Callable[..., PixelGrid], form: str
) -> None:
    """What GDAL opens is then a virtual raster in memory."""
    indices = np.array([[[0, 1, 2, 255], [3, 4, 5, 255]]], np.uint8)
    pixels = coloured(indices) if form == "colour" else indices
    east = Affine(0.05, 0, 368000.2, 0, -0.05, 5806000)
    files = [make_raster("w.tif", pixels), make_raster("e.tif", pixels, transform=east)]
    labels = open_labels(files, ISPRS_CLASS_MAP)
    assert labels.files == tuple(files)
    grid = make_grid((2, 9))
    labels.check(grid)
    with labels.on_grid(grid) as reader:
        found = reader.read()
    np.testing.assert_array_equal(found[:, :8], np.tile(indices[0], 2))
    assert (found[:, 8] == N).all()


@pytest.mark.parametrize("how", ["nodata", "mask", "ignore"])
def test_unlabelled_pixels_do_not_vote(make_raster: Maker, how: str) -> None:
    # three unlabelled pixels to one tree; two to one ground and one tree; four
    pixels = np.array([[[0, 0, 0, 1, 0, 0], [0, 2, 0, 1, 0, 0]]], np.uint8)
    path = make_raster(
        "l.tif",
        np.where(pixels == 0, 2, pixels).astype(np.uint8) if how == "mask" else pixels,
        gsd=1,
        nodata=0 if how == "nodata" else None,
        mask=pixels[0] > 0 if how == "mask" else None,
    )
    np.testing.assert_array_equal(read(path, TWO, 2), [[1, 0, N]])
    np.testing.assert_array_equal(read(path, TWO), np.array([N, 0, 1], np.uint8)[pixels[0]])


def test_heights_of_several_bands(make_raster: Maker, one_line: OneLine) -> None:
    with pytest.raises(LabelError, match="has 3 bands; heights need one") as caught:
        open_heights([make_raster("h.tif", np.ones((3, 8, 8), np.float32))])
    one_line(caught.value)


def test_undeclared_nodata_is_no_height(make_raster: Maker, one_line: OneLine) -> None:
    pixels = np.ones((1, 8, 8), np.float32)
    pixels[0, 3, 4] = -9999
    check_heights(open_scene(make_raster("declared.tif", pixels, nodata=-9999)))
    with pytest.raises(LabelError, match="-9999 at row 3, column 4 is no height") as caught:
        check_heights(open_scene(make_raster("undeclared.tif", pixels)))
    assert "-a_nodata" in one_line(caught.value)


def test_colours_next_to_the_declared_ones(make_raster: Maker) -> None:
    """As lossy copies write them; what lies between stays an error."""
    rounding = ISPRS_CLASS_MAP.model_copy(update={"round_colours": True})
    pixels = np.array([[(9, 222, 221), (252, 255, 0), (225, 227, 227), (3, 4, 5)]], np.uint8)
    path = make_raster("a.tif", np.moveaxis(pixels, -1, 0))
    labels = open_labels([path], rounding)
    labels.check(own_grid(path))
    with labels.on_grid(own_grid(path)) as reader:
        assert reader.read().tolist() == [[2, 4, 0, N]]
    with pytest.raises(LabelError, match="4 undeclared"):
        check(path, ISPRS_CLASS_MAP)
    pixels[0, 0] = (255, 127, 0)
    between = make_raster("b.tif", np.moveaxis(pixels, -1, 0))
    with pytest.raises(LabelError, match="1 undeclared"):
        check(between, rounding)


def test_heights_of_another_unit(make_raster: Maker) -> None:
    path = make_raster("a.tif", np.array([[[0, 10]]], np.uint8))
    heights = open_heights([path], scale_m=0.3048)
    with read_on_grid(heights, own_grid(path), Resampling.nearest) as reader:
        assert reader.read()[0][0, 0] == pytest.approx([0, 3.048])


def test_grey_levels_of_a_jpeg_are_no_metres(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "ndsm.jpg"
    with pytest.raises(LabelError, match="or make heights of a DSM with geosemimtl ndsm") as caught:
        open_heights([path])
    one_line(caught.value)
