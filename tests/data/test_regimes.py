"""Label regimes: MTPSL's counts, laws of the draws, and files that come back or are refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.config import Section, load_yaml
from geosemimtl.data.regimes import (
    LabelRegime,
    RegimeSection,
    draw_regime,
    image_name,
    read_regime,
    read_released,
    resolve_regime,
    write_regime,
)
from geosemimtl.errors import ConfigError

OneLine = Callable[[BaseException], str]

CITYSCAPES, NYUV2, PASCAL = 2975, 795, 4998
TWO = ("segmentation", "depth")
THREE = (*TWO, "normals")
FIVE = ("segmentation", "human_parts", "normals", "saliency", "edges")
#: Table 8 of arXiv:2111.14893, in the order of these tasks.
PRINTED_RANDOM = {NYUV2: (392, 408, 385), PASCAL: (2450, 2553, 2480, 2445, 2557)}
TASKS = {NYUV2: THREE, PASCAL: FIVE}


def numbered(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def counts(count: int, tasks: Sequence[str], kind: str, seed: int = 0) -> tuple[int, ...]:
    drawn = draw_regime(numbered(count), tasks, kind, seed).counts
    return tuple(drawn[task] for task in tasks)


@pytest.mark.parametrize(
    ("images", "tasks", "kind", "printed"),
    [
        (CITYSCAPES, TWO, "one", (1487, 1488)),
        (NYUV2, THREE, "one", (265, 265, 265)),
        (PASCAL, FIVE, "1000:999:1000:1000:999", (1000, 999, 1000, 1000, 999)),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_one_label_has_the_counts_of_table_8(
    images: int, tasks: tuple[str, ...], kind: str, printed: tuple[int, ...], seed: int
) -> None:
    assert counts(images, tasks, kind, seed) == printed


def test_one_label_of_pascal_is_as_even_as_table_8() -> None:
    """Which tasks have one image more is not the table's, which the docstring says."""
    assert counts(PASCAL, FIVE, "one") == (999, 1000, 999, 1000, 1000)


@pytest.mark.parametrize(
    ("kind", "expected"), [("1:9", (297, 2678)), ("9:1", (2677, 298)), ("1487:1488", (1487, 1488))]
)
def test_ratios_of_table_13(kind: str, expected: tuple[int, int]) -> None:
    """A tenth of Cityscapes' 2975 images is 297.5."""
    assert counts(CITYSCAPES, TWO, kind) == expected


@pytest.mark.parametrize(
    ("kind", "labelled"), [("third", 265), ("1/3", 265), ("1/8", 99), ("3/3", 795), ("all", 795)]
)
def test_shares_keep_all_tasks_or_none(kind: str, labelled: int) -> None:
    """Table 14 has a third of NYUv2; 795 / 8 = 99.4."""
    drawn = draw_regime(numbered(NYUV2), THREE, kind)
    assert drawn.labels_per_image == (NYUV2 - labelled, 0, 0, labelled)
    assert set(drawn.counts.values()) == {labelled}


@pytest.mark.parametrize("images", [NYUV2, PASCAL])
def test_random_labels_are_those_of_table_8_but_for_chance(images: int) -> None:
    """A task is kept by an image with chance E[count] / K = (K / 2) / K = 1/2.

    So 397.5 images of NYUv2 by task, deviation 14.1, and 2499 of PASCAL's, 35.3. The printed
    counts agree; that a seed had all of them would be chance and say nothing.
    """
    tasks, half = TASKS[images], images / 2
    deviation = math.sqrt(images / 4)
    found = [counts(images, tasks, "random", seed) for seed in range(3)]
    for each in (PRINTED_RANDOM[images], *found):
        assert all(abs(count - half) < 4 * deviation for count in each)
    assert len(set(found)) == 3


@pytest.mark.parametrize("tasks", [TWO, THREE, FIVE])
def test_random_numbers_and_subsets_are_as_likely(tasks: tuple[str, ...]) -> None:
    """1 to K - 1 labels with equal chance, and every subset of so many with equal chance."""
    images = 6000
    drawn = draw_regime(numbered(images), tasks, "random", 5)
    assert drawn.labels_per_image[0] == drawn.labels_per_image[-1] == 0
    sizes = len(tasks) - 1
    subsets = Counter(drawn.images.values())
    for size in range(1, sizes + 1):
        ways = math.comb(len(tasks), size)
        chance = 1 / (sizes * ways)
        seen = [count for kept, count in subsets.items() if len(kept) == size]
        assert len(seen) == ways
        limit = 4 * math.sqrt(images * chance * (1 - chance))
        assert all(abs(count - images * chance) < limit for count in seen)


#: So many that no draw leaves a task without any: of 10, 2:3:5 gives the first task 2.
NAMES = st.lists(
    st.integers(0, 99999).map("scene_{}".format), min_size=10, max_size=60, unique=True
)
SEEDS = st.integers(0, 2**32)
KINDS = st.sampled_from(["one", "random", "third", "all", "2:3:5", "1/2"])


@given(NAMES, KINDS, SEEDS, st.randoms())
def test_a_draw_follows_from_names_and_seed_alone(
    names: list[str], kind: str, seed: int, random: Any
) -> None:
    first = draw_regime(names, THREE, kind, seed)
    shuffled = random.sample(names, len(names))
    tiles = [f"{name}_r{row:03d}_c000.tif" for name in shuffled for row in range(2)]
    assert draw_regime(shuffled, THREE, kind, seed) == first
    assert draw_regime(tiles, THREE, kind, seed) == first


@given(NAMES, st.sampled_from(["one", "2:3:5"]), SEEDS)
def test_parting_gives_each_image_one_task_in_proportion(
    names: list[str], kind: str, seed: int
) -> None:
    drawn = draw_regime(names, THREE, kind, seed)
    assert sorted(drawn.images) == sorted(names)
    assert drawn.labels_per_image == (0, len(names), 0, 0)
    shares = (1, 1, 1) if kind == "one" else (2, 3, 5)
    for count, share in zip(drawn.counts.values(), shares, strict=True):
        assert abs(count - len(names) * share / sum(shares)) < 1


@given(NAMES, KINDS, SEEDS)
def test_a_file_brings_a_regime_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], kind: str, seed: int
) -> None:
    drawn = draw_regime(names, THREE, kind, seed)
    path = tmp_path_factory.mktemp("regime") / "regime.json"
    write_regime(path, drawn)
    assert read_regime(path) == drawn


def test_a_file_reads_well(tmp_path: Path) -> None:
    path = tmp_path / "regime.json"
    write_regime(path, draw_regime(["b.png", "münster_r000_c000.tif"], TWO, "one"))
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 11
    assert lines[1:6] == [
        ' "version": 1,',
        ' "tasks": ["segmentation", "depth"],',
        ' "kind": "one",',
        ' "seed": 0,',
        ' "counts": {"segmentation": 1, "depth": 1},',
    ]
    assert lines[8].startswith('  "münster": ["')
    assert list(tmp_path.iterdir()) == [path]


def test_a_draw_stays_what_it_is() -> None:
    """Runs are compared by their seeds: another version must not draw anew in silence."""
    drawn = {kind: draw_regime(numbered(6), THREE, kind, 3) for kind in ("one", "random", "third")}
    letters = {
        kind: " ".join("".join(task[0] for task in kept) or "-" for kept in each.images.values())
        for kind, each in drawn.items()
    }
    assert letters == {
        "one": "d n n s d s",
        "random": "dn d d d s dn",
        "third": "- - - sdn - sdn",
    }


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("aachen_000000_000019_r000_c012.tif", "aachen_000000_000019"),
        ("aachen_000000_000019", "aachen_000000_000019"),
        ("12.npy", "12"),
        ("top_potsdam_2_10_r0012_c003.tif", "top_potsdam_2_10"),
        ("v1.5.JPG", "v1.5"),
        ("v1.5", "v1.5"),
    ],
)
def test_an_image_is_a_scene(name: str, image: str) -> None:
    assert image_name(name) == image


def regime_of(images: dict[str, tuple[str, ...]]) -> LabelRegime:
    tally = {task: sum(task in kept for kept in images.values()) for task in TWO}
    return LabelRegime(tasks=TWO, kind="by hand", counts=tally, images=images)


def test_a_tile_s_own_name_comes_before_its_scene_s(one_line: OneLine) -> None:
    found = regime_of({"a": ("depth",), "a_r000_c001": ("segmentation",), "b": ()})
    assert found.keeps("a_r000_c000.tif", "depth")
    assert not found.keeps("a_r000_c001.tif", "depth")
    assert found.keeps("a_r000_c001", "segmentation")
    assert not found.keeps("b", "depth")
    assert not found.keeps("a", "normals")
    assert found.missing(["b.tif", "d_r000_c000.tif", "c", "d_r000_c001.tif"]) == ("c", "d")
    with pytest.raises(ConfigError) as caught:
        found.keeps("c_r000_c000.tif", "depth")
    assert "nothing of c_r000_c000.tif" in one_line(caught.value)


def test_tiles_can_keep_labels_each_for_itself() -> None:
    tiles = [f"scene_r{row:03d}_c{col:03d}.tif" for row in range(4) for col in range(4)]
    drawn = draw_regime(tiles, TWO, "one", per="tile")
    assert drawn.counts == {"segmentation": 8, "depth": 8}
    assert all(drawn.keeps(tile, "depth") != drawn.keeps(tile, "segmentation") for tile in tiles)


@pytest.mark.parametrize(
    ("names", "tasks", "kind", "words"),
    [
        (9, THREE, "some", "choose one, random, third, all, a ratio such as 1:9"),
        (9, THREE, "1:9", "has 2 numbers for 3 tasks"),
        (9, TWO, "0:9", "1 or more"),
        (9, TWO, "3/2", "at most 1"),
        (9, TWO, "0/2", "above 0"),
        (9, TWO, "1/0", "at most 1"),
        (9, TWO[:1], "one", "only one"),
        (9, TWO[:1], "random", "only one"),
        (9, (), "all", "no tasks"),
        (0, TWO, "one", "there are none"),
        (2, THREE, "one", "leaves none of 2 image(s) for segmentation"),
        (2, TWO, "third", "leaves none of 2 image(s) for segmentation, depth"),
        (9, ("depth", "depth"), "one", "name each once"),
    ],
)
def test_what_cannot_be_drawn(
    names: int, tasks: tuple[str, ...], kind: str, words: str, one_line: OneLine
) -> None:
    with pytest.raises(ConfigError) as caught:
        draw_regime(numbered(names), tasks, kind)
    assert words in one_line(caught.value)


GOOD: dict[str, Any] = {
    "version": 1,
    "tasks": ["segmentation", "depth"],
    "kind": "one",
    "seed": 0,
    "counts": {"segmentation": 1, "depth": 1},
    "images": {"a": ["segmentation"], "b": ["depth"]},
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": {"a": ["segmentation"], "b": ["dept"]}}, "b keeps dept: name each once, of"),
        ({"images": {"a": ["depth", "depth"]}}, "a keeps depth, depth: name each once"),
        ({"counts": {"segmentation": 1, "depth": 2}}, "but the images keep"),
        ({"tasks": ["depth", "depth"]}, "name each once"),
        ({"images": {}}, "images"),
        ({"version": 2}, "version = 2"),
        ({"imges": {}}, "did you mean images"),
        ({"seed": "x"}, "seed = 'x'"),
    ],
)
def test_files_that_contradict_themselves(
    tmp_path: Path, changed: dict[str, Any], words: str, one_line: OneLine
) -> None:
    path = tmp_path / "regime.json"
    path.write_text(json.dumps(GOOD))
    assert read_regime(path).counts == {"segmentation": 1, "depth": 1}
    path.write_text(json.dumps(GOOD | changed))
    with pytest.raises(ConfigError) as caught:
        read_regime(path)
    text = one_line(caught.value)
    assert text.startswith(f"{path}: ")
    assert words in text
    assert "geosemimtl regime" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "check the path"),
        (b"\xff\xfe\x00", "is no text"),
        (b'{"version": 1', "draw it"),
        (b"[]", "draw it"),
        (b"", "draw it"),
    ],
)
def test_files_that_are_no_regime(
    tmp_path: Path, content: bytes | None, words: str, one_line: OneLine
) -> None:
    path = tmp_path / "regime.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_regime(path)
    assert words in one_line(caught.value)


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def random_marks(images: int, tasks: int) -> torch.Tensor:
    drawn = torch.rand((images, tasks), generator=torch.Generator().manual_seed(1)).round()
    drawn[drawn.sum(dim=1) == 0, 0] = 1
    return drawn


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8, torch.bool])
def test_a_released_split_goes_by_the_number_of_the_image(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    """Image 10 is row 10, though its name comes before that of image 2."""
    marks = random_marks(12, 3)
    path = saved(tmp_path / "randomlabels.pth", {"labels_weights": marks.to(dtype)})
    found = read_released(path, [f"{name}.npy" for name in sorted(numbered(12))], THREE)
    for row in range(12):
        for column, task in enumerate(THREE):
            assert found.keeps(f"{row}.npy", task) == bool(marks[row, column])
    assert list(found.counts.values()) == marks.sum(dim=0).tolist()
    assert (found.kind, found.seed) == ("released", None)


@pytest.mark.parametrize(
    "named", ["{:d}", "{:04d}", "nyuv2_{:04d}", "{:03d}_r000_c000.tif"], ids=str
)
def test_names_of_released_images(tmp_path: Path, named: str) -> None:
    marks = random_marks(12, 2)
    path = saved(tmp_path / "onelabel.pth", {"labels_weights": marks})
    found = read_released(path, [named.format(row) for row in range(12)], TWO)
    kept = [[found.keeps(named.format(row), task) for task in TWO] for row in range(12)]
    assert np.array_equal(kept, marks.numpy() == 1)


def test_a_part_of_the_released_images(tmp_path: Path) -> None:
    marks = random_marks(12, 2)
    path = saved(tmp_path / "onelabel.pth", marks)
    found = read_released(path, ["11", "2"], TWO)
    assert list(found.images) == ["11", "2"]
    assert found.keeps("11", "depth") == bool(marks[11, 1])


@pytest.mark.parametrize(
    "row", [torch.tensor([1, 0]), [1, 0], (1.0, 0.0), torch.tensor([1.0, 0.0])]
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_splits_by_name(tmp_path: Path, row: object, wrapped: bool) -> None:  # noqa: FBT001  (a parameter)
    content = {"2008_000008": row, "2008_000015": [1, 1], "2008_000019": [0, 1]}
    path = saved(tmp_path / "s.pth", {"labels_weights": content} if wrapped else content)
    found = read_released(path, ["2008_000015.jpg", "2008_000008.jpg"], TWO)
    assert found.images == {"2008_000008": ("segmentation",), "2008_000015": TWO}
    assert found.counts == {"segmentation": 2, "depth": 1}


MARKS = torch.tensor([[1, 0], [0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("content", "names", "words"),
    [
        ({"labels_weights": MARKS}, ["0", "1", "3"], "name the images 0 to 2"),
        ({"labels_weights": MARKS}, ["0", "00", "1"], "name the images 0 to 2"),
        ({"labels_weights": MARKS}, ["aachen_000000_000001", "aachen_000000_000002"], "no number"),
        ({"labels_weights": MARKS}, ["a1", "b2", "c0"], "no number"),
        ({"labels_weights": MARKS}, ["a", "b"], "and a is no number"),
        (
            {"labels_weights": MARKS[:, :1]},
            ["0"],
            "is for 1 tasks, not for 2 (segmentation, depth)",
        ),
        ({"labels_weights": MARKS * 2}, ["0"], "zeros and ones"),
        ({"labels_weights": MARKS / 0}, ["0"], "zeros and ones"),
        ({"labels_weights": MARKS[0]}, ["0"], "zeros and ones"),
        ({"weights": MARKS}, ["0"], "has no image 0"),
        ({"x": [1, 0]}, ["x", "y", "z"], "has no image y, nor 1 others of 3"),
        ({"x": [1, 0], "y": [1]}, ["x", "y"], "no table of numbers"),
        ({"x": "one"}, ["x"], "no table of numbers"),
        ("onelabel", ["0"], "no table of numbers"),
        ([MARKS], [], "there are none"),
        (Path("elsewhere"), ["0"], "is no file of tensors"),
    ],
)
def test_splits_that_do_not_fit(
    tmp_path: Path, content: object, names: list[str], words: str, one_line: OneLine
) -> None:
    path = saved(tmp_path / "split.pth", content)
    with pytest.raises(ConfigError) as caught:
        read_released(path, names, TWO)
    assert words in one_line(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"no tensors", b"PK\x03\x04broken", b"\x80\x02."])
def test_files_that_are_no_split(tmp_path: Path, content: bytes | None, one_line: OneLine) -> None:
    path = tmp_path / "onelabel.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_released(path, ["0"], TWO)
    text = one_line(caught.value)
    assert str(path) in text
    assert "check the path" in text or "is no file of tensors" in text


class Domain(Section):
    """A section with a regime, as a training's YAML will have it."""

    regime: RegimeSection | None = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("regime: {kind: one}", RegimeSection(kind="one")),
        ("regime: {kind: '1:9', seed: 4}", RegimeSection(kind="1:9", seed=4)),
        ("regime: {kind: 1/8, per: tile}", RegimeSection(kind="1/8", per="tile")),
        ("regime: my.json", RegimeSection(file=Path("my.json"))),
        (
            "regime: {file: one.pth, tasks: [segmentation, depth]}",
            RegimeSection(file=Path("one.pth"), tasks=TWO),
        ),
        ("regime: null", None),
    ],
)
def test_what_yaml_says(tmp_path: Path, text: str, expected: RegimeSection | None) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    found = load_yaml(Domain, path)
    assert found.regime == expected
    assert Domain.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("regime: {kind: 1:9}", "regime.kind = 69: write ratios in quotation marks"),
        ("regime: {kind: 0.3}", "regime.kind = 0.3: write"),
        ("regime: {kind: on e}", "regime.kind = 'on e': choose one, random"),
        ("regime: {}", "regime: give a kind"),
        ("regime: 3", "regime = 3: is a section"),
        ("regime: {kind: one, file: a.json}", "regime: give a kind to draw"),
        ("regime: {file: a.json, seed: 2}", "seed and per go with a kind"),
        ("regime: {file: a.json, tasks: [depth]}", "a.json names its own tasks"),
        ("regime: {kind: one, sed: 1}", "unknown key regime.sed: did you mean seed?"),
        ("regime: {kind: one, seed: -1}", "regime.seed = -1"),
        ("regime: {kind: one, tasks: []}", "regime.tasks: give at least one"),
    ],
)
def test_what_yaml_cannot_say(tmp_path: Path, text: str, words: str, one_line: OneLine) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_yaml(Domain, path)
    assert words in one_line(caught.value)


def test_a_regime_is_resolved_from_a_kind_or_either_file(tmp_path: Path) -> None:
    names = [f"{name}_r000_c000.tif" for name in numbered(12)]
    drawn = resolve_regime(RegimeSection(kind="one", seed=2), names, TWO)
    assert drawn == draw_regime(names, TWO, "one", 2)
    path = tmp_path / "regime.json"
    write_regime(path, drawn)
    assert resolve_regime(path, names[:5], THREE) == drawn
    assert resolve_regime(RegimeSection(file=path), names, TWO) == drawn
    split = saved(tmp_path / "onelabel.pth", {"labels_weights": random_marks(12, 2)})
    assert resolve_regime(split, names, TWO) == read_released(split, names, TWO)
    fewer = RegimeSection(kind="one", tasks=TWO)
    assert resolve_regime(fewer, names, THREE).tasks == TWO


def test_a_regime_that_does_not_suit_its_tiles(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "regime.json"
    write_regime(path, draw_regime(numbered(5), TWO, "one"))
    with pytest.raises(ConfigError) as caught:
        resolve_regime(path, numbered(7), TWO)
    text = one_line(caught.value)
    assert text.startswith(f"regime {path}: says nothing of 2 image(s), such as 5;")
    with pytest.raises(ConfigError) as caught:
        resolve_regime(path, numbered(5), ("segmentation",))
    assert "is for depth, which the tiles have no labels for" in one_line(caught.value)
    with pytest.raises(ConfigError) as caught:
        resolve_regime(RegimeSection(kind="one", tasks=("depth", "hight")), numbered(5), TWO)
    assert "regime one: is for hight" in one_line(caught.value)


def test_drawing_loads_no_torch() -> None:
    script = (
        "import sys\nfrom geosemimtl.data.regimes import draw_regime\n"
        "draw_regime(['a', 'b'], ['depth', 'normals'], 'one')\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
