"""Measure prediction: against the network alone, plain code, and torchgeo's grid sampler.

``python benchmarks/predict.py`` draws a synthetic city of 6000 x 6000 px at 5 cm and predicts it
with untrained networks at 9 cm, tiles of 512 px that overlap by half, on the scene's grid. Each
measurement runs in a process of its own; ratios compare runs that follow each other.

``--rounds N`` repeats each and takes the medians; ``--only NAME`` takes one part: forward, plain,
torchgeo or memory. ``--device cuda`` measures on a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from predicting import NETWORKS, make_model, make_scene

HERE = Path(__file__).parent
#: Of the whole time without start-up and COG: networks, precisions, and the ratio wanted.
FORWARD = (
    ("resnet50", "bfloat16", 1.25),
    ("lite0", "bfloat16", 1.4),
    ("lite0", "float32", 1.1),
)
FORWARD_GPU = (("resnet50", "bfloat16", 1.5), ("resnet50", "float32", 1.5))
#: Networks, and how many times faster than plain code: as it is by default, and at equal settings.
PLAIN = (("resnet18", 3.0, 1.1), ("lite0", 1.4, 1.1))
TORCHGEO = ("lite0", 1.2)


def measured(folder: Path, what: str, *arguments: str) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, str(HERE / "predicting.py"), str(folder), what, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def median(rounds: list[dict[str, Any]], key: str) -> float:
    """Return the median of one figure."""
    return statistics.median(float(each[key]) for each in rounds)


def against_forward(folder: Path, device: str, rounds: int) -> None:
    """Compare the whole way with the network's forward passes alone."""
    print("\n| network | precision | forward alone s | whole s | ratio | goal | blend % | rest s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for network, precision, goal in FORWARD_GPU if device != "cpu" else FORWARD:
        alone, whole = [], []
        for _ in range(rounds):
            alone.append(measured(folder, "forward", network, precision, device))
            whole.append(measured(folder, "engine", network, precision, device))
        took, own = median(whole, "work"), median(alone, "seconds")
        stages = {key: median([w["seconds"] for w in whole], key) for key in whole[0]["seconds"]}
        rest = ", ".join(f"{key} {value:.2f}" for key, value in stages.items() if key != "total")
        blend = 100 * stages["blend"] / took
        print(
            f"| {network} | {precision} | {own:.2f} | {took:.2f} | {took / own:.2f} | {goal} | "
            f"{blend:.1f} | {rest}; {median(whole, 'megapixels_per_second'):.2f} Mpx/s, "
            f"{median(whole, 'peak_mb'):.0f} MB |"
        )


def against_plain(folder: Path, device: str, rounds: int) -> None:
    """Compare with what users write today."""
    print("\n| network | how | plain s | ours s | times faster | goal |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for network, default, equal in PLAIN:
        for how, precision, goal in (("default", "auto", default), ("equal", "float32", equal)):
            plain, ours = [], []
            for _ in range(rounds):
                plain.append(measured(folder, "plain", network, how, device))
                ours.append(measured(folder, "engine", network, precision, device))
            took, own = median(plain, "seconds"), median(ours, "work")
            print(f"| {network} | {how} | {took:.2f} | {own:.2f} | {took / own:.2f} | {goal} |")


def against_torchgeo(folder: Path, device: str, rounds: int) -> None:
    """Compare with torchgeo's GridGeoSampler and a DataLoader before the same network."""
    network, goal = TORCHGEO
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(measured(folder, "torchgeo", network, "bfloat16", device))
        ours.append(measured(folder, "engine", network, "bfloat16", device))
    took, own = median(theirs, "seconds"), median(ours, "work")
    print(f"\ntorchgeo {took:.2f} s, ours {own:.2f} s: {took / own:.2f} times faster, goal {goal}")


def memory(folder: Path, device: str, rounds: int) -> None:  # noqa: ARG001  (peaks hardly vary)
    """Compare the peaks of 100 and of 1000 megapixels of one width."""
    peaks = []
    for rows in (3162, 31623):
        found = measured(folder, "sparse", "demo", str(rows), device)
        peaks.append(found["peak_mb"])
        print(
            f"\n31623 x {rows} px: peak {found['peak_mb']:.0f} MB, {found['total']:.0f} s, "
            f"{found['megapixels_per_second']:.2f} Mpx/s",
            end="",
        )
    print(f"\nten times the rows take {peaks[1] / peaks[0]:.2f} times the memory; goal 1.15")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["forward", "plain", "torchgeo", "memory"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads, {asked.device}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_scene(folder)
        for network in NETWORKS:
            make_model(folder, network)
        for part, step in (
            ("forward", against_forward),
            ("plain", against_plain),
            ("torchgeo", against_torchgeo),
            ("memory", memory),
        ):
            if asked.only in {None, part}:
                step(folder, asked.device, asked.rounds)


if __name__ == "__main__":
    main()
