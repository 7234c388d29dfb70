"""Tile sets as training data, and which tiles an iteration sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from geosemimtl.classes import IGNORE
from geosemimtl.data.tiles import DomainTiles, IterationBatches, iterations_of
from geosemimtl.errors import TileSetError
from geosemimtl.tasks import HEIGHT, SEGMENTATION

TASKS = (SEGMENTATION, HEIGHT)
OneLine = Callable[[BaseException], str]
CutTiles = Callable[..., Path]

LABELS = np.random.default_rng(1).integers(0, 6, (64, 96)).astype(np.uint8)
LABELS[:8, :8] = IGNORE
HEIGHTS = np.random.default_rng(2).uniform(0, 30, (64, 96)).astype(np.float32)
HEIGHTS[40:, 40:44] = -9999
MASK = np.ones((64, 96), bool)
MASK[:, 80:] = False


@pytest.fixture(scope="module")
def pixels() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return noise whose every tile is another."""
    return np.random.default_rng(0).integers(1, 256, (3, 64, 96)).astype(np.uint8)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
    cut_tiles: CutTiles,
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> Path:
    """Return a tile set of 2 x 3 tiles with classes, heights and nodata."""
    folder = tmp_path_factory.mktemp("both") / "tiles"
    return cut_tiles(folder, pixels, labels=LABELS, heights=HEIGHTS, mask=MASK)


@pytest.fixture(scope="module")
def unlabelled(
    tmp_path_factory: pytest.TempPathFactory,
    cut_tiles: CutTiles,
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> Path:
    """Return the same scene's tiles without labels, with another value range."""
    folder = tmp_path_factory.mktemp("bare") / "tiles"
    return cut_tiles(folder, pixels, value_range=(50.0, 150.0))


def _drawn(tiles: DomainTiles, batches: IterationBatches, item: int, domain: int = 0) -> list[int]:
    """Return which tiles a batch holds, known by their pixels."""
    by_pixels = {
        tiles.batch([index], 0).image.numpy().tobytes(): index for index in range(len(tiles))
    }
    return [by_pixels[image[None].numpy().tobytes()] for image in batches[item][domain].image]


def test_a_batch_is_what_the_scene_holds(
    both: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    tiles = DomainTiles(both, TASKS)
    assert len(tiles) == 6
    batch = tiles.batch([1, 5], domain=3)  # row 0 column 1, row 1 column 2
    rows, cols = slice(32, 64), slice(64, 96)
    assert batch.domain == 3
    assert batch.image.dtype == torch.float32
    seen = MASK[rows, cols]
    np.testing.assert_array_equal(batch.observed[1], seen)
    image = np.where(seen, pixels[:, rows, cols] / np.float32(255), 0)
    np.testing.assert_allclose(batch.image[1], image, rtol=1e-6)
    labels = LABELS[rows, cols]
    known = seen & (labels != IGNORE)
    np.testing.assert_array_equal(batch.valid[SEGMENTATION][1], known)
    np.testing.assert_array_equal(batch.targets[SEGMENTATION][1].numpy()[known], labels[known])
    assert batch.targets[SEGMENTATION].dtype == torch.int64
    metres = HEIGHTS[:32, 32:64]
    np.testing.assert_array_equal(batch.targets[HEIGHT][0], metres)
    assert batch.valid[HEIGHT][0].all()


def test_unknown_pixels_are_not_valid(both: Path) -> None:
    tiles = DomainTiles(both, TASKS)
    batch = tiles.batch(range(6), 0)
    assert not batch.valid[SEGMENTATION][0, :8, :8].any()  # ignored
    assert not batch.valid[HEIGHT][4, 8:, 8:12].any()  # nodata in the heights
    assert (batch.targets[HEIGHT][4, 8:, 8:12] == 0).all()
    for task in TASKS:
        assert not (batch.valid[task] & ~batch.observed).any()
        assert batch.labelled(task).all()
    assert not batch.observed[2, :, 16:].any()
    assert (batch.image[2, :, :, 16:] == 0).all()


def test_a_task_without_labels_is_never_valid(unlabelled: Path) -> None:
    tiles = DomainTiles(unlabelled, TASKS)
    assert tiles.supervises == ()
    batch = tiles.batch([0, 1], 0)
    for task in TASKS:
        assert batch.targets[task].shape == (2, 32, 32)
        assert not batch.labelled(task).any()
    assert batch.observed.all()


def test_labels_not_to_be_used_are_not_read(both: Path) -> None:
    tiles = DomainTiles(both, TASKS, supervises=[HEIGHT])
    batch = tiles.batch([0], 0)
    assert not batch.valid[SEGMENTATION].any()
    assert batch.valid[HEIGHT].any()
    assert set(tiles[0].targets) == {HEIGHT}


def test_value_range_maps_to_0_and_1(
    unlabelled: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    image = DomainTiles(unlabelled, TASKS).batch([0], 0).image[0]
    wanted = np.clip((pixels[:, :32, :32].astype(np.float32) - 50) / 100, 0, 1)
    np.testing.assert_allclose(image, wanted, atol=1e-6)
    assert image.min() == 0
    assert image.max() == 1


def test_pixels_that_are_no_number_are_nodata(tmp_path: Path, cut_tiles: CutTiles) -> None:
    pixels = np.full((3, 32, 32), 0.5, np.float32)
    folder = cut_tiles(tmp_path / "float", pixels, value_range=(0.0, 1.0))
    name = DomainTiles(folder, TASKS).names[0]
    pixels[1, 4, 5] = np.nan
    with rasterio.open(folder / "image" / name, "r+") as target:
        target.write(pixels)
    batch = DomainTiles(folder, TASKS).batch([0], 0)
    assert not batch.observed[0, 4, 5]
    assert batch.observed.sum() == 32 * 32 - 1
    assert batch.image.isfinite().all()


def test_a_task_to_supervise_must_have_labels(unlabelled: Path, one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match="no labels for height") as caught:
        DomainTiles(unlabelled, TASKS, supervises=[HEIGHT])
    assert "it has: none" in one_line(caught.value)


def test_tiles_are_kept_in_memory_up_to_the_limit(both: Path) -> None:
    size = 32 * 32 * (3 + 1 + 1 + 4)
    tiles = DomainTiles(both, TASKS, cache_bytes=2 * size)
    read = [tiles[index] for index in (0, 1, 2)]
    assert tiles[0] is read[0]
    assert tiles[1] is read[1]
    assert tiles[2] is not read[2]


def _damage(path: Path, kind: str) -> None:
    if kind == "missing":
        path.unlink()
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-800])
    elif kind == "text":
        path.write_text("no raster")
    else:
        with rasterio.open(path) as source:
            profile = {**source.profile, "height": 16}
            pixels = source.read()[:, :16]
        with rasterio.open(path, "w", **profile) as target:
            target.write(pixels)


@pytest.mark.parametrize("layer", ["image", SEGMENTATION, HEIGHT])
@pytest.mark.parametrize("kind", ["missing", "truncated", "text", "smaller"])
def test_a_damaged_tile_is_named(
    tmp_path: Path, cut_tiles: CutTiles, one_line: OneLine, layer: str, kind: str
) -> None:
    noise = np.random.default_rng(0)
    folder = cut_tiles(
        tmp_path / "tiles",
        noise.integers(0, 256, (3, 32, 32)).astype(np.uint8),
        labels=LABELS[:32, :32],
        heights=HEIGHTS[:32, :32],
    )
    name = DomainTiles(folder, TASKS).names[0]
    _damage(folder / layer / name, kind)
    with pytest.raises(TileSetError) as caught:
        DomainTiles(folder, TASKS).batch([0], 0)
    message = one_line(caught.value)
    assert name in message
    assert "cut the tiles again" in message


def test_a_class_the_tile_set_does_not_have(
    tmp_path: Path, cut_tiles: CutTiles, one_line: OneLine
) -> None:
    pixels = np.ones((3, 32, 32), np.uint8)
    folder = cut_tiles(tmp_path / "tiles", pixels, labels=np.zeros((32, 32), np.uint8))
    tiles = DomainTiles(folder, TASKS)
    with rasterio.open(folder / SEGMENTATION / tiles.names[0], "r+") as target:
        target.write(np.full((1, 32, 32), 6, np.uint8))
    with pytest.raises(TileSetError, match="class 6, the tile set has only 6") as caught:
        tiles.batch([0], 0)
    one_line(caught.value)


def test_each_tile_is_seen_once_an_epoch(both: Path) -> None:
    tiles = DomainTiles(both, TASKS)
    batches = IterationBatches([tiles], batch=4, iterations=6, seed=7)
    drawn = [index for item in range(6) for index in _drawn(tiles, batches, item)]
    epochs = [drawn[start : start + 6] for start in range(0, 24, 6)]  # the batch 1 spans two
    for epoch in epochs:
        assert Counter(epoch) == Counter(range(6))
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_batch_larger_than_the_tile_set(both: Path) -> None:
    tiles = DomainTiles(both, TASKS)
    drawn = _drawn(tiles, IterationBatches([tiles], batch=14, iterations=1, seed=0), 0)
    assert Counter(drawn[:6]) == Counter(drawn[6:12]) == Counter(range(6))


def test_batches_are_a_function_of_seed_iteration_and_domain(both: Path, unlabelled: Path) -> None:
    domains = [DomainTiles(both, TASKS), DomainTiles(unlabelled, TASKS)]
    alone = IterationBatches(domains[:1], batch=4, iterations=9, seed=3)
    whole = IterationBatches(domains, batch=4, iterations=9, seed=3)
    resumed = IterationBatches(domains, batch=4, iterations=9, seed=3, start=5)
    shorter = IterationBatches(domains, batch=4, iterations=6, seed=3)
    assert (len(whole), len(resumed)) == (9, 4)
    later = [whole[item] for item in (8, 5)]  # random access, backwards
    sequential = [whole[item] for item in range(9)]
    for one, other in [
        (later[0], sequential[8]),
        (later[1], sequential[5]),
        (resumed[0], sequential[5]),
        (resumed[3], sequential[8]),
        (shorter[5], sequential[5]),
    ]:
        assert [batch.domain for batch in one] == [0, 1]
        for mine, theirs in zip(one, other, strict=True):
            assert torch.equal(mine.image, theirs.image)
    assert torch.equal(alone[4][0].image, sequential[4][0].image)
    seeds = [
        tuple(_drawn(domains[0], IterationBatches(domains, 6, 1, seed), 0)) for seed in range(4)
    ]
    assert len(set(seeds)) > 1
    orders = {tuple(_drawn(domains[k], whole, 0, k)) for k in (0, 1)}
    assert len(orders) == 2


@pytest.mark.parametrize("item", [-1, 4, 9])
def test_batches_end(both: Path, item: int) -> None:
    resumed = IterationBatches([DomainTiles(both, TASKS)], 1, iterations=9, seed=0, start=5)
    with pytest.raises(IndexError):
        resumed[item]


def test_iterations_of_the_papers_epochs() -> None:
    assert iterations_of(120, 2225, 24) == 120 * 93
    assert iterations_of(1, 24, 24) == 1
    assert iterations_of(2, 25, 24) == 4


def test_other_domains_draw_as_many_tiles_an_epoch(both: Path) -> None:
    """Each at most once where there are enough, anew each epoch, else with repetition."""
    tiles = DomainTiles(both, TASKS)  # 6
    fewer = IterationBatches([tiles], batch=4, iterations=30, seed=1, epoch=4)
    drawn = [_drawn(tiles, fewer, item) for item in range(30)]
    assert all(len(set(epoch)) == 4 for epoch in drawn)
    assert len({frozenset(epoch) for epoch in drawn}) > 5
    more = IterationBatches([tiles], batch=10, iterations=10, seed=1, epoch=10)
    counts = [Counter(_drawn(tiles, more, item)) for item in range(10)]
    assert any(set(count.values()) != {1, 2} for count in counts)  # no two rounds
