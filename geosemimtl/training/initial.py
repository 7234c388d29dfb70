"""Fine-tuning: a training that starts from a model instead of from an encoder's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from geosemimtl.config import NetworkConfig
from geosemimtl.errors import ModelFileError
from geosemimtl.models.network import MultiTaskNetwork
from geosemimtl.tasks import (
    HEIGHT,
    Height,
    Segmentation,
    Task,
)
from geosemimtl.training.model_file import ModelCard, load_model

#: Statistics of batch normalisation that are kept a domain (``models/norm.py``).
_APART = "domain_"
State = dict[str, Tensor]


def start_from(
    network: MultiTaskNetwork,
    tasks: Sequence[Task],
    bands: Sequence[str],
    domains: Sequence[str],
    path: Path,
) -> tuple[str, ...]:
    """Copy a model's weights into a network that is to be trained.

    The last layer of the land cover goes over class by class, by their names; classes that the
    model does not know keep their random start. That of the heights is rescaled to the new
    training's metres. Statistics that are kept a sensor go over by the sensors' names.

    Args:
        network: Changed in place.
        tasks: What it predicts.
        bands: What it sees.
        domains: Names of its sensors.
        path: The model file.

    Returns:
        What does not come from the model, in words: tasks, classes and heads that it has not.

    Raises:
        ModelFileError: The file is no model, or one of another architecture or other bands.
    """
    old, card = load_model(path, any_domain=True)
    known = {task.name: task for task in card.tasks}
    _require_fit(network.config, card, [t.name for t in tasks if t.name in known], bands, path)
    state, theirs = network.state_dict(), old.state_dict()
    _carry_statistics(state, theirs, card, domains)
    fresh: list[str] = [task.name for task in tasks if task.name not in known]
    for task in tasks:
        if task.name in known:
            linear = network.config.height_activation == "linear"
            fresh += _carry_head(state, theirs, task, known[task.name], path, linear=linear)
    if network.auxiliary and not old.auxiliary:
        fresh.append("the second head")
    for key, value in theirs.items():
        if key in state and value.shape == state[key].shape:
            state[key] = value
    network.load_state_dict(state)
    return tuple(fresh)


def _require_fit(
    config: NetworkConfig, card: ModelCard, tasks: Sequence[str], bands: Sequence[str], path: Path
) -> None:
    if tuple(bands) != card.bands:
        raise ModelFileError(
            f"{path}: sees {', '.join(card.bands)}, the tiles have {', '.join(bands)}: start from "
            "a model of these bands, or cut the tiles with --bands"
        )
    fields = ["encoder", "output_stride", *tasks, *["height_activation"] * (HEIGHT in tasks)]
    ours, theirs = (each.model_dump(mode="json") for each in (config, card.network))
    other = [field for field in fields if ours[field] != theirs[field]]
    if other:
        raise ModelFileError(
            f"{path}: its network.{other[0]} is {theirs[other[0]]}, the configuration's "
            f"{ours[other[0]]}: write the model's"
        )
    if card.network.norm == "per_domain" and config.norm != "per_domain":
        raise ModelFileError(
            f"{path}: keeps the statistics of its sensors apart: write network.norm: per_domain"
        )


def _carry_statistics(
    state: Mapping[str, Tensor], theirs: State, card: ModelCard, domains: Sequence[str]
) -> None:
    """Give every sensor its statistics in ``theirs``; a new one those that the model used last."""
    names = [domain.name for domain in card.domains]
    for key in state:
        head, _, last = key.rpartition(".")
        own = f"{head}.{last.removeprefix(_APART)}"
        if not last.startswith(_APART) or own not in theirs:
            continue
        shared = theirs[own]
        rows = [
            theirs[key][names.index(name)] if key in theirs and name in names else shared
            for name in domains
        ]
        theirs[key] = torch.stack(rows)


def _carry_head(
    state: Mapping[str, Tensor], theirs: State, task: Task, known: Task, path: Path, *, linear: bool
) -> list[str]:
    """Fit the model's last layers of a task to the new task, in ``theirs``; name what is new."""
    heads = [
        key
        for key in theirs
        if key.startswith((f"decoders.{task.name}.head.", f"auxiliary.{task.name}.2."))
        and key in state
    ]
    if isinstance(task, Segmentation) and isinstance(known, Segmentation):
        places = {name: index for index, name in enumerate(known.classes.names)}
        names = task.classes.names
        for key in heads:
            rows = [
                theirs[key][places[name]] if name in places else state[key][index]
                for index, name in enumerate(names)
            ]
            theirs[key] = torch.stack(rows)
        return [name for name in names if name not in places]
    if isinstance(task, Height) and isinstance(known, Height):
        factor = known.scale_m / task.scale_m
        if factor != 1 and not linear:
            raise ModelFileError(
                f"{path}: its heights are in units of {known.scale_m:g} m, the training's of "
                f"{task.scale_m:g} m: only height_activation linear can be rescaled"
            )
        for key in heads:
            theirs[key] = theirs[key] * factor
    return []
