"""The torchgeo task that trains any network with any method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torchgeo.trainers import BaseTask

from geosemimtl.data.augmentation import augmented, normalised
from geosemimtl.data.batch import Batch
from geosemimtl.errors import TrainingError
from geosemimtl.losses.supervised import loss_name, supervised_loss
from geosemimtl.methods.balancing import fixed_balance
from geosemimtl.models.network import Output, activate, build_network
from geosemimtl.tasks import SEGMENTATION, Segmentation, Task
from geosemimtl.training.config import OptimiserConfig, TrainConfig
from geosemimtl.training.iteration import run_iteration
from geosemimtl.training.schedule import poly_decay, warm_up

#: Iterations between the rows of metrics.csv.
LOG_EVERY = 10
#: Sets the seeds of dropout apart from those of augmentation.
_DROPOUT = 1


class Data(NamedTuple):
    """What a training knows of its data.

    Attributes:
        tasks: What is predicted, with units.
        mean: Of the bands in [0, 1], (C,).
        std: Likewise their deviation.
        labelled: By task, the domains (from 0) that have labels for it.
        class_weights: (C,) for the cross entropy, or ``None``.
    """

    tasks: tuple[Task, ...]
    mean: Tensor
    std: Tensor
    labelled: Mapping[str, Sequence[int]]
    class_weights: Tensor | None = None


class MultiTaskTask(BaseTask):
    """Runs Algorithm 1: optimisation is manual, iterations are counted here.

    Lightning's ``global_step`` counts every optimiser's step, several an iteration, so nothing
    here reads it. What is drawn at random derives from (seed, iteration, domain), so that a
    training that goes on meets what an undisturbed one does.

    Args:
        config: The training.
        data: What it is about.
        iterations: Length of the schedule.
        report: Called with a batch and its losses where one is not finite; returns what to say.
        initial: Whether the encoder starts from its configured weights.
    """

    ignore = ("config", "data", "report", "initial")

    def __init__(
        self,
        config: TrainConfig,
        data: Data,
        iterations: int,
        report: Callable[[int, Batch, Mapping[str, Tensor]], str] = lambda *_: "",
        *,
        initial: bool = True,
    ) -> None:
        # BaseTask builds the model inside its own __init__, before a module may hold tensors
        self._config = config
        self._data = data
        self._tasks: dict[str, Task] = {task.name: task for task in data.tasks}
        self._weights = {str(task): weight for task, weight in config.weights.items()}
        wanted = {str(task): name for task, name in config.losses.items()}
        self._losses = {name: loss_name(name, wanted.get(name)) for name in self._tasks}
        self._iterations = iterations
        self._report = report
        self._initial = initial
        super().__init__()
        self.automatic_optimization = False
        self.mean: Tensor
        self.std: Tensor
        self.class_weights: Tensor | None
        self.register_buffer("mean", data.mean)
        self.register_buffer("std", data.std)
        self.register_buffer("class_weights", data.class_weights)
        self.iteration = 0
        #: The losses that were logged last, by ``DOMAIN/LOSS``.
        self.logged: Mapping[str, float] = {}

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is predicted."""
        return self._data.tasks

    def configure_models(self) -> None:
        """Build the network and the method, whose own networks are registered to travel along."""
        config, tasks = self._config, self._data.tasks
        count = len(config.domains)
        bands = len(self._data.mean)
        self.model = build_network(config.network, tasks, bands, count, initial=self._initial)
        self.model.to(memory_format=torch.channels_last)
        self.method = config.method.build(tasks, count, self._data.labelled)
        self.method_networks = self.method.networks.to(memory_format=torch.channels_last)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return the network's optimiser and, where the method has networks, theirs."""
        chosen = self._config.optimiser
        heads = [*self.model.decoders.parameters(), *self.model.auxiliary.parameters()]
        groups = [
            {"params": list(self.model.encoder.parameters()), "share": 1.0},
            {"params": heads, "share": chosen.decoder_lr},
        ]
        network: Optimizer = (
            SGD(groups, chosen.lr, chosen.momentum, weight_decay=chosen.weight_decay)
            if chosen.name == "sgd"
            else AdamW(groups, chosen.lr, weight_decay=chosen.weight_decay)
        )
        own = self.method.optimiser()
        return [network] if own is None else [network, own]

    def training_step(self, batches: list[Batch], batch_idx: int) -> None:  # noqa: ARG002  (Lightning's signature)
        """Run one iteration on one batch a domain."""
        optimisers = self.optimizers()
        network, *own = optimisers if isinstance(optimisers, list) else [optimisers]
        losses = run_iteration(
            (self._seen(batch, network) for batch in batches),
            self.model,
            self.method,
            forward=self._predicted,
            supervise=self._supervised,
            balance=partial(fixed_balance, self._weights),
            mover=_Steps(self, network, own, self._config.optimiser),
            check=self._require_finite,
        )
        self._log(losses)
        self.iteration += 1

    @torch.no_grad()
    def predicted(self, batch: Batch) -> dict[str, Tensor]:
        """Predict whole tiles with the network as it is, which the caller has put to evaluation.

        Returns:
            By task (B, H, W): class indices, numbers in the task's unit or the probability of yes;
            or unit vectors (B, 3, H, W).

        Raises:
            TrainingError: A prediction is not finite.
        """
        self.model.use_domain(batch.domain)
        image = normalised(batch.image, batch.observed, (self.mean, self.std))
        logits = self.model(image.contiguous(memory_format=torch.channels_last)).logits
        found = {}
        for name, task in self._tasks.items():
            values = activate(task, logits[name])
            if not values.isfinite().all():
                raise TrainingError(
                    f"iteration {self.iteration}: what is predicted of the {name} is not finite on "
                    f"tiles {', '.join(batch.tiles)}: lower optimiser.lr or set "
                    "optimiser.clip_norm"
                )
            is_classes = isinstance(task, Segmentation)
            found[name] = values.argmax(1) if is_classes else values.squeeze(1)
        return found

    def transfer_batch_to_device(
        self,
        batch: list[Batch],
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002  (Lightning's signature)
    ) -> list[Batch]:
        """Move one batch a domain."""
        return [domain.to(device) for domain in batch]

    def _seen(self, batch: Batch, network: LightningOptimizer) -> list[Batch]:
        """Return a domain's images, in parts, as the network is to see them from now on."""
        config = self._config
        self._set_rates(batch.domain, network)
        self.model.use_domain(batch.domain)
        view = augmented(
            batch,
            config.augmentation,
            config.crop_px,
            (self.mean, self.std),
            (config.seed, self.iteration),
        )
        return view.parts(config.accumulate)

    def _predicted(self, part: Batch, number: int) -> Output:
        words = (self._config.seed, self.iteration, part.domain, number, _DROPOUT)
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1)[0]))
        output: Output = self.model(part.image.contiguous(memory_format=torch.channels_last))
        return output

    def _supervised(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        for name, task in self._tasks.items():
            if not batch.valid[name].any():
                continue
            chosen, labels = self._losses[name], (batch.targets[name], batch.valid[name])
            weights = self.class_weights if name == SEGMENTATION else None
            logits = output.logits[name]
            losses[name] = supervised_loss(task, chosen, logits, *labels, weights)
            if name in output.auxiliary:
                weight = self._config.network.aux_weight * self._weights[name]
                loss = supervised_loss(task, chosen, output.auxiliary[name], *labels, weights)
                losses[f"{name}/auxiliary"] = weight * loss
        return losses

    def _require_finite(self, batch: Batch, losses: Mapping[str, Tensor]) -> None:
        wrong = [name for name, loss in losses.items() if not loss.isfinite()]
        if wrong:
            domain = self._config.domains[batch.domain].name
            raise TrainingError(
                f"iteration {self.iteration + 1}: the loss {wrong[0]} of domain {domain} is not "
                f"finite on tiles {', '.join(batch.tiles) or '(unnamed)'}"
                f"{self._report(self.iteration, batch, losses)}: lower optimiser.lr or set "
                "optimiser.clip_norm, or look at these tiles"
            )

    def require_finite(self) -> None:
        """Refuse a state that no training can go on from.

        Raises:
            TrainingError: A weight is not finite.
        """
        for name, value in self.state_dict().items():
            if value.is_floating_point() and not value.isfinite().all():
                raise TrainingError(
                    f"iteration {self.iteration}: {name} is not finite any more: lower "
                    "optimiser.lr or set optimiser.clip_norm"
                )

    def _set_rates(self, domain: int, network: LightningOptimizer) -> None:
        """Set the learning rates, of the method's networks at the iteration's first domain."""
        chosen, count = self._config.optimiser, len(self._config.domains)
        step, total = self.iteration, self._iterations
        decay = poly_decay(step, total, chosen.power)
        mine = decay
        if chosen.decays_by == "steps":
            mine = poly_decay(step * count + domain, total * count, chosen.power)
        rise = warm_up(step, chosen.warmup)
        for group in network.param_groups:
            group["lr"] = network.defaults["lr"] * group["share"] * rise * mine
        optimisers = self.optimizers()
        if domain == 0 and isinstance(optimisers, list):
            for own in optimisers[1:]:
                for group in own.param_groups:
                    group["lr"] = own.defaults["lr"] * (decay if self.method.decays else 1.0)

    def _log(self, losses: Mapping[str, Tensor]) -> None:
        """Write every tenth iteration's losses, and the last's of a training that is shorter."""
        due = min(LOG_EVERY, self._iterations)
        if (self.iteration + 1) % due:
            return
        names = [domain.name for domain in self._config.domains]
        found = {}
        for key, value in losses.items():
            domain, _, name = key.partition("/")
            found[f"{names[int(domain)]}/{name}"] = value.item()
        self.logged = found
        for logger in self.loggers:
            logger.log_metrics(found, step=self.iteration)


class _Steps:
    """Goes backward and steps by Lightning's optimisers, which know of precision."""

    def __init__(
        self,
        module: MultiTaskTask,
        network: LightningOptimizer,
        own: Sequence[LightningOptimizer],
        config: OptimiserConfig,
    ) -> None:
        self._module, self._network, self._own = module, network, own
        self._config = config

    def backward(self, loss: Tensor) -> None:
        self._module.manual_backward(loss)

    def step_network(self) -> None:
        parameters = list(self._module.model.parameters())
        if self._config.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self._config.clip_norm)
        if self._config.idle == "moves":
            for parameter in parameters:
                if parameter.grad is None and self._network.optimizer.state.get(parameter):
                    parameter.grad = torch.zeros_like(parameter)
        self._network.step()
        self._network.zero_grad()

    def step_own(self) -> None:
        for optimiser in self._own:
            optimiser.step()
            optimiser.zero_grad()
