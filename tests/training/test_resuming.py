"""Trainings that were stopped go on to the very model of an undisturbed one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geosemimtl.errors import ConfigError, OutputError, TrainingError
from geosemimtl.training import checkpoint, module, trainer
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.trainer import BAD_BATCH, train

Tiny = Callable[..., TrainConfig]
OneLine = Callable[[BaseException], str]
#: Everything that has a state: dropout, momentum, Adam, spectral norms, statistics of sensors.
CHANGES: dict[str, Any] = {
    "iterations": 7,
    "crop_px": 32,
    "optimiser": {"warmup": 2, "name": "adamw", "lr": 0.001},
    "augmentation": {"jitter": 0.2, "flip": "both"},
    "batch": 4,
    "accumulate": 2,
}


class Killed(BaseException):
    """What a process does not live to catch."""


def stopping_at(step: int, how: Callable[[], None]) -> Callable[..., Iterator[Any]]:
    """Return a tracker under which something happens before a step."""

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG001  (a tracker's signature)
        for item in items:
            if item == step:
                how()
            yield item

    return track


def kill() -> None:
    raise Killed


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint after every iteration."""
    monkeypatch.setattr(checkpoint, "_SECONDS", -1.0)
    monkeypatch.setattr(checkpoint, "_TIMES", 0.0)
    monkeypatch.setattr(module, "LOG_EVERY", 2)


@pytest.fixture
def undisturbed(tmp_path: Path, tiny: Tiny, often: None) -> Path:  # noqa: ARG001  (its effect is)
    """Return the folder of a training that went through."""
    train(tiny(**CHANGES), tmp_path / "undisturbed")
    return tmp_path / "undisturbed"


def test_killed_at_random_moments(undisturbed: Path, tmp_path: Path, tiny: Tiny) -> None:
    random = np.random.default_rng(0)
    folder, kills = tmp_path / "killed", 0
    while True:
        step = int(random.integers(0, 4))
        try:
            train(tiny(**CHANGES), folder, track=stopping_at(step, kill))
        except Killed:
            kills += 1
            assert not list(folder.glob("*.safetensors"))
        else:
            break
    assert kills >= 2
    for path in undisturbed.iterdir():
        if path.is_file():  # what is for TensorBoard carries the time
            assert (folder / path.name).read_bytes() == path.read_bytes(), path.name
    assert {path.name for path in folder.iterdir()} == {path.name for path in undisturbed.iterdir()}


@pytest.mark.parametrize("norm", ["per_domain", "frozen"])
def test_interrupted_within_an_epoch(tmp_path: Path, tiny: Tiny, norm: str) -> None:
    """Ctrl-C waits for the iteration's end, and a checkpoint is written then, due or not."""
    network = tiny().network.model_copy(update={"norm": norm})
    config = tiny(**CHANGES, network=network)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "two", track=stopping_at(3, interrupt))
    kept = torch.load(tmp_path / "two" / ".tiny.training.part" / "checkpoint.pt", weights_only=True)
    assert kept["iteration"] == 4
    made = train(config, tmp_path / "two", track=stopping_at(-1, kill))
    assert made.read_bytes() == whole.read_bytes()


def test_told_to_end(tmp_path: Path, tiny: Tiny) -> None:
    """As systems tell programs: a checkpoint, and no success."""
    before = signal.getsignal(signal.SIGTERM)
    whole = train(tiny(**CHANGES), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt) as caught:
        train(
            tiny(**CHANGES),
            tmp_path / "run",
            track=stopping_at(2, lambda: os.kill(os.getpid(), signal.SIGTERM)),
        )
    assert caught.value.args == (signal.SIGTERM,)
    assert signal.getsignal(signal.SIGTERM) is before
    made = train(tiny(**CHANGES), tmp_path / "run", track=stopping_at(-1, kill))
    assert made.read_bytes() == whole.read_bytes()


def test_a_full_disk_at_the_end(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, one_line: OneLine
) -> None:
    """Whatever was written by then, the same call goes on."""
    for name in ("save_model", "write_text"):
        folder = tmp_path / name
        with monkeypatch.context() as patched:

            def full(path: Path, *_: object) -> None:
                raise OutputError(f"{path}: cannot be written; free some space")

            patched.setattr(trainer, name, full)
            with pytest.raises(OutputError) as caught:
                train(tiny(**CHANGES), folder)
            assert "free some space" in one_line(caught.value)
        made = train(tiny(**CHANGES), folder)
        assert sorted(path.name for path in folder.iterdir()) == [
            "README.md",
            "config.yaml",
            "metrics.csv",
            "tensorboard",
            made.name,
        ]


def test_stopped_in_its_last_iteration(tmp_path: Path, tiny: Tiny) -> None:
    whole = train(tiny(**CHANGES), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path / "run", track=stopping_at(6, interrupt))
    made = train(tiny(**CHANGES), tmp_path / "run")
    assert made.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("often")
def test_a_state_that_is_not_finite_is_not_kept(tmp_path: Path, tiny: Tiny) -> None:
    """The step was, and no loss came after it to tell."""
    jtl = {"iterations": 1, "optimiser": {"lr": 1e38}, "method": {"name": "jtl"}}
    config = tiny(**(CHANGES | jtl))
    with pytest.raises(TrainingError, match=r"is not finite (any more|on tiles)"):
        train(config, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    assert not list(tmp_path.glob(".*/checkpoint.pt"))


def test_another_machine_is_told(
    tmp_path: Path, tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path, track=stopping_at(1, interrupt))
    path = tmp_path / ".tiny.training.part" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    torch.save(state | {"machine": state["machine"] | {"threads": "64"}}, path)
    train(tiny(**CHANGES), tmp_path)
    assert "goes on elsewhere, with threads 64 (now 1)" in caplog.text


def test_a_tile_set_is_its_contents(
    tmp_path: Path, tiny: Tiny, seg_tiles: Path, one_line: OneLine
) -> None:
    """QGIS changes the date of an index that it opens; tiles that are cut anew are others."""
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path, track=stopping_at(1, interrupt))
    manifest = seg_tiles / "tileset.json"
    kept = manifest.read_text()
    try:
        manifest.write_text(kept + " ")
        with pytest.raises(ConfigError, match=r"had contents of tiles\..* \(now ") as caught:
            train(tiny(**CHANGES), tmp_path)
        one_line(caught.value)
    finally:
        manifest.write_text(kept)
    (seg_tiles / "tiles.gpkg").touch()
    assert train(tiny(**CHANGES), tmp_path).is_file()


def test_another_configuration_is_refused(tmp_path: Path, tiny: Tiny, one_line: OneLine) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path, track=stopping_at(1, interrupt))
    other = tiny(**(CHANGES | {"iterations": 8, "batch": 2}))
    with pytest.raises(ConfigError) as caught:
        train(other, tmp_path)
    said = one_line(caught.value)
    assert "configuration.batch 4 (now 2); configuration.iterations 7 (now 8)" in said
    assert "--overwrite" in said
    assert (tmp_path / ".tiny.training.part" / "checkpoint.pt").exists()
    train(tiny(**CHANGES, workers=1), tmp_path)  # who reads the tiles changes nothing
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_request(tmp_path: Path, tiny: Tiny, one_line: OneLine) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path, track=stopping_at(1, interrupt))
    (tmp_path / ".tiny.training.part" / ".request").write_text("{")
    with pytest.raises(ConfigError, match="is damaged: begin afresh with --overwrite") as caught:
        train(tiny(**CHANGES), tmp_path)
    assert ".tiny.training.part" in one_line(caught.value)
    assert train(tiny(**CHANGES), tmp_path, overwrite=True).is_file()


def test_begun_afresh(tmp_path: Path, tiny: Tiny) -> None:
    whole = train(tiny(**CHANGES, seed=3), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path / "run", track=stopping_at(1, interrupt))
    made = train(tiny(**CHANGES, seed=3), tmp_path / "run", overwrite=True)
    assert made.read_bytes() == whole.read_bytes()


def test_a_damaged_checkpoint(tmp_path: Path, tiny: Tiny, one_line: OneLine) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny(**CHANGES), tmp_path, track=stopping_at(1, interrupt))
    path = tmp_path / ".tiny.training.part" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(OutputError, match="is damaged; remove it to begin afresh") as caught:
        train(tiny(**CHANGES), tmp_path)
    assert str(path) in one_line(caught.value)
    path.unlink()
    assert train(tiny(**CHANGES), tmp_path).is_file()


@pytest.mark.usefixtures("often")
def test_a_loss_that_is_not_finite(tmp_path: Path, tiny: Tiny, one_line: OneLine) -> None:
    config = tiny(**(CHANGES | {"optimiser": {"lr": 1e25, "warmup": 0}}))
    with pytest.raises(TrainingError) as caught:
        train(config, tmp_path)
    said = one_line(caught.value)
    assert "is not finite on tiles scene_" in said
    assert f"(saved as {tmp_path / BAD_BATCH})" in said
    bad = torch.load(tmp_path / BAD_BATCH, weights_only=True)
    assert len(bad["tiles"]) == len(bad["image"]) == 2
    assert not all(np.isfinite(list(bad["losses"].values())))
    assert not list(tmp_path.glob("*.safetensors"))
