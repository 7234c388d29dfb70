"""Files that are paired by what their names say, whatever data set they are of."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Remedy, Target, Variant, Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.data.sets.listing import list_files
from geosemimtl.data.sets.pairing import natural_order
from geosemimtl.data.sets.registry import DATA_SETS
from geosemimtl.errors import TileSetError
from geosemimtl.tasks import DEPTH, DISPARITY, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

Register = Callable[[Benchmark], None]
_DEPTH = Kind("depth", r"(?:.*/)?depth/(\w+)\.npy", "depth.zip")
TOY = Benchmark(
    name="toy",
    title="Toy",
    request="https://example.org",
    licence="free",
    options=TileOptions(name="toy"),
    variants={"rgb": Variant(Kind("images", r"(?:.*/)?rgb/(\w+)\.npy", "rgb.zip"), ("red",))},
    targets={
        DEPTH: Target(_DEPTH, "m", remedies=(Remedy("make some"), Remedy("copy it", _DEPTH))),
        DISPARITY: Target(_DEPTH, "px"),
        SEGMENTATION: Target(Kind("labels", r"(?:.*/)?gt/(\w+)\.npy", "gt.zip"), "classes"),
    },
    usual=(DEPTH, SEGMENTATION),
)
LISTS = {
    split: Kind(f"{split} list", rf"(?:.*/)?lists/{split}\.txt", "lists.zip")
    for split in ("train", "val")
}


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Return a function that makes a data set known as ``toy``."""

    def make_known(known: Benchmark) -> None:
        module = ModuleType("toy")
        module.BENCHMARK = known  # type: ignore[attr-defined]  # as a data set's file has
        monkeypatch.setitem(sys.modules, "toy", module)
        monkeypatch.setitem(DATA_SETS, "toy", "toy")

    return make_known


def touch(root: Path, **names: list[str]) -> Path:
    """Make empty files in folders: nothing below opens them."""
    for folder, stems in names.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for stem in stems:
            (root / folder / stem).touch()
    return root


def names(data: Any) -> list[str]:
    return [scene.name for scene in data.scenes]


def test_numbers_are_sorted_as_numbers(register: Register, tmp_path: Path) -> None:
    register(TOY)
    touch(tmp_path, rgb=["10.npy", "9.npy", "0.npy", "a10.npy", "a9.npy"])
    assert names(find_data_set("toy", tmp_path)) == ["0", "9", "10", "a9", "a10"]


@given(st.lists(st.tuples(st.text("ab19_²", max_size=6)), max_size=6))
def test_natural_order_is_an_order(keys: list[Key]) -> None:
    """No two names are alike in it, and that of numbers is theirs."""
    assert len({tuple(natural_order(key)) for key in keys}) == len(set(keys))
    ordered = sorted(keys, key=natural_order)
    numbers = [key for key in ordered if key[0].isascii() and key[0].isdigit()]
    assert [int(key[0]) for key in numbers] == sorted(int(key[0]) for key in numbers)


def test_leading_zeros_are_part_of_the_name(register: Register, tmp_path: Path) -> None:
    """What belongs together is written alike, unless a pattern leaves the zeros out."""
    register(TOY)
    touch(tmp_path, rgb=["1.npy"], depth=["01.npy"])
    (scene,) = find_data_set("toy", tmp_path).scenes
    assert scene.targets == {}
    padded = replace(_DEPTH, pattern=r"(?:.*/)?depth/0?(\w+)\.npy")
    register(replace(TOY, targets={DEPTH: Target(padded, "m")}, usual=()))
    (scene,) = find_data_set("toy", tmp_path).scenes
    assert scene.targets == {DEPTH: (tmp_path / "depth/01.npy",)}


def test_tasks_of_the_same_files_are_said_once(register: Register, tmp_path: Path) -> None:
    register(TOY)
    root = touch(tmp_path, rgb=["1.npy", "2.npy"], depth=["2.npy"], gt=["1.npy", "2.npy"])
    data = find_data_set("toy", root, Wanted(tasks=(DEPTH, DISPARITY)))
    assert [set(scene.targets) for scene in data.scenes] == [set(), {DEPTH, DISPARITY}]
    assert data.remarks == (
        "depth (depth.zip): 1 of 2 scenes have none and are cut without: 1",
        "ask for what is missing at https://example.org",
    )
    assert [(stock.kind, stock.found) for stock in data.stocks] == [
        ("images", 2), ("depth", 1), ("labels", 2)
    ]  # fmt: skip


def test_where_no_scene_has_a_target_its_remedies_are_told(
    register: Register, tmp_path: Path
) -> None:
    """One that needs files is told only where they are."""
    register(TOY)
    root = touch(tmp_path, rgb=["1.npy"], gt=["1.npy"])
    assert find_data_set("toy", root).remarks == ("no depth: make some",)


def test_lists_say_the_splits(register: Register, tmp_path: Path) -> None:
    register(replace(TOY, lists=LISTS, targets={}, usual=()))
    root = touch(tmp_path, rgb=[f"{n}.npy" for n in range(6)], lists=[])
    (root / "lists/train.txt").write_text("0\n\n2 \n")
    (root / "lists/val.txt").write_text("1\n7\n")
    data = find_data_set("toy", root)
    assert {scene.name: scene.split for scene in data.scenes} == {
        "0": "train", "1": "val", "2": "train"
    }  # fmt: skip
    assert data.remarks == ("3 images are in none of the lists and are left out: 3, 4, 5",)
    (root / "lists/val.txt").write_text("0\n")
    with pytest.raises(TileSetError, match=r"val\.txt: 0 is in the list of train, too"):
        find_data_set("toy", root)
    (root / "lists/val.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(TileSetError, match=r"val\.txt: is no list of scenes"):
        find_data_set("toy", root)
    (root / "lists/val.txt").unlink()
    (problem,) = find_data_set("toy", root).problems
    assert "has no val list (lists.zip), which names the scenes of the split val" in problem


def test_hidden_files_and_folders_are_passed_over(register: Register, tmp_path: Path) -> None:
    register(TOY)
    root = touch(tmp_path, rgb=["1.npy", ".2.npy", "._1.npy"])
    touch(root / ".trash", rgb=["3.npy"])
    assert list(list_files(root).paths) == ["rgb/1.npy"]


def test_names_below_are_in_lower_case_and_files_are_not(tmp_path: Path) -> None:
    root = touch(tmp_path, RGB=["One.NPY"])
    assert list_files(root).paths == {"rgb/one.npy": tmp_path / "RGB/One.NPY"}


def test_a_folder_of_23000_images_is_listed_at_once(register: Register, tmp_path: Path) -> None:
    """Nothing is opened: the files are empty. Measured: 0.3 s; thirty times that is too long."""
    register(TOY)
    stems = [f"a_{n:06d}_000019.npy" for n in range(7667)]
    root = touch(tmp_path, rgb=stems, depth=stems, gt=stems[1:])
    start = time.perf_counter()
    data = find_data_set("toy", root)
    assert time.perf_counter() - start < 10
    assert len(data.scenes) == 7667
    assert "1 of 7667 scenes have none and are cut without: a_000000_000019" in data.remarks[0]
