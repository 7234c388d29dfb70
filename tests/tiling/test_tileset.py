"""Reading tile sets back, and the scale of heights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geosemimtl.errors import TileSetError
from geosemimtl.tasks import HEIGHT
from geosemimtl.tiling.tileset import (
    BINS,
    QuantityTarget,
    Target,
    TileSet,
    pooled_scale,
    read_tileset,
)

OneLine = Callable[[BaseException], str]


def tileset(bins: dict[int, int] | None = None, tiles: int = 1) -> TileSet:
    """Make a manifest with heights in some bins of 0.1 m."""
    targets: dict[str, Target] = {}
    if bins is not None:
        counts = tuple(bins.get(index, 0) for index in range(BINS))
        targets[HEIGHT] = QuantityTarget(
            unit="m", minimum=0, maximum=1, mean=0.5, bin=0.1, histogram=counts
        )
    return TileSet(
        name="town",
        gsd_m=0.5,
        size_px=(32, 32),
        overlap_px=16,
        edge="snap",
        bands=("red",),
        dtype="uint8",
        value_range=(0, 255),
        tiles=tiles,
        splits={"train": tiles},
        dropped={},
        statistics=(),
        targets=targets,
        sources=(),
    )


def test_the_scale_is_the_percentile_rounded_up() -> None:
    # 995 of 1000 lie below 12.4 m
    assert pooled_scale({"a": tileset({0: 900, 123: 95, 500: 5})}, HEIGHT) == 13
    # one more above: the percentile is theirs, 50.0 to 50.1 m
    assert pooled_scale({"a": tileset({0: 900, 123: 94, 500: 6})}, HEIGHT) == 51
    # 2.9 to 3.0 m is 3 and not 4 by a rounding
    assert pooled_scale({"a": tileset({29: 10})}, HEIGHT) == 3
    assert pooled_scale({"a": tileset({0: 10})}, HEIGHT) == 1


def test_the_scale_pools_all_tile_sets() -> None:
    sets = {"a": tileset({0: 995}), "b": tileset({100: 5}), "c": tileset()}
    assert pooled_scale(sets, HEIGHT) == 1
    assert pooled_scale(sets | {"d": tileset({100: 5})}, HEIGHT) == 11


def test_no_heights_at_all(one_line: OneLine) -> None:
    with pytest.raises(
        TileSetError, match=r"no height in a, b: cut the tiles of one of them with its labels"
    ) as caught:
        pooled_scale({"a": tileset(), "b": tileset()}, HEIGHT)
    one_line(caught.value)


def test_no_tile_set(tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match="is no tile set") as caught:
        read_tileset(tmp_path / "no")
    assert str(tmp_path / "no") in one_line(caught.value)


@pytest.mark.parametrize("text", ["", "{", '{"version": 3}', "[]", "\udcff"])
def test_a_damaged_manifest(tmp_path: Path, one_line: OneLine, text: str) -> None:
    path = tmp_path / "tileset.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TileSetError, match="cut the tiles again") as caught:
        read_tileset(tmp_path)
    assert str(path) in one_line(caught.value)


def test_a_manifest_of_a_later_version(tmp_path: Path) -> None:
    text = tileset().model_dump_json().replace('"version":3', '"version":4')
    (tmp_path / "tileset.json").write_text(text)
    with pytest.raises(TileSetError, match="version"):
        read_tileset(tmp_path)


def test_what_supervises() -> None:
    town = tileset({0: 3, 20: 4})
    assert town.tasks == ("height",)
    assert town.labelled_pixels() == {"height": 7}
    assert tileset().tasks == ()


def test_an_empty_tile_set(tmp_path: Path, one_line: OneLine) -> None:
    (tmp_path / "tileset.json").write_text(tileset(tiles=0).model_dump_json())
    with pytest.raises(TileSetError, match="holds no tile; lower --min-valid") as caught:
        read_tileset(tmp_path)
    one_line(caught.value)
