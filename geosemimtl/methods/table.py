"""Methods by the name their configuration carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geosemimtl.config import MethodConfig, SemiMTLConfig
from geosemimtl.methods.method import Method
from geosemimtl.methods.semimtl import SemiMTL
from geosemimtl.tasks import Task


def build_method(
    config: MethodConfig,
    tasks: Sequence[Task],
    domains: int,
    labelled: Mapping[str, Sequence[int]],
) -> Method:
    """Build the method of a configuration.

    Args:
        config: The method's own section.
        tasks: What is predicted.
        domains: Number of domains.
        labelled: By task, the domains (from 0) that have labels for it.
    """
    if isinstance(config, SemiMTLConfig):
        return SemiMTL(config, tasks, domains, labelled)
    return Method()
