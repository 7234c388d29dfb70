"""Splits that do not leak: lists, draws by scene, blocks."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform

from geosemimtl.errors import ConfigError, GeoSemiMTLError, TileSetError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.splits import (
    SPLITS,
    BlockSplit,
    block_count,
    overlapping,
    read_split_list,
    split_blocks,
    split_scenes,
)

OneLine = Callable[[BaseException], str]
MakeGrid = Callable[..., PixelGrid]
SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}

# The patches and areas of torchgeo's Potsdam2D and Vaihingen2D, by first or last patch of a row.
POTSDAM_TRAIN = [
    f"{row}_{col}"
    for row, first in ((2, 10), (3, 10), (4, 10), (5, 10), (6, 7), (7, 7))
    for col in range(first, 13)
]
POTSDAM_TEST = [
    f"{row}_{col}"
    for row, last in ((2, 14), (3, 14), (4, 15), (5, 15), (6, 15), (7, 13))
    for col in range(13, last + 1)
]
VAIHINGEN_TRAIN = [1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37]
VAIHINGEN_TEST = [2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38]


@pytest.mark.parametrize(
    "form",
    [
        "top_potsdam_{}_RGB",
        "top_potsdam_{}_IRRG",
        "top_potsdam_{}_RGBIR",
        "top_potsdam_{}",
        "top_potsdam_{}_label_noBoundary",
        "4_Ortho_RGBIR-top_potsdam_{}_RGBIR",
        "TOP_POTSDAM_{}_rgb",
    ],
)
@pytest.mark.parametrize("zeros", [False, True])
def test_potsdam(form: str, zeros: bool) -> None:  # noqa: FBT001  (a case)
    def name(patch: str) -> str:
        row, col = patch.split("_")
        return form.format(f"{int(row):02d}_{col}" if zeros else patch)

    train, test = ([name(patch) for patch in each] for each in (POTSDAM_TRAIN, POTSDAM_TEST))
    expected = dict.fromkeys(train, "train") | dict.fromkeys(test, "test")
    assert (len(train), len(test), len(expected)) == (24, 14, 38)
    assert read_split_list("potsdam").assign([*test, *train]) == expected


@pytest.mark.parametrize("form", ["top_mosaic_09cm_area{}", "area{}", "dsm_area{}_normalized"])
def test_vaihingen(form: str) -> None:
    train, test = ([form.format(n) for n in each] for each in (VAIHINGEN_TRAIN, VAIHINGEN_TEST))
    expected = dict.fromkeys(train, "train") | dict.fromkeys(test, "test")
    assert (len(train), len(test), len(expected)) == (16, 17, 33)
    assert read_split_list(Path("Vaihingen")).assign([*train, *test]) == expected


@pytest.mark.parametrize(
    ("benchmark", "name"),
    [
        ("potsdam", "top_potsdam_2_1_RGB"),
        ("potsdam", "top_potsdam_12_10_RGB"),
        ("potsdam", "top_potsdam_2_100"),
        ("vaihingen", "area9"),
        ("vaihingen", "area100"),
    ],
)
def test_names_that_only_begin_alike(benchmark: str, name: str, one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match=f"scene {name} is in no split") as caught:
        read_split_list(benchmark).assign([name])
    one_line(caught.value)


def test_a_benchmark_may_be_there_in_part(caplog: pytest.LogCaptureFixture) -> None:
    assert read_split_list("vaihingen").assign(["area1"]) == {"area1": "train"}
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.yaml", "train: ['a*', b]\ntest: [7]\n"),
        ("list.csv", "scene,split\na*,train\nb,train\n7,test\n"),
        ("list.csv", "Split;Scene\ntrain;a*\ntrain;b\ntest;7\n"),
    ],
)
def test_a_list_of_ones_own(
    tmp_path: Path, name: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / name
    path.write_text(text)
    splits = read_split_list(path)
    assert splits.assign(["a1", "7", "A2"]) == {"a1": "train", "7": "test", "A2": "train"}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"{path}: no scene is called b"


def test_a_scene_in_two_splits(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("train: ['a*']\nval: [a1]\n")
    with pytest.raises(TileSetError, match="scene a1 is in train and val; list it in one") as found:
        read_split_list(path).assign(["a1"])
    assert str(path) in one_line(found.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("list.yaml", "training: [a]\n", "write train:, val: and test:"),
        ("list.yaml", "- a\n", "write train:, val: and test:"),
        ("list.yaml", "", "write train:, val: and test:"),
        ("list.yaml", "train: a\n", "train is no list of names"),
        ("list.yaml", "train: [a", "is not YAML"),
        ("list.csv", "scene,split\na,training\n", "write train:, val: and test:"),
        ("list.csv", "image,split\na,train\n", "it needs scene and split"),
        ("list.csv", "", "lists no scene"),
        ("list.yaml", None, "cannot be read"),
        ("potsdm", None, "or one of potsdam, vaihingen"),
    ],
)
def test_a_list_that_is_not_right(
    tmp_path: Path, one_line: OneLine, name: str, text: str | None, says: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(TileSetError) as caught:
        read_split_list(path)
    assert says in one_line(caught.value)
    assert str(path) in one_line(caught.value)


@given(
    areas=st.lists(st.floats(0.5, 2), min_size=3, max_size=30),
    seed=st.integers(0, 99),
    order=st.randoms(use_true_random=False),
)
def test_scenes_are_drawn_by_area_in_any_order(
    areas: list[float], seed: int, order: random.Random
) -> None:
    names = [f"scene{number}" for number in range(len(areas))]
    splits = split_scenes(names, areas, SHARES, seed)
    assert set(splits) == set(names)
    assert set(splits.values()) == set(SPLITS)
    for split, share in SHARES.items():
        area = sum(a for name, a in zip(names, areas, strict=True) if splits[name] == split)
        # one scene is not torn, and every split has one
        assert abs(area - share * sum(areas)) <= 2 * max(areas)
    pairs = list(zip(names, areas, strict=True))
    order.shuffle(pairs)
    again = split_scenes([n for n, _ in pairs], [a for _, a in pairs], SHARES, seed)
    assert again == splits


def test_equal_scenes_meet_the_shares() -> None:
    names = [f"scene{number}" for number in range(20)]
    splits = list(split_scenes(names, [1.0] * 20, SHARES, seed=1).values())
    assert [splits.count(split) for split in SPLITS] == [14, 3, 3]


def test_another_seed_is_another_draw() -> None:
    names = [f"scene{number}" for number in range(20)]
    draws = [split_scenes(names, [1.0] * 20, SHARES, seed) for seed in range(3)]
    assert draws[0] != draws[1] != draws[2]
    assert draws[0] == split_scenes(names, [1.0] * 20, SHARES, 0)


def test_shares_of_nothing_get_nothing() -> None:
    shares = {"train": 0.5, "val": 0.5, "test": 0.0}
    assert set(split_scenes(["a", "b"], [1, 9], shares, 0).values()) == {"train", "val"}


def test_too_few_scenes(one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match="name at least 3 scenes, or split by blocks") as caught:
        split_scenes(["a", "b"], [1, 1], SHARES, 0)
    one_line(caught.value)


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({"train": 0.7, "val": 0.2}, "shares of train 0.7, val 0.2 do not add up to 1"),
        ({"train": 1.5, "val": -0.5}, "do not add up to 1"),
        ({"train": 0.7, "valid": 0.3}, "no split is called valid; choose of train, val, test"),
        ({}, "do not add up to 1"),
        ({"train": float("nan")}, "do not add up to 1"),
    ],
)
def test_shares_that_are_none(one_line: OneLine, shares: dict[str, float], says: str) -> None:
    for draw in (
        lambda: split_scenes(["a", "b"], [1, 1], shares, 0),
        lambda: split_blocks({"a": (90, 90)}, shares, 0, block_px=9),
    ):
        with pytest.raises(ConfigError) as caught:
            draw()
        assert says in one_line(caught.value)


@given(
    shape=st.tuples(st.integers(1, 120), st.integers(1, 120)),
    size_px=st.integers(1, 40),
    overlap=st.floats(0, 0.95),
    block_px=st.integers(1, 60),
    margin_px=st.integers(0, 8),
    seed=st.integers(0, 9),
)
def test_no_source_pixel_is_in_two_splits(
    shape: tuple[int, int],
    size_px: int,
    overlap: float,
    block_px: int,
    margin_px: int,
    seed: int,
) -> None:
    """Whatever the layout: pixels that tiles of two splits draw on, margin included, are apart."""
    draw = np.random.default_rng(seed)
    counts = [block_count(length, block_px, margin_px) for length in shape]
    drawn = tuple(tuple(draw.choice(SPLITS, counts[1]).tolist()) for _ in range(counts[0]))
    blocks = BlockSplit(shape, block_px, margin_px, drawn)
    layout = TileLayout(shape, (size_px, size_px), int(overlap * size_px))
    seen = {split: np.zeros(shape, bool) for split in SPLITS}
    for _, _, window in layout.tiles():
        row, col = int(window.row_off), int(window.col_off)
        split = blocks.of(row, col, (size_px, size_px))
        if split is not None:
            rows = slice(max(row - margin_px, 0), row + size_px + margin_px)
            cols = slice(max(col - margin_px, 0), col + size_px + margin_px)
            seen[split][rows, cols] = True
    for one, other in itertools.combinations(SPLITS, 2):
        assert not (seen[one] & seen[other]).any()


def test_blocks_by_hand() -> None:
    """Lines lie a margin before 10 and 20: a tile that begins at 10 loses nothing."""
    blocks = BlockSplit((12, 35), 10, 1, (("train", "val", "val"),))
    assert blocks.of(0, 0, (8, 8)) == "train"  # 0 to 8, its margin ends with 9
    assert blocks.of(0, 1, (8, 8)) is None  # the margin reaches 9
    assert blocks.of(4, 10, (8, 8)) == "val"  # the margin begins at 9, rows end with the scene
    assert blocks.of(0, 9, (8, 8)) is None
    assert blocks.of(0, 13, (20, 20)) == "val"  # over a line between blocks of one split
    assert blocks.of(0, 30, (64, 64)) == "val"  # what is beyond the scene does not count
    assert BlockSplit((5, 5), 10, 0, (("test",),)).of(0, 0, (64, 64)) == "test"


@pytest.mark.parametrize("margin_px", [0, 1, 3])
def test_tiles_that_begin_with_a_block_are_kept(margin_px: int) -> None:
    size_px = 64 - 2 * margin_px
    blocks = split_blocks({"a": (640, 640)}, SHARES, 0, block_px=64, margin_px=margin_px)["a"]
    assert all(
        blocks.of(row, col, (size_px, size_px))
        for row in range(0, 577, 64)
        for col in range(0, 577, 64)
    )


def test_blocks_of_all_scenes_meet_the_shares_together() -> None:
    shapes = {"a": (1000, 1000), "b": (300, 777), "c": (50, 50)}
    blocks = split_blocks(shapes, SHARES, 3, block_px=100)
    assert {name: each.shape for name, each in blocks.items()} == shapes
    pixels = dict.fromkeys(SPLITS, 0)
    for name, (rows, cols) in shapes.items():
        for row, col in itertools.product(range(0, rows, 10), range(0, cols, 7)):
            split = blocks[name].of(row, col, (1, 1))
            assert split is not None
            pixels[split] += 1
    total = sum(pixels.values())
    for split, share in SHARES.items():
        assert pixels[split] / total == pytest.approx(share, abs=0.02)
    backwards = split_blocks(dict(reversed(shapes.items())), SHARES, 3, block_px=100)
    assert backwards == blocks
    assert split_blocks(shapes, SHARES, 4, block_px=100) != blocks


def test_no_block_is_a_sliver() -> None:
    """What is left at an edge goes to the block before it: else a split might be all slivers."""
    (blocks,) = split_blocks({"a": (109, 305)}, SHARES, 0, block_px=100).values()
    assert [len(blocks.splits), len(blocks.splits[0])] == [1, 3]
    assert set(blocks.splits[0]) == set(SPLITS)


@pytest.mark.parametrize(
    ("block_px", "margin_px", "says"),
    [
        (100, 0, "1 block(s) of 100 px cannot fill the splits train, val, test: choose smaller"),
        (0, 0, "choose larger blocks"),
        (4, 2, "choose larger blocks"),
    ],
)
def test_blocks_that_do_not_do(one_line: OneLine, block_px: int, margin_px: int, says: str) -> None:
    with pytest.raises(GeoSemiMTLError) as caught:
        split_blocks({"a": (120, 120)}, SHARES, 0, block_px=block_px, margin_px=margin_px)
    assert says in one_line(caught.value)


def test_scenes_of_two_splits_on_the_same_ground(make_grid: MakeGrid) -> None:
    east = (368000.0 + 100 * 0.05, 5806000.0)
    half = (368000.0 + 50 * 0.05, 5806000.0)
    grids = {
        "a": make_grid((100, 100)),
        "beside": make_grid((100, 100), origin=east),
        "half": make_grid((100, 100), origin=half),
        "same": make_grid((100, 100)),
    }
    splits = {"a": "train", "beside": "test", "half": "val", "same": "train"}
    found = overlapping(grids, splits)
    assert [(each.one, each.other) for each in found] == [
        ("a", "half"),
        ("beside", "half"),
        ("half", "same"),
    ]
    assert [each.share for each in found] == pytest.approx([0.5] * 3)
    assert overlapping({}, {}) == ()


def test_overlap_across_crs(make_grid: MakeGrid) -> None:
    """The same ground, once in UTM 33 and once in degrees around it."""
    utm = make_grid((2000, 2000), gsd=(1, 1))
    bounds = utm.bounds
    (west, east), (south, north) = transform(
        utm.crs, CRS.from_epsg(4326), [bounds[0], bounds[2]], [bounds[1], bounds[3]]
    )
    step = ((east - west) / 100, (north - south) / 100)
    degrees = make_grid((100, 100), gsd=step, crs="EPSG:4326", origin=(west, north))
    (found,) = overlapping({"a": utm, "b": degrees}, {"a": "train", "b": "test"})
    assert found.share == pytest.approx(0.97, abs=0.03)
    assert found.share < 1
