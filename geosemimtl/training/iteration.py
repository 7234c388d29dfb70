"""One iteration of SemiMTL's Algorithm 1, the same for every method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from torch import Tensor, nn

from geosemimtl.data.batch import Batch
from geosemimtl.methods.method import Method
from geosemimtl.models.network import Output

#: What the labels say: losses by task name, for the tasks that the batch has labels for.
Supervise = Callable[[Batch, Output], Mapping[str, Tensor]]
#: Weighs losses by name and adds them up.
Balance = Callable[[Mapping[str, Tensor]], Tensor]


class Mover(Protocol):
    """Goes backward and steps."""

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradients, of the network or of the method's own networks."""
        ...

    def step_network(self) -> None:
        """Step the network by its gradients, and clear them."""
        ...

    def step_own(self) -> None:
        """Step the method's own networks by theirs, and clear them."""
        ...


def run_iteration(
    batches: Iterable[Iterable[Batch]],
    network: nn.Module,
    method: Method,
    *,
    forward: Callable[[Batch], Output],
    supervise: Supervise,
    balance: Balance,
    mover: Mover,
    check: Callable[[Batch, Mapping[str, Tensor]], None] = lambda _batch, _losses: None,
) -> dict[str, Tensor]:
    """Step the network once per domain, then the method's own networks once.

    The method's networks learn from the predictions that were made before the network moved, and
    stand still across the network's steps: their gradients add up over the domains.

    Args:
        batches: By domain, its images, augmented, in one part or in several whose gradients add
            up; parts count by their images.
        network: What ``forward`` runs.
        method: What is added to the labels.
        forward: Predicts.
        supervise: The labels' losses.
        balance: Weighs and adds.
        mover: Moves the networks.
        check: Sees a part and its losses before they count.

    Returns:
        Every loss by name, prefixed by the domain's index, detached.
    """
    seen: dict[str, Tensor] = {}
    for domain in batches:
        parts = list(domain)
        images = sum(len(part.image) for part in parts)
        moved = False
        for part in parts:
            view = method.prepare(part)
            if not _says_something(view, method):
                continue
            output = forward(view)
            share = len(part.image) / images
            losses = {**supervise(view, output), **method.network_losses(view, output)}
            check(view, losses)
            if losses:
                mover.backward(balance(losses) * share)
                moved = True
            detached = {name: logits.detach() for name, logits in output.logits.items()}
            own = method.own_losses(view, detached)
            check(view, own)
            if own:
                total = sum(own.values(), next(iter(own.values())).new_zeros(()))
                mover.backward(total * share)
            for name, loss in {**losses, **own}.items():
                key = f"{view.domain}/{name}"
                seen[key] = seen.get(key, 0) + loss.detach() * share
        if moved:
            mover.step_network()
            method.after_step(network)
    mover.step_own()
    return seen


def _says_something(batch: Batch, method: Method) -> bool:
    """Return whether a batch teaches: by a label, or by what the method makes of images."""
    if method.sees_unlabelled:
        return bool(batch.observed.any())
    return any(bool(valid.any()) for valid in batch.valid.values())
