"""Trainings on images without ground: tasks of every kind, their validation, hidden labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from geosemimtl.data.batch import Batch
from geosemimtl.data.regimes import draw_regime, read_regime
from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.losses import supervised
from geosemimtl.tasks import NODATA, Binary, Normals, Quantity, Segmentation, Task
from geosemimtl.training import checkpoint
from geosemimtl.training import module as module_of
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import batches_of, data_of, open_domains
from geosemimtl.training.initial import start_from
from geosemimtl.training.model_file import load_model, read_card, save_model
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.trainer import train
from geosemimtl.training.validation import open_validation, validate

OneLine = Callable[[BaseException], str]
Config = Callable[..., TrainConfig]
Errors = Mapping[str, Callable[[Tensor], Tensor]]
TASKS = ("segmentation", "depth", "normals", "saliency")
SHAPE = (32, 48)
TRAINED, SEEN = 6, 3


def module(config: TrainConfig) -> MultiTaskTask:
    """Return the module of a training, in evaluation mode."""
    torch.manual_seed(0)
    made = MultiTaskTask(config, data_of(config, open_domains(config)), 2)
    made.model.eval()
    return made


def test_tasks_of_what_the_tiles_say(street: Config) -> None:
    data = data_of(street(), open_domains(street()))
    land, depth, *others = data.tasks
    assert isinstance(land, Segmentation)
    assert depth == Quantity(name="depth", scale=21)
    assert others == [Normals(), Binary(name="saliency")]
    assert data.labelled == {task: [0] for task in TASKS}


def test_a_training_of_every_kind(street: Config, tmp_path: Path) -> None:
    path = train(street(iterations=10), tmp_path)
    card = read_card(path)
    assert [task.name for task in card.tasks] == list(TASKS)
    assert (card.gsd_m, card.tile_px, card.overlap_px) == (None, SHAPE, 0)
    (domain,) = card.domains
    assert (domain.tiles, domain.supervises, domain.images) == (TRAINED, TASKS, None)
    rows, cols = SHAPE
    whole = TRAINED * rows * cols
    assert domain.pixels == {**dict.fromkeys(TASKS, whole), "depth": TRAINED * (rows - 4) * cols}
    assert card.validation is not None
    assert set(card.validation.scores) == {
        "a/mean_iou",
        "a/depth_rmse_m",
        "a/normals_mean_error_deg",
        "a/saliency_max_iou",
    }
    head = (tmp_path / "metrics.csv").read_text().splitlines()[0]
    assert {f"a/{task}" for task in TASKS} <= set(head.split(","))
    network, _ = load_model(path)
    with torch.no_grad():
        logits = network(torch.rand(1, 3, *SHAPE)).logits
    assert {name: each.shape[1] for name, each in logits.items()} == {
        "segmentation": 6,
        "depth": 1,
        "normals": 3,
        "saliency": 1,
    }


def test_predictions_of_every_kind(street: Config) -> None:
    made = module(street())
    batch = open_domains(street())[0].batch([0, 1], 0)
    said = made.predicted(batch)
    assert {task: tuple(each.shape) for task, each in said.items()} == {
        "segmentation": (2, *SHAPE),
        "depth": (2, *SHAPE),
        "normals": (2, 3, *SHAPE),
        "saliency": (2, *SHAPE),
    }
    length = said["normals"].norm(dim=1)
    torch.testing.assert_close(length, torch.ones_like(length))
    assert ((said["saliency"] > 0) & (said["saliency"] < 1)).all()
    assert (said["depth"] >= 0).all()
    image = (batch.image - made.mean[:, None, None]) / made.std[:, None, None]
    logits = made.model(image).logits
    torch.testing.assert_close(said["depth"], logits["depth"][:, 0].clamp(min=0) * 21)
    torch.testing.assert_close(said["saliency"], logits["saliency"][:, 0].sigmoid())
    torch.testing.assert_close(said["normals"], functional.normalize(logits["normals"], dim=1))


class Oracle:
    """A module that knows the truth, and errs as it is told."""

    device = torch.device("cpu")
    iteration = 3

    def __init__(self, tasks: tuple[Task, ...], errors: Errors) -> None:
        self.tasks = tasks
        self._errors = errors

    def predicted(self, batch: Batch) -> dict[str, Tensor]:
        """Return the truth, or what is beside it."""
        said: dict[str, Tensor] = {}
        for task in self.tasks:
            truth = batch.targets[task.name]
            truth = truth.float() if isinstance(task, Binary) else truth
            error = self._errors.get(task.name)
            said[task.name] = truth if error is None else error(truth)
        return said


def aside(vectors: Tensor) -> Tensor:
    """Turn vectors that have no part downwards by 30 degrees, downwards."""
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    return torch.cat([vectors[:, :1] * cos, vectors[:, 1:2] + sin, vectors[:, 2:] * cos], dim=1)


def scored(config: TrainConfig, errors: Errors) -> Any:
    """Validate who knows the truth, but for errors."""
    domains = open_domains(config)
    oracle = Oracle(data_of(config, domains).tasks, errors)
    tiles = open_validation(config, domains)
    return validate(oracle, tiles, ("a",), 2)  # type: ignore[arg-type]  # all of a module that is asked


def test_validation_of_every_kind(
    street: Config, street_layers: Callable[[int], dict[str, NDArray[Any]]]
) -> None:
    right = scored(street(), {})
    assert right.named == {
        "a/mean_iou": 1,
        "a/depth_rmse_m": 0,
        "a/normals_mean_error_deg": 0,
        "a/saliency_max_iou": 1,
    }
    assert right.score == pytest.approx(1)
    wrong = scored(street(), {"depth": lambda metres: metres + 3, "normals": aside})
    assert wrong.named["a/depth_rmse_m"] == pytest.approx(3)
    assert wrong.named["a/normals_mean_error_deg"] == pytest.approx(30, abs=1e-3)
    metres = np.concatenate([street_layers(TRAINED + k)["depth"].ravel() for k in range(SEEN)])
    spread = metres[metres != NODATA].std()
    skills = [1, 1 - 3 / spread, 1 - 30 / 90, 1]
    assert wrong.score == pytest.approx(np.mean(skills), rel=1e-4)


def test_one_task_alone_is_chosen_by(street: Config) -> None:
    only = street(tasks=["normals"], domains=[{**_domain(street), "supervises": ["normals"]}])
    found = scored(only, {"normals": aside})
    assert list(found.named) == ["a/normals_mean_error_deg"]
    assert found.score == pytest.approx(1 - 30 / 90, rel=1e-4)


def _domain(street: Config) -> dict[str, Any]:
    (domain,) = street().domains
    return {"name": domain.name, "tiles": domain.tiles}


def test_losses_are_those_that_are_asked_for(
    street: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, str] = {}
    real = supervised.supervised_loss

    def noted(task: Task, name: str, *arguments: Any) -> Tensor:
        used[task.name] = name
        return real(task, name, *arguments)

    monkeypatch.setattr(module_of, "supervised_loss", noted)
    usual = {
        "segmentation": "cross_entropy",
        "depth": "berhu",
        "normals": "cosine",
        "saliency": "saliency",
    }
    for asked in ({}, {"depth": "l1", "normals": "l1", "saliency": "edge"}):
        config = street(losses=asked)
        made, batch = module(config), open_domains(config)[0].batch([0, 1], 0)
        losses = made._supervised(batch, made.model(batch.image))  # noqa: SLF001  (a step's own)
        assert used == usual | asked
        assert set(losses) == set(TASKS)
        assert all(loss.isfinite() for loss in losses.values())


def test_hidden_labels_teach_nothing(street: Config, tmp_path: Path) -> None:
    """And the run says which they are, in a file that draws the same again."""
    regime = {"kind": "1:1", "seed": 4, "tasks": ["depth", "normals"]}
    config = street(
        tasks=["depth", "normals"], domains=[{**_domain(street), "regime": regime}], name="half"
    )
    (domain,) = domains = open_domains(config)
    wanted = draw_regime(domain.names, ("depth", "normals"), "1:1", 4)
    assert wanted.counts == {"depth": 3, "normals": 3}
    seen = {"depth": set[str](), "normals": set[str]()}
    batches = batches_of(config, domains)
    for item in range(len(batches)):
        (batch,) = batches[item]
        for task, names in seen.items():
            labelled = batch.labelled(task).tolist()
            names |= {name for name, has in zip(batch.tiles, labelled, strict=True) if has}
    for task, names in seen.items():
        assert names == {name for name in names if wanted.keeps(name, task)}
    assert not seen["depth"] & seen["normals"]
    path = train(config, tmp_path)
    assert read_regime(tmp_path / "regime_a.json") == wanted
    assert "| `regime_a.json` |" in (tmp_path / "README.md").read_text()
    (card,) = read_card(path).domains
    assert (card.images, card.pixels) == ({"depth": 3, "normals": 3}, None)
    # what is drawn comes back from the file as well
    again = street(
        tasks=["depth", "normals"],
        domains=[{**_domain(street), "regime": str(tmp_path / "regime_a.json")}],
    )
    assert open_domains(again)[0].regime == wanted


def test_validation_sees_all_labels(street: Config) -> None:
    """Hidden are those of training: scores stay comparable between regimes."""
    regime = {"kind": "1:1", "seed": 4, "tasks": ["depth", "normals"]}
    config = street(tasks=["depth", "normals"], domains=[{**_domain(street), "regime": regime}])
    found = scored(config, {})
    assert set(found.named) == {"a/depth_rmse_m", "a/normals_mean_error_deg"}
    (tiles,) = open_validation(config, open_domains(config)).values()
    assert all(tiles.batch(range(SEEN), 0).labelled("depth"))


def test_a_regime_of_an_earlier_training_goes(street: Config, tmp_path: Path) -> None:
    regime = {"kind": "1/2", "seed": 0}
    train(street(domains=[{**_domain(street), "regime": regime}], iterations=1), tmp_path)
    assert (tmp_path / "regime_a.json").exists()
    train(street(iterations=1), tmp_path, overwrite=True)
    assert not (tmp_path / "regime_a.json").exists()


def test_a_regime_is_part_of_the_request(
    street: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_line: OneLine
) -> None:
    """A training that was stopped does not go on with other labels, of the same file even."""
    file = tmp_path / "regime.json"
    tiles = _domain(street)["tiles"]
    hidden = {"name": "hidden", "tiles": tiles, "regime": str(file)}
    half = {"name": "half", "tiles": tiles, "regime": {"kind": "1/2", "seed": 0}}
    config = street(domains=[hidden, half], iterations=4)

    def draw(seed: int) -> None:
        regime = draw_regime([f"street_{k}" for k in range(TRAINED)], TASKS, "1/2", seed)
        file.write_text(regime.model_dump_json())

    def stopped(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG001  (a tracker's signature)
        yield from islice(items, 2)
        raise SystemError

    monkeypatch.setattr(checkpoint, "_SECONDS", -1.0)
    draw(0)
    with pytest.raises(SystemError):
        train(config, tmp_path / "run", track=stopped)
    draw(1)
    with pytest.raises(ConfigError, match="a training that was stopped had regimes") as caught:
        train(config, tmp_path / "run")
    one_line(caught.value)


def test_a_training_that_begins_with_another(
    street: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Numbers go over in the new training's unit, vectors as they are; new tasks are named."""
    some = street(tasks=["depth", "normals"], iterations=1)
    path = train(some, tmp_path / "some")
    network, card = load_model(path)
    farther = card.model_copy(update={"tasks": (Quantity(name="depth", scale=42), Normals())})
    save_model(path, network, farther)
    config = street(iterations=1)
    torch.manual_seed(3)
    made = module(config)
    bands = ("red", "green", "blue")
    fresh = start_from(made.model, made.tasks, bands, ["a"], path)
    assert fresh == ("segmentation", "saliency")
    made.model.eval()
    image = torch.rand(1, 3, *SHAPE)
    with torch.no_grad():
        before, after = network(image).logits, made.model(image).logits
    torch.testing.assert_close(after["depth"], 2 * before["depth"])
    torch.testing.assert_close(after["normals"], before["normals"])
    caplog.set_level("WARNING", "geosemimtl")
    train(config, tmp_path / "more", init=path)
    assert "does not know segmentation, saliency: trained from scratch" in caplog.text


def test_domains_of_ground_and_of_none(street: Config, seg_tiles: Path, one_line: OneLine) -> None:
    both = [_domain(street), {"name": "b", "tiles": seg_tiles}]
    with pytest.raises(TileSetError, match=r"gsd_m is 0\.1.*, that of .* is None") as caught:
        open_domains(street(domains=both))
    one_line(caught.value)


def test_crops_are_no_higher_than_images(street: Config, one_line: OneLine) -> None:
    with pytest.raises(TileSetError, match="of 32 x 48 px are smaller than crops of 33") as caught:
        open_domains(street(crop_px=33))
    one_line(caught.value)


def test_pictures_of_every_kind(street: Config, tmp_path: Path) -> None:
    """An image and what is said and true of four tasks, without a bar of metres."""
    train(street(iterations=1, validation={"every": 1, "pictures": 1}), tmp_path)
    (picture,) = (tmp_path / "pictures").iterdir()
    pixels = imread(picture)
    assert pixels.shape[1] > pixels.shape[0]
    shown = {tuple(colour) for colour in (255 * pixels[..., :3]).round().reshape(-1, 3).astype(int)}
    assert {(0, 0, 0), (255, 255, 255)} <= shown, "no and yes"
    assert {(127, 127, 255), (128, 128, 255)} & shown, "what faces the camera"


def test_the_configuration_comes_back(street: Config) -> None:
    config = street(losses={"depth": "l1"}, augmentation={"zoom": {"depth": "leaves"}})
    assert TrainConfig.model_validate(json.loads(config.model_dump_json())) == config
