"""The whole way on a synthetic city: draw, tile, train, predict, evaluate, show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.data.city.dataset import SENSORS, Sensor, cut_scenes, draw_scenes
from geosemimtl.data.city.scene import CityFiles
from geosemimtl.demonstration.recipes import departures, prepare
from geosemimtl.files import write_text
from geosemimtl.inference.evaluation.scenes import evaluate
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.progress import Track, silent
from geosemimtl.publish.picture import PictureRow, draw_picture
from geosemimtl.publish.project.companions import POLYGONS, PROJECT
from geosemimtl.publish.score_document import document_of
from geosemimtl.publish.score_tables import Summary, scene_tables
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training.config import TrainConfig, load_config
from geosemimtl.training.trainer import train


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a demo is.

    Attributes:
        gsd_m: GSD of tiles and model.
        tile_px: Side of the tiles.
        train_m: Side of each training scene, metres.
        train_seeds: Seeds of the training scenes, of each sensor.
        test_m: Side of the unseen scene.
        overrides: Changes of ``configs/demo.yaml``.
    """

    gsd_m: float = 0.3
    tile_px: int = 256
    train_m: float = 420.0
    train_seeds: tuple[int, ...] = (1, 2)
    test_m: float = 240.0
    overrides: tuple[str, ...] = ()


FULL = Plan()
QUICK = Plan(
    train_m=200.0,
    train_seeds=(1,),
    test_m=120.0,
    overrides=("iterations=40", "batch=4", "crop_px=128"),
)
#: Names the unseen scenes.
TEST_SEED = 99


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo made.

    Attributes:
        folder: Where everything is.
        model: The model file.
        projects: A QGIS project of each unseen scene.
        picture: The PNG.
        tables: The scores: one table a task.
        departures: What the recipe does otherwise than the paper.
    """

    folder: Path
    model: Path
    projects: tuple[Path, ...]
    picture: Path
    tables: tuple[Summary, ...]
    departures: tuple[str, ...]


def demo(
    folder: Path, *, plan: Plan = FULL, overwrite: bool = False, track: Track = silent
) -> Demo:
    """Train one model from the labels of one sensor and the heights of another, and show it.

    Args:
        folder: Where everything is written.
        plan: ``FULL`` or ``QUICK``.
        overwrite: Replace an earlier demo.
        track: Shows progress.

    Raises:
        OutputError: The folder exists, and is no demo's or ``overwrite`` is not set.
    """
    prepare(folder, overwrite=overwrite)
    (folder / "scenes").mkdir()
    config = demo_config(folder, plan)
    scenes = [_draw(sensor, folder, plan, track) for sensor in SENSORS]
    for sensor, (training, _) in zip(SENSORS, scenes, strict=True):
        tiles = folder / "tiles" / sensor.name
        cut_scenes(sensor, training, tiles, gsd_m=plan.gsd_m, tile_px=plan.tile_px, track=track)
    model = train(config, folder / "model", track=track)
    unseen = {sensor.name: test for sensor, (_, test) in zip(SENSORS, scenes, strict=True)}
    images = [test.image for test in unseen.values()]
    # the same figures on processors with and without bfloat16
    options = PredictOptions(precision="float32")
    companions = (POLYGONS, PROJECT)
    written = predict(
        images, model, output=folder, options=options, companions=companions, track=track
    )
    predicted = {name: made.rasters for name, made in zip(unseen, written, strict=True)}
    scores = {
        name: evaluate(
            classes=[predicted[name][SEGMENTATION]],
            labels=[test.labels],
            heights=[predicted[name][HEIGHT]],
            true_heights=[test.height],
            track=track,
        )
        for name, test in unseen.items()
    }
    projects = tuple(made.companions[-1] for made in written)
    return _publish(config, folder, model, unseen, predicted, scores, projects)


def demo_config(folder: Path, plan: Plan = FULL) -> TrainConfig:
    """Return the demo's training configuration, its tile sets under ``folder``."""
    tiles = (f"domains.{k}.tiles={folder / 'tiles' / s.name}" for k, s in enumerate(SENSORS))
    with as_file(files("geosemimtl.configs") / "demo.yaml") as path:
        return load_config(path, (*plan.overrides, *tiles))


def _draw(
    sensor: Sensor, folder: Path, plan: Plan, track: Track
) -> tuple[list[CityFiles], CityFiles]:
    """Draw a sensor's training scenes and its unseen scene, which is another city."""
    cities = {str(seed): (plan.train_m, seed) for seed in plan.train_seeds}
    drawn = draw_scenes(
        sensor, folder / "scenes", cities | {"unseen": (plan.test_m, TEST_SEED)}, track
    )
    return drawn[:-1], drawn[-1]


def _publish(
    config: TrainConfig,
    folder: Path,
    model: Path,
    unseen: Mapping[str, CityFiles],
    predicted: Mapping[str, Mapping[str, Path]],
    scores: Mapping[str, Evaluation],
    projects: tuple[Path, ...],
) -> Demo:
    supervises = {sensor.name: sensor.supervises for sensor in SENSORS}
    tables = scene_tables(scores, supervises)
    picture = folder / "demo.png"
    shown = {SEGMENTATION: "land cover", HEIGHT: "height"}
    draw_picture(
        picture,
        [
            PictureRow(
                f"{name} (trained on its {shown[supervises[name][0]]} only)",
                test.image,
                (predicted[name][SEGMENTATION], test.labels),
                (predicted[name][HEIGHT], test.height),
            )
            for name, test in unseen.items()
        ],
        ISPRS_CLASSES,
    )
    write_text(folder / "scores.md", "\n".join(table.markdown() for table in tables))
    document = {name: document_of(evaluation) for name, evaluation in scores.items()}
    write_text(folder / "scores.json", json.dumps(document, indent=1) + "\n")
    return Demo(folder, model, projects, picture, tables, departures(config))
