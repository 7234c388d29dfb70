"""Measure what a training costs beyond its networks.

``python benchmarks/train.py`` draws two cities and trains SemiMTL on their tiles through the real
loop: reading tiles, augmentation, both discriminators, Lightning, the table of losses. After each
of its iterations it runs the same forward and backward passes and steps once more on tensors that
are in memory, by plain torch, so that both meet the same machine. Prints medians and their ratio,
for a ResNet-50 and for the demo's light network. ``--iterations N`` changes how many are timed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geosemimtl.data.augmentation import augmented
from geosemimtl.data.city.dataset import SENSORS, cut_scenes, draw_scenes
from geosemimtl.data.tiles import IterationBatches
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import data_of, open_domains
from geosemimtl.training.iteration import run_iteration
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.trainer import train

SIDE_M, GSD_M, TILE_PX = 200.0, 0.3, 256
#: Iterations before any time counts.
WARM = 2
NETWORKS: dict[str, dict[str, Any]] = {
    "ResNet-50, the paper's decoders": {
        "network": {"encoder": "resnet50", "weights": None, "output_stride": 16},
        "batch": 4,
        "crop_px": 192,
    },
    "the demo's (lite0)": {
        "network": {
            "encoder": "tu-tf_efficientnet_lite0",
            "weights": None,
            "output_stride": 32,
            "segmentation": {"name": "unet", "channels": 64},
            "height": {"name": "unet", "channels": 64},
        },
        "batch": 8,
        "crop_px": 192,
    },
}


class Bare:
    """The same networks and batches by plain torch; a mover of its own."""

    def __init__(self, config: TrainConfig) -> None:
        domains = open_domains(config)
        torch.manual_seed(0)
        self._module = MultiTaskTask(config, data_of(config, domains), config.iterations or 1)
        self._network, *self._own = self._module.configure_optimizers()
        batches = IterationBatches(domains, config.batch, 1, config.seed)[0]
        scale = (self._module.mean, self._module.std)
        augment = partial(augmented, config=config.augmentation, crop_px=config.crop_px)
        self._batches = [[augment(b, normalisation=scale, seed=(0, 0))] for b in batches]

    def iteration(self) -> float:
        """Run one, and return its seconds."""
        module, begin = self._module, time.perf_counter()
        run_iteration(
            self._batches,
            module.model,
            module.method,
            forward=lambda batch, _: module.model(batch.image),
            supervise=module._supervised,  # noqa: SLF001  (the very losses)
            balance=lambda losses: sum(losses.values(), torch.zeros(())),
            mover=self,
        )
        return time.perf_counter() - begin

    def backward(self, loss: Tensor) -> None:
        """Go backward."""
        torch.autograd.backward(loss)

    def step_network(self) -> None:
        """Step."""
        self._network.step()
        self._network.zero_grad()

    def step_own(self) -> None:
        """Step."""
        for optimiser in self._own:
            optimiser.step()
            optimiser.zero_grad()


class Alternating:
    """A tracker of the real loop that has the bare one run in between."""

    def __init__(self, bare: Bare) -> None:
        self._bare = bare
        self.real_s: list[float] = []
        self.bare_s: list[float] = []

    def __call__(self, items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG002  (a tracker's signature)
        """Yield the items; between two of them lies an iteration."""
        begin = None
        for item in items:
            if begin is not None:
                self.real_s.append(time.perf_counter() - begin)
                self.bare_s.append(self._bare.iteration())
            begin = time.perf_counter()
            yield item


def prepare(folder: Path) -> list[dict[str, Any]]:
    """Draw and cut, and return the domains."""
    (folder / "scenes").mkdir()
    domains = []
    for sensor in SENSORS:
        scenes = draw_scenes(sensor, folder / "scenes", {"1": (SIDE_M, 1)})
        tiles = folder / sensor.name
        cut_scenes(sensor, scenes, tiles, gsd_m=GSD_M, tile_px=TILE_PX)
        domains.append({"name": sensor.name, "tiles": tiles})
    return domains


def main(iterations: int) -> None:
    """Measure each network."""
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"seed 0, {iterations} iterations each, medians"
    )
    print("| network | bare s | real s | ratio |\n| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        domains = prepare(folder)
        for name, options in NETWORKS.items():
            config = TrainConfig.model_validate(
                {"domains": domains, "iterations": iterations + WARM + 1, **options}
            )
            tracker = Alternating(Bare(config))
            train(config, folder / "run", overwrite=True, track=tracker)
            real, bare = (
                statistics.median(each[WARM:]) for each in (tracker.real_s, tracker.bare_s)
            )
            ratios = [
                r / b for r, b in zip(tracker.real_s[WARM:], tracker.bare_s[WARM:], strict=True)
            ]
            print(f"| {name} | {bare:.3f} | {real:.3f} | {statistics.median(ratios):.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=12)
    main(parser.parse_args().iterations)
