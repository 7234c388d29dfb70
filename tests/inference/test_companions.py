"""Files that are made of a scene's rasters when these are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geosemimtl.errors import BatchError, GridError, OutputError
from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.companions import Companion
from geosemimtl.inference.predictor import predict
from geosemimtl.progress import Track
from geosemimtl.tasks import HEIGHT

MODEL = Path("any.safetensors")
Make = Callable[..., Path]


class Maker:
    """Writes which rasters were there, and stops where it is told to.

    Args:
        suffix: Of what it writes.
        stops: How often it is interrupted before.
    """

    def __init__(self, suffix: str, stops: int = 0) -> None:
        self.suffix, self.stops, self.calls = suffix, stops, 0

    def __call__(self, chosen: Chosen, path: Path, track: Track) -> None:
        """Write the file."""
        del track
        self.calls += 1
        if self.calls <= self.stops:
            raise KeyboardInterrupt
        assert all(raster.exists() for raster in chosen.paths.values())
        path.write_text(f"call {self.calls}")

    @property
    def companion(self) -> Companion:
        """What predict takes."""
        return Companion(self.suffix, lambda outputs: HEIGHT in outputs.kinds, self)


@pytest.fixture
def scene(pointwise: Callable[..., Any], make_scene: Make) -> Path:
    """A scene that every model file can predict."""
    pointwise()
    return make_scene("a.tif", np.full((3, 40, 50), 80, np.uint8))


def test_they_come_in_their_order_behind_the_rasters(scene: Path) -> None:
    makers = [Maker("_one.txt"), Maker("_two.txt")]
    (made,) = predict([scene], MODEL, companions=[maker.companion for maker in makers])
    assert [path.name for path in made.companions] == ["a_one.txt", "a_two.txt"]
    assert [path.read_text() for path in made.companions] == ["call 1", "call 1"]


def test_one_that_does_not_apply_is_not_made(scene: Path) -> None:
    never = Companion("_x.txt", lambda outputs: "lions" in outputs.kinds, Maker("_x.txt"))
    (made,) = predict([scene], MODEL, companions=[never])
    assert made.companions == ()


def test_one_that_exists_is_refused_before_anything_is_predicted(scene: Path) -> None:
    (scene.parent / "a_one.txt").write_text("mine")
    maker = Maker("_one.txt")
    with pytest.raises(OutputError, match=r"a_one\.txt: exists already; pass --overwrite"):
        predict([scene], MODEL, companions=[maker.companion])
    assert not list(scene.parent.glob("a_*.tif"))
    assert (scene.parent / "a_one.txt").read_text() == "mine"
    predict([scene], MODEL, companions=[maker.companion], overwrite=True)
    assert (scene.parent / "a_one.txt").read_text() == "call 1"


def test_interrupted_within_one_the_same_call_goes_on(scene: Path) -> None:
    first, second = Maker("_one.txt"), Maker("_two.txt", stops=1)
    companions = [first.companion, second.companion]
    with pytest.raises(KeyboardInterrupt):
        predict([scene], MODEL, companions=companions)
    before = {path: path.stat().st_ino for path in scene.parent.glob("a_*.tif")}
    (made,) = predict([scene], MODEL, companions=companions)
    assert {path: path.stat().st_ino for path in before} == before
    assert made.predicted == 0
    assert (first.calls, second.calls) == (1, 2)
    assert [path.name for path in made.companions] == ["a_one.txt", "a_two.txt"]
    assert not list(scene.parent.glob(".a*"))


def test_an_older_one_is_not_taken_for_this_run_s(scene: Path) -> None:
    (scene.parent / "a_two.txt").write_text("older")
    second = Maker("_two.txt", stops=1)
    with pytest.raises(KeyboardInterrupt):
        predict([scene], MODEL, companions=[second.companion], overwrite=True)
    predict([scene], MODEL, companions=[second.companion], overwrite=True)
    assert (scene.parent / "a_two.txt").read_text() == "call 2"


def test_what_cannot_be_made_is_known_before_anything_is_predicted(scene: Path) -> None:
    def refuse(chosen: Chosen) -> None:
        raise GridError(f"{chosen.stem.name} has no edge")

    companion = Companion("_one.txt", lambda _: True, Maker("_one.txt"), refuse)
    with pytest.raises(GridError, match="a has no edge"):
        predict([scene], MODEL, companions=[companion])
    assert not list(scene.parent.glob("a_*.tif"))


def test_asking_for_one_is_no_other_prediction(scene: Path, make_scene: Make) -> None:
    """A batch that failed in part knows its finished scenes, though now more is wanted."""
    bad = make_scene("bad.tif", np.ones((1, 9, 9), np.uint8))
    for companions, predicted in (([], 40 * 50), ([Maker("_one.txt").companion], 0)):
        with pytest.raises(BatchError) as caught:
            predict([scene, bad], MODEL, companions=companions)
        (made,) = caught.value.done
        assert made.predicted == predicted
    assert [path.name for path in made.companions] == ["a_one.txt"]


def test_rasters_that_are_there_get_what_they_lack(scene: Path) -> None:
    predict([scene], MODEL)
    before = {path: path.stat().st_mtime_ns for path in scene.parent.glob("a_*.tif")}
    (scene.parent / "a_one.txt").write_text("mine")
    makers = [Maker("_one.txt"), Maker("_two.txt")]
    companions = [maker.companion for maker in makers]
    (made,) = predict([scene], MODEL, companions=companions, skip_existing=True)
    assert [path.read_text() for path in made.companions] == ["call 1"]
    assert (scene.parent / "a_one.txt").read_text() == "mine"
    assert (made.predicted, made.kept) == (0, True)
    assert predict([scene], MODEL, companions=companions, skip_existing=True) == []
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert predict([scene], MODEL, skip_existing=True) == []
