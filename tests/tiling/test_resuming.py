"""Killed at any moment and run again, the tile set is the one of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio.shutil

from geosemimtl.cli.main import main
from geosemimtl.tiling.journal import request_of
from geosemimtl.tiling.layers import open_layers
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles

Contents = Callable[[Path], dict[str, bytes]]
WAIT_S = 60


class Job:
    """One command that cuts two scenes into 84 tiles of three layers."""

    def __init__(self, folder: Path, make_town: Callable[..., Any]) -> None:
        towns = [make_town(f"{name}-", times=3) for name in "ab"]
        self.folder = folder
        self.output = folder / "out" / "tiles"
        self.part = folder / "out" / ".tiles.part"
        self.arguments = ["-q", "tile"]
        for town in towns:
            self.arguments += [str(town.image), "--labels", str(town.label)]
            self.arguments += ["--height", str(town.ndsm)]
        self.arguments += ["--gsd", "0.09", "--size", "64", "--jobs", "2", "--name", "town"]

    def run(self, *more: str, output: Path | None = None) -> object:
        """Run it here and return its exit status."""
        with pytest.raises(SystemExit) as stop:
            main([*self.arguments, "-o", str(output or self.output), *more])
        return stop.value.code or 0

    def undisturbed(self, *more: str) -> Path:
        """Return the folder of a run that nobody disturbs."""
        output = self.folder / "undisturbed" / "tiles"
        assert self.run(*more, output=output) == 0
        return output

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start it as a process of its own."""
        command = [sys.executable, "-m", "geosemimtl.cli.main", *self.arguments]
        return subprocess.Popen(
            [*command, "-o", str(self.output), *more], stderr=subprocess.PIPE, text=True
        )

    def written(self) -> int:
        """Return how many tiles a run has written so far."""
        return len(list(self.part.glob("*/[!.]*.tif")))

    def stopped(
        self, how: signal.Signals, moment: Callable[[], bool], *more: str
    ) -> tuple[Any, str]:
        """Start it, stop it at a moment, and return its exit status and what it said."""
        with self.start(*more) as process:
            end = time.monotonic() + WAIT_S
            while not moment() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.001)
            assert process.poll() is None, "it was over before: choose an earlier moment"
            process.send_signal(how)
            _, said = process.communicate(timeout=WAIT_S)
        return process.returncode, said


@pytest.fixture
def job(tmp_path: Path, make_town: Callable[..., Any]) -> Job:
    return Job(tmp_path, make_town)


def left(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def test_killed_at_several_moments(job: Job, contents: Contents) -> None:
    """Before any tile, among those of the first scene, between the scenes, among the second's."""
    wanted = contents(job.undisturbed())
    moments: list[Callable[[], bool]] = [
        job.part.exists,
        lambda: job.written() > 20,
        lambda: job.written() > 70,
        (job.part / ".scenes" / "a-image.json").exists,
        lambda: job.written() > 180,
    ]
    kept: dict[Path, int] = {}
    for moment in moments:
        code, _ = job.stopped(signal.SIGKILL, moment)
        assert code == -signal.SIGKILL
        assert not job.output.exists(), "nothing is under the final name before it is whole"
        now = {path: path.stat().st_ino for path in job.part.glob("*/[!.]*.tif")}
        assert kept.items() <= now.items(), "what was written is not written again"
        kept = now
    assert kept
    assert job.run() == 0
    assert contents(job.output) == wanted
    inodes = {path.name: path.stat().st_ino for path in (job.output / "image").iterdir()}
    for path, inode in kept.items():
        assert path.parent.name != "image" or inodes[path.name] == inode
    assert left(job.output.parent) == ["tiles"]


def test_killed_while_replacing(job: Job, contents: Contents) -> None:
    assert job.run("--edge", "pad") == 0
    before = contents(job.output)
    for tiles in (1, 150):
        job.stopped(signal.SIGKILL, lambda tiles=tiles: job.written() > tiles, "--overwrite")  # type: ignore[misc]  # the loop's own
        assert contents(job.output) == before
    assert job.run("--overwrite") == 0
    assert contents(job.output) == contents(job.undisturbed())
    assert left(job.output.parent) == ["tiles"]


def test_interrupted(job: Job, contents: Contents) -> None:
    code, said = job.stopped(signal.SIGINT, lambda: job.written() > 50)
    assert (code, said.strip()) == (130, "Interrupted.")
    assert not job.output.exists()
    assert job.written() > 50
    assert job.run() == 0
    assert contents(job.output) == contents(job.undisturbed())


def test_another_request_starts_afresh(job: Job, contents: Contents) -> None:
    job.stopped(signal.SIGKILL, lambda: job.written() > 50)
    changed = ("--overlap", "0.25", "--edge", "pad")
    assert job.run(*changed) == 0
    assert contents(job.output) == contents(job.undisturbed(*changed))


def test_a_changed_list_of_splits_starts_afresh(job: Job, contents: Contents) -> None:
    splits = job.folder / "splits.yaml"
    by_list = ("--split", str(splits))
    splits.write_text("train: ['*']\n")
    journal = job.part / ".scenes" / "a-image.json"
    job.stopped(signal.SIGKILL, journal.exists, *by_list)
    splits.write_text("train: ['b*']\nval: ['a*']\n")
    assert job.run(*by_list) == 0
    assert contents(job.output) == contents(job.undisturbed(*by_list))


def test_a_second_run_into_one_folder_is_refused(
    job: Job, contents: Contents, capfd: pytest.CaptureFixture[str]
) -> None:
    with job.start() as first:
        end = time.monotonic() + WAIT_S
        while not job.part.exists() and time.monotonic() < end:
            time.sleep(0.001)
        assert job.run() == 1
        assert first.poll() is None, "the first run was over before"
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"Error: {job.output}: another run is writing it")
        _, said = first.communicate(timeout=WAIT_S)
    assert (first.returncode, said) == (0, "")
    assert contents(job.output) == contents(job.undisturbed())
    assert left(job.output.parent) == ["tiles"]


def test_a_changed_part_of_a_virtual_scene_starts_afresh(
    tmp_path: Path, make_raster: Callable[..., Path], noise: Callable[..., Any]
) -> None:
    image = make_raster("a.tif", noise(1, 40, 40))
    vrt = tmp_path / "a.vrt"
    rasterio.shutil.copy(image, vrt, driver="VRT")
    options = TileOptions(size_px=16)
    asked = []
    for seed in (1, 2):
        make_raster("a.tif", noise(1, 40, 40, seed=seed))
        os.utime(image, (seed, seed))
        layers = open_layers(SceneFiles("a", (vrt,)), options)
        assert layers.files == (vrt,)
        asked.append(request_of(options, [layers], {}))
    assert asked[0] != asked[1]


def test_what_a_kill_tore_never_stays(job: Job, contents: Contents) -> None:
    """Not even if the scene fails when the run goes on."""
    job.stopped(signal.SIGKILL, lambda: job.written() > 10)
    torn = job.part / "image" / ".a-town_r000_c000.tif.part"
    torn.write_bytes(b"torn")
    assert job.run() == 0
    assert not [name for name in contents(job.output) if ".part" in name]
