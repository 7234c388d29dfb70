"""From pixel values to class indices, for every type that labels come in."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.classes import IGNORE
from geosemimtl.raster.recoding import recoder


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"])
def test_numbers_of_every_type(dtype: str) -> None:
    values = [7, 0, 100, 101] if dtype.startswith("u") else [7, 0, -100, 101]
    table: dict[tuple[int, ...], int] = {(values[0],): 2, (values[1],): 0, (values[2],): 253}
    pixels = np.array([[values]], dtype)
    np.testing.assert_array_equal(recoder(table, dtype)(pixels), [[2, 0, 253, IGNORE]])


def test_wide_numbers_that_differ_by_a_byte_or_two() -> None:
    table: dict[tuple[int, ...], int] = {(5,): 1, (5 + (1 << 8),): 2, (5 + (1 << 16),): 3}
    pixels = np.array([[[5, 5 + (1 << 8), 5 + (1 << 16), 5 + (1 << 24)]]], np.int32)
    np.testing.assert_array_equal(recoder(table, "int32")(pixels), [[1, 2, 3, IGNORE]])


def test_colours_count_as_a_whole() -> None:
    table: dict[tuple[int, ...], int] = {(255, 255, 255): 0, (0, 0, 255): 1, (255, 255, 0): 4}
    colours = [(255, 255, 255), (0, 0, 255), (255, 255, 0), (0, 0, 0), (255, 0, 255), (1, 0, 255)]
    pixels = np.array(colours, np.uint8).T[:, None]
    expected = [[0, 1, 4, IGNORE, IGNORE, IGNORE]]
    np.testing.assert_array_equal(recoder(table, "uint8")(pixels), expected)
