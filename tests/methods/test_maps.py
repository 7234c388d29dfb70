"""What discriminators see: of a prediction that is right, what they see of the truth."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.classes import HUMAN_PARTS_CLASSES, ISPRS_CLASSES
from geosemimtl.methods.adversarial import prediction_map, truth_map
from geosemimtl.tasks import TASK_NAMES, UNITS, Binary, Normals, Quantity, Segmentation, Task

SHAPE = (2, 5, 6)
EVERY: tuple[Task, ...] = (
    Segmentation(classes=ISPRS_CLASSES),
    Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
    *(Quantity.model_validate({"name": name, "scale": 20}) for name in UNITS),
    Normals(),
    Binary(name="saliency"),
    Binary(name="edges"),
)


def example(task: Task) -> tuple[Tensor, Tensor]:
    """Return labels, and logits that say the same as sure as can be."""
    generator = torch.Generator().manual_seed(0)
    if isinstance(task, Segmentation):
        index = torch.randint(0, task.channels, SHAPE, generator=generator)
        one_hot = functional.one_hot(index, task.channels).movedim(-1, 1)
        return index, 200.0 * one_hot
    if isinstance(task, Binary):
        yes = torch.randint(0, 2, SHAPE, generator=generator)
        return yes, (200.0 * (2 * yes - 1))[:, None]
    if isinstance(task, Quantity):
        numbers = 30 * torch.rand(SHAPE, generator=generator)
        return numbers, numbers[:, None] / task.scale
    vectors = torch.randn(SHAPE[0], 3, *SHAPE[1:], generator=generator)
    return functional.normalize(vectors, dim=1), 7 * vectors


def test_every_task_has_maps() -> None:
    assert {task.name for task in EVERY} == set(TASK_NAMES)


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_a_right_prediction_looks_like_the_truth(task: Task) -> None:
    labels, logits = example(task)
    known = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)) > 0.3
    truth, said = truth_map(task, labels, known), prediction_map(task, logits, known)
    assert truth.shape == (SHAPE[0], task.channels, *SHAPE[1:])
    assert truth.dtype == said.dtype == torch.float32
    torch.testing.assert_close(said, truth)
    assert truth.movedim(1, -1)[known].abs().sum(-1).bool().any()


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_gaps_look_alike_and_teach_nothing(task: Task) -> None:
    """Whatever stands there, NaN even."""
    labels, logits = example(task)
    known = torch.rand(SHAPE, generator=torch.Generator().manual_seed(2)) > 0.5
    hidden = ~known[:, None].expand(labels.shape) if labels.ndim == 4 else ~known
    spoilt = labels.clone()
    spoilt[hidden] = torch.nan if labels.is_floating_point() else 0
    truth = truth_map(task, spoilt, known)
    torch.testing.assert_close(truth, truth_map(task, labels, known))
    assert not truth.movedim(1, -1)[~known].any()
    odd = logits.clone().float()
    odd.movedim(1, -1)[~known] = torch.nan
    odd.requires_grad_()
    said = prediction_map(task, odd, known)
    assert not said.movedim(1, -1)[~known].any()
    torch.autograd.backward(said.sum())
    assert odd.grad is not None
    assert odd.grad.movedim(1, -1)[known].isfinite().all()
