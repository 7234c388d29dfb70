"""One iteration of SemiMTL's Algorithm 1, the same for every method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor, nn

from geosemimtl.data.batch import Batch
from geosemimtl.methods.method import Method
from geosemimtl.models.network import Output

#: What the labels say: losses by task name, for the tasks that the batch has labels for.
Supervise = Callable[[Batch, Output], Mapping[str, Tensor]]
#: Weighs losses by name and adds them up.
Balance = Callable[[Mapping[str, Tensor]], Tensor]


def run_iteration(
    batches: Iterable[Batch],
    network: nn.Module,
    method: Method,
    *,
    supervise: Supervise,
    balance: Balance,
    step_network: Callable[[Tensor], None],
    backward_own: Callable[[Tensor], None],
    step_own: Callable[[], None],
) -> dict[str, Tensor]:
    """Step the network once per domain, then the method's own networks once.

    The method's networks learn from the predictions that were made before the network moved, and
    stand still across the network's steps: their gradients add up over the domains.

    Args:
        batches: One a domain, augmented.
        network: Gives an :class:`~geosemimtl.models.network.Output`.
        method: What is added to the labels.
        supervise: The labels' losses.
        balance: Weighs and adds.
        step_network: Clears gradients, goes backward from a loss and steps.
        backward_own: Goes backward from a loss of the method's own networks.
        step_own: Steps them; their gradients were cleared before the iteration.

    Returns:
        Every loss by name, prefixed by the domain's index, detached.
    """
    seen: dict[str, Tensor] = {}
    for batch in batches:
        view = method.prepare(batch)
        if not view.observed.any():  # nothing but nodata
            continue
        output = network(view.image)
        losses = {**supervise(view, output), **method.network_losses(view, output)}
        if losses:
            step_network(balance(losses))
        detached = {name: logits.detach() for name, logits in output.logits.items()}
        own = method.own_losses(view, detached)
        if own:
            backward_own(sum(own.values(), next(iter(own.values())).new_zeros(())))
        if losses:
            method.after_step(network)
        seen |= {f"{batch.domain}/{name}": v.detach() for name, v in {**losses, **own}.items()}
    step_own()
    return seen
