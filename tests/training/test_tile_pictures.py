"""Pictures of the same validation tiles."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread
from torch import Tensor

from geosemimtl.data.batch import Batch
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.tile_pictures import spread
from geosemimtl.training.trainer import train

Tiny = Callable[..., TrainConfig]


@pytest.mark.parametrize(
    ("length", "count", "places"),
    [(9, 1, (4,)), (9, 3, (1, 4, 7)), (10, 2, (2, 7)), (2, 5, (0, 1)), (3, 0, ())],
)
def test_tiles_are_far_apart(length: int, count: int, places: tuple[int, ...]) -> None:
    assert spread(length, count) == places


def test_pictures_of_a_training(
    tmp_path: Path, watched: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One a validation; what is true stays the same in all, what is predicted does not."""

    def predicted(module: MultiTaskTask, batch: Batch) -> dict[str, Tensor]:
        like = batch.targets["segmentation"]
        late = module.iteration > 6
        return {
            "segmentation": torch.full_like(like, 1 + late),
            "height": torch.full_like(like, 2 + 3 * late, dtype=torch.float32),
        }

    monkeypatch.setattr(MultiTaskTask, "predicted", predicted)
    train(watched(iterations=12, validation={"every": 6, "pictures": 1}), tmp_path)
    first, last = sorted((tmp_path / "pictures").iterdir())
    assert [first.name, last.name] == ["iteration_06.png", "iteration_12.png"]
    one, other = imread(first), imread(last)
    rows, cols = one.shape[:2]
    assert one.shape == other.shape
    assert cols == 5 * 374
    changed = (one != other).any(axis=2)
    # five panels a row: image, land cover predicted and true, heights predicted and true
    panels = [changed[: rows // 2, k * 350 + 40 : k * 350 + 300].any() for k in range(4)]
    assert not panels[0]
    assert not panels[2]
    assert panels[1]
    assert panels[3]
    assert tuple(one[rows // 4, 500, :3]) == (1, 0, 0)  # buildings
    assert tuple(other[rows // 4, 500, :3]) == (0, 1, 0)  # trees
    (events,) = (tmp_path / "tensorboard").iterdir()
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    shown = reader.EventAccumulator(str(events)).Reload().Images("validation")
    assert [(image.step, image.width) for image in shown] == [(5, cols), (11, cols)]


def test_none_are_drawn(tmp_path: Path, watched: Tiny) -> None:
    train(watched(validation={"every": 6, "pictures": 0}), tmp_path)
    assert not (tmp_path / "pictures").exists()


@pytest.mark.parametrize("task", ["segmentation", "height"])
def test_one_task(tmp_path: Path, watched: Tiny, parted: Mapping[str, Path], task: str) -> None:
    name = {"segmentation": "potsdam", "height": "vaihingen"}[task]
    domains = [
        {"name": name, "tiles": parted[name]},
        {"name": "unlabelled", "tiles": parted["potsdam"], "supervises": []},
    ]
    alone = {"tasks": [task], "method": {"name": "jtl"}, "iterations": 1}
    train(watched(domains=domains, **alone, validation={"pictures": 1}), tmp_path)
    (path,) = (tmp_path / "pictures").iterdir()
    assert imread(path).shape[1] == 3 * 374


def test_pictures_of_another_training_go(tmp_path: Path, watched: Tiny) -> None:
    train(watched(iterations=2, validation={"pictures": 1}), tmp_path)
    (tmp_path / "pictures" / "mine.png").touch()
    train(watched(iterations=1, validation={"pictures": 1}), tmp_path, overwrite=True)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        "iteration_1.png",
        "mine.png",
    }
