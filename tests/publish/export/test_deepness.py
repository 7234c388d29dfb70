"""Files for Deepness: what the plugin reads in them and does with them, done here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import rasterio
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.publish.export.deepness import deepness_metadata
from geosemimtl.publish.export.exporting import Exported, card_for, export

SIZE = 64


class Plugin:
    """Deepness with one file: reads its metadata once, then runs tile after tile."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.metadata = {
            key: json.loads(value)
            for key, value in self.session.get_modelmeta().custom_metadata_map.items()
        }
        (entry,) = self.session.get_inputs()
        (output,) = self.session.get_outputs()
        self.name, self.shape = entry.name, entry.shape
        assert output.shape[0] == 1, "a regression's batch"
        assert output.shape[2] == output.shape[3], "only squares"

    def process(self, tile: NDArray[np.uint8]) -> Any:
        """Run (rows, columns, bands)."""
        batch = np.float32(tile[None, :, :, : self.shape[1]] * 1.0 / 255.0)
        mean, std = (
            np.array(self.metadata[f"standardization_{name}"], np.float32)
            for name in ("mean", "std")
        )
        image = np.transpose((batch - mean) / std, (0, 3, 1, 2))
        return self.session.run(None, {self.name: image})[0]

    def classes(self, tile: NDArray[np.uint8]) -> Any:
        """Return the class of each pixel."""
        likely = self.process(tile)
        likely[likely < self.metadata["seg_thresh"]] = 0
        return likely.argmax(axis=1)[0]

    def values(self, tile: NDArray[np.uint8]) -> Any:
        """Return the value of each pixel."""
        return self.process(tile)[0, 0] * self.metadata["reg_output_scaling"]


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Path]
) -> tuple[Path, list[Exported]]:
    """Return a model file, and its files for Deepness."""
    model = make_model(tmp_path_factory.mktemp("deepness"), tile_px=SIZE, overlap_px=16)
    return model, export(model, deepness=True)


def test_the_plugin_says_what_predict_says(
    written: tuple[Path, list[Exported]], make_raster: Callable[..., Path]
) -> None:
    """On a scene of one tile, where nothing is blended."""
    model, (classes, heights) = written
    assert classes.path.name == f"{model.stem}_deepness_segmentation.onnx"
    assert heights.path.name == f"{model.stem}_deepness_height.onnx"
    coarse = np.random.default_rng(0).integers(0, 256, (3, SIZE // 16, SIZE // 16), np.uint8)
    pixels = np.kron(coarse, np.ones((1, 16, 16), np.uint8))
    scene = make_raster("scene.tif", pixels, names=("red", "green", "blue"), gsd=0.1)
    (made,) = predict([scene], model, options=PredictOptions(precision="float32"))
    tile = np.moveaxis(pixels, 0, -1)
    with rasterio.open(made.rasters["segmentation"]) as raster:
        ours = raster.read(1)
    assert len(np.unique(ours)) > 1
    np.testing.assert_array_equal(Plugin(classes.path).classes(tile), ours)
    with rasterio.open(made.rasters["height"]) as raster:
        ours = raster.read(1)
    assert ours.max() > ours.min()
    np.testing.assert_allclose(Plugin(heights.path).values(tile), ours, atol=1e-3)


def test_what_the_files_say(written: tuple[Path, list[Exported]]) -> None:
    _, made = written
    both = [Plugin(each.path) for each in made]
    for plugin in both:
        assert plugin.shape == [1, 3, SIZE, SIZE]
        assert plugin.metadata["resolution"] == 10.0
        assert plugin.metadata["tile_size"] == plugin.metadata["tiles_size"] == SIZE
        assert plugin.metadata["tiles_overlap"] == 25
        assert plugin.metadata["standardization_mean"] == [0.5, 0.4, 0.3]
        assert plugin.metadata["standardization_std"] == [0.2, 0.25, 0.3]
    classes, heights = both
    assert classes.metadata["model_type"] == "Segmentor"
    assert classes.metadata["class_names"]["1"] == "building"
    assert classes.metadata["seg_small_segment"] == 0
    likely = classes.process(np.zeros((SIZE, SIZE, 3), np.uint8))
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-5)
    assert heights.metadata["model_type"] == "Regressor"
    assert heights.metadata["class_names"] == {"0": "height_m"}
    assert [each.multiple_px for each in made] == [None, None]


def test_another_range_of_bytes(make_card: Callable[..., Any]) -> None:
    """By hand: of bytes from 51 to 153 a mean of 0.5 is 102, and a deviation of 0.2 is 20.4."""
    card = make_card(value_range=(51, 153), mean=(0.5,) * 3, std=(0.2,) * 3)
    found = deepness_metadata(card, card.tasks[0])
    np.testing.assert_allclose(json.loads(found["standardization_mean"]), 102 / 255)
    np.testing.assert_allclose(json.loads(found["standardization_std"]), 20.4 / 255)


def test_pixels_that_the_plugin_cannot_feed(
    make_card: Callable[..., Any],
    make_domain: Callable[..., Any],
    one_line: Callable[[BaseException], str],
) -> None:
    bytes_, words = make_domain("a"), make_domain("b", dtype="uint16", value_range=(0, 4000))
    stretched = make_domain("c", value_range=(10, 200))
    for domains, dtype, said in (
        ((words,), "uint16", "learned from uint16: leave it out"),
        ((bytes_, words), None, "from uint16 and uint8: say with --sensor for which, of a"),
        (
            (bytes_, stretched),
            "uint8",
            "uint8 of several value ranges: say with --sensor for which, of a, c",
        ),
    ):
        card = make_card(domains=domains, dtype=dtype, value_range=None)
        with pytest.raises(ConfigError) as caught:
            deepness_metadata(card, card.tasks[0])
        assert said in one_line(caught.value)
    chosen = card_for(card, "c")
    mean = json.loads(deepness_metadata(chosen, card.tasks[0])["standardization_mean"])
    np.testing.assert_allclose(
        mean, [(0.5 * 190 + 10) / 255, (0.4 * 190 + 10) / 255, (0.3 * 190 + 10) / 255]
    )
