"""Training on the labels and nothing else: of one task, or of several together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from geosemimtl.methods.method import MethodSection


class STLConfig(MethodSection):
    """Single-task training, the baseline of every multi-task gain."""

    name: Literal["stl"] = "stl"

    def require_tasks(self, tasks: Sequence[str]) -> None:
        """Refuse more than one task.

        Raises:
            ValueError: There are several.
        """
        if len(tasks) > 1:
            raise ValueError(f"stl trains one task: write tasks: [{tasks[0]}], or method jtl")


class JTLConfig(MethodSection):
    """Joint training (SemiMTL, supplement, Algorithm 1).

    The network steps once a domain on the losses of the tasks that the domain is labelled for.
    """

    name: Literal["jtl"] = "jtl"
