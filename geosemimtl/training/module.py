"""The torchgeo task that trains any network with any method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import SGD, AdamW, Optimizer
from torchgeo.trainers import BaseTask

from geosemimtl.config import TrainConfig
from geosemimtl.data.augmentation import augmented
from geosemimtl.data.batch import Batch
from geosemimtl.losses.segmentation import SUPERVISED
from geosemimtl.methods.balancing import fixed_balance
from geosemimtl.methods.table import build_method
from geosemimtl.models.network import Output, build_network
from geosemimtl.tasks import Segmentation, Task
from geosemimtl.training.iteration import run_iteration
from geosemimtl.training.schedule import poly_decay, warm_up


class MultiTaskTask(BaseTask):
    """Runs Algorithm 1: optimisation is manual, iterations are counted here.

    Lightning's ``global_step`` counts every optimiser's step, several an iteration, so nothing
    here reads it.

    Args:
        config: The training.
        tasks: What is predicted, with units.
        normalisation: Mean and deviation (C,) of the bands in [0, 1].
        iterations: Length of the schedule.
        labelled: By task, the domains (from 0) that have labels for it.
        class_weights: (C,) for the cross entropy, or ``None``.
    """

    ignore = ("config", "tasks", "normalisation", "labelled", "class_weights")

    def __init__(
        self,
        config: TrainConfig,
        tasks: Sequence[Task],
        normalisation: tuple[Tensor, Tensor],
        iterations: int,
        labelled: Mapping[str, Sequence[int]],
        class_weights: Tensor | None = None,
    ) -> None:
        # BaseTask builds the model inside its own __init__, before a module may hold tensors
        self._config = config
        self._tasks: dict[str, Task] = {task.name: task for task in tasks}
        self._weights = {str(task): weight for task, weight in config.weights.items()}
        self._bands = len(normalisation[0])
        self._labelled = labelled
        self._iterations = iterations
        super().__init__()
        self.automatic_optimization = False
        self.mean: Tensor
        self.std: Tensor
        self.class_weights: Tensor | None
        self.register_buffer("mean", normalisation[0])
        self.register_buffer("std", normalisation[1])
        self.register_buffer("class_weights", class_weights)
        self.iteration = 0

    def configure_models(self) -> None:
        """Build the network and the method, whose own networks are registered to travel along."""
        tasks = tuple(self._tasks.values())
        self.model = build_network(self._config.network, tasks, self._bands)
        self.model.to(memory_format=torch.channels_last)
        self.method = build_method(
            self._config.method, tasks, len(self._config.domains), self._labelled
        )
        self.method_networks = self.method.networks.to(memory_format=torch.channels_last)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return the network's optimiser and, where the method has networks, theirs."""
        chosen = self._config.optimiser
        parameters = self.model.parameters()
        network: Optimizer = (
            SGD(parameters, chosen.lr, chosen.momentum, weight_decay=chosen.weight_decay)
            if chosen.name == "sgd"
            else AdamW(parameters, chosen.lr, weight_decay=chosen.weight_decay)
        )
        own = self.method.optimiser()
        return [network] if own is None else [network, own]

    def training_step(self, batches: list[Batch], batch_idx: int) -> None:  # noqa: ARG002  (Lightning's signature)
        """Run one iteration on one batch a domain."""
        optimisers = self.optimizers()
        network, *own = optimisers if isinstance(optimisers, list) else [optimisers]
        self._set_rates([network, *own])
        for optimiser in own:
            optimiser.zero_grad()
        seed = (self._config.seed, self.iteration)
        augment = partial(
            augmented,
            config=self._config.augmentation,
            crop_px=self._config.crop_px,
            normalisation=(self.mean, self.std),
            seed=seed,
        )
        losses = run_iteration(
            (_channels_last(augment(batch)) for batch in batches),
            self.model,
            self.method,
            supervise=self._supervised,
            balance=partial(fixed_balance, self._weights),
            step_network=partial(self._step, network),
            backward_own=self.manual_backward,
            step_own=lambda: _step_all(own),
        )
        names = [domain.name for domain in self._config.domains]
        for key, value in losses.items():
            domain, _, name = key.partition("/")
            self.log(f"{names[int(domain)]}/{name}", value, batch_size=self._config.batch)
        self.iteration += 1

    def transfer_batch_to_device(
        self,
        batch: list[Batch],
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002  (Lightning's signature)
    ) -> list[Batch]:
        """Move one batch a domain."""
        return [domain.to(device) for domain in batch]

    def _supervised(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        for name, task in self._tasks.items():
            if batch.valid[name].any():
                options = (
                    {"class_weights": self.class_weights}
                    if isinstance(task, Segmentation)
                    else {"scale_m": task.scale_m}
                )
                losses[name] = SUPERVISED[name](
                    output.logits[name], batch.targets[name], batch.valid[name], **options
                )
        return losses

    def _step(self, optimiser: LightningOptimizer, loss: Tensor) -> None:
        optimiser.zero_grad()
        self.manual_backward(loss)
        limit = self._config.optimiser.clip_norm
        if limit is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        optimiser.step()

    def _set_rates(self, optimisers: Sequence[LightningOptimizer]) -> None:
        chosen = self._config.optimiser
        decay = poly_decay(self.iteration, self._iterations, chosen.power)
        rise = warm_up(self.iteration, chosen.warmup)
        factors = [rise * decay, decay if self.method.decays else 1.0]
        for optimiser, factor in zip(optimisers, factors, strict=False):
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * factor


def _step_all(optimisers: Sequence[LightningOptimizer]) -> None:
    for optimiser in optimisers:
        optimiser.step()


def _channels_last(batch: Batch) -> Batch:
    return replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))
