"""Label and height rasters: what is refused, and what their values become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geosemimtl.errors import LabelError
from geosemimtl.raster.grid import model_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tasks import ISPRS_CLASSES, Classes, LandClass
from geosemimtl.tiling.labels import check_heights, check_labels, labels_on_grid

Maker = Callable[..., Path]
OneLine = Callable[[BaseException], str]
TWO = Classes(
    entries=(
        LandClass(name="ground", color="#000000", value=1),
        LandClass(name="tree", color="#00ff00", value=2),
    ),
    ignore=(0,),
)


def test_an_undeclared_value_is_named_counted_and_placed(
    make_raster: Maker, one_line: OneLine
) -> None:
    pixels = np.zeros((1, 1100, 20), np.uint8)  # taller than a block of reading
    pixels[0, 1050:1052, 7:9], pixels[0, 1099, 0] = 9, 8
    path = make_raster("l.tif", pixels)
    with pytest.raises(LabelError) as caught:
        check_labels(open_scene(path), ISPRS_CLASSES)
    message = one_line(caught.value)
    assert message.startswith(f"{path}: value 9 at row 1050, column 7 is no declared class (5 such")
    assert "impervious=0, building=1" in message
    assert "ignored: 255" in message


def test_values_where_nothing_is_valid_need_no_declaration(make_raster: Maker) -> None:
    pixels = np.full((1, 8, 8), 1, np.uint8)
    pixels[0, :4] = 77
    all_count = Classes(entries=TWO.entries)
    check_labels(open_scene(make_raster("nodata.tif", pixels, nodata=77)), all_count)
    check_labels(open_scene(make_raster("mask.tif", pixels, mask=pixels[0] == 1)), all_count)


def test_nodata_that_is_a_class_is_refused(make_raster: Maker, one_line: OneLine) -> None:
    path = make_raster("l.tif", np.full((1, 8, 8), 1, np.uint8), nodata=2)
    with pytest.raises(LabelError, match="nodata 2, which is also the class tree") as caught:
        check_labels(open_scene(path), TWO)
    assert "-unsetnodata" in one_line(caught.value)


@pytest.mark.parametrize(("bands", "dtype"), [(3, "uint8"), (1, "float32")])
def test_what_is_no_label_raster(
    make_raster: Maker, one_line: OneLine, bands: int, dtype: str
) -> None:
    path = make_raster("l.tif", np.ones((bands, 8, 8), dtype))
    with pytest.raises(LabelError, match=rf"has {bands} band\(s\) of {dtype}") as caught:
        check_labels(open_scene(path), TWO)
    one_line(caught.value)


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
    labels = open_scene(path)
    with labels_on_grid(labels, model_grid(labels.grid, 2), TWO) as reader:
        np.testing.assert_array_equal(reader.read(), [[1, 0, 255]])
    with labels_on_grid(labels, labels.grid, TWO) as reader:
        own = np.array([255, 0, 1], np.uint8)[pixels[0]]
        np.testing.assert_array_equal(reader.read(), own)


def test_heights_of_several_bands(make_raster: Maker, one_line: OneLine) -> None:
    with pytest.raises(LabelError, match="has 3 bands; heights need one") as caught:
        check_heights(open_scene(make_raster("h.tif", np.ones((3, 8, 8), np.float32))))
    one_line(caught.value)


def test_undeclared_nodata_is_no_height(make_raster: Maker, one_line: OneLine) -> None:
    pixels = np.ones((1, 8, 8), np.float32)
    pixels[0, 3, 4] = -9999
    check_heights(open_scene(make_raster("declared.tif", pixels, nodata=-9999)))
    with pytest.raises(LabelError, match="-9999 at row 3, column 4 is no height") as caught:
        check_heights(open_scene(make_raster("undeclared.tif", pixels)))
    assert "-a_nodata" in one_line(caught.value)
