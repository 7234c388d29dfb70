"""Scores whose figures are known, a scene whose rasters are there, and small models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.classes import ISPRS_CLASSES, Classes, LandClass
from geosemimtl.config import NetworkConfig
from geosemimtl.inference.choosing import Chosen, choose_scenes
from geosemimtl.inference.evaluation.scoring import (
    ErodedCounts,
    Evaluation,
    HeightResult,
    SegmentationResult,
)
from geosemimtl.inference.evaluation.views import ClassView, HeightView
from geosemimtl.inference.options import PredictOptions
from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.grouped import HeightGroups
from geosemimtl.metrics.height_pairs import PairCounts
from geosemimtl.metrics.regression import HeightCounts
from geosemimtl.models.network import build_network
from geosemimtl.raster.cog import cog_writer
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.styles import qgis_style
from geosemimtl.tasks import (
    HEIGHT,
    Quantity,
    Segmentation,
    Task,
)
from geosemimtl.training.model_file import DomainCard, ModelCard, save_model

NAMES = ("low_vegetation", "tree", "clutter")
BUILDING, TREE = 1, 3


@pytest.fixture
def evaluation() -> Evaluation:
    """Return scores of three classes, one of them nowhere, and of four heights."""
    classes = Classes(entries=tuple(LandClass(name=name, color="#000000") for name in NAMES))
    counts = ConfusionCounts(np.array([[6, 2, 0], [0, 2, 0], [0, 0, 0]]))
    most_common = ConfusionCounts(np.array([[8, 0, 0], [2, 0, 0], [0, 0, 0]]))
    eroded = ErodedCounts(3, ConfusionCounts(np.array([[3, 0, 0], [0, 1, 0], [0, 0, 0]])))
    truth, guess = np.array([0.2, 2, 4, 8]), np.array([1.2, 2, 2, 4])
    every = np.ones(4, bool)
    ranges = np.array([0, 1, 1, 1])
    model = HeightCounts.from_heights(guess, truth, every, eps=0.5)
    return Evaluation(
        SegmentationResult(classes, counts, most_common, ("clutter",), eroded),
        HeightResult(
            counts=model,
            mean=HeightCounts.from_heights(np.full(4, truth.mean()), truth, every, eps=0.5),
            zero=HeightCounts.from_heights(np.zeros(4), truth, every, eps=0.5),
            positive=HeightCounts.from_heights(guess, truth, every),
            edges_m=(1.0, 10.0),
            bins=HeightGroups.from_heights(guess, truth, every, ranges, 3, eps=0.5),
            by_class={"low_vegetation": model, "tree": HeightCounts(eps=0.5)},
        ),
    )


#: Of the maps: a width of 8 m and a height of 4.
GRID = PixelGrid(Affine(2, 0, 300000, 0, -2, 5000000), (2, 4), CRS.from_epsg(25832))


@pytest.fixture
def drawn(evaluation: Evaluation) -> Evaluation:
    """Return the same scores with what a report draws, of a scene whose name needs escaping."""
    land, heights = evaluation.segmentation, evaluation.height
    assert land is not None
    assert heights is not None
    colours = np.full((2, 4, 4), 255, np.uint8)
    colours[:, :2, 0] = 0
    wrong = np.array([[0, 0.5, 1, np.nan], [0, 0, 0, 0]], np.float32)
    true = np.array([[0, 3, 12, np.nan], [0, 1, 2, 3]], np.float32)
    error = np.array([[0, 1.5, -2, np.nan], [0, 0, 0, 0]], np.float32)
    percent = np.repeat(np.array([85, 95], np.uint8), 4)
    every = np.ones(8, bool)
    calibration = CalibrationCounts.from_confidence(percent, np.arange(8) > 2, every)
    pairs = PairCounts.from_heights(np.array([1.2, 2, 2, 4]), np.array([0.2, 2, 4, 8]), every[:4])
    name = "a<b"
    return replace(
        evaluation,
        segmentation=replace(
            land,
            calibration=calibration,
            views=(ClassView(name, GRID, 2, colours, colours, wrong),),
        ),
        height=replace(
            heights, pairs=pairs, views=(HeightView(name, GRID, 2, true, true + error, error),)
        ),
    )


@pytest.fixture(scope="session")
def make_domain() -> Callable[..., DomainCard]:
    """Return a function that makes a domain: its name, any other field by keyword."""

    def make(name: str, **changes: Any) -> DomainCard:
        fields: dict[str, Any] = {
            "name": name,
            "scenes": (),
            "tiles": 1,
            "supervises": ("segmentation",),
            "dtype": "uint8",
            "value_range": (0, 255),
            "statistics": (),
        }
        return DomainCard(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def make_card() -> Callable[..., ModelCard]:
    """Return a function that makes the card of a small ResNet-18, any field by keyword."""

    def make(norm: str = "shared", encoder: str = "resnet18", **changes: Any) -> ModelCard:
        small = {"channels": 16}
        network = NetworkConfig.model_validate(
            {
                "encoder": encoder,
                "weights": None,
                "output_stride": 32,
                "norm": norm,
                "segmentation": {"name": "psp", **small},
                "height": {"name": "upsampling", **small},
            }
        )
        fields: dict[str, Any] = {
            "name": "small",
            "network": network,
            "tasks": (Segmentation(classes=ISPRS_CLASSES), Quantity(name=HEIGHT, scale=30)),
            "bands": ("red", "green", "blue"),
            "mean": (0.5, 0.4, 0.3),
            "std": (0.2, 0.25, 0.3),
            "dtype": "uint8",
            "value_range": (0, 255),
            "gsd_m": 0.1,
            "tile_px": 64,
            "overlap_px": 32,
            "domains": (),
            "training": {},
            "versions": {},
        }
        return ModelCard(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def make_model(make_card: Callable[..., ModelCard]) -> Callable[..., Path]:
    """Return a function that writes an untrained model into a folder, as its card says."""

    def make(folder: Path, **changes: Any) -> Path:
        card = make_card(**changes)
        count = max(1, len(card.domains))
        torch.manual_seed(0)
        network = build_network(card.network, card.tasks, 3, count, initial=False)
        with torch.no_grad():  # statistics of their own
            for domain in range(count):
                network.use_domain(domain)
                network(torch.randn(4, 3, 64, 64) * (domain + 1) + domain)
        state = network.state_dict()
        for task in card.tasks:  # else it says hardly anything but one class and 0 m
            state[f"decoders.{task.name}.head.weight"] *= 20
        if HEIGHT in [task.name for task in card.tasks]:
            state["decoders.height.head.bias"] += 0.5
        path = folder / f"{card.name}.safetensors"
        save_model(path, network, card)
        return path

    return make


@pytest.fixture
def card(
    evaluation: Evaluation,
    make_card: Callable[..., ModelCard],
    make_domain: Callable[..., DomainCard],
) -> ModelCard:
    """Return a model's card that says how many pixels were labelled."""
    assert evaluation.segmentation is not None
    return make_card(
        name="toy",
        tasks=(
            Segmentation(classes=evaluation.segmentation.classes),
            Quantity(name=HEIGHT, scale=30),
        ),
        gsd_m=0.5,
        domains=tuple(
            make_domain(
                name, scenes=("s1", "s2"), tiles=3, supervises=(task,), pixels={task: pixels}
            )
            for name, task, pixels in (("sky", "segmentation", 3_000_000), ("air", "height", 1000))
        ),
        training={"method": {"name": "semimtl"}},
        versions={"torch": "2"},
    )


@pytest.fixture
def choose(
    make_raster: Callable[..., Path], make_card: Callable[..., ModelCard], tmp_path: Path
) -> Callable[..., Chosen]:
    """Return a function that makes a scene of 60 x 50 m whose rasters are there.

    In its middle the class ``inside`` is 9 m high, by default a building; the rest is trees.
    """

    def make(
        tasks: tuple[Task, ...] = (
            Segmentation(classes=ISPRS_CLASSES),
            Quantity(name=HEIGHT, scale=20),
        ),
        crs: str = "EPSG:25833",
        pixels: NDArray[Any] | None = None,
        names: tuple[str, ...] = ("red", "green", "blue"),
        inside: int = BUILDING,
        **options: Any,
    ) -> Chosen:
        image = np.full((3, 100, 120), 200, np.uint8) if pixels is None else pixels
        place = Affine(5e-6, 0, 13, 0, -5e-6, 52) if crs == "EPSG:4326" else None
        scene = make_raster("scene.tif", image, gsd=0.5, transform=place, crs=crs, names=names)
        card = make_card(
            tasks=tasks,
            bands=names[:3],
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            dtype=str(image.dtype),
            gsd_m=0.5,
            tile_px=32,
            overlap_px=16,
        )
        (chosen,), _ = choose_scenes([scene], tmp_path / "out", card, PredictOptions(**options))
        (tmp_path / "out").mkdir()
        _write_rasters(chosen, inside)
        return chosen

    return make


def _write_rasters(chosen: Chosen, inside: int) -> None:
    for kind, path in chosen.paths.items():
        raster, style = chosen.outputs.raster(kind)
        values = np.full((len(raster.band_names), 100, 120), TREE, raster.dtype)
        values[:, 30:70, 40:80] = 9 if kind == HEIGHT else inside
        sidecars = {".qml": qgis_style(style)}
        with cog_writer(path, chosen.plan.output, raster, sidecars) as target:
            target.write(0, values)
