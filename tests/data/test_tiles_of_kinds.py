"""Tile sets of tasks of every kind as training data, and labels that a regime hides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.classes import HUMAN_PARTS_CLASSES, IGNORE, ISPRS_CLASSES
from geosemimtl.data.regimes import RegimeSection, draw_regime, write_regime
from geosemimtl.data.tiles import DomainTiles
from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.tasks import NODATA, TASK_NAMES, UNITS, Kind, form_of, kind_of
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
OneLine = Callable[[BaseException], str]
SHAPE = (6, 8)
#: Where no label of any task is known.
UNKNOWN = np.s_[0, :3]
NAMES = tuple(f"street_{number}" for number in range(6))
TILES = tuple(f"{name}_r000_c000.tif" for name in NAMES)


def drawn(task: str, seed: int) -> NDArray[Any]:
    """Draw an image's labels in a task's form (channels, rows, columns)."""
    random, form = np.random.default_rng([seed, TASK_NAMES.index(task)]), form_of(task)
    labels: NDArray[Any]
    if kind_of(task) is Kind.CLASSES:
        classes = HUMAN_PARTS_CLASSES if task == "human_parts" else ISPRS_CLASSES
        labels = random.integers(0, len(classes), (1, *SHAPE))
    elif kind_of(task) is Kind.BINARY:
        labels = random.integers(0, 2, (1, *SHAPE))
    elif kind_of(task) is Kind.QUANTITY:
        labels = random.uniform(0.5, 30, (1, *SHAPE))
    else:
        labels = random.normal(size=(3, *SHAPE))
        labels /= np.linalg.norm(labels, axis=0)
    labels = labels.astype(form.dtype)
    labels[(slice(None), *UNKNOWN)] = form.nodata
    return labels


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tile set of six images with labels for every task."""
    folder = tmp_path_factory.mktemp("streets")

    def write(layer: str, name: str, pixels: NDArray[Any], nodata: float | None) -> tuple[Path]:
        path = folder / layer / f"{name}.tif"
        path.parent.mkdir(exist_ok=True)
        size = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
        place = {"crs": "EPSG:25833", "transform": Affine(1, 0, 0, 0, -1, 0), "nodata": nodata}
        dtype = str(pixels.dtype)
        with rasterio.open(path, "w", driver="GTiff", dtype=dtype, **size, **place) as target:
            target.write(pixels)
        return (path,)

    noise = np.random.default_rng(0)
    scenes = [
        SceneFiles(
            name,
            write("image", name, noise.integers(0, 256, (3, *SHAPE), np.uint8), None),
            {
                task: write(task, name, drawn(task, seed), form_of(task).nodata)
                for task in TASK_NAMES
            },
        )
        for seed, name in enumerate(NAMES)
    ]
    tile(DataSet(tuple(scenes), TileOptions(resize=SHAPE)), folder / "tiles")
    return folder / "tiles"


@pytest.mark.parametrize("task", TASK_NAMES)
def test_a_batch_has_what_the_labels_say(streets: Path, task: str) -> None:
    tiles = DomainTiles(streets, [task])
    assert tiles.names == TILES
    batch = tiles.batch([4, 1], 0)
    target, valid = batch.targets[task], batch.valid[task]
    assert valid.shape == (2, *SHAPE)
    assert not valid[:, *UNKNOWN].any()
    assert int(valid.sum()) == 2 * (SHAPE[0] * SHAPE[1] - 3)
    wanted = np.stack([drawn(task, seed) for seed in (4, 1)])
    if kind_of(task) is not Kind.DIRECTION:
        wanted = wanted[:, 0]
    assert target.shape == wanted.shape
    assert target.dtype == (torch.float32 if wanted.dtype == np.float32 else torch.int64)
    known = np.broadcast_to(valid.numpy()[:, None], wanted.shape) if wanted.ndim == 4 else valid
    np.testing.assert_allclose(target.numpy()[known], wanted[known], rtol=1e-6)
    assert target.isfinite().all()


def test_tasks_that_are_not_asked_for_are_not_read(streets: Path) -> None:
    tiles = DomainTiles(streets, ["depth", "normals", "edges"], supervises=["normals"])
    assert tiles.supervises == ("normals",)
    assert set(tiles[0].targets) == {"normals"}
    batch = tiles.batch([0, 1], 0)
    shapes = {task: tuple(target.shape) for task, target in batch.targets.items()}
    assert shapes == {"depth": (2, *SHAPE), "normals": (2, 3, *SHAPE), "edges": (2, *SHAPE)}
    assert [task for task in shapes if batch.valid[task].any()] == ["normals"]


@pytest.mark.parametrize("task", ["normals", *UNITS])
def test_numbers_that_are_none_are_unknown(streets: Path, tmp_path: Path, task: str) -> None:
    """Such as those of tiles that somebody made otherwise."""
    folder = copied(streets, tmp_path)
    with rasterio.open(folder / task / TILES[0], "r+") as target:
        labels = target.read()
        labels[:, 2, 2], labels[:, 2, 3], labels[:, 2, 4] = np.nan, np.inf, NODATA
        target.write(labels)
    batch = DomainTiles(folder, [task]).batch([0], 0)
    assert batch.valid[task][0, 2].tolist() == [True, True, False, False, False, True, True, True]
    assert batch.targets[task].isfinite().all()


@pytest.mark.parametrize(("task", "count"), [("human_parts", 7), ("saliency", 2), ("edges", 2)])
def test_an_index_that_there_is_not(
    streets: Path, tmp_path: Path, one_line: OneLine, task: str, count: int
) -> None:
    folder = copied(streets, tmp_path)
    with rasterio.open(folder / task / TILES[2], "r+") as target:
        target.write(np.full((1, *SHAPE), count, np.uint8))
    with pytest.raises(
        TileSetError, match=f"the class {count}, the tile set has only {count}"
    ) as caught:
        DomainTiles(folder, [task]).batch([2], 0)
    assert TILES[2] in one_line(caught.value)


def test_vectors_of_two_numbers(streets: Path, tmp_path: Path, one_line: OneLine) -> None:
    folder = copied(streets, tmp_path)
    path = folder / "normals" / TILES[0]
    with rasterio.open(path) as source:
        profile, labels = source.profile, source.read()
    with rasterio.open(path, "w", **{**profile, "count": 2}) as target:
        target.write(labels[:2])
    with pytest.raises(
        TileSetError, match=r"has not the 6 x 8 px .* cut the tiles again"
    ) as caught:
        DomainTiles(folder, ["normals"]).batch([0], 0)
    assert TILES[0] in one_line(caught.value)


def copied(folder: Path, to: Path) -> Path:
    """Copy a tile set."""
    for path in folder.rglob("*"):
        if path.is_file():
            target = to / "tiles" / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return to / "tiles"


def hidden(tiles: DomainTiles, task: str) -> list[bool]:
    """Return by tile whether a batch has no label of a task."""
    batch = tiles.batch(range(len(tiles)), 0)
    unlabelled = [not bool(labelled) for labelled in batch.labelled(task)]
    for index in np.flatnonzero(np.array(unlabelled)):
        target = batch.targets[task][index]
        assert (target == (IGNORE if target.dtype == torch.int64 else 0)).all()
    return unlabelled


def test_a_regime_hides_labels(streets: Path) -> None:
    """Each image keeps one of three tasks; what is hidden is not even read."""
    tasks = ("segmentation", "depth", "normals")
    section = RegimeSection(kind="one", seed=3, tasks=tasks)
    tiles = DomainTiles(streets, tasks, regime=section)
    regime = tiles.regime
    assert regime is not None
    assert regime == draw_regime(TILES, tasks, "one", 3)
    assert regime.counts == dict.fromkeys(tasks, 2)
    for task in tasks:
        assert hidden(tiles, task) == [not regime.keeps(name, task) for name in TILES]
    for index, name in enumerate(TILES):
        assert (
            set(tiles[index].targets)
            == set(tiles.labelled(name))
            == set(regime.images[NAMES[index]])
        )
    whole = DomainTiles(streets, tasks)
    assert whole.regime is None
    assert hidden(whole, "depth") == [False] * 6


def test_the_draw_is_for_all_labels_whatever_is_trained(streets: Path) -> None:
    """A single-task training sees of its task what a joint one sees of it."""
    section = RegimeSection(kind="random", seed=1)
    joint = DomainTiles(streets, ("depth", "saliency"), regime=section)
    alone = DomainTiles(streets, ("depth",), regime=section)
    assert joint.regime == alone.regime
    assert joint.regime is not None
    assert joint.regime.tasks == TASK_NAMES
    assert hidden(joint, "depth") == hidden(alone, "depth")


def test_a_regime_of_a_file(streets: Path, tmp_path: Path) -> None:
    regime = draw_regime(NAMES, ("depth", "normals"), "1:2", 5)
    write_regime(tmp_path / "regime.json", regime)
    section = RegimeSection(file=tmp_path / "regime.json")
    tiles = DomainTiles(streets, ("depth", "normals", "edges"), regime=section)
    assert tiles.regime == regime
    assert sum(hidden(tiles, "depth")) == 4
    assert sum(hidden(tiles, "normals")) == 2
    assert all(hidden(tiles, "edges")), "it was not drawn for it"


def test_what_a_domain_does_not_supervise_stays_hidden(streets: Path) -> None:
    section = RegimeSection(kind="1/2", seed=0)
    tiles = DomainTiles(streets, ("depth", "normals"), supervises=["depth"], regime=section)
    assert sum(hidden(tiles, "depth")) == 3
    assert all(hidden(tiles, "normals"))


@pytest.mark.parametrize(
    ("names", "tasks", "said"),
    [
        (NAMES[:4], ("depth", "normals"), "says nothing of 2 image(s), such as street_4"),
        (NAMES, ("depth", "flow"), "is for flow, which the tiles have no labels for"),
    ],
)
def test_a_regime_of_other_tiles(
    streets: Path,
    tmp_path: Path,
    one_line: OneLine,
    names: Sequence[str],
    tasks: Sequence[str],
    said: str,
) -> None:
    write_regime(tmp_path / "regime.json", draw_regime(names, tasks, "one", 0))
    with pytest.raises(ConfigError) as caught:
        DomainTiles(streets, ("depth",), regime=RegimeSection(file=tmp_path / "regime.json"))
    assert said in one_line(caught.value)
