"""Measure an exported model in onnxruntime beside torch, on the processor.

``python benchmarks/exported.py`` exports untrained networks and runs batches of 4 tiles of 512 px,
one batch of each kind in turn, so that what else the machine does weighs on all of them.
``--batches N`` takes the medians of so many.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import onnxruntime
import torch
from predicting import TILE_PX, make_model

from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import kind_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.machine import keep_freed_memory
from geosemimtl.publish.export.exporting import export

NETWORKS = ("lite0", "resnet18", "resnet50")
KINDS = (("torch", "float32"), ("onnxruntime", "float32"), ("torch", "bfloat16"))
BATCH = 4


def seconds(folder: Path, name: str, batches: int) -> tuple[list[float], float]:
    """Return the median seconds of a batch of each kind, and those of the export."""
    make_model(folder, name)
    model = folder / f"{name}.safetensors"
    begun = time.perf_counter()
    (made,) = export(model)
    exporting = time.perf_counter() - begun
    runs = []
    for engine, precision in KINDS:
        path = made.path if engine == "onnxruntime" else model
        network, card = kind_of(path).opened(path, "cpu", precision, PredictOptions())
        runs.append(Forward(network, card.tasks))
    tiles = list(torch.randn(BATCH, 3, TILE_PX, TILE_PX))
    took: list[list[float]] = [[] for _ in runs]
    for index in range(batches + 1):
        for run, times in zip(runs, took, strict=True):
            begun = time.perf_counter()
            run(tiles)
            if index:  # the first batch warms up
                times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in took], exporting


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=9)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    arguments = parser.parse_args()
    keep_freed_memory()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"onnxruntime {onnxruntime.__version__}, {torch.get_num_threads()} threads"
    )
    print("| network | torch float32 s | onnxruntime s | ratio | torch bfloat16 s | export s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.networks:
            (exact, onnx, half), exporting = seconds(Path(folder), name, arguments.batches)
            print(
                f"| {name} | {exact:.2f} | {onnx:.2f} | {exact / onnx:.2f} | {half:.2f} | "
                f"{exporting:.0f} |"
            )


if __name__ == "__main__":
    main()
