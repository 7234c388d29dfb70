"""Fine-tuning: what is carried over from a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from geosemimtl.classes import Classes, LandClass
from geosemimtl.errors import ModelFileError
from geosemimtl.models.network import build_network
from geosemimtl.tasks import Height, Segmentation
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.initial import start_from
from geosemimtl.training.model_file import load_model, read_card
from geosemimtl.training.trainer import train

Tiny = Callable[..., TrainConfig]
OneLine = Callable[[BaseException], str]
BANDS = ("red", "green", "blue")
NAMES = ("potsdam", "vaihingen")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny: Tiny) -> Path:
    """Return a model of ground, building and tree, and of heights in units of 11 m."""
    return train(tiny(crop_px=32), tmp_path_factory.mktemp("model"))


def test_heads_go_over_by_class_name_and_metres(model: Path, tiny: Tiny) -> None:
    entries = [LandClass(name=name, color="#000000") for name in ("tree", "car", "ground")]
    tasks = (Segmentation(classes=Classes(entries=tuple(entries))), Height(scale_m=22))
    network = build_network(tiny().network, tasks, 3)
    before = network.state_dict()["decoders.segmentation.head.weight"].clone()
    assert start_from(network, tasks, BANDS, NAMES, model) == ("car",)
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
    assert start_from(network, tasks, BANDS, NAMES, start) == ("segmentation",)


@pytest.mark.parametrize(
    ("changes", "bands", "said"),
    [
        (
            {"encoder": "resnet34"},
            BANDS,
            "its network.encoder is resnet18, the configuration's resnet34",
        ),
        ({"height": {"name": "upsampling", "channels": 32}}, BANDS, "its network.height is"),
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
        start_from(build_network(config, tasks, 3), tasks, bands, NAMES, model)
    assert said in one_line(caught.value)


def test_statistics_go_over_by_the_sensors_names(tiny: Tiny, tmp_path: Path) -> None:
    network = tiny().network.model_copy(update={"norm": "per_domain"})
    path = train(tiny(crop_px=32, network=network), tmp_path)
    tasks = read_card(path).tasks
    swapped = build_network(network, tasks, 3, 3, initial=False)
    start_from(swapped, tasks, BANDS, ("vaihingen", "new", "potsdam"), path)
    old, _ = load_model(path, any_domain=True)
    key = "encoder.backbone.bn1.domain_running_mean"
    ours, theirs = swapped.state_dict()[key], old.state_dict()[key]
    assert not torch.equal(theirs[0], theirs[1])
    assert torch.equal(ours[0], theirs[1])
    assert torch.equal(ours[2], theirs[0])
    with pytest.raises(ModelFileError, match=r"write network\.norm: per_domain"):
        start_from(build_network(tiny().network, tasks, 3), tasks, BANDS, NAMES, path)


def test_shared_statistics_become_each_sensors(model: Path, tiny: Tiny) -> None:
    network = tiny().network.model_copy(update={"norm": "per_domain", "aux_weight": 0.4})
    tasks = read_card(model).tasks
    apart = build_network(network, tasks, 3, 2)
    assert start_from(apart, tasks, BANDS, NAMES, model) == ("the second head",)
    state, (old, _) = apart.state_dict(), load_model(model)
    shared = old.state_dict()["encoder.backbone.bn1.running_mean"]
    for domain in (0, 1):
        assert torch.equal(state["encoder.backbone.bn1.domain_running_mean"][domain], shared)


def test_bent_heights_cannot_be_rescaled(tiny: Tiny, tmp_path: Path) -> None:
    network = tiny().network.model_copy(update={"height_activation": "softplus"})
    path = train(tiny(crop_px=32, network=network), tmp_path)
    classes, height = read_card(path).tasks
    assert (
        start_from(
            build_network(network, (classes, height), 3), (classes, height), BANDS, NAMES, path
        )
        == ()
    )
    other = (classes, Height(scale_m=22))
    with pytest.raises(ModelFileError, match="only height_activation linear can be rescaled"):
        start_from(build_network(network, other, 3), other, BANDS, NAMES, path)


def test_the_encoders_weights_are_not_read(model: Path, tiny: Tiny, tmp_path: Path) -> None:
    network = tiny().network.model_copy(update={"weights": str(tmp_path / "none.pth")})
    assert train(
        tiny(network=network, iterations=1, crop_px=32), tmp_path / "r", init=model
    ).is_file()
