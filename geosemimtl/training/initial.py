"""Fine-tuning: a training that starts from a model instead of from an encoder's weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from geosemimtl.errors import ModelFileError
from geosemimtl.models.network import MultiTaskNetwork
from geosemimtl.tasks import Height, Segmentation, Task
from geosemimtl.training.model_file import load_model


def start_from(
    network: MultiTaskNetwork, tasks: Sequence[Task], bands: Sequence[str], path: Path
) -> tuple[str, ...]:
    """Copy a model's weights into a network that is to be trained.

    The last layer of the land cover goes over class by class, by their names; classes that the
    model does not know keep their random start. That of the heights is rescaled to the new
    training's metres.

    Args:
        network: Changed in place.
        tasks: What it predicts.
        bands: What it sees.
        path: The model file.

    Returns:
        What does not come from the model, in words: tasks and classes that it does not know.

    Raises:
        ModelFileError: The file is no model, or one of another architecture or other bands.
    """
    old, card = load_model(path, any_domain=True)
    if tuple(bands) != card.bands:
        raise ModelFileError(
            f"{path}: sees {', '.join(card.bands)}, the tiles have {', '.join(bands)}: start from "
            "a model of these bands, or cut the tiles with --bands"
        )
    state, theirs = network.state_dict(), old.state_dict()
    known = {task.name: task for task in card.tasks}
    fresh: list[str] = []
    for task in tasks:
        if task.name in known:
            fresh += _carry_head(state, theirs, task, known[task.name])
        else:
            fresh.append(task.name)
    for key, value in state.items():
        if key not in theirs or key.split(".")[1] in fresh:
            continue
        if theirs[key].shape != value.shape:
            raise ModelFileError(
                f"{path}: has {key} of shape {tuple(theirs[key].shape)}, the configuration's is "
                f"{tuple(value.shape)}: write the model's network into the configuration "
                f"(geosemimtl info {path})"
            )
        state[key] = theirs[key]
    missing = sorted({key for key in state if key.startswith("encoder.")} - set(theirs))
    if missing:
        raise ModelFileError(
            f"{path}: has no {missing[0]}: its encoder is {card.network.encoder}, the "
            f"configuration's {network.config.encoder}; write one of them"
        )
    network.load_state_dict(state)
    return tuple(fresh)


def _carry_head(
    state: dict[str, Tensor], theirs: dict[str, Tensor], task: Task, known: Task
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
        for key in heads:
            theirs[key] = theirs[key] * (known.scale_m / task.scale_m)
    return []
