"""A model's item: the core by pystac, the MLM extension by what its schema asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from geosemimtl.classes import HUMAN_PARTS_CLASSES
from geosemimtl.publish.stac.model import model_item
from geosemimtl.tasks import Binary, Normals, Quantity, Segmentation
from geosemimtl.training.model_file import ModelCard

Read = Callable[[str], dict[str, Any]]
#: The tasks' names of MLM 1.4 that this project's models have.
MLM_TASKS = {"semantic-segmentation", "regression"}


@pytest.fixture
def item(card: ModelCard, stac_item: Read) -> dict[str, Any]:
    """Return the item of a model that sees three bands."""
    changed = {
        "mean": (0.5, 0.25, 0.0),
        "std": (0.1, 0.2, 0.5),
        "versions": {"torch": "2.10.0+cpu"},
    }
    return stac_item(model_item(card.model_copy(update=changed), "./toy.safetensors"))


def test_a_model_has_no_place_and_any_time(item: dict[str, Any]) -> None:
    assert item["geometry"] is None
    assert "bbox" not in item
    assert item["properties"]["datetime"] is None
    assert item["properties"]["start_datetime"] < item["properties"]["end_datetime"]


def test_what_mlm_requires(item: dict[str, Any]) -> None:
    """1.4: name, architecture, tasks, input and output; a model asset with its artifact's type."""
    assert item["stac_extensions"] == ["https://stac-extensions.github.io/mlm/v1.4.0/schema.json"]
    properties = item["properties"]
    assert properties["mlm:name"] == "toy"
    assert "resnet18" in properties["mlm:architecture"]
    assert set(properties["mlm:tasks"]) == MLM_TASKS
    assert properties["mlm:framework"] == "PyTorch"
    assert properties["mlm:framework_version"] == "2.10.0+cpu"
    assert all(re.fullmatch(r"[0-9a-zA-Z_.-]+", key) for key in properties["mlm:hyperparameters"])
    (asset,) = item["assets"].values()
    assert asset["href"] == "./toy.safetensors"
    assert "mlm:model" in asset["roles"]
    assert asset["mlm:artifact_type"]
    # these describe the whole, and are refused in assets
    refused = {"mlm:name", "mlm:input", "mlm:output", "mlm:hyperparameters"}
    assert not refused & set(asset)


def test_an_exported_model(card: ModelCard, stac_item: Read) -> None:
    """MLM: compiled is what needs no definition of the network."""
    item = stac_item(model_item(card, "./toy.onnx"))
    (asset,) = item["assets"].values()
    assert asset["roles"] == ["mlm:model", "mlm:compiled"]
    assert asset["mlm:artifact_type"] == "torch.onnx.export"
    assert asset["type"].endswith("framework=onnx")


def test_an_input_names_bands_that_the_item_describes(item: dict[str, Any]) -> None:
    (image,) = item["properties"]["mlm:input"]
    assert {"name", "bands", "input"} <= set(image)
    assert image["bands"] == ["red", "green", "blue"]
    assert [band["name"] for band in item["properties"]["bands"]] == image["bands"]
    assert item["assets"]["model"]["bands"] == item["properties"]["bands"]
    assert image["input"] == {
        "shape": [-1, 3, 64, 64],
        "dim_order": ["batch", "channel", "height", "width"],
        "data_type": "float32",
    }
    # of pixels from 0 to 255
    expected = [(127.5, 25.5), (63.75, 51.0), (0.0, 127.5)]
    found = [(each["mean"], each["stddev"]) for each in image["value_scaling"]]
    assert found == [pytest.approx(each) for each in expected]
    assert {each["type"] for each in image["value_scaling"]} == {"z-score"}


def test_outputs(item: dict[str, Any]) -> None:
    land, height = item["properties"]["mlm:output"]
    for output in (land, height):
        assert {"name", "tasks", "result"} <= set(output)
        assert set(output["tasks"]) <= MLM_TASKS
        assert {"shape", "dim_order", "data_type"} == set(output["result"])
        assert len(output["result"]["shape"]) == len(output["result"]["dim_order"])
    assert land["result"]["shape"] == [-1, 3, 64, 64]
    names = [each["name"] for each in land["classification:classes"]]
    assert names == ["low_vegetation", "tree", "clutter"]
    assert height["result"]["shape"] == [-1, 1, 64, 64]
    assert "30 times the output is metres" in height["description"]


@pytest.mark.parametrize(
    ("weights", "source"),
    [(None, None), ("imagenet", "imagenet"), ("/home/me/w.pt", "w.pt")],
)
def test_where_its_weights_began(
    card: ModelCard, stac_item: Read, weights: str | None, source: str | None
) -> None:
    """What was not pretrained has to say null; no folder is told."""
    network = card.network.model_copy(update={"weights": weights})
    properties = stac_item(model_item(card.model_copy(update={"network": network}), "./a"))[
        "properties"
    ]
    assert properties["mlm:pretrained"] is (weights is not None)
    assert properties["mlm:pretrained_source"] == source


def test_a_version_that_mlm_would_refuse_is_left_out(card: ModelCard, stac_item: Read) -> None:
    assert card.versions == {"torch": "2"}
    assert "mlm:framework_version" not in stac_item(model_item(card, "./a"))["properties"]


def test_sensors_of_several_ranges(card: ModelCard, stac_item: Read) -> None:
    """One scaling of pixel values does not hold for all: none is claimed."""
    several = card.model_copy(update={"value_range": None, "dtype": None, "domains": ()})
    properties = stac_item(model_item(several, "./a"))["properties"]
    (image,) = properties["mlm:input"]
    assert image["value_scaling"] is None
    assert "each sensor's range" in image["description"]
    assert properties["bands"][0] == {"name": "red"}


def test_a_model_of_images_without_ground(
    make_card: Callable[..., ModelCard], stac_item: Read
) -> None:
    """STAC has no word for a GSD that there is not, and MLM's tasks suit every kind of ours."""
    tasks = (
        Quantity(name="disparity", scale=120),
        Quantity(name="depth", scale=80),
        Normals(),
        Binary(name="saliency"),
        Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
    )
    card = make_card(tasks=tasks, gsd_m=None, tile_px=(128, 256), overlap_px=0)
    properties = stac_item(model_item(card, "./street.safetensors"))["properties"]
    assert "gsd" not in properties
    assert set(properties["mlm:tasks"]) == MLM_TASKS
    (given,) = properties["mlm:input"]
    assert "resized to 256 x 128 px" in given["description"]
    assert given["input"]["shape"] == [-1, 3, 128, 256]
    shapes = {each["name"]: each["result"]["shape"] for each in properties["mlm:output"]}
    assert shapes == {
        "disparity": [-1, 1, 128, 256],
        "depth": [-1, 1, 128, 256],
        "normals": [-1, 3, 128, 256],
        "saliency": [-1, 1, 128, 256],
        "human_parts": [-1, 7, 128, 256],
    }
    words = {each["name"]: each["description"] for each in properties["mlm:output"]}
    assert words["disparity"] == "Disparity: 120 times the output is px"
    assert words["depth"] == "Depth: 80 times the output is metres"
    assert "sigmoid" in words["saliency"]
    assert "softmax" in words["human_parts"]
