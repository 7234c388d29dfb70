"""Batch normalisation where one network sees several sensors (DESIGN: shared, per_domain, frozen).

Statistics of several sensors are kept beside a layer's own, and the layer is made to use one set:
whatever the kind of layer, its forward pass stays as its library wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # every kind's base; torch names it no other way

_SETS = ("running_mean", "running_var")


def batch_norms(module: nn.Module) -> Iterator[_BatchNorm]:
    """Yield the layers of batch normalisation that keep running statistics."""
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and layer.track_running_stats:
            yield layer


def keep_statistics_of(module: nn.Module, domains: int) -> None:
    """Give every layer a set of running statistics a domain; see ``use_statistics_of``."""
    for layer in batch_norms(module):
        for name in _SETS:
            own = getattr(layer, name)
            layer.register_buffer(f"domain_{name}", own.repeat(domains, 1))


def use_statistics_of(module: nn.Module, domain: int) -> None:
    """Make every layer use, and in training update, the statistics of one domain, from 0."""
    for layer in batch_norms(module):
        for name in _SETS:
            # a view: what the layer updates is the set itself
            setattr(layer, name, getattr(layer, f"domain_{name}")[domain])


def freeze_statistics(module: nn.Module) -> None:
    """Have every layer normalise by its running statistics and leave them, in training too."""
    for layer in batch_norms(module):
        layer.eval()
