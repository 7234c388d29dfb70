"""What demos have in common: their folder, and what their recipes do otherwise than the paper."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geosemimtl.errors import OutputError
from geosemimtl.training.config import TrainConfig

#: Marks a folder as a demo's, so that --overwrite never removes anything else.
_MARK = ".geosemimtl-demo"


def departures(config: TrainConfig) -> tuple[str, ...]:
    """Return where a configuration differs from the paper's, whose values are the defaults."""
    theirs = _values(TrainConfig(domains=config.domains))
    own = _values(config)
    return tuple(
        f"{key}: {value} (paper: {theirs[key]})"
        for key, value in own.items()
        if value != theirs[key]
    )


def _values(config: TrainConfig) -> dict[str, Any]:
    values = _flat(config.model_dump(mode="json", exclude={"name", "seed"}))
    return values | {"iterations": config.iterations or f"{config.epochs} epochs"}


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values under dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        inner = _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        flat |= {f"{prefix}{key}": value} if inner is None else inner
    return flat


def prepare(folder: Path, *, overwrite: bool) -> None:
    """Make a demo's folder, empty.

    Raises:
        OutputError: It exists, and is no demo's or ``overwrite`` is not set.
    """
    if folder.exists():
        if not overwrite:
            raise OutputError(f"{folder}: exists already; pass --overwrite to replace it")
        if not (folder / _MARK).exists():
            raise OutputError(f"{folder}: is no demo's folder; choose another with -o")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
