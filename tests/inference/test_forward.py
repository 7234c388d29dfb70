"""Running a network on batches of tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rasterio.windows import Window
from torch import Tensor, nn

from geosemimtl.cli.predict import command
from geosemimtl.errors import ConfigError
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import PRECISIONS, TorchNetwork, resolved
from geosemimtl.models.network import Output
from geosemimtl.tiling.layers import Piece
from geosemimtl.training.model_file import load_model

CPU = torch.device("cpu")


def test_auto_is_what_the_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, meant in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        assert resolved("auto", CPU) == meant
        assert resolved("float32", CPU) == "float32"
        assert resolved("bfloat16", CPU) == "bfloat16"


def test_an_unknown_precision(one_line: Callable[[BaseException], str]) -> None:
    with pytest.raises(ConfigError, match="--precision int8: choose from auto, float32") as caught:
        resolved("int8", CPU)
    one_line(caught.value)


def test_bfloat16_is_close_to_float32(model_file: Path) -> None:
    network, card = load_model(model_file)
    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.random((2, 3, 64, 64), np.float32))
    exact, half = (
        Forward(TorchNetwork(network, CPU, name), card.tasks)(list(pixels)).numpy() for name in PAIR
    )
    assert exact.dtype == half.dtype == np.float32
    assert exact.shape == half.shape == (2, 3 + 1, 64, 64)
    np.testing.assert_allclose(half[:, :3], exact[:, :3], atol=0.02)
    np.testing.assert_allclose(half[:, 3], exact[:, 3], atol=0.02 * exact[:, 3].max() + 1e-3)
    assert not np.array_equal(half, exact), "bfloat16 was not used"
    np.testing.assert_allclose(half[:, :3].sum(axis=1), 1, atol=1e-5)


class Shifted(nn.Module):
    """Looks at one neighbour: what lies to the right of a pixel is its class and its height."""

    def forward(self, image: Tensor) -> Output:
        """Predict (B, C, H, W)."""
        right = image.roll(-1, dims=-1)
        return Output([], {"segmentation": right * 10, "height": right[:, :1]})


def test_tta_is_the_mean_of_eight_poses(make_card: Callable[..., Any]) -> None:
    """By hand: turned and flipped, the neighbour to the right is each of the four, twice."""
    tasks = make_card().tasks
    tile = torch.from_numpy(np.random.default_rng(0).random((3, 8, 8), np.float32))
    network = TorchNetwork(Shifted(), CPU, "float32")  # type: ignore[arg-type]  # any will do
    seen = Forward(network, tasks, tta=True)([tile])[0, 3].numpy()
    red = tile[0].numpy() * 100
    around = [np.roll(red, step, axis) for axis in (0, 1) for step in (1, -1)]
    np.testing.assert_allclose(seen, np.mean(around, axis=0), rtol=1e-5)


def test_batch_normalisation_adapts_to_the_scene(model_file: Path) -> None:
    network, card = load_model(model_file)
    run = TorchNetwork(network, CPU, "float32")
    forward = Forward(run, card.tasks)
    dark = np.random.default_rng(0).random((4, 3, 64, 64), np.float32) * 0.1 - 3
    tiles = [_piece(pixels) for pixels in dark]
    before = [buffer.clone() for buffer in network.buffers()]
    first = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    entered: list[Tensor] = []
    first.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
    learned = forward([torch.from_numpy(dark[0])])
    run.adapt(tiles, batch=2)
    maps = torch.cat(entered[1:3])  # the first pass was the one before
    torch.testing.assert_close(first.running_mean, maps.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert not network.training
    assert not torch.allclose(forward([torch.from_numpy(dark[0])]), learned)
    run.adapt([], batch=2)  # a scene with nothing to learn from
    for was, now in zip(before, network.buffers(), strict=True):
        torch.testing.assert_close(now, was)


def _piece(pixels: NDArray[np.float32]) -> Piece:
    size = pixels.shape[1]
    return Piece(Window(0, 0, size, size), pixels, np.ones((size, size), bool), {})


PAIR = ("float32", "bfloat16")


def test_the_command_offers_them_all() -> None:
    """It names them itself: to ask here it would load torch."""
    (option,) = (each for each in command.params if each.name == "precision")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == PRECISIONS
