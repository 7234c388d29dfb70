"""Virtual rasters: values looked up by GDAL before anything is resampled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from geosemimtl.classes import IGNORE
from geosemimtl.raster.virtual import recoded, uncoloured

Maker = Callable[..., Path]
Table = dict[tuple[int, ...], int]


def looked_up(
    pixels: NDArray[Any], table: Table, valid: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Return what each pixel's values become, one by one."""
    found = np.full(pixels.shape[1:], IGNORE, np.uint8)
    for place in np.ndindex(found.shape):
        if valid is None or valid[place]:
            found[place] = table.get(tuple(pixels[:, *place].tolist()), IGNORE)
    return found


def read_recoded(source: Any, table: Table) -> NDArray[Any]:
    with rasterio.open(recoded(source, source.indexes, table)) as virtual:
        assert virtual.nodata == IGNORE
        pixels: NDArray[Any] = virtual.read(1)
        return pixels


@given(
    pixels=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=40),
    near=st.integers(-1, 1),
    data=st.data(),
)
def test_each_combination_of_values_alone(
    pixels: list[tuple[int, int, int]], near: int, data: st.DataObject
) -> None:
    """Neighbours of declared colours, and their bands mixed, are no declared colours."""
    chosen = data.draw(st.lists(st.sampled_from(pixels), min_size=1, max_size=6, unique=True))
    table = {tuple(one): index for index, one in enumerate(chosen)}
    rows = np.array(pixels).T
    mixed = np.concatenate((rows, np.roll(rows, 1, axis=0), np.clip(rows + near, 0, 255)), axis=1)
    image = mixed[:, None].astype(np.uint8)
    profile = {"driver": "GTiff", "count": 3, "height": 1, "width": image.shape[2]}
    transform = rasterio.Affine(1, 0, 5, 0, -1, 5)
    with MemoryFile() as memory:
        with memory.open(**profile, dtype="uint8", transform=transform) as target:
            target.write(image)
        with memory.open() as source:
            found = read_recoded(source, table)
    np.testing.assert_array_equal(found, looked_up(image, table))


def test_a_virtual_raster_within_another(make_raster: Maker, noise: Callable[..., Any]) -> None:
    """As when several files are one scene: the source is XML, not a file."""
    image = noise(3, 30, 40, high=3)
    table: Table = {(1, 2, 1): 7, (2, 2, 2): 0}
    with rasterio.open(make_raster("a & b.tif", image)) as source:
        text = uncoloured(source)
    with rasterio.open(text) as virtual:
        assert virtual.name.startswith("<VRTDataset")
        np.testing.assert_array_equal(read_recoded(virtual, table), looked_up(image, table))
        one: Table = {(1,): 5}
        with rasterio.open(recoded(virtual, (2,), one)) as single:
            np.testing.assert_array_equal(single.read(1), looked_up(image[1:2], one))


@pytest.mark.parametrize("how", ["mask", "alpha"])
def test_what_is_not_valid_is_nothing(make_raster: Maker, how: str) -> None:
    image = np.zeros((3, 4, 4), np.uint8)
    image[2] = 9
    valid = np.arange(16).reshape(4, 4) % 3 > 0
    if how == "mask":
        path = make_raster("a.tif", image, mask=valid)
    else:
        bands = np.concatenate((image, valid[None] * np.uint8(255)))
        path = make_raster("a.tif", bands, colours=("red", "green", "blue", "alpha"))
    table: Table = {(0, 0, 9): 4}
    with (
        rasterio.open(path) as source,
        rasterio.open(recoded(source, (1, 2, 3), table)) as virtual,
    ):
        np.testing.assert_array_equal(virtual.read(1), looked_up(image, table, valid))
