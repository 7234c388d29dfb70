"""Tiny tile sets, from above and of streets, and trainings of seconds on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from numpy.typing import NDArray

from geosemimtl.classes import Classes, LandClass, class_map_of
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.data.street.dataset import write_street
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.training.config import TrainConfig

SIDE = 96
BANDS = ("red", "green", "blue")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Use one thread: tiny networks wait for threads longer than they compute."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def classes() -> Classes:
    """Return three classes."""
    return Classes(
        entries=(
            LandClass(name="ground", color="#aaaaaa"),
            LandClass(name="building", color="#ff0000"),
            LandClass(name="tree", color="#00ff00"),
        )
    )


@pytest.fixture(scope="session")
def cut_domain(tmp_path_factory: pytest.TempPathFactory, classes: Classes) -> Callable[..., Path]:
    """Return a function that makes a tile set: name, and what it is labelled for.

    By keyword ``labels`` and ``heights``, ``seed``, and any of ``TileOptions``'s.
    """

    def cut(
        name: str,
        *,
        labels: bool = False,
        heights: bool = False,
        seed: int = 0,
        dtype: str = "uint8",
        **options: Any,
    ) -> Path:
        folder = tmp_path_factory.mktemp(name)
        noise = np.random.default_rng(seed)

        def write(layer: str, pixels: NDArray[Any], nodata: float | None = None) -> list[Path]:
            path = folder / layer / "scene.tif"
            path.parent.mkdir()
            profile = {
                "driver": "GTiff",
                "count": pixels.shape[0],
                "height": SIDE,
                "width": SIDE,
                "dtype": str(pixels.dtype),
                "crs": "EPSG:25833",
                "nodata": nodata,
                "transform": Affine(0.1, 0, 368000, 0, -0.1, 5806000),
            }
            with rasterio.open(path, "w", **profile) as target:
                target.write(pixels)
            return [path]

        defaults: dict[str, Any] = {"size_px": 64, "bands": BANDS, "classes": class_map_of(classes)}
        kinds = noise.integers(0, 3, (SIDE // 8, SIDE // 8)).repeat(8, 0).repeat(8, 1)
        image = np.stack([kinds * 60 + noise.integers(20, 60, kinds.shape) for _ in BANDS])
        tile(
            write("image", image.astype(dtype)),
            folder / "tiles",
            labels=write("labels", kinds[None].astype(np.uint8)) if labels else (),
            heights=write("heights", (kinds[None] * 5).astype(np.float32), -9999)
            if heights
            else (),
            options=TileOptions(**(defaults | options)),
        )
        return folder / "tiles"

    return cut


@pytest.fixture(scope="session")
def street_tiles(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return tile sets of synthetic streets, classes and disparities of either, by look."""
    folder = tmp_path_factory.mktemp("street")
    drawn = write_street(folder / "street", seed=0, train=2, val=1, shape=(64, 128))
    known = {"camera": ("cityscapes", drawn.camera), "rendered": ("synscapes", drawn.rendered)}
    for look, (name, root) in known.items():
        data = find_data_set(name, root)
        options = replace(data.options, resize=(64, 128))
        tile(replace(data, options=options), folder / look)
    return {look: folder / look for look in known}


@pytest.fixture(scope="session")
def seg_tiles(cut_domain: Callable[..., Path]) -> Path:
    """Return a tile set of 4 tiles with classes."""
    return cut_domain("potsdam", labels=True, seed=1)


@pytest.fixture(scope="session")
def height_tiles(cut_domain: Callable[..., Path]) -> Path:
    """Return a tile set of 4 tiles with heights."""
    return cut_domain("vaihingen", heights=True, seed=2)


@pytest.fixture(scope="session")
def parted(cut_domain: Callable[..., Path]) -> dict[str, Path]:
    """Return a tile set with classes and one with heights, each of 5 train and 4 val tiles."""
    blocks: dict[str, Any] = {
        "size_px": 32,
        "overlap": 0.0,
        "split": "blocks",
        "split_shares": (0.5, 0.5, 0.0),
        "block_m": 3.2,
    }
    return {
        "potsdam": cut_domain("parted_potsdam", labels=True, seed=1, **blocks),
        "vaihingen": cut_domain("parted_vaihingen", heights=True, seed=2, **blocks),
    }


@pytest.fixture(scope="session")
def watched(tiny: Callable[..., TrainConfig], parted: Mapping[str, Path]) -> Callable[..., Any]:
    """Return a function that makes a training, validated after every second iteration."""

    def config(**changes: Any) -> TrainConfig:
        base: dict[str, Any] = {
            "domains": [{"name": name, "tiles": tiles} for name, tiles in parted.items()],
            "crop_px": 32,
            "iterations": 5,
            "validation": {"every": 2, "pictures": 0},  # which take longer than all the rest
        }
        return tiny(**(base | changes))

    return config


@pytest.fixture(scope="session")
def tiny(seg_tiles: Path, height_tiles: Path) -> Callable[..., TrainConfig]:
    """Return a function that makes a training of two iterations, changed as its keywords say."""

    def config(**changes: Any) -> TrainConfig:
        base: dict[str, Any] = {
            "name": "tiny",
            "domains": [
                {"name": "potsdam", "tiles": seg_tiles},
                {"name": "vaihingen", "tiles": height_tiles},
            ],
            "network": {
                "encoder": "resnet18",
                "weights": None,
                "output_stride": 32,
                "segmentation": {"name": "psp", "channels": 16},
                "height": {"name": "upsampling", "channels": 16},
            },
            "method": {"name": "semimtl", "width": 8},
            "iterations": 2,
            "batch": 2,
            "crop_px": 64,
        }
        return TrainConfig.model_validate(base | changes)

    return config


STREET_TASKS = ("segmentation", "depth", "normals", "saliency")
STREET_PX = (32, 48)
#: Images without ground, of which the first train.
STREETS, STREETS_TRAINED = 9, 6


def street_of(seed: int) -> dict[str, NDArray[Any]]:
    """Draw an image and its labels: a wall nearer on the right, a thing in the middle."""
    random = np.random.default_rng(seed)
    rows, cols = STREET_PX
    depth = np.broadcast_to(np.linspace(20, 5, cols), STREET_PX).astype(np.float32).copy()
    depth[:4] = NODATA
    facing = np.where(np.arange(cols) < cols // 2, 0.6, 0).astype(np.float32)
    normals = np.stack(
        [np.broadcast_to(each, STREET_PX) for each in (facing, 0 * facing, -np.sqrt(1 - facing**2))]
    )
    thing = np.zeros(STREET_PX, np.uint8)
    thing[8:24, 16 + seed : 28 + seed] = 1
    image = (40 * thing + random.integers(20, 200, (3, rows, cols))).astype(np.uint8)
    return {
        "image": image,
        "segmentation": (np.arange(rows) // 8 % 3).astype(np.uint8)[:, None].repeat(cols, 1)[None],
        "depth": depth[None],
        "normals": normals.astype(np.float32),
        "saliency": thing[None],
    }


@pytest.fixture(scope="session")
def street_layers() -> Callable[[int], dict[str, NDArray[Any]]]:
    """Return a function that draws a street by its number."""
    return street_of


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tile set of 6 training and 3 validation images."""
    folder = tmp_path_factory.mktemp("streets")
    scenes = []
    for seed in range(STREETS):
        files = {}
        for layer, pixels in street_of(seed).items():
            path = folder / layer / f"street_{seed}.tif"
            path.parent.mkdir(exist_ok=True)
            with rasterio.open(
                path,
                "w",
                driver="GTiff",
                dtype=str(pixels.dtype),
                count=len(pixels),
                height=STREET_PX[0],
                width=STREET_PX[1],
                crs="EPSG:25833",
                transform=Affine(1, 0, 9, 0, -1, 9),
                nodata=NODATA if pixels.dtype == np.float32 else None,
            ) as target:
                target.write(pixels)
            files[layer] = (path,)
        split = "train" if seed < STREETS_TRAINED else "val"
        scenes.append(SceneFiles(path.stem, files.pop("image"), files, split))
    options = TileOptions(resize=STREET_PX, bands=("red", "green", "blue"))
    tile(DataSet(tuple(scenes), options), folder / "tiles")
    return folder / "tiles"


@pytest.fixture(scope="session")
def street(streets: Path) -> Callable[..., TrainConfig]:
    """Return a function that makes a training of two iterations, changed as its keywords say."""
    decoder = {"name": "upsampling", "channels": 16}

    def config(**changes: Any) -> TrainConfig:
        base: dict[str, Any] = {
            "name": "street",
            "tasks": STREET_TASKS,
            "domains": [{"name": "a", "tiles": streets}],
            "network": {
                "encoder": "resnet18",
                "weights": None,
                "output_stride": 32,
                **dict.fromkeys(STREET_TASKS, decoder),
            },
            "method": {"name": "jtl"},
            "iterations": 2,
            "batch": 2,
            "crop_px": 32,
            "optimiser": {"lr": 1e-5},  # maps of a pixel have steep gradients
            "validation": {"every": 1, "pictures": 0},
        }
        return TrainConfig.model_validate(base | changes)

    return config
