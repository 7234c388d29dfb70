"""The whole way on synthetic streets: draw, tile, train, predict, evaluate, show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.data.street.dataset import StreetFolders, write_street
from geosemimtl.demonstration.recipes import departures, prepare
from geosemimtl.files import write_text
from geosemimtl.inference.evaluation.tile_sets import TileSetScores, evaluate_tile_set
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.metrics.task_scores import TaskScores
from geosemimtl.progress import Track, silent
from geosemimtl.publish.panels import Panels, drawn, look_of, stretched
from geosemimtl.publish.picture import write_figure
from geosemimtl.publish.score_tables import Summary
from geosemimtl.publish.tile_set_tables import tile_set_summaries
from geosemimtl.raster.scene import opened
from geosemimtl.tasks import DISPARITY, NODATA, SEGMENTATION
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.training.config import TrainConfig, load_config
from geosemimtl.training.data_sets import cut_data_sets
from geosemimtl.training.model_file import read_card
from geosemimtl.training.trainer import train

#: The looks, what each teaches, and the official layout that its files have.
SUPERVISES = {"camera": SEGMENTATION, "rendered": DISPARITY}
_SPLIT = "val"


@dataclass(frozen=True, slots=True)
class StreetPlan:
    """How large a demo is.

    Attributes:
        shape: (rows, columns) of the images.
        train: Images to train with, of each look.
        val: Images that the model never sees, of each look.
        shown: How many of them are predicted and drawn.
        overrides: Changes of ``configs/street_demo.yaml``.
    """

    shape: tuple[int, int] = (192, 384)
    train: int = 96
    val: int = 16
    shown: int = 2
    overrides: tuple[str, ...] = ()


FULL = StreetPlan()
QUICK = StreetPlan(
    shape=(128, 256),
    train=16,
    val=4,
    shown=1,
    overrides=("iterations=30", "batch=4", "crop_px=128"),
)


@dataclass(frozen=True, slots=True)
class StreetDemo:
    """What a demo made.

    Attributes:
        folder: Where everything is.
        model: The model file.
        picture: The PNG.
        tables: The scores: one table a task.
        departures: What the recipe does otherwise than the paper.
    """

    folder: Path
    model: Path
    picture: Path
    tables: tuple[Summary, ...]
    departures: tuple[str, ...]


def street_demo(
    folder: Path, *, plan: StreetPlan = FULL, overwrite: bool = False, track: Track = silent
) -> StreetDemo:
    """Train one model from the classes of one look and the disparities of another, and show it.

    Args:
        folder: Where everything is written.
        plan: ``FULL`` or ``QUICK``.
        overwrite: Replace an earlier demo.
        track: Shows progress.

    Raises:
        OutputError: The folder exists, and is no demo's or ``overwrite`` is not set.
    """
    prepare(folder, overwrite=overwrite)
    config = street_config(folder, plan)
    drawn_to = write_street(
        folder / "street", seed=0, train=plan.train, val=plan.val, shape=plan.shape, track=track
    )
    cut_data_sets(config, _roots(drawn_to), track)
    model = train(config, folder / "model", track=track)
    tiles = {domain.name: domain.tiles for domain in config.domains}
    # the same figures on processors with and without bfloat16
    options = PredictOptions(precision="float32")
    of_look = zip(SUPERVISES, _roots(drawn_to).items(), strict=True)
    unseen = {look: _unseen(name, root, plan.shown) for look, (name, root) in of_look}
    images = [scene.image[0] for each in unseen.values() for scene in each]
    made = predict(images, model, output=folder, options=options, track=track)
    rasters = dict(zip(images, (each.rasters for each in made), strict=True))
    scores = {
        look: evaluate_tile_set(each, model, split=_SPLIT, options=options, track=track)
        for look, each in tiles.items()
    }
    rows = [
        _row(look, scene, rasters[scene.image[0]], tiles[look])
        for look, each in unseen.items()
        for scene in each
    ]
    return _publish(config, folder, model, rows, scores)


def street_config(folder: Path, plan: StreetPlan = FULL) -> TrainConfig:
    """Return the demo's training configuration, its tile sets under ``folder``."""
    tiles = (f"domains.{k}.tiles={folder / 'tiles' / look}" for k, look in enumerate(SUPERVISES))
    sizes = (f"domains.{k}.dataset.resize={list(plan.shape)}" for k in range(len(SUPERVISES)))
    with as_file(files("geosemimtl.configs") / "street_demo.yaml") as path:
        return load_config(path, (*plan.overrides, *tiles, *sizes))


def _roots(drawn_to: StreetFolders) -> dict[str, Path]:
    return {"cityscapes": drawn_to.camera, "synscapes": drawn_to.rendered}


def _unseen(data_set: str, root: Path, count: int) -> list[SceneFiles]:
    """Return images that no training saw."""
    return [each for each in find_data_set(data_set, root).scenes if each.split == _SPLIT][:count]


def _row(look: str, scene: SceneFiles, rasters: Mapping[str, Path], tiles: Path) -> Panels:
    """Return an image with what is predicted and, from its tile, what is true."""
    (name,) = [name for name in tile_names(tiles, _SPLIT) if name.startswith(f"{scene.name}_r000")]
    with opened(scene.image[0]) as source:
        pixels = source.read()
    shown = stretched(pixels, np.ones(pixels.shape[1:], bool))
    taught = {SEGMENTATION: "classes", DISPARITY: "disparities"}[SUPERVISES[look]]
    pairs = {
        SEGMENTATION: (
            _whole(rasters[SEGMENTATION]),
            _whole(tiles / SEGMENTATION / name),
        ),
        DISPARITY: (
            _known(_whole(rasters[DISPARITY])),
            _known(_whole(tiles / DISPARITY / name)),
        ),
    }
    return Panels(f"{look} (taught {taught} only)", shown, None, pairs)


def _whole(path: Path) -> NDArray[Any]:
    with opened(path) as source:
        pixels: NDArray[Any] = source.read(1)
    return pixels


def _known(numbers: NDArray[Any]) -> NDArray[Any]:
    return np.where(numbers == NODATA, np.nan, numbers)


def _publish(
    config: TrainConfig,
    folder: Path,
    model: Path,
    rows: list[Panels],
    scores: Mapping[str, TileSetScores],
) -> StreetDemo:
    card = read_card(model)
    tables = tuple(_tables(scores))
    picture = folder / "demo.png"
    looks = [look_of(task, on_ground=False) for task in card.tasks]
    write_figure(drawn(rows, looks), picture)
    every = (each for one in scores.values() for each in tile_set_summaries(one))
    write_text(folder / "scores.md", "\n".join(each.markdown() for each in (*tables, *every)))
    document = {look: each.document() for look, each in scores.items()}
    write_text(folder / "scores.json", json.dumps(document, indent=1) + "\n")
    return StreetDemo(folder, model, picture, tables, departures(config))


def _tables(scores: Mapping[str, TileSetScores]) -> Iterator[Summary]:
    """Yield a table a task with a row a look."""
    yield Summary(
        "Classes in %; reference: the most common class everywhere",
        ("look", "labels", "mIoU", "accuracy", "reference mIoU"),
        tuple(
            (
                look,
                _taught(look, SEGMENTATION),
                *_figures(each.tasks[SEGMENTATION], ("mean_iou", "pixel_accuracy"), 100, 1),
            )
            for look, each in scores.items()
        ),
    )
    yield Summary(
        "Disparity in px of the full image; reference: the mean disparity everywhere",
        ("look", "labels", "RMSE", "MAE", "reference RMSE"),
        tuple(
            (
                look,
                _taught(look, DISPARITY),
                *_figures(each.tasks[DISPARITY], ("rmse_px", "mae_px"), 1, 2),
            )
            for look, each in scores.items()
        ),
    )


def _taught(look: str, task: str) -> str:
    return "yes" if SUPERVISES[look] == task else "no"


def _figures(
    scores: TaskScores, names: tuple[str, ...], factor: int, places: int
) -> tuple[str, ...]:
    named = scores.named()
    values = [*(named[name] for name in names), scores.reference or float("nan")]
    return tuple(f"{factor * value:.{places}f}" for value in values)
