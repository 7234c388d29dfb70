"""Measure how far bfloat16 moves what a trained model predicts.

``python benchmarks/precision.py MODEL SCENE LABELS NDSM`` predicts a scene in float32 and in
bfloat16 and prints how classes, probabilities and metres differ, and the scores of both. After
``geosemimtl demo``: ``python benchmarks/precision.py demo/model/demo.safetensors
demo/scenes/potsdam_unseen.tif demo/scenes/potsdam_unseen_labels.tif
demo/scenes/potsdam_unseen_ndsm.tif``.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray

from geosemimtl.inference.evaluation.scenes import evaluate
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import PROBABILITIES
from geosemimtl.inference.predictor import predict
from geosemimtl.tasks import HEIGHT, SEGMENTATION

PERCENTILES = (50, 99, 99.9, 100)


def read(path: Path) -> NDArray[np.float32]:
    """Read a raster of a moderate scene whole, NaN where it has no data."""
    with rasterio.open(path) as source:
        pixels: NDArray[np.float32] = source.read(masked=True).astype(np.float32).filled(np.nan)
    return pixels


def described(values: NDArray[Any], unit: str) -> str:
    """Return the mean and percentiles of absolute differences."""
    size = np.abs(values[np.isfinite(values)])
    marks = np.percentile(size, PERCENTILES)
    rest = ", ".join(f"{p} %: {v:.4f}" for p, v in zip(PERCENTILES, marks, strict=True))
    return f"mean {size.mean():.4f} {unit}, {rest}"


def main(model: Path, scene: Path, labels: Path, ndsm: Path) -> None:
    """Predict twice and compare."""
    print(f"{platform.machine()}, torch {torch.__version__}, {scene.name}")
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for precision in ("float32", "bfloat16"):
            options = PredictOptions(precision=precision, probabilities=True)
            (made,) = predict([scene], model, output=Path(folder, precision), options=options)
            scores = evaluate(
                classes=[made.rasters[SEGMENTATION]],
                labels=[labels],
                heights=[made.rasters[HEIGHT]],
                true_heights=[ndsm],
            )
            if scores.segmentation is None or scores.height is None:
                raise SystemExit("name labels and heights that lie where the scene does")
            miou, rmse = 100 * scores.segmentation.counts.miou, scores.height.counts.rmse
            print(f"{precision:9} mIoU {miou:.2f} %, RMSE {rmse:.3f} m")
            kinds = (SEGMENTATION, PROBABILITIES, HEIGHT)
            found[precision] = {kind: read(made.rasters[kind]) for kind in kinds}
    exact, half = found["float32"], found["bfloat16"]
    moved = np.mean(exact[SEGMENTATION] != half[SEGMENTATION])
    print(f"another class on {100 * moved:.2f} % of the pixels")
    print("probabilities:", described((exact[PROBABILITIES] - half[PROBABILITIES]) / 250, ""))
    print("heights:", described(exact[HEIGHT] - half[HEIGHT], "m"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
