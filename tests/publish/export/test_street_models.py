"""Exports of models of images without ground: every kind of task, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import rasterio
import torch

from geosemimtl.classes import HUMAN_PARTS_CLASSES
from geosemimtl.config import NetworkConfig
from geosemimtl.errors import ConfigError
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.publish.export.exporting import TOLERANCES, Exported, export
from geosemimtl.tasks import TASK_NAMES, Binary, Normals, Quantity, Segmentation, Task
from geosemimtl.training.model_file import load_model, read_card

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
SHAPE = (48, 80)  # no multiples of 32
FLOAT32 = PredictOptions(precision="float32")
NAMES = ("disparity", "normals", "saliency", "human_parts")


@pytest.fixture(scope="module")
def street(
    tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Path]
) -> tuple[Path, Exported]:
    """Return a model of four tasks, and its export."""
    tasks: tuple[Task, ...] = (
        Quantity(name="disparity", scale=60),
        Normals(),
        Binary(name="saliency"),
        Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
    )
    small = {"name": "upsampling", "channels": 16}
    network = NetworkConfig.model_validate(
        {
            "encoder": "resnet18",
            "weights": None,
            "output_stride": 32,
            **dict.fromkeys(NAMES, small),
        }
    )
    model = make_model(
        tmp_path_factory.mktemp("street"),
        name="street",
        tasks=tasks,
        network=network,
        gsd_m=None,
        tile_px=SHAPE,
        overlap_px=0,
    )
    (made,) = export(model)
    return model, made


def test_the_file_says_what_torch_says(street: tuple[Path, Exported]) -> None:
    model, made = street
    assert (made.multiple_px, made.size_px) == (32, SHAPE)
    assert tuple(made.differences) == NAMES
    assert all(apart < TOLERANCES[task] for task, apart in made.differences.items())
    assert read_card(made.path) == read_card(model) == load_model(model)[1]
    graph = onnx.load(made.path).graph
    assert tuple(output.name for output in graph.output) == NAMES
    channels = [output.type.tensor_type.shape.dim[1].dim_value for output in graph.output]
    assert channels == [1, 3, 1, 7]


def test_every_task_has_a_tolerance() -> None:
    assert set(TOLERANCES) == set(TASK_NAMES)


def test_predictions_are_the_models(street: tuple[Path, Exported], tmp_path: Path) -> None:
    model, made = street
    image = tmp_path / "a.png"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 60, 100), np.uint8)
    with rasterio.open(
        image, "w", driver="PNG", dtype="uint8", count=3, height=60, width=100
    ) as target:
        target.write(pixels)
    torch.manual_seed(0)
    (one,) = predict([image], model, output=tmp_path / "torch", options=FLOAT32)
    (other,) = predict([image], made.path, output=tmp_path / "onnx", options=FLOAT32)
    assert set(one.rasters) == set(other.rasters) == set(NAMES)
    for task in NAMES:
        found = []
        for path in (one.rasters[task], other.rasters[task]):
            with rasterio.open(path) as source:
                assert (source.crs, source.shape) == (None, (60, 100))
                found.append(source.read().astype(float))
        apart = np.abs(found[0] - found[1])
        assert (apart > {"saliency": 1, "human_parts": 0}.get(task, 0.01)).mean() < 0.001
        assert found[0].std() > 0, "it says different things"


def test_no_file_for_deepness(
    street: tuple[Path, Exported], one_line: Callable[[BaseException], str], tmp_path: Path
) -> None:
    """The plugin cuts maps into squares by metres."""
    model, _ = street
    with pytest.raises(
        ConfigError, match=r"--deepness: .* nowhere on the ground: leave it out"
    ) as caught:
        export(model, tmp_path / "a.onnx", deepness=True)
    one_line(caught.value)
    assert not list(tmp_path.iterdir())


def test_no_file_for_deepness_of_tiles_that_are_no_squares(
    make_model: Callable[..., Path], tmp_path: Path
) -> None:
    model = make_model(tmp_path, tile_px=(64, 96))
    with pytest.raises(ConfigError, match="predicts squares of maps"):
        export(model, deepness=True)
