"""Items beside rasters: written last, found again, never taken for another's."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.errors import BatchError, ConfigError, OutputError
from geosemimtl.inference import predictor
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.raster.acquisition import TimeSpan

MODEL = Path("any.safetensors")
STAC = PredictOptions(stac=True, taken=TimeSpan.parse("2021"), batch=2)
Read = Callable[[str], dict[str, Any]]


@pytest.fixture
def scene(
    pointwise: Callable[..., Any],
    make_scene: Callable[..., Path],
    noise: Callable[..., NDArray[Any]],
) -> Path:
    """Return a scene."""
    pointwise()
    return make_scene("a.b.tif", noise(3, 70, 60))


def text(path: Path | None) -> str:
    """Return what is written in a file that must be there."""
    assert path is not None
    return path.read_text(encoding="utf-8")


def test_an_item_of_what_was_written(scene: Path, stac_item: Read, tmp_path: Path) -> None:
    """Its assets are the rasters, each as the raster itself says."""
    options = replace(STAC, probabilities=True, disagreement=True)
    (made,) = predict([scene], MODEL, output=tmp_path / "out", options=options)
    assert made.item == tmp_path / "out" / "a.b.stac.json"
    item = stac_item(text(made.item))
    assert item["id"] == "a.b"
    assert set(item["assets"]) == set(made.rasters)
    for kind, asset in item["assets"].items():
        path = made.item.parent / asset["href"]
        assert path.resolve() == made.rasters[kind].resolve()
        with rasterio.open(path) as source:
            assert [band["name"] for band in asset["bands"]] == list(source.descriptions)
            assert [band["data_type"] for band in asset["bands"]] == list(source.dtypes)
            assert [band["nodata"] for band in asset["bands"]] == list(source.nodatavals)
            assert [band.get("unit") for band in asset["bands"]] == list(source.units)
            assert [band.get("raster:scale", 1) for band in asset["bands"]] == list(source.scales)
            assert item["properties"]["proj:shape"] == list(source.shape)
            assert item["properties"]["proj:transform"] == list(source.transform)[:6]


def test_none_is_written_unasked(scene: Path, tmp_path: Path) -> None:
    (made,) = predict([scene], MODEL, output=tmp_path / "out")
    assert made.item is None
    assert not list((tmp_path / "out").glob("*.json"))


def test_the_model_s_item_is_linked_where_it_lies(scene: Path, tmp_path: Path) -> None:
    (made,) = predict([scene], MODEL, output=tmp_path / "one", options=STAC)
    assert json.loads(text(made.item))["links"] == []
    (tmp_path / "any.stac.json").write_text("{}")
    (made,) = predict([scene], MODEL, output=tmp_path / "two" / "deep", options=STAC)
    (link,) = json.loads(text(made.item))["links"]
    assert link["href"] == "../../any.stac.json"


def test_same_input_same_bytes(scene: Path, tmp_path: Path) -> None:
    both = [predict([scene], MODEL, output=tmp_path / name, options=STAC)[0] for name in "xy"]
    assert text(both[0].item) == text(both[1].item)
    assert str(tmp_path) not in text(both[0].item)


def test_an_interruption_before_the_item(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rasters are done; the same command writes what is missing, and predicts nothing."""

    def stopping(*_: Any, **__: Any) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(predictor, "write_item", stopping)
        with pytest.raises(KeyboardInterrupt):
            predict([scene], MODEL, output=tmp_path / "out", options=STAC)
    (made,) = predict([scene], MODEL, output=tmp_path / "out", options=STAC)
    assert made.predicted == 0
    assert text(made.item)
    assert not list((tmp_path / "out").glob(".*"))


def test_asking_for_an_item_is_no_other_prediction(
    scene: Path, make_scene: Callable[..., Path], tmp_path: Path
) -> None:
    """A batch that failed in part knows its finished scenes, though now items are wanted."""
    bad = make_scene("bad.tif", np.ones((1, 9, 9), np.uint8))
    plain = PredictOptions(batch=2)
    for options, predicted in ((plain, 70 * 60), (STAC, 0)):
        with pytest.raises(BatchError) as caught:
            predict([scene, bad], MODEL, output=tmp_path / "out", options=options)
        (made,) = caught.value.done
        assert made.predicted == predicted
    assert text(made.item)


def test_what_lies_there_is_kept(scene: Path, tmp_path: Path) -> None:
    mine = tmp_path / "a.b.stac.json"
    mine.write_text("mine")
    with pytest.raises(OutputError, match=r"a\.b\.stac\.json: exists already.*--overwrite"):
        predict([scene], MODEL, options=STAC)
    assert mine.read_text() == "mine"
    assert not list(tmp_path.glob("*_classes.tif"))
    predict([scene], MODEL, overwrite=True)
    assert mine.read_text() == "mine"
    (made,) = predict([scene], MODEL, overwrite=True, options=STAC)
    assert json.loads(text(made.item))["id"] == "a.b"


def test_a_replaced_prediction_takes_its_item_along(scene: Path) -> None:
    """It would be taken for the new rasters'."""
    (made,) = predict([scene], MODEL, options=STAC)
    assert made.item is not None
    predict([scene], MODEL, overwrite=True)
    assert not made.item.exists()


def test_skipping_passes_over_what_has_its_item(scene: Path) -> None:
    predict([scene], MODEL)
    with pytest.raises(OutputError, match="exists already"):
        predict([scene], MODEL, options=STAC, skip_existing=True)
    predict([scene], MODEL, options=STAC, overwrite=True)
    assert predict([scene], MODEL, options=STAC, skip_existing=True) == []


def test_what_a_scene_says_of_its_time(scene: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown, or the file's own date: either is said before the work."""
    options = PredictOptions(stac=True)
    with caplog.at_level(logging.WARNING):
        (made,) = predict([scene], MODEL, options=options)
    assert json.loads(text(made.item))["properties"]["datetime"] is None
    assert "does not say when it was taken" in caplog.text
    with rasterio.open(scene, "r+") as target:
        target.update_tags(TIFFTAG_DATETIME="2019:05:01 09:10:11")
    with caplog.at_level(logging.WARNING):
        (made,) = predict([scene], MODEL, options=options, overwrite=True)
    properties = json.loads(text(made.item))["properties"]
    assert properties["datetime"] == "2019-05-01T09:10:11Z"
    assert "TIFFTAG_DATETIME, 2019-05-01" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        (made,) = predict([scene], MODEL, options=STAC, overwrite=True)
    assert json.loads(text(made.item))["properties"]["start_datetime"] == "2021-01-01T00:00:00Z"
    assert "taken" not in caplog.text


def test_a_time_without_an_item() -> None:
    with pytest.raises(ConfigError, match="--stac"):
        PredictOptions(taken=TimeSpan.parse("2021"))
