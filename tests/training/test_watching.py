"""A training that is watched: the same training, its best weights, and an end when it is time."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from geosemimtl.errors import OutputError
from geosemimtl.training import checkpoint, model_file, validation, watching
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.model_file import read_card
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.trainer import train
from geosemimtl.training.validation import RULE, Scores
from geosemimtl.training.watching import Watcher

Tiny = Callable[..., TrainConfig]
#: What has a state, as for trainings that nobody watches.
CHANGES: dict[str, Any] = {
    "iterations": 6,
    "optimiser": {"warmup": 2, "name": "adamw", "lr": 0.001},
    "augmentation": {"jitter": 0.2, "flip": "both"},
}


def _rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open() as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


def _same(one: Path, other: Path) -> bool:
    ours, theirs = load_file(one), load_file(other)
    return all(torch.equal(ours[name], theirs[name]) for name in ours | theirs)


def _scored(monkeypatch: pytest.MonkeyPatch, scores: Sequence[float | None]) -> None:
    """Have validations come to these scores, one after the other."""

    def validate(module: MultiTaskTask, *_: object) -> Scores:
        score = scores[module.iteration - 1]
        return Scores(module.iteration, {"potsdam/mean_iou": score or 0.0}, score)

    monkeypatch.setattr(watching, "validate", validate)


def test_scores_are_written_down(tmp_path: Path, watched: Tiny) -> None:
    train(watched(), tmp_path)
    rows = [row for row in _rows(tmp_path) if "validation/score" in row]
    assert [row["step"] for row in rows] == [1, 3, 4]  # after 2, 4, and the last of 5
    for row in rows:
        assert set(row) == {
            "step",
            "validation/potsdam/mean_iou",
            "validation/vaihingen/rmse_m",
            "validation/score",
        }
        assert 0 <= row["validation/potsdam/mean_iou"] <= 1
    (events,) = (tmp_path / "tensorboard").iterdir()
    event_file = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    shown = event_file.EventAccumulator(str(events)).Reload()
    scalars = [(event.step, event.value) for event in shown.Scalars("validation/score")]
    assert [step for step, _ in scalars] == [1, 3, 4]
    written = [row["validation/score"] for row in rows]
    assert [value for _, value in scalars] == pytest.approx(written)


@pytest.mark.parametrize("norm", ["shared", "per_domain", "frozen"])
def test_who_watches_changes_nothing(tmp_path: Path, watched: Tiny, norm: str) -> None:
    network = watched().network.model_copy(update={"norm": norm})
    changes = CHANGES | {"network": network}
    alone = train(watched(**changes, validation={"every": 0}), tmp_path / "alone")
    seen = train(watched(**changes), tmp_path / "seen")
    assert read_card(alone).validation is None
    assert not list((tmp_path / "alone").glob("*_last*"))
    ours, theirs = load_file(seen.with_name("tiny_last.safetensors")), load_file(alone)
    for name, value in theirs.items():
        if norm == "per_domain" and name.endswith((".running_mean", ".running_var")):
            continue  # what the layer used last is one of its domains' sets, which are compared
        assert torch.equal(ours[name], value), name


def test_the_best_weights_are_kept(
    tmp_path: Path, watched: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scored(monkeypatch, [0.1, 0.4, 0.4, None, 0.3])
    each = {"every": 1, "pictures": 0}
    best = train(watched(validation=each), tmp_path / "run")
    last = best.with_name("tiny_last.safetensors")
    card, end = read_card(best).validation, read_card(last).validation
    assert card is not None
    assert end is not None
    assert (card.taken, card.iteration, card.score) == ("best", 2, 0.4)  # the earliest of equals
    assert (end.taken, end.iteration, end.score) == ("last", 5, 0.3)
    assert (card.validations, card.iterations, card.rule) == (5, 5, RULE)
    assert card.scores == {"potsdam/mean_iou": 0.4}
    assert not _same(best, last)
    # the weights are those after two iterations of the same schedule
    stopped = each | {"patience": 1}
    _scored(monkeypatch, [0.1, 0.4, 0.4])
    early = train(watched(validation=stopped), tmp_path / "early")
    assert _same(early, best)


def test_an_early_end(tmp_path: Path, watched: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG001  (a tracker's signature)
        item = -1
        try:
            for item in items:
                yield item
        finally:
            closed.append(item)

    _scored(monkeypatch, [0.1, 0.2, 0.15, 0.2, 0.9, 0.9])
    config = watched(**CHANGES, validation={"every": 1, "pictures": 0, "patience": 2})
    best = train(config, tmp_path, track=track)
    card = read_card(best).validation
    assert card is not None
    assert (card.iteration, card.validations, card.iterations) == (2, 4, 4)
    assert len(closed) == 1  # the bar is gone
    assert [row["step"] for row in _rows(tmp_path) if "validation/score" in row] == [0, 1, 2, 3]


def test_nothing_to_go_by(tmp_path: Path, watched: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    _scored(monkeypatch, [None] * 5)
    card = read_card(train(watched(), tmp_path))
    assert card.validation is None
    assert not list(tmp_path.glob("*_last*"))


class Killed(BaseException):
    """What a process does not live to catch."""


def _killing(step: int) -> Callable[..., Iterator[Any]]:
    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG001  (a tracker's signature)
        for item in items:
            if item == step:
                raise Killed
            yield item

    return track


def _contents(folder: Path) -> dict[str, bytes]:
    """Return a run's files but those for TensorBoard, which carry the time."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name != "tensorboard"
    }


@pytest.mark.parametrize(
    ("asked", "often"),
    [
        ({"every": 3, "pictures": 1}, True),
        ({"every": 1, "pictures": 0, "patience": 3}, False),
    ],
)
def test_killed_and_gone_on_with(
    tmp_path: Path,
    watched: Tiny,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, int],
    often: bool,  # noqa: FBT001  (a test's own)
) -> None:
    """Whether a checkpoint is of every iteration or only of some that were interrupted."""
    monkeypatch.setattr(checkpoint, "_SECONDS", -1.0)
    monkeypatch.setattr(checkpoint, "_TIMES", 0.0 if often else 5.0)
    monkeypatch.setattr("geosemimtl.training.module.LOG_EVERY", 2)
    config = watched(**CHANGES, validation=asked)
    train(config, tmp_path / "whole")
    random, kills = np.random.default_rng(1), 0
    for _ in range(40):
        try:
            train(config, tmp_path / "killed", track=_killing(int(random.integers(1, 5))))
        except Killed:
            kills += 1
            assert not list((tmp_path / "killed").glob("*.safetensors"))
        else:
            break
    assert kills
    assert _contents(tmp_path / "killed") == _contents(tmp_path / "whole")


def test_killed_while_the_models_are_written(
    tmp_path: Path, watched: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one is there, the best is not: the same call goes on, not asking to overwrite."""
    whole = train(watched(), tmp_path / "whole")
    save = model_file.save_model

    def once(path: Path, *arguments: Any) -> None:
        save(path, *arguments)
        raise OutputError(f"{path}: cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr("geosemimtl.training.trainer.save_model", once)
        with pytest.raises(OutputError):
            train(watched(), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").glob("*.safetensors")] == [
        "tiny_last.safetensors"
    ]
    train(watched(), tmp_path / "run")
    assert _contents(tmp_path / "run") == _contents(whole.parent)


def test_another_training_leaves_no_old_model(tmp_path: Path, watched: Tiny) -> None:
    train(watched(), tmp_path)
    assert (tmp_path / "tiny_last.safetensors").exists()
    train(watched(validation={"every": 0}), tmp_path, overwrite=True)
    assert not (tmp_path / "tiny_last.safetensors").exists()
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1


def test_other_validation_tiles_are_another_training(
    tmp_path: Path, watched: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_SECONDS", -1.0)
    with pytest.raises(Killed):
        train(watched(), tmp_path, track=_killing(2))
    text = (tmp_path / ".tiny.training.part" / ".request").read_text()
    opened = validation.open_validation

    def fewer(*arguments: Any) -> Any:
        tiles = opened(*arguments)
        tiles[0].names = tiles[0].names[1:]
        return tiles

    monkeypatch.setattr("geosemimtl.training.trainer.open_validation", fewer)
    with pytest.raises(Exception, match="contents of tiles"):
        train(watched(), tmp_path)
    assert (tmp_path / ".tiny.training.part" / ".request").read_text() == text


def test_what_is_seen_while_it_runs(tmp_path: Path, watched: Tiny) -> None:
    notes: list[str] = []

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG001  (a tracker's signature)
        for item in items:
            yield item
            notes.append(item.note)

    train(watched(**(CHANGES | {"iterations": 4})), tmp_path, track=track)
    assert notes[0] == ""
    assert notes[1].startswith("after 2: potsdam mIoU ")
    assert notes[3].splitlines()[0].startswith("losses: potsdam segmentation ")
    assert "discriminator" not in notes[3]


def test_a_state_comes_back(watched: Tiny) -> None:
    one, other = (Watcher(watched(), {}, 5, Path()) for _ in range(2))
    one.last, one.best = Scores(4, {"a/rmse_m": 1.0}, 0.5), Scores(2, {"a/rmse_m": 0.5}, 0.7)
    one.weights, one.validations, one.stopped = {"x": torch.ones(2)}, 2, True
    other.restore(one.state())
    assert (other.last, other.best) == (one.last, one.best)
    assert other.state() == one.state()
