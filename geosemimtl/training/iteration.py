"""One iteration of SemiMTL's Algorithm 1, the same for every method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

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
    batches: Iterable[Sequence[Batch]],
    network: nn.Module,
    method: Method,
    *,
    forward: Callable[[Batch, int], Output],
    supervise: Supervise,
    balance: Balance,
    mover: Mover,
    check: Callable[[Batch, Mapping[str, Tensor]], None] = lambda _batch, _losses: None,
) -> dict[str, Tensor]:
    """Step the network once per domain, then the method's own networks once.

    The method's networks learn from the predictions that were made before the network moved, and
    stand still across the network's steps: their gradients add up over the domains.

    Args:
        batches: By domain, its images, augmented, in one part or in several (``_Share``).
        network: What ``forward`` runs.
        method: What is added to the labels.
        forward: Predicts a part, from its number in the domain.
        supervise: The labels' losses.
        balance: Weighs and adds.
        mover: Moves the networks.
        check: Sees a part and its losses before they count.

    Returns:
        Every loss by name, prefixed by the domain's index, detached.
    """
    seen: dict[str, Tensor] = {}
    for domain in batches:
        views = [method.prepare(part) for part in domain]
        shares = _shares(views, method)
        moved = False
        for number, view in enumerate(views):
            if not _says_something(view, method):
                continue
            output = forward(view, number)
            losses = shares[number].of(
                {**supervise(view, output), **method.network_losses(view, output)}
            )
            check(view, losses)
            if losses:
                mover.backward(balance(losses))
                moved = True
            detached = {name: logits.detach() for name, logits in output.logits.items()}
            own = shares[number].of(method.own_losses(view, detached))
            check(view, own)
            if own:
                mover.backward(sum(own.values(), next(iter(own.values())).new_zeros(())))
            _note(seen, view.domain, {**losses, **own})
        if moved:
            mover.step_network()
            method.after_step(network)
    mover.step_own()
    method.after_own_step()
    return seen


def _note(seen: dict[str, Tensor], domain: int, losses: Mapping[str, Tensor]) -> None:
    """Add a part's losses to what was seen."""
    for name, loss in losses.items():
        key = f"{domain}/{name}"
        seen[key] = seen.get(key, 0) + loss.detach()


class _Share(NamedTuple):
    """How much a part of a batch counts: of a loss over pixels by these, else by its images.

    So all is as with one part, but for what looks at a part as a whole: batch normalisation, the
    threshold of BerHu, and the weights of classes.
    """

    images: float
    pixels: Mapping[str, float]

    def of(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the part's contribution to each loss."""
        return {name: loss * self.pixels.get(name, self.images) for name, loss in losses.items()}


def _shares(views: Sequence[Batch], method: Method) -> list[_Share]:
    if len(views) == 1:
        return [_Share(1.0, {})]
    counts = [_pixels(view, method) for view in views]
    total = {name: max(sum(count[name] for count in counts), 1) for name in counts[0]}
    images = sum(len(view.image) for view in views)
    return [
        _Share(len(view.image) / images, {name: count[name] / total[name] for name in count})
        for view, count in zip(views, counts, strict=True)
    ]


def _pixels(batch: Batch, method: Method) -> dict[str, int]:
    """Return over how many pixels of a part each loss is a mean, by name."""
    labelled = {task: valid.sum() for task, valid in batch.valid.items()}
    auxiliary = {f"{task}/auxiliary": count for task, count in labelled.items()}
    counts = {**labelled, **auxiliary, **method.pixels(batch)}
    return {name: int(count) for name, count in counts.items()}


def _says_something(batch: Batch, method: Method) -> bool:
    """Return whether a batch teaches: by a label, or by what the method makes of images."""
    if method.sees_unlabelled:
        return bool(batch.observed.any())
    return any(bool(valid.any()) for valid in batch.valid.values())
