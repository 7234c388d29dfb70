"""From scenes and options to each tile's split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.tiling.assignment import Layouts, split_tiles
from geosemimtl.tiling.layers import Layers, open_layers, source_reach_px, tile_grid
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
OneLine = Callable[[BaseException], str]
OPTIONS = TileOptions(gsd_m=0.5, size_px=8, overlap=0)


@pytest.fixture
def batch(make_raster: Maker, noise: Noise) -> list[Layers]:
    """Return four scenes of 40 x 48 px of 0.5 m, side by side."""
    return [
        open_layers(
            SceneFiles(
                name,
                (
                    make_raster(
                        f"{name}.tif",
                        noise(3, 40, 48),
                        transform=Affine(0.5, 0, 368000 + 24 * index, 0, -0.5, 5806000),
                    ),
                ),
            ),
            OPTIONS,
        )
        for index, name in enumerate("abcd")
    ]


def layouts(batch: list[Layers], options: TileOptions) -> Layouts:
    """Return where the tiles lie."""
    grids = {each.name: tile_grid(each.image, options, 0.5) for each in batch}
    return {
        name: (grid, TileLayout(grid.shape, options.tile_px, options.shared_px, options.edge))
        for name, grid in grids.items()
    }


def splits(batch: list[Layers], **changed: Any) -> dict[str, list[str | None]]:
    """Return the splits of each scene's tiles, row by row."""
    options = replace(OPTIONS, **changed)
    places = layouts(batch, options)
    of = split_tiles(batch, places, options)
    return {
        name: [of[name](window.row_off, window.col_off) for *_, window in layout.tiles()]
        for name, (_, layout) in places.items()
    }


def test_all_are_train_unless_a_list_says_otherwise(batch: list[Layers]) -> None:
    assert set(splits(batch)["a"]) == {"train"}
    told = [replace(batch[0], split="test"), batch[1]]
    found = splits(told)
    assert (set(found["a"]), set(found["b"])) == ({"test"}, {"train"})


def test_by_scene(batch: list[Layers]) -> None:
    found = {name: set(own) for name, own in splits(batch, split="by-scene").items()}
    assert all(len(own) == 1 for own in found.values())
    assert set.union(*map(set, found.values())) == {"train", "val", "test"}
    again = splits(batch[::-1], split="by-scene")
    assert {name: set(own) for name, own in again.items()} == found
    draws = {
        tuple(own[0] for own in splits(batch, split="by-scene", seed=seed).values())
        for seed in range(9)
    }
    assert len(draws) > 1


def test_by_a_list(batch: list[Layers], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("train: ['[ab]']\nval: [c]\ntest: [d]\n")
    found = splits(batch, split=str(tmp_path / "s.yaml"))
    assert [own[0] for own in found.values()] == ["train", "train", "val", "test"]
    with pytest.raises(TileSetError, match="name a YAML or CSV file"):
        splits(batch, split=str(tmp_path / "no.yaml"))


def test_scenes_that_show_the_same_ground_are_told(
    batch: list[Layers], make_raster: Maker, noise: Noise, caplog: pytest.LogCaptureFixture
) -> None:
    half = make_raster(
        "e.tif", noise(3, 40, 48), transform=Affine(0.5, 0, 368012, 0, -0.5, 5806000)
    )
    scenes = [batch[0], open_layers(SceneFiles("e", (half,)), OPTIONS), batch[2]]
    caplog.set_level("WARNING", "geosemimtl")
    splits(scenes, split="by-scene")
    (record,) = caplog.records
    said = record.getMessage()
    assert "scenes a (" in said
    assert "show the same ground: 50.0 %" in said
    caplog.clear()
    splits(batch, split="by-scene")
    assert not caplog.records, "neighbours share an edge only"
    listed = [replace(scenes[0], split="train"), replace(scenes[1], split="val")]
    splits(listed, split="none")
    assert "scenes a (train) and e (val) show the same ground: 50.0 %" in caplog.text


def test_blocks(batch: list[Layers]) -> None:
    found = splits(batch, split="blocks", block_m=8)  # 16 px: 2 x 2 tiles
    rows = np.array(found["a"]).reshape(5, 6)
    # two tiles to a block in each direction; the fifth row goes with the fourth
    for i in (0, 2):
        for j in (0, 2, 4):
            assert len(set(rows[i : (5 if i == 2 else 2), j : j + 2].ravel())) == 1
    counted = Counter(split for own in found.values() for split in own)
    assert set(counted) == {"train", "val", "test"}
    assert counted["train"] > counted["val"] + counted["test"]
    assert splits(batch, split="blocks", block_m=8) == found
    assert splits(batch, split="blocks", block_m=8, seed=1) != found
    assert splits(batch[::-1], split="blocks", block_m=8) == found


def test_a_block_is_four_tiles_if_that_is_enough(batch: list[Layers]) -> None:
    """40 x 48 px hold one block of 32 px, four of 16 px; nine in all are wanted."""
    assert splits(batch, split="blocks") == splits(batch, split="blocks", block_m=8)
    small = {"size_px": 4}
    four = splits(batch, split="blocks", **small)
    assert four == splits(batch, split="blocks", block_m=8, **small)
    assert four != splits(batch, split="blocks", block_m=6, **small)


def test_the_remedy_for_small_blocks_is_right(batch: list[Layers], one_line: OneLine) -> None:
    finer = {"gsd_m": 0.3, "split": "blocks"}
    with pytest.raises(ConfigError, match="no tile of 8 px fits into a block") as caught:
        splits(batch, block_m=1, **finer)
    least = float(one_line(caught.value).split()[-2])
    assert splits(batch, block_m=least, **finer)
    with pytest.raises(ConfigError):
        splits(batch, block_m=least - 1, **finer)


def test_too_few_blocks(batch: list[Layers], one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match="cannot fill the splits train, val, test") as caught:
        splits(batch[:1], split="blocks", block_m=20)
    one_line(caught.value)


def test_how_far_source_pixels_reach(batch: list[Layers], make_raster: Maker) -> None:
    scene = batch[0]
    assert source_reach_px(scene, tile_grid(scene.image, TileOptions(gsd_m=0.5))) == 0
    assert source_reach_px(scene, tile_grid(scene.image, TileOptions(gsd_m=1.0))) == 2
    assert source_reach_px(scene, tile_grid(scene.image, TileOptions(gsd_m=0.2))) == 6
    # labels of 2 m pixels on the image's own grid
    coarse = make_raster("l.tif", np.zeros((1, 10, 12), np.uint8), gsd=2.0)
    labelled = open_layers(SceneFiles("a", scene.image.files, {"segmentation": (coarse,)}), OPTIONS)
    assert source_reach_px(labelled, tile_grid(scene.image, TileOptions(gsd_m=0.5))) == 9
