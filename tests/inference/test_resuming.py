"""Killed at any moment and run again, the rasters are those of an undisturbed run, to the byte."""

from __future__ import annotations

import json
import logging
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from geosemimtl.errors import BatchError, MachineError, OutputError, SceneError
from geosemimtl.inference import making, workers
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.raster.cog import RawRaster

Make = Callable[..., Path]
#: Predicts in children that it kills, until one gets to the end; prints how often it killed.
#: Forked before torch has threads, so that no child loads torch again.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict

scene, model, calm, killed, seed = sys.argv[1:]
options = PredictOptions(batch=3, disagreement=True)

def begin(output):
    if pid := os.fork():
        return pid
    predict([Path(scene)], Path(model), output=Path(output), options=options)
    os._exit(0)

begun = time.monotonic()
assert os.waitpid(begin(calm), 0)[1] == 0
took = time.monotonic() - begun
draw, kills = random.Random(int(seed)), 0
while True:
    pid = begin(killed)
    end = time.monotonic() + draw.uniform(0.05, 0.35) * took
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert status == 0, status
            print(kills)
            sys.exit()
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    kills += 1
    shown = [p.name for p in Path(killed).glob("[!.]*.tif")]
    if len(shown) == 4 and not Path(killed, ".a.prediction.part").exists():
        print(kills)  # killed after its last deed
        sys.exit()
    assert not shown or Path(killed, ".a.prediction.part", "whole").exists(), shown
"""


@pytest.fixture
def scene(make_scene: Make, noise: Callable[..., Any]) -> Path:
    """A scene of 30 rows of tiles with a hole, finer than the model."""
    mask = np.ones((600, 300), bool)
    mask[100:200, 50:150] = False
    return make_scene("a.tif", noise(3, 600, 300), gsd=0.04, mask=mask)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_killed_at_random_moments(scene: Path, model_file: Path, tmp_path: Path, seed: int) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    done = subprocess.run(
        [sys.executable, "-c", KILLER, scene, model_file, calm, killed, str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1  # more on a machine that keeps its pace
    assert len(contents(calm)) == 9
    assert contents(killed) == contents(calm)


class Stopping:
    """A tracker that interrupts after some tiles."""

    def __init__(self, tiles: int) -> None:
        self._tiles = tiles
        self.labels: list[str] = []

    def __call__(self, items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        """Yield the items."""
        assert total > 0
        self.labels.append(label)
        for index, item in enumerate(items):
            if index == self._tiles:
                raise KeyboardInterrupt
            yield item


@pytest.fixture
def interrupted(scene: Path, model_file: Path, tmp_path: Path) -> Path:
    """Return the hidden folder of a run that was interrupted half way."""
    with pytest.raises(KeyboardInterrupt):
        predict([scene], model_file, output=tmp_path / "out", track=Stopping(200))
    (part,) = (tmp_path / "out").glob(".*.part")
    return part


def test_finished_strips_are_not_predicted_again(
    interrupted: Path, scene: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = Journal(interrupted).sealed
    assert len(sealed) > 5
    before = (interrupted / "height.raw").stat().st_ino
    asked: list[set[tuple[int, int]]] = []
    left = workers.units_left

    def noted(plan: Any, sealed: set[tuple[int, int]], parts: int) -> Any:
        asked.append(sealed)
        assert (interrupted / "height.raw").stat().st_ino == before
        return left(plan, sealed, parts)

    monkeypatch.setattr(workers, "units_left", noted)
    track = Stopping(10**6)
    predict([scene], model_file, output=interrupted.parent, track=track)
    assert asked == [sealed]
    assert track.labels == ["going on with a.tif"]


def test_what_was_not_named_stays_as_it_was(
    interrupted: Path, scene: Path, model_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch that the memory of that moment gave, say."""
    request = interrupted / ".request"
    words = json.loads(request.read_text())
    request.write_text(json.dumps(words | {"batch": 2, "threads": 3}, sort_keys=True))
    track = Stopping(10**6)
    predict([scene], model_file, output=interrupted.parent, track=track)
    assert track.labels == ["going on with a.tif"]
    assert not caplog.records


def test_interrupted_while_the_rasters_are_made(
    scene: Path, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And while they are given their names: what is done is not done again."""
    (calm,) = predict([scene], model_file, output=tmp_path / "calm")
    for module, name in ((RawRaster, "copy"), (making, "publish")):
        done = getattr(module, name)
        calls: list[Any] = []

        def stopping(*arguments: Any, done: Any = done, calls: list[Any] = calls) -> None:
            if len(calls) == 1:
                raise KeyboardInterrupt
            calls.append(arguments)
            done(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(module, name, stopping)
            with pytest.raises(KeyboardInterrupt):
                predict([scene], model_file, output=tmp_path / "out")
    track = Stopping(0)
    (made,) = predict([scene], model_file, output=tmp_path / "out", track=track)
    assert not track.labels
    for kind, path in calm.rasters.items():
        assert made.rasters[kind].read_bytes() == path.read_bytes()
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (PredictOptions(window="flat"), "--window"),
        (PredictOptions(confidence=False), "--confidence"),
        (PredictOptions(batch=7), "--batch, batch"),
    ],
)
def test_another_request_begins_afresh_and_says_why(
    interrupted: Path,
    scene: Path,
    model_file: Path,
    options: PredictOptions,
    changed: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    track = Stopping(10**6)
    with caplog.at_level(logging.WARNING):
        predict([scene], model_file, output=interrupted.parent, options=options, track=track)
    assert track.labels == ["predicting a.tif"]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{scene}: begins afresh, for it differs from the run before: {changed}"
    )


def test_a_changed_scene_begins_afresh(
    interrupted: Path, make_scene: Make, noise: Callable[..., Any], model_file: Path
) -> None:
    scene = make_scene("a.tif", noise(3, 600, 300, seed=1), gsd=0.04)
    (made,) = predict([scene], model_file, output=interrupted.parent)
    (calm,) = predict([scene], model_file, output=interrupted.parent.parent / "calm")
    for kind, path in calm.rasters.items():
        assert made.rasters[kind].read_bytes() == path.read_bytes()


def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.seal(0, 12)
    journal.seal(1, 3)
    with (tmp_path / "strips").open("a") as file:
        file.write("0 1")
    journal.mend()
    journal.seal(2, 4)
    assert journal.sealed == {(0, 12), (1, 3), (2, 4)}


def test_several_processes_give_the_same_bytes(
    scene: Path, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many threads in each: float32 sums may depend on their number."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (alone,) = predict([scene], model_file, output=tmp_path / "alone")
    (shared,) = predict([scene], model_file, output=tmp_path / "shared", devices=("cpu", "cpu"))
    for kind, path in alone.rasters.items():
        assert shared.rasters[kind].read_bytes() == path.read_bytes()
    assert shared.seconds["forward"] > 0


def test_an_error_in_another_process_is_told(scene: Path, model_file: Path, tmp_path: Path) -> None:
    with rasterio.open(scene) as source:
        pixels, profile = source.read(), source.profile
    cut = tmp_path / "b.tif"
    with rasterio.open(cut, "w", **profile) as target:
        target.descriptions = ("red", "green", "blue")  # before the pixels, or it would be cut off
        target.write(pixels)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with pytest.raises(SceneError, match=r"b\.tif: cannot be read; it is damaged"):
        predict([cut], model_file, output=tmp_path / "out", devices=("cpu", "cpu"))
    assert not (tmp_path / "out").exists()


def test_a_process_that_is_killed_loses_nothing(
    scene: Path, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (calm,) = predict([scene], model_file, output=tmp_path / "calm")
    strips = tmp_path / "out" / ".a.prediction.part" / "strips"

    def killing(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        assert label
        assert total
        for item in items:
            if strips.exists():
                for process in multiprocessing.active_children():
                    process.kill()
            yield item

    with pytest.raises(MachineError, match="a process that predicts was stopped"):
        predict([scene], model_file, output=tmp_path / "out", devices=("cpu", "cpu"), track=killing)
    assert strips.exists()
    track = Stopping(10**6)
    (made,) = predict([scene], model_file, output=tmp_path / "out", track=track)
    assert track.labels == ["going on with a.tif"]
    for kind, path in calm.rasters.items():
        assert made.rasters[kind].read_bytes() == path.read_bytes()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError(workers.NO_MEMORY + ": 9 bytes")])
def test_want_of_memory_is_said_and_loses_nothing(
    interrupted: Path,
    scene: Path,
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def failing(*_: Any) -> Any:
        raise error

    sealed = Journal(interrupted).sealed
    with monkeypatch.context() as patch:
        patch.setattr(workers, "predict_strips", failing)
        with pytest.raises(MachineError, match="choose a smaller --batch"):
            predict([scene], model_file, output=interrupted.parent)
    assert Journal(interrupted).sealed == sealed


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_scene_coarser_than_the_model(
    model_file: Path, make_scene: Make, noise: Callable[..., Any], tmp_path: Path, dtype: str
) -> None:
    """GDAL's cubic filter gives other last bits in other windows: they must be the same ones."""
    pixels = noise(3, 400, 120).astype(dtype)
    scene = make_scene("c.tif", pixels, gsd=0.07)
    options = PredictOptions(value_range=(0, 255))
    (calm,) = predict([scene], model_file, output=tmp_path / "calm", options=options)
    for tiles in (100, 120, 90):
        with pytest.raises(KeyboardInterrupt):
            predict(
                [scene], model_file, output=tmp_path / "out", options=options, track=Stopping(tiles)
            )
    (made,) = predict([scene], model_file, output=tmp_path / "out", options=options)
    assert made.predicted < made.pixels
    for kind, path in calm.rasters.items():
        assert made.rasters[kind].read_bytes() == path.read_bytes()


def test_pixels_that_were_lost_are_predicted_again(
    interrupted: Path, scene: Path, model_file: Path
) -> None:
    (interrupted / "height.raw").unlink()
    (made,) = predict([scene], model_file, output=interrupted.parent)
    assert made.predicted == made.pixels


def test_looking_at_the_scene_in_qgis_changes_nothing(
    interrupted: Path, scene: Path, model_file: Path
) -> None:
    """It leaves its statistics beside it."""
    scene.with_name("a.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")
    track = Stopping(10**6)
    predict([scene], model_file, output=interrupted.parent, track=track)
    assert track.labels == ["going on with a.tif"]


def test_rasters_that_appear_meanwhile_are_kept(
    interrupted: Path, scene: Path, model_file: Path
) -> None:
    mine = interrupted.parent / "a_height.tif"

    def meanwhile(items: Iterable[Any], label: str, total: int) -> Iterable[Any]:
        assert label
        assert total
        mine.write_text("mine")
        return items

    with pytest.raises(OutputError, match="exists already"):
        predict([scene], model_file, output=interrupted.parent, track=meanwhile)
    assert mine.read_text() == "mine"
    (made,) = predict([scene], model_file, output=interrupted.parent, overwrite=True)
    assert made.predicted == 0
    assert made.speed is None


def test_a_finished_scene_whose_raster_was_changed_is_made_again(
    scene: Path, model_file: Path, make_scene: Make, tmp_path: Path
) -> None:
    bad = make_scene("bad.tif", np.ones((2, 40, 40), np.uint8))
    with pytest.raises(BatchError) as caught:
        predict([scene, bad], model_file, output=tmp_path / "out")
    (made,) = caught.value.done
    whole = made.rasters["height"].read_bytes()
    for change in (made.rasters["height"].unlink, lambda: made.rasters["height"].write_text("x")):
        change()
        with pytest.raises(BatchError):
            predict([scene, bad], model_file, output=tmp_path / "out", overwrite=True)
        assert made.rasters["height"].read_bytes() == whole
