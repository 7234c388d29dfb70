"""Batches in which some scenes are bad, and bad input: one clear line, nothing half-written."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.classes import ISPRS_CLASS_MAP
from geosemimtl.cli.main import main
from geosemimtl.errors import (
    BandError,
    BatchError,
    ConfigError,
    GridError,
    LabelError,
    OutputError,
    SceneError,
    TileSetError,
)
from geosemimtl.inference.inspection.reports import SceneReport
from geosemimtl.inference.inspection.scenes import check_all
from geosemimtl.tiling import pieces
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import gather_scenes
from geosemimtl.tiling.tileset import read_tileset

Maker = Callable[..., Path]
Noise = Callable[..., NDArray[Any]]
Refused = Callable[..., str]
Contents = Callable[[Path], dict[str, bytes]]
RGB = ("red", "green", "blue")
SMALL = TileOptions(gsd_m=0.05, size_px=32, overlap=0, name="town")


class Trio:
    """Three scenes with labels."""

    def __init__(self, make_raster: Maker, noise: Noise) -> None:
        labels = noise(1, 128, 128, high=6)
        self.make = make_raster
        self.scenes = [
            make_raster(f"{name}.tif", noise(3, 128, 128, seed=seed), colours=RGB)
            for seed, name in enumerate("abc")
        ]
        self.labels = [make_raster(f"{name}-label.tif", labels) for name in "abc"]

    def spoil(self, how: str, index: int, noise: Noise) -> str:
        """Make a scene a bad one, and return what shall be said of it."""
        scene, label = self.scenes[index], self.labels[index]
        if how == "truncated":
            scene.write_bytes(scene.read_bytes()[:40_000])
            return f"{scene}: cannot be read"
        if how == "no raster":
            scene.write_text("no raster")
            return f"{scene}: not a raster"
        if how == "missing":
            scene.unlink()
            return f"{scene}: no such file"
        if how == "labels":
            self.make(label.name, np.full((1, 128, 128), 77, np.uint8))
            return f"{label}: value 77 at row 0, column 0 is no declared class"
        self.make(scene.name, noise(2, 128, 128), names=("red", "nir"))
        return f"{scene}: has red, nir of uint8, {self.scenes[0]} has red, green, blue of uint8"

    def cut(self, output: Path, keep: Iterable[int] = range(3), **how: Any) -> Any:
        """Cut some of the scenes."""
        kept = list(keep)
        scenes, labels = [self.scenes[i] for i in kept], [self.labels[i] for i in kept]
        return tile(scenes, output, labels=labels, options=SMALL, **how)


@pytest.fixture
def trio(make_raster: Maker, noise: Noise) -> Trio:
    return Trio(make_raster, noise)


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("how", ["truncated", "no raster", "missing", "labels", "bands"])
def test_one_bad_scene(
    trio: Trio,
    noise: Noise,
    tmp_path: Path,
    contents: Contents,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    jobs: int,
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 16)  # some tiles are written before a file ends
    says = trio.spoil(how, 1, noise)
    output = tmp_path / "out" / "tiles"
    with pytest.raises(BatchError) as caught:
        trio.cut(output, jobs=jobs)
    first, *others = str(caught.value).splitlines()
    assert first == f"1 of 3 scenes failed; {output} holds the others:"
    assert len(others) == len(caught.value.failures) == 1
    assert others[0].strip().startswith(says)
    assert [path.name for path in output.parent.iterdir()] == ["tiles"]
    trio.cut(tmp_path / "good", keep=(0, 2))
    assert contents(output) == contents(tmp_path / "good")
    assert not [name for name in contents(output) if "/b_" in name]


@pytest.mark.parametrize("jobs", [1, 4])
def test_heights_of_two_bands(trio: Trio, tmp_path: Path, noise: Noise, jobs: int) -> None:
    """Refused before any pixel of them is read."""
    bad = trio.make("h.tif", noise(2, 128, 128).astype(np.float32))
    good = trio.make("g.tif", np.ones((1, 128, 128), np.float32))
    says = f"{bad}: has 2 bands; heights need one"
    with pytest.raises(LabelError, match="has 2 bands; heights need one"):
        tile(trio.scenes[:1], tmp_path / "t", heights=[bad], options=SMALL, jobs=jobs)
    with pytest.raises(BatchError) as caught:
        tile(trio.scenes[:2], tmp_path / "t", heights=[bad, good], options=SMALL, jobs=jobs)
    assert [str(failure) for failure in caught.value.failures] == [says]
    assert read_tileset(tmp_path / "t").tiles == 16


@pytest.mark.parametrize("jobs", [1, 4])
def test_labels_are_blamed_before_pixels(
    trio: Trio, noise: Noise, tmp_path: Path, jobs: int
) -> None:
    """Both are bad: which is found first must not depend on the threads."""
    says = trio.spoil("labels", 0, noise)
    trio.scenes[0].write_bytes(trio.scenes[0].read_bytes()[:40_000])
    with pytest.raises(LabelError) as caught:
        trio.cut(tmp_path / "t", keep=[0], jobs=jobs)
    assert str(caught.value).startswith(says)


def test_a_task_whose_only_scene_failed_is_absent(trio: Trio, noise: Noise, tmp_path: Path) -> None:
    trio.spoil("labels", 0, noise)
    rows = f"image,labels\n{trio.scenes[0]},{trio.labels[0]}\n{trio.scenes[1]},\n"
    (tmp_path / "list.csv").write_text(rows)
    with pytest.raises(BatchError):
        tile([tmp_path / "list.csv"], tmp_path / "t", options=SMALL)
    made = read_tileset(tmp_path / "t")
    assert (made.classes, made.class_pixels) == (None, ())
    assert not (tmp_path / "t" / "segmentation").exists()
    index = geopandas.read_file(tmp_path / "t" / "tiles.gpkg")
    assert len(index) == 16
    assert not [column for column in index.columns if column.startswith("share_")]


def test_a_folder_with_something_else_in_it(trio: Trio, noise: Noise, tmp_path: Path) -> None:
    """What most are is the sensor, whatever comes first by name."""
    other = trio.make("scenes/0.tif", noise(1, 128, 128))
    for scene in trio.scenes:
        scene.rename(tmp_path / "scenes" / scene.name)
    with pytest.raises(BatchError) as caught:
        tile([tmp_path / "scenes"], tmp_path / "t", options=SMALL)
    assert [str(failure).split(":")[0] for failure in caught.value.failures] == [str(other)]
    assert read_tileset(tmp_path / "t").bands == RGB


def test_scenes_of_two_gsds_are_cut_at_the_first_ones(
    trio: Trio, noise: Noise, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    finer = trio.make("finer.tif", noise(3, 128, 128), gsd=0.04, colours=RGB)
    options = TileOptions(size_px=32)
    assert tile([trio.scenes[0], finer], tmp_path / "t", options=options).gsd_m == 0.05
    assert "GSDs from 0.04 to 0.05 m: all are cut at 0.05 m, that of a;" in caplog.text
    _, report = check_all(gather_scenes([trio.scenes[0], finer]), options=options)
    assert isinstance(report, SceneReport)
    assert max(report.grid.gsd_m) == pytest.approx(0.05)


def test_a_class_map_without_labels(
    trio: Trio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classes = ISPRS_CLASS_MAP.model_copy()
    tile(trio.scenes[:1], tmp_path / "t", options=replace(SMALL, classes=classes))
    assert "--classes is not used: no scene has labels" in caplog.text


def test_no_thread_writes_on_after_an_error(trio: Trio, tmp_path: Path) -> None:
    """The lock is gone then: another run may be writing into the folder."""

    def stopping(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        assert label
        assert total
        for index, item in enumerate(items):
            if index == 2:
                raise KeyboardInterrupt
            yield item

    def written() -> set[Path]:
        return set((tmp_path / ".t.part").glob("*/*.tif"))

    with pytest.raises(KeyboardInterrupt) as caught:
        tile(trio.scenes[:1], tmp_path / "t", options=SMALL, jobs=4, track=stopping)
    at_once = written()
    time.sleep(0.3)
    assert at_once == written()
    assert caught.tb is not None  # it keeps the frames, and what is open in them


@pytest.mark.parametrize("how", ["truncated", "missing", "labels"])
def test_no_good_scene(trio: Trio, noise: Noise, tmp_path: Path, how: str) -> None:
    says = [trio.spoil(how, index, noise) for index in range(3)]
    output = tmp_path / "out" / "tiles"
    with pytest.raises(BatchError) as caught:
        trio.cut(output)
    first, *others = str(caught.value).splitlines()
    assert first == "all 3 scenes failed:"
    for line, start in zip(others, says, strict=True):
        assert line.strip().startswith(start)
    assert not list(output.parent.iterdir())


def vanishing(path: Path, when: str) -> Callable[..., Any]:
    """Return a tracker that removes a file when something begins."""

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG001  (a tracker's arguments)
        if label == when:
            path.unlink()
        yield from items

    return track


def test_a_scene_that_vanishes_midway(trio: Trio, tmp_path: Path) -> None:
    track = vanishing(trio.scenes[1], "tiles of a")
    with pytest.raises(BatchError) as caught:
        trio.cut(tmp_path / "tiles", track=track)
    assert str(caught.value.failures[0]).startswith(f"{trio.scenes[1]}: ")
    assert [source.name for source in read_tileset(tmp_path / "tiles").sources] == ["a", "c"]


def test_a_scene_that_vanishes_when_it_is_done(trio: Trio, tmp_path: Path) -> None:
    written = trio.cut(tmp_path / "tiles", track=vanishing(trio.scenes[0], "tiles of b"))
    assert [source.name for source in written.sources] == ["a", "b", "c"]


@pytest.mark.usefixtures("trio")
def test_labels_of_some_scenes_only(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("image,labels\na.tif,a-label.tif\nb.tif,\n")
    written = tile([tmp_path / "s.csv"], tmp_path / "tiles", options=SMALL)
    assert written.tasks == ("segmentation",)
    assert sum(written.class_pixels) == 128 * 128
    index = geopandas.read_file(tmp_path / "tiles" / "tiles.gpkg")
    shares = index.filter(like="share_").drop(columns="valid_share", errors="ignore").sum(axis=1)
    np.testing.assert_allclose(shares[index.scene == "a"], 1)
    assert (shares[index.scene == "b"] == 0).all()
    for path in (tmp_path / "tiles" / "segmentation").glob("b_*"):
        with rasterio.open(path) as source:
            assert (source.read() == 255).all()
    assert len(list((tmp_path / "tiles" / "segmentation").iterdir())) == written.tiles


@pytest.mark.parametrize(
    ("limit", "file"), [(6_000, "image/a_r000_c000.tif"), (30_000, "tiles.gpkg")]
)
def test_a_full_disk(trio: Trio, tmp_path: Path, contents: Contents, limit: int, file: str) -> None:
    """No file may be larger than a limit: writing fails as on a disk that is full."""
    output = tmp_path / "out" / "tiles"
    script = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "from geosemimtl.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    scenes = list(map(str, trio.scenes))
    arguments = ["-q", "tile", *scenes, "--size", "32", "--overlap", "0.5", "-o", str(output)]
    size = 64 if "image" in file else 32
    arguments[arguments.index("32")] = str(size)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()[-1:]
    assert line.startswith("Error: ")
    assert "cannot be written" in line
    assert "disk full" in line or "free some space" in line
    assert [path.name for path in output.parent.iterdir()] == [".tiles.part"]
    kept = set(output.with_name(".tiles.part").glob("*/*.tif"))
    assert bool(kept) == (file == "tiles.gpkg")
    for folder in (output, tmp_path / "undisturbed" / "tiles"):  # there is room again
        arguments[-1] = str(folder)
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert not stop.value.code
    assert contents(output) == contents(tmp_path / "undisturbed" / "tiles")


@pytest.mark.parametrize("folder", ["/proc/tiles", "/proc/new/tiles"])
def test_a_folder_that_cannot_be_written(
    trio: Trio, folder: str, one_line: Callable[[BaseException], str]
) -> None:
    with pytest.raises(OutputError, match=r"cannot be (made|written)") as caught:
        trio.cut(Path(folder))
    one_line(caught.value)


def test_an_existing_tile_set_needs_overwrite(trio: Trio, tmp_path: Path, refused: Refused) -> None:
    out = tmp_path / "tiles"
    first = trio.cut(out, keep=[0])
    message = refused(OutputError, out, scenes=[trio.scenes[1]])
    assert "exists already; pass --overwrite" in message
    assert read_tileset(out) == first
    second = trio.cut(out, keep=[1], overwrite=True)
    assert read_tileset(out) == second != first
    message = refused(OutputError, tmp_path, scenes=[trio.scenes[0]], overwrite=True)
    assert "is never replaced" in message


def test_a_failure_leaves_the_old_tile_set(
    trio: Trio, noise: Noise, tmp_path: Path, contents: Contents, refused: Refused
) -> None:
    trio.cut(tmp_path / "tiles", keep=[0])
    before = contents(tmp_path / "tiles")
    trio.spoil("truncated", 1, noise)
    refused(SceneError, tmp_path / "tiles", scenes=[trio.scenes[1]], overwrite=True)
    assert contents(tmp_path / "tiles") == before


@pytest.mark.parametrize("side", [64, 200])
def test_labels_smaller_or_larger_than_the_image(trio: Trio, tmp_path: Path, side: int) -> None:
    label = trio.make("l.tif", np.ones((1, side, side), np.uint8))
    written = tile([trio.scenes[0]], tmp_path / "tiles", labels=[label], options=SMALL)
    assert written.class_pixels == (0, min(side, 128) ** 2, 0, 0, 0, 0)


def test_layers_that_lie_elsewhere(trio: Trio, tmp_path: Path, refused: Refused) -> None:
    away = trio.make("away.tif", np.zeros((1, 99, 99), np.uint8), crs="EPSG:25832")
    for layer in ("labels", "heights"):
        wanted = {"scenes": trio.scenes[:1], layer: [away]}
        message = refused(LabelError, tmp_path / "tiles", **wanted)
        assert f"{away}: does not overlap its scene" in message


def test_wider_types_need_a_range(
    make_raster: Maker, noise: Noise, tmp_path: Path, refused: Refused
) -> None:
    image = make_raster("a.tif", noise(3, 60, 60, dtype="float32"))
    message = refused(BandError, tmp_path / "tiles", scenes=[image])
    assert "pixels are float32" in message
    assert "--value-range" in message
    options = TileOptions(size_px=32, value_range=(0, 100))
    assert tile([image], tmp_path / "tiles", options=options).value_range == (0, 100)


def test_what_does_not_pair(trio: Trio, tmp_path: Path, refused: Refused) -> None:
    out, scenes = tmp_path / "tiles", trio.scenes[:1]
    message = refused(TileSetError, out, scenes=scenes, labels=trio.labels[:2])
    assert "1 scene(s) but 2 --labels" in message
    message = refused(TileSetError, out, scenes=scenes, heights=trio.labels)
    assert "1 scene(s) but 3 --height" in message
    assert "no scene" in refused(TileSetError, out, scenes=[])
    (tmp_path / "s.csv").write_text("image,scene\na.tif,x\nc.tif,y\n")
    (tmp_path / "t.csv").write_text("image,scene\nb.tif,x\n")
    twice = [tmp_path / "s.csv", tmp_path / "t.csv"]
    assert "2 scenes are called x" in refused(TileSetError, out, scenes=twice)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"size_px": 200, "edge": "drop"}, TileSetError, "is smaller than a tile; pass --edge pad"),
        ({"gsd_m": 50.0}, GridError, "GSD of 50 m"),
        ({"crs": "EPSG:1"}, GridError, "--crs EPSG:1: unknown CRS"),
        ({"split": "blocks", "block_m": 0.5}, ConfigError, "give at least 2 metres"),
        ({"split": "blocks", "block_m": 6.4}, TileSetError, "1 block(s) of 128 px cannot fill"),
        ({"split": "by-scene"}, TileSetError, "1 scene(s) cannot fill the splits"),
        ({"split": "potsdam"}, TileSetError, "scene a is in no split"),
        ({"split": "gone.yaml"}, TileSetError, "gone.yaml: cannot be read"),
        ({"assume_crs": "EPSG:1"}, GridError, "--assume-crs EPSG:1: unknown CRS"),
    ],
)
def test_what_does_not_suit_the_scene(
    trio: Trio, tmp_path: Path, refused: Refused, options: dict[str, Any], error: Any, words: str
) -> None:
    chosen = TileOptions(**{"gsd_m": 0.05, "size_px": 32} | options)
    out = tmp_path / "tiles"
    assert words in refused(error, out, scenes=trio.scenes[:1], options=chosen)


def test_a_scene_too_flat_for_a_row_of_tiles(
    make_raster: Maker, noise: Noise, tmp_path: Path, refused: Refused
) -> None:
    flat = make_raster("flat.tif", noise(3, 20, 90))
    options = TileOptions(size_px=32, edge="drop")
    message = refused(TileSetError, tmp_path / "tiles", scenes=[flat], options=options)
    assert "is smaller than a tile" in message


def test_nothing_valid(make_raster: Maker, tmp_path: Path, refused: Refused) -> None:
    image = make_raster("a.tif", np.zeros((3, 60, 60), np.uint8), nodata=0)
    message = refused(TileSetError, tmp_path / "tiles", scenes=[image])
    assert "no tile has enough valid pixels" in message
