"""Predictions as pictures and arrays: the GeoTIFFs' pixels, and as hard to lose or to confuse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from geosemimtl.errors import ConfigError, OutputError
from geosemimtl.inference import making, networks, predictor
from geosemimtl.inference.companions import Companion
from geosemimtl.inference.making import Prediction
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.models.network import Output
from geosemimtl.raster import formats
from geosemimtl.raster.cog import publish
from geosemimtl.raster.environment import unplaced
from geosemimtl.tasks import Binary, Normals, Quantity
from geosemimtl.training.model_file import ModelCard

MODEL = Path("any.safetensors")
PLAIN = PredictOptions(format="png")
EVERY = PredictOptions(probabilities=True, disagreement=True)
PLAIN_EVERY = replace(EVERY, format="png")


class Street(nn.Module):
    """Classes by the brightest band, a disparity and saliency by the first, normals by all."""

    def forward(self, image: Tensor) -> Output:
        """Predict images (B, C, H, W)."""
        return Output(
            [],
            {
                "segmentation": image * 10,
                "disparity": image[:, :1] / 2,
                "normals": image * 2 - 1,
                "saliency": image[:, :1] * 4 - 2,
            },
        )


@pytest.fixture
def street(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_card: Callable[..., ModelCard]
) -> None:
    """Make every model file be one of street views."""
    monkeypatch.chdir(tmp_path)
    tasks = (
        make_card().tasks[0],
        Quantity(name="disparity", scale=64),
        Normals(),
        Binary(name="saliency"),
    )
    card = make_card(tasks=tasks, gsd_m=None, overlap_px=0)
    monkeypatch.setattr(predictor, "read_card", lambda _: card)
    monkeypatch.setattr(networks, "load_model", lambda *_: (Street(), card))
    MODEL.touch()


@pytest.fixture
def view(tmp_path: Path, noise: Callable[..., NDArray[Any]]) -> Path:
    """Return an image of a street, a PNG without a place and with a hole."""
    path = tmp_path / "views" / "a.png"
    path.parent.mkdir()
    pixels = np.concatenate([noise(3, 40, 50), np.full((1, 40, 50), 255, np.uint8)])
    pixels[3, 10:20, 5:30] = 0
    profile = {"driver": "PNG", "count": 4, "height": 40, "width": 50, "dtype": "uint8"}
    with unplaced():
        opened = rasterio.open(path, "w", **profile)
    with opened as target:
        target.write(pixels)
    return path


@pytest.fixture
def scene(make_scene: Callable[..., Path], noise: Callable[..., NDArray[Any]]) -> Path:
    """Return a scene on the ground of several strips, with a hole."""
    mask = np.ones((120, 60), bool)
    mask[30:50, 10:40] = False
    return make_scene("a.tif", noise(3, 120, 60), mask=mask)


def pixels_of(path: Path) -> NDArray[Any]:
    """Return the pixels (bands, rows, columns) of a raster; NaN where real numbers are missing."""
    if path.suffix == ".npy":
        pixels: NDArray[Any] = np.load(path)
        return pixels[None] if pixels.ndim == 2 else pixels
    with unplaced():
        opened = rasterio.open(path)
    with opened as source:
        pixels = source.read()
        if pixels.dtype.kind == "f":
            pixels[pixels == source.nodata] = np.nan
    return pixels


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("street")
def test_pixels_are_those_of_geotiffs(view: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of every raster of a street view, which has no place to lose."""
    (one,) = predict([view], MODEL, options=EVERY, output=Path("one"))
    (other,) = predict([view], MODEL, options=PLAIN_EVERY, output=Path("other"))
    assert one.rasters.keys() == other.rasters.keys()
    for kind, path in one.rasters.items():
        np.testing.assert_array_equal(pixels_of(path), pixels_of(other.rasters[kind]))
    assert (pixels_of(other.rasters["segmentation"])[0, 10:20, 5:30] == 255).all()
    assert np.isnan(pixels_of(other.rasters["disparity"])[0, 10:20, 5:30]).all()
    assert sorted(contents(Path("other"))) == [
        "a_classes.png",
        "a_confidence.png",
        "a_disagreement.npy",
        "a_disparity.npy",
        "a_disparity_preview.png",
        "a_normals.npy",
        "a_normals_preview.png",
        "a_probabilities.npy",
        "a_saliency.png",
    ]
    shapes = {kind: np.load(other.rasters[kind]).shape for kind in ("disparity", "normals")}
    assert shapes == {"disparity": (40, 50), "normals": (3, 40, 50)}
    assert "--format" not in caplog.text


@pytest.mark.usefixtures("street")
def test_a_folder_holds_images_and_their_predictions(
    view: Path, caplog: pytest.LogCaptureFixture
) -> None:
    predict([view], MODEL, options=PLAIN)
    before = contents(view.parent)
    with caplog.at_level(logging.WARNING):
        assert predict([view.parent], MODEL, options=PLAIN, skip_existing=True) == []
    assert caplog.messages[-1] == "passed over 5 raster(s) that were predicted themselves"
    assert contents(view.parent) == before
    view.with_name("a_disparity.npy").unlink()
    predict([view.parent], MODEL, options=PLAIN, skip_existing=True, overwrite=True)
    assert contents(view.parent) == before


@pytest.mark.usefixtures("street")
def test_formats_lie_side_by_side(view: Path) -> None:
    """Neither is in the way of the other, nor replaced by it."""
    predict([view], MODEL)
    tifs = contents(view.parent)
    predict([view], MODEL, options=PLAIN)
    both = contents(view.parent)
    assert tifs.items() < both.items()
    for options in (PLAIN, PredictOptions()):
        predict([view], MODEL, options=options, overwrite=True)
        assert contents(view.parent) == both


@pytest.mark.usefixtures("street")
def test_what_is_there_is_replaced_if_told(view: Path) -> None:
    (made,) = predict([view], MODEL, options=PLAIN)
    whole = contents(view.parent)
    for path in (*made.rasters.values(), view.with_name("a_disparity_preview.png")):
        others = [each for each in view.parent.iterdir() if each not in {path, view}]
        kept = {each: each.read_bytes() for each in others}
        for each in others:
            each.unlink()
        path.write_text("mine")
        with pytest.raises(OutputError, match=f"{path.name}: exists already; pass --overwrite"):
            predict([view], MODEL, options=PLAIN)
        assert path.read_text() == "mine"
        for each, data in kept.items():
            each.write_bytes(data)
        predict([view], MODEL, options=PLAIN, overwrite=True)
        assert contents(view.parent) == whole


def test_what_is_not_asked_for_any_more_goes(
    pointwise: Callable[..., Any],
    make_card: Callable[..., ModelCard],
    scene: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Arrays only if their preview says whose they are: depths may be a user's own truth."""
    pointwise()
    out = Path("out")
    predict([scene], MODEL, options=PLAIN_EVERY, output=out)
    mine = [out / name for name in ("a_depth.npy", "a_disparity.png", "a_height.tif")]
    for path in mine:
        Image.new("L", (1, 1)).save(path, "PNG")
    before = contents(out)
    caplog.clear()
    pointwise(tasks=make_card().tasks[:1])
    only = PredictOptions(format="png", confidence=False)
    predict([scene], MODEL, options=only, output=out, overwrite=True)
    gone = {"a_height.npy", "a_height_preview.png", "a_confidence.png"}
    assert contents(out).keys() == before.keys() - gone
    stay = [record.getMessage() for record in caplog.records if "stays" in record.getMessage()]
    assert stay == [
        f"{out / name}: stays; it may be of the prediction that was replaced"
        for name in ("a_depth.npy", "a_disagreement.npy", "a_probabilities.npy")
    ]


def test_a_place_is_lost_with_a_word(
    pointwise: Callable[..., Any], scene: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pointwise()
    (one,) = predict([scene], MODEL, output=Path("one"))
    assert not caplog.records
    (other,) = predict([scene], MODEL, output=Path("other"), options=PLAIN)
    (record,) = caplog.records
    assert record.getMessage() == (
        "--format png: such files say nothing of where a scene lies on the ground; --format tif "
        "keeps its place"
    )
    for kind, path in one.rasters.items():
        np.testing.assert_array_equal(pixels_of(path), pixels_of(other.rasters[kind]))


def test_refused_before_any_work(
    pointwise: Callable[..., Any], scene: Path, one_line: Callable[[BaseException], str]
) -> None:
    pointwise()
    with pytest.raises(ConfigError, match="--format jpg: choose from tif, png") as caught:
        PredictOptions(format="jpg")
    one_line(caught.value)
    companion = Companion(".qgz", lambda _: True, lambda *_: None)
    with pytest.raises(ConfigError, match="leave --project and --stac out") as caught:
        predict([scene], MODEL, output=Path("out"), options=PLAIN, companions=[companion])
    one_line(caught.value)
    assert not Path("out").exists()


def stopping_after(done: Callable[..., None], count: int) -> Callable[..., None]:
    """Return a function that does some calls of another, and is interrupted at the next."""
    calls: list[Any] = []

    def stopping(*arguments: Any) -> None:
        if len(calls) == count:
            raise KeyboardInterrupt
        calls.append(arguments)
        done(*arguments)

    return stopping


@pytest.fixture
def calm(scene: Path, model_file: Path, tmp_path: Path) -> Prediction:
    """Return what an undisturbed run makes."""
    (made,) = predict([scene], model_file, output=tmp_path / "calm", options=PLAIN)
    return made


def test_interrupted_anywhere_the_bytes_are_the_same(
    scene: Path,
    model_file: Path,
    tmp_path: Path,
    calm: Prediction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a strip, between any two files that are made, and between any two that get their names."""
    out = tmp_path / "out"

    def at_tile(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        assert label
        assert total
        for index, item in enumerate(items):
            if index == 20:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        predict([scene], model_file, output=out, options=PLAIN, track=at_tile)
    places = ((formats, "_copy", 3), (formats, "whole_file", 1), (making, "publish", 4))
    for module, name, count in places:
        for done in range(min(count, 2)):
            with monkeypatch.context() as patch:
                patch.setattr(module, name, stopping_after(getattr(module, name), done))
                with pytest.raises(KeyboardInterrupt):
                    predict([scene], model_file, output=out, options=PLAIN)
    names = [path.name for path in out.glob("[!.]*")]
    assert len(names) == 1, names
    (made,) = predict([scene], model_file, output=out, options=PLAIN)
    assert made.predicted == 0
    assert contents(out) == contents(tmp_path / "calm")
    assert len(contents(out)) == 4
    assert calm.predicted == calm.pixels


def test_another_format_begins_afresh(
    scene: Path,
    model_file: Path,
    tmp_path: Path,
    calm: Prediction,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(making, "publish", stopping_after(publish, 0))
        with pytest.raises(KeyboardInterrupt):
            predict([scene], model_file, output=out)
    caplog.clear()
    predict([scene], model_file, output=out, options=PLAIN)
    assert f"{scene}: begins afresh, for it differs from the run before: --format" in caplog.text
    assert contents(out) == contents(calm.rasters["height"].parent)


def test_a_full_disk_leaves_no_file(
    scene: Path, model_file: Path, tmp_path: Path, calm: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(formats, "write_all", full)
        with pytest.raises(OutputError, match="No space left on device"):
            predict([scene], model_file, output=out, options=PLAIN)
    assert not list(out.glob("[!.]*"))
    predict([scene], model_file, output=out, options=PLAIN)
    assert contents(out) == contents(calm.rasters["height"].parent)
