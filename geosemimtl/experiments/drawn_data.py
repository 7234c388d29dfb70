"""Data that an experiment draws for each seed, and tile sets that it cuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from geosemimtl.data.city.dataset import SENSORS, cut_scenes, draw_scenes
from geosemimtl.data.street.dataset import write_street
from geosemimtl.experiments.config import CitySection, ExperimentConfig, StreetSection
from geosemimtl.files import write_text
from geosemimtl.progress import Track
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.data_sets import cut_data_sets

#: Seeds of the cities that are drawn for one seed of an experiment.
_CITIES_A_SEED = 100


def draw_city(city: CitySection, seed: int, folder: Path, track: Track) -> None:
    """Draw and cut a seed's cities; what is there already stays."""
    done = folder / "done"
    if done.exists():
        return
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    for number, sensor in enumerate(SENSORS):
        first = _CITIES_A_SEED * (seed + 1) + number * _CITIES_A_SEED // len(SENSORS)
        cities = {str(k): (city.train_m, first + k) for k in range(1, city.train_scenes + 1)}
        drawn = draw_scenes(
            sensor, folder / "scenes", cities | {"test": (city.test_m, first)}, track
        )
        tiles = folder / "tiles" / sensor.name
        if not tiles.exists():
            cut_scenes(
                sensor, drawn[:-1], tiles, gsd_m=city.gsd_m, tile_px=city.tile_px, track=track
            )
    write_text(done, "")


def draw_street(
    config: ExperimentConfig, street: StreetSection, seed: int, folder: Path, track: Track
) -> None:
    """Draw and cut a seed's streets; what is there already stays."""
    if not (folder / "street").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_street(
            folder / "street",
            seed=seed,
            train=street.train,
            val=street.val,
            shape=street.shape,
            track=track,
        )
    cut_tile_sets([config.training_of(row, seed, folder) for row in config.rows], {}, track)


def cut_tile_sets(
    trainings: Sequence[TrainConfig], roots: Mapping[str, Path], track: Track
) -> None:
    """Cut the tile sets that are not there of all domains, each of which some row has."""
    every = {domain.name: domain for training in trainings for domain in training.domains}
    tasks = tuple(dict.fromkeys(task for training in trainings for task in training.tasks))
    update = {"domains": tuple(every.values()), "tasks": tasks}
    cut_data_sets(trainings[0].model_copy(update=update), roots, track)
