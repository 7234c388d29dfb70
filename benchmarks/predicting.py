"""What benchmarks/predict.py measures, each in a process of its own.

``python benchmarks/predicting.py FOLDER WHAT NETWORK HOW DEVICE`` prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.config import DecoderConfig, NetworkConfig
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.scene import draw_city, write_city
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import TorchNetwork
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.predictor import predict
from geosemimtl.machine import keep_freed_memory, peak_memory_mb
from geosemimtl.models.network import activate, build_network
from geosemimtl.raster.grid import model_grid
from geosemimtl.raster.reading import image_filter, read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import HEIGHT, Quantity, Segmentation
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.weights import hann
from geosemimtl.training.config import load_config
from geosemimtl.training.model_file import ModelCard, load_model, read_card, save_model

SIDE_M, SCENE_GSD_M, GSD_M, TILE_PX = 300, 0.05, 0.09, 512
SPARSE_PX = 31623
MEAN, STD = 0.4, 0.2
#: The encoders are not dilated: at the paper's output stride of 8 a ResNet-50 takes five times as
#: long, which would flatter what goes on beside it.
_PSP = DecoderConfig(name="psp")
_UP = DecoderConfig(name="upsampling")
NETWORKS: dict[str, NetworkConfig | None] = {
    "lite0": None,  # the demo's
    "demo": None,  # the same at the demo's GSD and tile size
    "resnet18": NetworkConfig(
        encoder="resnet18", weights=None, output_stride=32, segmentation=_PSP, height=_UP
    ),
    "resnet50": NetworkConfig(
        encoder="resnet50", weights=None, output_stride=32, segmentation=_PSP, height=_UP
    ),
}


def make_scene(folder: Path) -> None:
    """Draw the scene of 36 megapixels."""
    write_city(draw_city(preset("potsdam"), SIDE_M, SIDE_M, 0, SCENE_GSD_M), folder, "city")


def make_model(folder: Path, name: str) -> None:
    """Write an untrained model."""
    network = NETWORKS[name]
    if network is None:
        with as_file(files("geosemimtl.configs") / "demo.yaml") as path:
            network = load_config(path).network.model_copy(update={"weights": None})
    tasks = (Segmentation(classes=ISPRS_CLASSES), Quantity(name=HEIGHT, scale=20))
    tile_px = 256 if name == "demo" else TILE_PX
    card = ModelCard(
        name=name,
        network=network,
        tasks=tasks,
        bands=("nir", "red", "green"),
        mean=(MEAN,) * 3,
        std=(STD,) * 3,
        dtype="uint8",
        value_range=(0, 255),
        gsd_m=GSD_M,
        tile_px=(tile_px, tile_px),
        overlap_px=tile_px // 2,
        domains=(),
        training={},
        versions={},
    )
    torch.manual_seed(0)
    save_model(folder / f"{name}.safetensors", build_network(network, tasks, 3), card)


def engine(folder: Path, network: str, precision: str, device: str) -> dict[str, Any]:
    """Predict as the command does, start-up apart."""
    (made,) = predict(
        [folder / "city.tif"],
        folder / f"{network}.safetensors",
        output=folder / "out",
        options=PredictOptions(precision=precision),
        overwrite=True,
        devices=(device,),
    )
    return {
        "work": made.seconds["total"] - made.seconds["cog"],
        "seconds": made.seconds,
        "megapixels_per_second": made.speed,
        "peak_mb": peak_memory_mb(),
    }


def _tiles(folder: Path, network: str) -> tuple[TileLayout, NDArray[np.float32]]:
    """Read the scene at the model's GSD, whole."""
    card = read_card(folder / f"{network}.safetensors")
    scene = open_scene(folder / "city.tif")
    assert card.gsd_m is not None  # noqa: S101  (made above, with one)
    grid = model_grid(scene.grid, card.gsd_m)
    with read_on_grid(scene, grid, image_filter(scene.grid, grid), card.bands) as reader:
        pixels, _ = reader.read()
    return TileLayout(grid.shape, card.tile_px, card.overlap_px), unit_values(pixels, (0, 255))


def forward(folder: Path, network: str, precision: str, device: str) -> dict[str, Any]:
    """Run the network on the engine's batches and do nothing else."""
    keep_freed_memory()  # as the engine does
    loaded, card = load_model(folder / f"{network}.safetensors")
    run = Forward(TorchNetwork(loaded, torch.device(device), precision), card.tasks)
    layout, pixels = _tiles(folder, network)
    image = torch.from_numpy(_normalised(pixels)).to(device)
    count, most = len(layout.col_offsets), 4
    groups = -(-count // most)
    batches = []
    for i in range(len(layout.row_offsets)):
        for index in range(groups):
            part = range(index * count // groups, (index + 1) * count // groups)
            windows = [layout.window(i, j) for j in part]
            tiles = [image[:, w.row_off :, w.col_off :][:, :TILE_PX, :TILE_PX] for w in windows]
            batches.append([tile.contiguous() for tile in tiles])
    run(batches[0])
    _wait(device)
    begun = time.perf_counter()
    for batch in batches:
        run(batch)
    _wait(device)
    return {"seconds": time.perf_counter() - begun, "batches": len(batches)}


def _normalised(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    return (pixels - np.float32(MEAN)) / np.float32(STD)


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def plain(folder: Path, network: str, how: str, device: str) -> dict[str, Any]:
    """Predict as a script does: window after window, sums of the whole scene in memory.

    ``default``: float32, torch's own memory format, one window at a time. ``equal``: the engine's
    memory format and batch.
    """
    loaded, card = load_model(folder / f"{network}.safetensors")
    batch = 4 if how == "equal" else 1
    layout_format = torch.channels_last if how == "equal" else torch.contiguous_format
    loaded.to(device, memory_format=layout_format)  # type: ignore[call-overload]  # torch's stub lacks the pair
    begun = time.perf_counter()
    layout, pixels = _tiles(folder, network)
    (rows, cols), (size, _) = layout.shape, layout.size_px
    channels = sum(task.channels for task in card.tasks)
    total, weight = np.zeros((channels, rows, cols), np.float32), np.zeros((rows, cols), np.float32)
    window = np.outer(hann(size), hann(size)).astype(np.float32)
    places = [place for _, _, place in layout.tiles()]
    with torch.inference_mode():
        for first in range(0, len(places), batch):
            group = places[first : first + batch]
            parts = [
                np.s_[at.row_off : at.row_off + size, at.col_off : at.col_off + size]
                for at in group
            ]
            image = torch.from_numpy(_normalised(np.stack([pixels[:, *part] for part in parts])))
            image = image.to(device, memory_format=layout_format)
            logits = loaded(image).logits
            maps = [activate(task, logits[task.name]) for task in card.tasks]
            for part, values in zip(parts, torch.cat(maps, dim=1).cpu().numpy(), strict=True):
                total[:, *part] += values * window
                weight[part] += window
    _finish(folder, torch.from_numpy(total / weight))
    return {"seconds": time.perf_counter() - begun, "peak_mb": peak_memory_mb()}


def _finish(folder: Path, blended: torch.Tensor) -> None:
    """Enlarge to the scene's grid, decide, and write, as a script does."""
    with rasterio.open(folder / "city.tif") as source:
        profile = source.profile | {"count": 1, "driver": "GTiff", "compress": None}
        shape = source.shape
    large = torch.nn.functional.interpolate(blended[None], size=shape, mode="bilinear")[0]
    certainty, classes = large[:-1].max(dim=0)
    for name, values, dtype in (
        ("classes", classes, "uint8"),
        ("confidence", certainty * 100, "uint8"),
        ("height", large[-1], "float32"),
    ):
        with rasterio.open(folder / f"plain_{name}.tif", "w", **profile | {"dtype": dtype}) as made:
            made.write(values.numpy().astype(dtype), 1)


def sparse(folder: Path, network: str, rows: str, device: str) -> dict[str, Any]:
    """Predict a scene of 31623 px width that is mostly empty; a city lies in its upper left."""
    path = folder / f"sparse_{rows}.tif"
    with rasterio.open(folder / "city.tif") as source:
        profile = source.profile | {
            "height": int(rows),
            "width": SPARSE_PX,
            "tiled": True,
            "blockxsize": 512,
            "blockysize": 512,
            "compress": "zstd",
            "nodata": 0,
            "sparse_ok": True,
            "BIGTIFF": "IF_SAFER",
        }
        side = min(source.height, int(rows))
        city = source.read(window=Window(0, 0, source.width, side))
        names = source.descriptions
    with rasterio.open(path, "w", **profile) as target:
        target.descriptions = names
        for left in range(0, SPARSE_PX - city.shape[2], city.shape[2]):
            target.write(city, window=Window(left, 0, city.shape[2], side))
    begun = time.perf_counter()
    (made,) = predict(
        [path], folder / f"{network}.safetensors", output=folder / "out", devices=(device,)
    )
    return {
        "total": time.perf_counter() - begun,
        "megapixels_per_second": made.speed,
        "peak_mb": peak_memory_mb(),
    }


def torchgeo(folder: Path, network: str, precision: str, device: str) -> dict[str, Any]:
    """Run the same windows out of torchgeo's GridGeoSampler and a DataLoader."""
    from torch.utils.data import DataLoader  # noqa: PLC0415
    from torchgeo.datasets import RasterDataset, stack_samples  # noqa: PLC0415
    from torchgeo.samplers import GridGeoSampler  # noqa: PLC0415

    loaded, card = load_model(folder / f"{network}.safetensors")
    run = Forward(TorchNetwork(loaded, torch.device(device), precision), card.tasks)
    begun = time.perf_counter()

    class City(RasterDataset):
        filename_glob = "city.tif"

    data = City(str(folder), res=(GSD_M, GSD_M))
    sampler = GridGeoSampler(data, size=TILE_PX, stride=TILE_PX // 2)  # in pixels
    windows = 0
    for batch in DataLoader(data, batch_size=4, sampler=sampler, collate_fn=stack_samples):
        images = batch["image"].numpy() / 255
        run([torch.from_numpy(_normalised(image[:3])).to(device) for image in images])
        windows += len(images)
    return {"seconds": time.perf_counter() - begun, "windows": windows}


if __name__ == "__main__":
    folder, what, *arguments = sys.argv[1:]
    print(json.dumps(globals()[what](Path(folder), *arguments)))
