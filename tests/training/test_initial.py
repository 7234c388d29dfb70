"""Fine-tuning: what is carried over from a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from geosemimtl.errors import ModelFileError
from geosemimtl.models.network import build_network
from geosemimtl.tasks import Classes, Height, LandClass, Segmentation
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.initial import start_from
from geosemimtl.training.model_file import load_model, read_card
from geosemimtl.training.trainer import train

Tiny = Callable[..., TrainConfig]
OneLine = Callable[[BaseException], str]
BANDS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny: Tiny) -> Path:
    """Return a model of ground, building and tree, and of heights in units of 11 m."""
    return train(tiny(crop_px=32), tmp_path_factory.mktemp("model"))


def test_heads_go_over_by_class_name_and_metres(model: Path, tiny: Tiny) -> None:
    entries = [LandClass(name=name, color="#000000") for name in ("tree", "car", "ground")]
    tasks = (Segmentation(classes=Classes(entries=tuple(entries))), Height(scale_m=22))
    network = build_network(tiny().network, tasks, 3)
    before = network.state_dict()["decoders.segmentation.head.weight"].clone()
    assert start_from(network, tasks, BANDS, model) == ("car",)
    old, _ = load_model(model)
    ours, theirs = (each.state_dict() for each in (network, old))
    weight = "decoders.segmentation.head.weight"
    assert torch.equal(ours[weight][0], theirs[weight][2])
    assert torch.equal(ours[weight][1], before[1])
    assert torch.equal(ours[weight][2], theirs[weight][0])
    first = "encoder.backbone.conv1.weight"
    assert torch.equal(ours[first], theirs[first])
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    metres = [
        each.eval()(image).logits["height"] * scale for each, scale in ((network, 22), (old, 11))
    ]
    torch.testing.assert_close(*metres)


def test_a_training_starts_from_a_model(model: Path, tiny: Tiny, tmp_path: Path) -> None:
    still = {"lr": 1e-30, "weight_decay": 0}
    made = train(tiny(optimiser=still, iterations=1, crop_px=32), tmp_path / "run", init=model)
    first = "encoder.backbone.conv1.weight"
    ours, theirs = (load_model(path)[0].state_dict()[first] for path in (made, model))
    assert torch.equal(ours, theirs)
    assert read_card(made).mean == read_card(model).mean


def test_a_task_that_the_model_does_not_know(model: Path, tiny: Tiny, tmp_path: Path) -> None:
    alone = tiny(
        tasks=["height"], domains=tiny().model_dump()["domains"][1:], method={"name": "stl"}
    )
    start = train(alone, tmp_path / "alone")
    tasks = read_card(model).tasks
    network = build_network(tiny().network, tasks, 3)
    assert start_from(network, tasks, BANDS, start) == ("segmentation",)


@pytest.mark.parametrize(
    ("changes", "bands", "said"),
    [
        ({"encoder": "resnet34"}, BANDS, "its encoder is resnet18, the configuration's resnet34"),
        ({"height": {"name": "upsampling", "channels": 32}}, BANDS, "of shape"),
        ({}, ("nir", "red", "green"), "sees red, green, blue, the tiles have nir, red, green"),
    ],
)
def test_what_does_not_fit(
    model: Path,
    tiny: Tiny,
    changes: dict[str, object],
    bands: tuple[str, ...],
    said: str,
    one_line: OneLine,
) -> None:
    tasks = read_card(model).tasks
    config = tiny(network=tiny().network.model_dump() | changes).network
    with pytest.raises(ModelFileError, match=str(model)) as caught:
        start_from(build_network(config, tasks, 3), tasks, bands, model)
    assert said in one_line(caught.value)
