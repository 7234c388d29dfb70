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
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from geosemimtl.data.augmentation import augmented
from geosemimtl.data.city.dataset import SENSORS, cut_scenes, draw_scenes
from geosemimtl.data.tiles import IterationBatches
from geosemimtl.losses import berhu_loss, cross_entropy, domain_loss
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Quantity
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import data_of, open_domains
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.trainer import train

#: So many tiles that none is read twice.
SIDE_M, GSD_M, TILE_PX = 420.0, 0.3, 256
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
    """The same forward and backward passes and steps, written down by hand in plain torch."""

    def __init__(self, config: TrainConfig) -> None:
        domains = open_domains(config)
        torch.manual_seed(0)
        data = data_of(config, domains)
        module = MultiTaskTask(config, data, config.iterations or 1)
        self._model, self._method = module.model, module.method
        self._judges = self._method.networks
        self._scale_m = next(t.scale for t in data.tasks if isinstance(t, Quantity))
        self._network, self._own = module.configure_optimizers()
        normalisation = (module.mean, module.std)
        self._batches = [
            augmented(batch, config.augmentation, config.crop_px, normalisation, (0, 0))
            for batch in IterationBatches(domains, config.batch, 1, config.seed)[0]
        ]

    def iteration(self) -> float:
        """Run one on tensors in memory, and return its seconds."""
        begin = time.perf_counter()
        for number, batch in enumerate(self._batches):
            labelled, other = (SEGMENTATION, HEIGHT) if number == 0 else (HEIGHT, SEGMENTATION)
            image = batch.image.contiguous(memory_format=torch.channels_last)
            logits = self._model(image).logits
            target, valid = batch.targets[labelled], batch.valid[labelled]
            if labelled == SEGMENTATION:
                loss = cross_entropy(logits[labelled], target, valid)
                truth = functional.one_hot(torch.where(valid, target, 0), 6).movedim(-1, 1).float()
            else:
                loss = 0.01 * berhu_loss(logits[labelled][:, 0], target / self._scale_m, valid)
                truth = (target / self._scale_m)[:, None]
            seen = {labelled: valid, other: batch.observed}
            maps = {
                task: (x.softmax(dim=1) if task == SEGMENTATION else x) * seen[task][:, None]
                for task, x in logits.items()
            }
            self._judges.requires_grad_(requires_grad=False).eval()  # spectral norms stand still
            for task, weight in ((labelled, 1e-3), (other, 1e-4)):
                loss = loss + weight * domain_loss(self._judges[task](maps[task]), 0, seen[task])
            torch.autograd.backward(loss)
            self._judges.requires_grad_(requires_grad=True)
            own = domain_loss(self._judges[labelled](truth * valid[:, None]), 0, valid)
            for task, shown in maps.items():
                own = own + domain_loss(self._judges[task](shown.detach()), number + 1, seen[task])
            torch.autograd.backward(own)
            self._network.step()
            self._network.zero_grad()
        self._own.step()
        self._own.zero_grad()
        self._method.after_own_step()
        return time.perf_counter() - begin


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
        scenes = draw_scenes(sensor, folder / "scenes", {"1": (SIDE_M, 1), "2": (SIDE_M, 2)})
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
