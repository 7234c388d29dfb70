"""Measure time and memory of prediction as a scene grows.

Run with ``python benchmarks/predict.py``.
Draws a synthetic scene, predicts it with an untrained network of the demo's architecture, whole
and with four times the rows, in both precisions, each in a process of its own, and prints
megapixels a second and the peak memory of each. The ratio of the peaks is what the engine claims
to keep near 1.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from memory import peak_mb
from rasterio.crs import CRS

from geosemimtl.config import load_config
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.scene import draw_city
from geosemimtl.inference.predictor import PredictOptions, predict
from geosemimtl.models.network import build_network
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import ISPRS_CLASSES, Height, Segmentation
from geosemimtl.training.model_file import ModelCard, save_model

SIDE_PX = 2048
GSD_M = 0.3


def make_inputs(folder: Path) -> None:
    """Write the scenes and the model file."""
    city = draw_city(preset("potsdam"), SIDE_PX * GSD_M, SIDE_PX * GSD_M, 1, GSD_M)
    for name, repeats in (("one", 1), ("four", 4)):
        image = np.tile(city.image, (1, repeats, 1))
        grid = PixelGrid(city.transform, image.shape[1:], CRS.from_epsg(city.epsg))
        write_raster(folder / f"{name}.tif", image, grid, band_names=city.bands)
    with as_file(files("geosemimtl.configs") / "demo.yaml") as path:
        network = load_config(path).network.model_copy(update={"weights": None})
    tasks = (Segmentation(classes=ISPRS_CLASSES), Height(scale_m=20))
    card = ModelCard(
        name="benchmark",
        network=network,
        tasks=tasks,
        bands=city.bands,
        mean=(0.4,) * 3,
        std=(0.2,) * 3,
        dtype="uint8",
        value_range=(0, 255),
        gsd_m=GSD_M,
        tile_px=256,
        overlap_px=128,
        domains=(),
        training={},
        versions={},
    )
    save_model(folder / "model.safetensors", build_network(network, tasks, 3), card)


def measure(scene: Path, precision: str) -> None:
    """Predict one scene and print what it took as JSON."""
    started = time.perf_counter()
    predict(
        [scene],
        scene.with_name("model.safetensors"),
        output=scene.parent / precision,
        options=PredictOptions(precision=precision),
    )
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


def main() -> None:
    """Measure both scenes and compare."""
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        for precision in ("float32", "bfloat16"):
            peaks = {}
            for scene, rows in (("one", SIDE_PX), ("four", 4 * SIDE_PX)):
                command = [sys.executable, __file__, str(folder / f"{scene}.tif"), precision]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found = json.loads(out.splitlines()[-1])
                peaks[scene] = found["peak_mb"]
                speed = rows * SIDE_PX / 1e6 / found["seconds"]
                print(
                    f"{precision:9} {SIDE_PX} x {rows} px: {speed:.2f} Mpx/s, peak memory "
                    f"{peaks[scene]:.0f} MB"
                )
            print(f"four times the rows take {peaks['four'] / peaks['one']:.2f} times the memory")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]), sys.argv[2])
    else:
        main()
