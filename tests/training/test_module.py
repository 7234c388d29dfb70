"""The module: what moves the networks, at which rate, and what half precision must not do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader

from geosemimtl.classes import Classes
from geosemimtl.data.tiles import DomainTiles, IterationBatches
from geosemimtl.progress import silent
from geosemimtl.tasks import (
    HEIGHT,
    SEGMENTATION,
    Quantity,
    Segmentation,
)
from geosemimtl.training import fitting
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.fitting import fit
from geosemimtl.training.module import Data, MultiTaskTask

Tiny = Callable[..., TrainConfig]
MEAN, STD = torch.tensor([0.4, 0.4, 0.4]), torch.tensor([0.2, 0.2, 0.2])


@pytest.fixture
def make_module(classes: Classes) -> Callable[[TrainConfig], MultiTaskTask]:
    """Return a function that makes the module of a training of 4 iterations."""

    def make(config: TrainConfig) -> MultiTaskTask:
        torch.manual_seed(0)
        tasks = (Segmentation(classes=classes), Quantity(name=HEIGHT, scale=10))
        labelled = {"segmentation": [0], "height": [1]}
        return MultiTaskTask(config, Data(tasks, MEAN, STD, labelled), 4)

    return make


def _fit(module: MultiTaskTask, config: TrainConfig, output: Path, iterations: int = 4) -> None:
    domains = [DomainTiles(domain.tiles, config.tasks) for domain in config.domains]
    batches = IterationBatches(domains, config.batch, iterations, config.seed)
    loader: DataLoader[Any] = DataLoader(batches, batch_size=None)
    fit(module, loader, output, precision=config.precision, track=silent)


def test_optimisers(make_module: Callable[[TrainConfig], MultiTaskTask], tiny: Tiny) -> None:
    module = make_module(tiny())
    network, own = module.configure_optimizers()
    assert isinstance(network, SGD)
    assert {k: network.defaults[k] for k in ("lr", "momentum", "weight_decay")} == {
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 1e-4,
    }
    assert isinstance(own, Adam)
    moved = [
        {id(p) for group in optimiser.param_groups for p in group["params"]}
        for optimiser in (network, own)
    ]
    assert moved[0] == {id(p) for p in module.model.parameters()}
    assert moved[1] == {id(p) for p in module.method.networks.parameters()}
    assert not moved[0] & moved[1]
    assert {id(p) for p in module.parameters()} == moved[0] | moved[1]
    (alone,) = make_module(
        tiny(method={"name": "jtl"}, optimiser={"name": "adamw", "lr": 0.1})
    ).configure_optimizers()
    assert isinstance(alone, AdamW)


def test_what_becomes_of_decoders_without_a_gradient(
    make_module: Callable[[TrainConfig], MultiTaskTask], tiny: Tiny, tmp_path: Path
) -> None:
    """The second domain has no land cover: its decoder coasts, or rests after the first."""
    after: dict[str, Tensor] = {}
    before = torch.zeros(())
    for idle in ("rests", "moves"):
        config = tiny(method={"name": "jtl"}, crop_px=32, optimiser={"lr": 0.1, "idle": idle})
        module = make_module(config)
        weight = [p for p in module.model.decoders[SEGMENTATION].parameters() if p.dim() == 4][-1]
        before = weight.detach().clone()
        _fit(module, config, tmp_path / idle, iterations=1)
        after[idle] = weight.detach().clone()
    speed = (before - after["rests"]) / 0.1
    coasted = after["rests"] - 0.1 * (0.9 * speed + 1e-4 * after["rests"])
    assert not torch.equal(after["moves"], after["rests"])
    torch.testing.assert_close(after["moves"], coasted)


@pytest.mark.parametrize("poly", [True, False])
def test_rates_follow_the_iteration_not_the_steps(
    make_module: Callable[[TrainConfig], MultiTaskTask],
    tiny: Tiny,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    poly: bool,
) -> None:
    config = tiny(
        method={"name": "semimtl", "width": 8, "poly": poly}, crop_px=32, optimiser={"warmup": 1}
    )
    module = make_module(config)
    rates: list[tuple[float, float]] = []

    class Watch(Callback):
        def on_train_batch_end(self, *_: object) -> None:
            network, own = module.trainer.optimizers
            rates.append((network.param_groups[0]["lr"], own.param_groups[0]["lr"]))

    monkeypatch.setattr(fitting, "_Progress", lambda *_: Watch())
    _fit(module, config, tmp_path)
    decay = [(1 - i / 4) ** 0.9 for i in range(4)]
    assert [rate for rate, _ in rates] == pytest.approx(
        [0.01 * w * d for w, d in zip((0.5, 1, 1, 1), decay, strict=True)]
    )
    own = [1e-4 * d for d in decay] if poly else [1e-4] * 4
    assert [rate for _, rate in rates] == pytest.approx(own)
    assert module.iteration == 4


def test_half_precision_sees_the_second_domain_with_stepped_weights(
    make_module: Callable[[TrainConfig], MultiTaskTask],
    tiny: Tiny,
    tmp_path: Path,
) -> None:
    """Autocast alone keeps its copies of weights to the end; Lightning forbids it to."""
    config = tiny(precision="bfloat16", crop_px=32, optimiser={"lr": 0.5})
    module = make_module(config)
    seen: list[Tensor] = []
    stepped: list[Tensor] = []
    first = module.model.encoder.backbone.conv1
    image = torch.rand(1, 3, 32, 32)

    def look(_network: nn.Module, _inputs: object) -> None:
        assert torch.is_autocast_enabled("cpu")
        stepped.append(nn.functional.conv2d(image.bfloat16(), first.weight.detach().bfloat16()))
        seen.append(nn.functional.conv2d(image, first.weight).detach())

    module.model.register_forward_pre_hook(look)
    _fit(module, config, tmp_path, iterations=1)
    assert len(seen) == 2
    assert not torch.equal(stepped[0], stepped[1])
    for mine, wanted in zip(seen, stepped, strict=True):
        assert mine.dtype == torch.bfloat16
        assert torch.equal(mine, wanted)


def test_the_discriminators_move_once_and_the_network_once_a_domain(
    make_module: Callable[[TrainConfig], MultiTaskTask],
    tiny: Tiny,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tiny(crop_px=32)
    module = make_module(config)
    steps: list[str] = []
    kept = module.configure_optimizers()
    for name, optimiser in zip(("network", "own"), kept, strict=True):
        optimiser.register_step_post_hook(lambda *_, name=name: steps.append(name))
    monkeypatch.setattr(module, "configure_optimizers", lambda: kept)
    before = [p.clone() for p in module.method.networks.parameters()]
    _fit(module, config, tmp_path, iterations=2)
    assert steps == ["network", "network", "own"] * 2
    moved = [
        not torch.equal(p, q)
        for p, q in zip(module.method.networks.parameters(), before, strict=True)
    ]
    assert all(moved)


def test_clipping_shortens_the_step(
    make_module: Callable[[TrainConfig], MultiTaskTask], tiny: Tiny, tmp_path: Path
) -> None:
    def flat(module: MultiTaskTask) -> Tensor:
        return torch.cat([p.detach().flatten() for p in module.model.parameters()])

    moved = []
    for clip in (None, 0.01):
        config = tiny(
            method={"name": "jtl"},
            crop_px=32,
            optimiser={"clip_norm": clip, "weight_decay": 0, "momentum": 0, "lr": 1},
        )
        module = make_module(config)
        before = flat(module)
        _fit(module, config, tmp_path / str(clip), iterations=1)
        moved.append((flat(module) - before).norm().item())
    assert moved[1] <= 2 * 0.01 * 1.01  # two domains, two steps
    assert moved[0] > 2 * moved[1]


def test_a_weight_that_is_left_out_is_the_papers(tiny: Tiny) -> None:
    usual = tiny().weights
    assert (usual["segmentation"], usual["height"], usual["normals"]) == (1, 0.01, 10)
    assert tiny(weights={"segmentation": 2}).weights == usual | {"segmentation": 2}
    assert tiny(weights={"height": 2}).weights == usual | {"height": 2}


def test_decoders_may_learn_at_another_rate_and_by_steps(
    make_module: Callable[[TrainConfig], MultiTaskTask],
    tiny: Tiny,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tiny(crop_px=32, optimiser={"decoder_lr": 10, "decays_by": "steps"})
    module = make_module(config)
    rates: list[list[float]] = []
    network, own = module.configure_optimizers()
    network.register_step_post_hook(
        lambda *_: rates.append([group["lr"] for group in network.param_groups])
    )
    monkeypatch.setattr(module, "configure_optimizers", lambda: [network, own])
    encoder, decoders = ({id(p) for p in g["params"]} for g in network.param_groups)
    assert encoder == {id(p) for p in module.model.encoder.parameters()}
    assert decoders == {id(p) for p in module.model.decoders.parameters()}
    _fit(module, config, tmp_path)
    shares = [(1 - step / 8) ** 0.9 for step in range(8)]
    assert [rate for rate, _ in rates] == pytest.approx([0.01 * share for share in shares])
    assert [rate for _, rate in rates] == pytest.approx([0.1 * share for share in shares])


def test_the_second_head_learns_with_its_weight(
    make_module: Callable[[TrainConfig], MultiTaskTask], tiny: Tiny, tmp_path: Path
) -> None:
    network = tiny().network.model_copy(update={"aux_weight": 0.4})
    config = tiny(crop_px=32, network=network)
    module = make_module(config)
    before = [p.clone() for p in module.model.auxiliary.parameters()]
    _fit(module, config, tmp_path, iterations=2)
    assert before
    assert any(
        not torch.equal(p, q)
        for p, q in zip(module.model.auxiliary.parameters(), before, strict=True)
    )
