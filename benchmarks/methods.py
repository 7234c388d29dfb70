"""Compare SemiMTL with joint training, and decoders, on the demo's data over several seeds.

Run ``geosemimtl demo`` first, then ``python benchmarks/methods.py demo``: each training takes as
long as the demo's. Prints one row a training, in Markdown.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from geosemimtl.data.city.dataset import SENSORS
from geosemimtl.demonstration.city import Plan, demo_config
from geosemimtl.inference.evaluation.scenes import evaluate
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.inference.predictor import predict
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training.trainer import train

VARIANTS = {
    "SemiMTL (the demo)": (),
    "JTL": ("method={name: jtl}",),
    # these tell the method's losses from the steps that decoders take without any gradient
    "JTL, idle decoders rest": ("method={name: jtl}", "optimiser.idle=rests"),
    "SemiMTL, both lambdas 0": ("method.lambda_intra=0", "method.lambda_inter=0"),
    "SemiMTL, the paper's decoders": (
        "network.output_stride=16",
        "network.segmentation={name: psp, channels: 128}",
        "network.height={name: upsampling, channels: 128}",
    ),
}
SEEDS = (0, 1, 2)


def run(demo: Path, overrides: tuple[str, ...], folder: Path) -> list[Evaluation]:
    """Train, predict the unseen scenes and score them, in the order of the sensors."""
    model = train(demo_config(demo, Plan(overrides=overrides)), folder, overwrite=True)
    stems = [demo / "scenes" / f"{sensor.name}_unseen" for sensor in SENSORS]
    images = [stem.with_name(f"{stem.name}.tif") for stem in stems]
    written = predict(images, model, output=folder, overwrite=True)
    return [
        evaluate(
            classes=[made[SEGMENTATION]],
            labels=[stem.with_name(f"{stem.name}_labels.tif")],
            heights=[made[HEIGHT]],
            true_heights=[stem.with_name(f"{stem.name}_ndsm.tif")],
        )
        for stem, made in zip(stems, (each.rasters for each in written), strict=True)
    ]


def main(demo: Path, chosen: tuple[str, ...]) -> None:
    """Run every variant with every seed."""
    names = [f"{s.name} {score}" for s in SENSORS for score in ("mIoU %", "RMSE m", "MAE m")]
    print("| training | seed | " + " | ".join(names) + " |")
    print("| --- | ---: |" + " ---: |" * len(names))
    for name, overrides in VARIANTS.items():
        if chosen and name not in chosen:
            continue
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                scores = run(demo, (*overrides, f"seed={seed}"), Path(folder))
            cells = [
                text
                for score in scores
                if score.segmentation and score.height
                for text in (
                    f"{100 * score.segmentation.counts.miou:.1f}",
                    f"{score.height.counts.rmse:.2f}",
                    f"{score.height.counts.mae:.2f}",
                )
            ]
            print(f"| {name} | {seed} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))
