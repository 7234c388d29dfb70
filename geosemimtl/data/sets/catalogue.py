"""The known data sets beside each other, for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from geosemimtl.data.sets.benchmark import Benchmark
from geosemimtl.data.sets.registry import DATA_SETS, benchmark_of


def catalogue_table() -> str:
    """Return a Markdown table of all data sets: tasks with units, classes, and where to get them.

    Tasks that are taken unless others are named come first, in bold.
    """
    rows = (_row(benchmark_of(name)) for name in DATA_SETS)
    head = ("`--dataset`", "Images", "Targets", "Class maps", "Get it")
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _row(known: Benchmark) -> tuple[str, ...]:
    maps = [f"{name} ({len(each.entries)})" for name, each in known.class_maps.items()]
    return (
        f"`{known.name}`",
        ", ".join(known.variants),
        ", ".join(_targets(known)),
        ", ".join(maps) or "-",
        f"[{known.title}]({known.request})",
    )


def _targets(known: Benchmark) -> Iterator[str]:
    usual = known.usual_tasks
    for task in sorted(known.targets, key=lambda each: each not in usual):
        shown = f"**{task}**" if task in usual else task
        unit = known.targets[task].unit
        yield shown if unit in (task, "classes") else f"{shown} ({unit})"
