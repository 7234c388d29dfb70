"""How to cut, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.errors import ConfigError
from geosemimtl.tiling.options import TileOptions

OneLine = Callable[[BaseException], str]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"gsd_m": 0.0}, "--gsd 0"),
        ({"gsd_m": math.nan}, "--gsd nan"),
        ({"size_px": 0}, "--size 0"),
        ({"overlap": 1.0}, "--overlap 1:"),
        ({"overlap": 1.5}, "--overlap 1.5:"),
        ({"overlap": -0.1}, "--overlap -0.1:"),
        ({"overlap": math.nan}, "--overlap nan:"),
        ({"overlap": 128, "size_px": 128}, "--overlap 128px: tiles of 128 px"),
        ({"overlap": -1}, "--overlap -1px"),
        ({"edge": "fold"}, "--edge fold: choose from snap, pad, drop"),
        ({"min_valid": 2.0}, "--min-valid 2"),
        ({"min_valid": math.nan}, "--min-valid nan"),
        ({"split_shares": (0.5, 0.4, 0.2)}, "--split-shares 0.5,0.4,0.2"),
        ({"split_shares": (1.5, -0.5, 0.0)}, "--split-shares 1.5,-0.5,0"),
        ({"split_shares": (math.nan, 0.5, 0.5)}, "--split-shares nan"),
        ({"block_m": 0.0}, "--block 0"),
        ({"block_m": math.inf}, "--block inf"),
        ({"value_range": (1.0, 1.0)}, "--value-range 1,1"),
        ({"value_range": (0.0, math.nan)}, "--value-range 0,nan"),
    ],
)
def test_options_that_cannot_be(option: dict[str, Any], words: str, one_line: OneLine) -> None:
    with pytest.raises(ConfigError) as caught:
        TileOptions(**option)
    assert words in one_line(caught.value)


@pytest.mark.parametrize(
    ("size_px", "overlap", "shared_px"),
    [(512, 0.5, 256), (512, 128, 128), (512, 1, 1), (512, 0, 0), (30, 0.1, 3), (5, 0.99, 4)],
)
def test_an_overlap_is_a_share_or_pixels(size_px: int, overlap: float, shared_px: int) -> None:
    assert TileOptions(size_px=size_px, overlap=overlap).shared_px == shared_px


@given(size_px=st.integers(1, 2000), overlap=st.floats(0, 1, exclude_max=True))
def test_tiles_always_advance(size_px: int, overlap: float) -> None:
    assert 0 <= TileOptions(size_px=size_px, overlap=overlap).shared_px < size_px
