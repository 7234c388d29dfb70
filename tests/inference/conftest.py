"""A network whose output is known, scenes it can read, and rasters to evaluate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geosemimtl.classes import HUMAN_PARTS_CLASSES, IGNORE, Classes, LandClass
from geosemimtl.config import DecoderConfig, NetworkConfig
from geosemimtl.inference import networks, predictor
from geosemimtl.models.network import Output, build_network
from geosemimtl.raster.cog import cog_writer
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.writing import RasterKind
from geosemimtl.tasks import (
    DEPTH,
    DISPARITY,
    EDGES,
    HEIGHT,
    HUMAN_PARTS,
    INVERSE_DEPTH,
    NORMALS,
    SALIENCY,
    SEGMENTATION,
    Binary,
    Normals,
    Quantity,
    Segmentation,
    Task,
)
from geosemimtl.training.model_file import ModelCard, save_model

#: Where the file of a model is that no test reads.
MODEL = Path("any.safetensors")
RGB = ("red", "green", "blue")
COLOURS = Classes(
    entries=(
        LandClass(name="reddish", color="#ff0000"),
        LandClass(name="greenish", color="#00ff00"),
        LandClass(name="blueish", color="#0000ff"),
    )
)


#: A task of every other name.
OTHERS: tuple[Task, ...] = (
    Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
    Quantity(name="depth", scale=80),
    Quantity(name="inverse_depth", scale=0.5),
    Quantity(name="disparity", scale=120),
    Normals(),
    Binary(name="saliency"),
    Binary(name="edges"),
)


class Pointwise(nn.Module):
    """The class is the brightest band, the height a hundred metres times the first band.

    Other numbers are the first band in units of their scale, a normal is the three bands less a
    half, yes is likelier than no where the second band is above a half, and parts of people are
    the first three.

    Args:
        broken: Whether heights are no numbers.
    """

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(float("nan") if broken else 1.0))
        self.seen: list[NDArray[np.float32]] = []

    def forward(self, image: Tensor) -> Output:
        """Keep and predict the images (B, C, H, W)."""
        self.seen += list(image.cpu().numpy().copy())
        first, unlikely = image[:, :1] * self.gain, torch.full_like(image[:, :1], -9.0)
        said = {SEGMENTATION: image * 10, HEIGHT: first, NORMALS: image - 0.5}
        said |= dict.fromkeys((DEPTH, INVERSE_DEPTH, DISPARITY), first)
        said |= dict.fromkeys((SALIENCY, EDGES), (image[:, 1:2] - 0.5) * 20)
        said[HUMAN_PARTS] = torch.cat([image * 10, *[unlikely] * 4], dim=1)
        return Output([], said)


@pytest.fixture
def make_card() -> Callable[..., ModelCard]:
    """Return a function that makes a model card, any field by keyword."""

    def make(**changes: Any) -> ModelCard:
        small = DecoderConfig(name="upsampling", channels=16)
        fields: dict[str, Any] = {
            "name": "toy",
            "network": NetworkConfig(
                encoder="resnet18", weights=None, output_stride=32, segmentation=small, height=small
            ),
            "tasks": (Segmentation(classes=COLOURS), Quantity(name=HEIGHT, scale=100)),
            "bands": RGB,
            "mean": (0.0, 0.0, 0.0),
            "std": (1.0, 1.0, 1.0),
            "dtype": "uint8",
            "value_range": (0, 255),
            "gsd_m": 0.05,
            "tile_px": 32,
            "overlap_px": 16,
            "domains": (),
            "training": {"method": {"name": "jtl"}},
            "versions": {},
        }
        return ModelCard(**(fields | changes))

    return make


@pytest.fixture
def pointwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_card: Callable[..., ModelCard]
) -> Callable[..., Pointwise]:
    """Return a function that makes every model file be a pointwise network, fields by keyword."""
    monkeypatch.chdir(tmp_path)

    def use(*, broken: bool = False, **changes: Any) -> Pointwise:
        network, card = Pointwise(broken=broken), make_card(**changes)
        monkeypatch.setattr(predictor, "read_card", lambda _: card)
        monkeypatch.setattr(networks, "load_model", lambda *_: (network, card))
        MODEL.touch()
        return network

    return use


@pytest.fixture
def every_task(make_card: Callable[..., ModelCard]) -> tuple[Task, ...]:
    """Return a task of every name, the usual ones first."""
    return (*make_card().tasks, *OTHERS)


@pytest.fixture
def model_file(tmp_path: Path, make_card: Callable[..., ModelCard]) -> Path:
    """Return an untrained model file."""
    card, path = make_card(), tmp_path / "toy.safetensors"
    torch.manual_seed(0)
    network = build_network(card.network, card.tasks, 3)
    state = network.state_dict()
    for name in (SEGMENTATION, HEIGHT):  # else it says hardly anything but 0 m
        state[f"decoders.{name}.head.weight"] *= 20
        state[f"decoders.{name}.head.bias"] += 0.5
    save_model(path, network, card)
    return path


@pytest.fixture
def make_scene(make_raster: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a raster with the bands red, green and blue."""

    def make(name: str, pixels: NDArray[Any], **options: Any) -> Path:
        return make_raster(name, pixels, names=RGB[: len(pixels)], **options)

    return make


@pytest.fixture
def write_classes(make_raster: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a class raster as predict does."""

    def write(name: str, indices: NDArray[Any], classes: Classes = COLOURS, **options: Any) -> Path:
        path = make_raster(name, indices[None].astype(np.uint8), **options)
        kind = RasterKind("uint8", IGNORE, ("classes",), classes=classes, overviews="MODE")
        grid = open_scene(path).grid
        with cog_writer(path, grid, kind) as target:
            target.write(0, indices[None].astype(np.uint8))
        return path

    return write
