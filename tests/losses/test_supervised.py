"""The table of supervised losses: which suit a task, and that each is what its name says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, product

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.errors import ConfigError
from geosemimtl.losses.binary import edge_loss, saliency_loss
from geosemimtl.losses.direction import cosine_loss, normals_l1_loss
from geosemimtl.losses.regression import berhu_loss, l1_loss
from geosemimtl.losses.segmentation import cross_entropy
from geosemimtl.losses.supervised import LOSSES, loss_name, supervised_loss
from geosemimtl.tasks import (
    TASK_NAMES,
    Binary,
    Kind,
    Normals,
    Quantity,
    Segmentation,
    Task,
    kind_of,
)

SHAPE = (2, 5, 6)
#: By task: the usual loss, and the others there are.
USUAL = {
    "segmentation": ("cross_entropy",),
    "human_parts": ("cross_entropy",),
    "height": ("berhu", "l1"),
    "depth": ("berhu", "l1"),
    "inverse_depth": ("berhu", "l1"),
    "disparity": ("berhu", "l1"),
    "normals": ("cosine", "l1"),
    "saliency": ("saliency", "edge"),
    "edges": ("edge", "saliency"),
}
BINARY: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "saliency": saliency_loss,
    "edge": edge_loss,
}


@pytest.fixture
def valid() -> Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)) > 0.3


def drawn(channels: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE[0], channels, *SHAPE[1:], generator=generator)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_losses_of_a_task(task: str) -> None:
    usual, *others = USUAL[task]
    assert loss_name(task) == usual
    assert {loss_name(task, name) for name in (usual, *others)} == set(LOSSES[kind_of(task)])


@pytest.mark.parametrize(
    ("task", "other"), list(product(TASK_NAMES, sorted(set(chain(*USUAL.values())))))
)
def test_what_does_not_suit_is_refused(
    task: str, other: str, one_line: Callable[[BaseException], str]
) -> None:
    if other in USUAL[task]:
        return
    with pytest.raises(ConfigError) as caught:
        loss_name(task, other)
    message = one_line(caught.value)
    assert message.startswith(f"losses.{task}: {other} does not suit it; choose of ")
    assert all(name in message for name in USUAL[task])


def test_classes_are_told_by_cross_entropy(valid: Tensor) -> None:
    task = Segmentation(classes=ISPRS_CLASSES)
    logits, weights = drawn(6), torch.arange(1.0, 7.0)
    target = torch.randint(0, 6, SHAPE, generator=torch.Generator().manual_seed(2))
    for chosen in (None, weights):
        made = supervised_loss(task, "cross_entropy", logits, target, valid, chosen)
        wanted = cross_entropy(logits, target, valid, class_weights=chosen)
        torch.testing.assert_close(made, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["height", "depth", "inverse_depth", "disparity"])
def test_numbers_are_compared_in_the_networks_unit(name: str, valid: Tensor) -> None:
    task = Quantity.model_validate({"name": name, "scale": 30})
    logits, numbers = drawn(1), 30 * drawn(1, 3)[:, 0]
    for loss, by_hand in (("berhu", berhu_loss), ("l1", l1_loss)):
        made = supervised_loss(task, loss, logits, numbers, valid)
        torch.testing.assert_close(made, by_hand(logits[:, 0], numbers / 30, valid))
    torch.testing.assert_close(
        supervised_loss(task, "l1", logits, numbers, valid),
        (logits[:, 0] - numbers / 30).abs()[valid].mean(),
    )


def test_directions(valid: Tensor) -> None:
    target = functional.normalize(drawn(3, 4), dim=1)
    for name, function in (("cosine", cosine_loss), ("l1", normals_l1_loss)):
        made = supervised_loss(Normals(), name, drawn(3), target, valid)
        torch.testing.assert_close(made, function(drawn(3), target, valid))
    # the length of what a network says tells nothing
    torch.testing.assert_close(
        supervised_loss(Normals(), "cosine", 7 * target, target, valid), torch.tensor(0.0)
    )


@pytest.mark.parametrize("name", ["saliency", "edges"])
def test_yes_and_no(name: str, valid: Tensor) -> None:
    task = Binary.model_validate({"name": name})
    target = (drawn(1, 5)[:, 0] > 0.5).long()
    for loss, function in BINARY.items():
        made = supervised_loss(task, loss, drawn(1), target, valid)
        torch.testing.assert_close(made, function(drawn(1), target, valid))


TASKS: tuple[Task, ...] = (
    Segmentation(classes=ISPRS_CLASSES),
    Quantity(name="depth", scale=80),
    Normals(),
    Binary(name="saliency"),
)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_is_not_valid_never_counts(task: Task, valid: Tensor) -> None:
    """Not even NaN, in the loss or in what is learnt of it."""
    kind = kind_of(task.name)
    shape = (SHAPE[0], 3, *SHAPE[1:]) if kind is Kind.DIRECTION else SHAPE
    is_real = kind in (Kind.QUANTITY, Kind.DIRECTION)
    target = torch.ones(shape) if is_real else torch.ones(shape, dtype=torch.long)
    spoilt = target.clone()
    hidden = ~valid[:, None].expand(shape) if kind is Kind.DIRECTION else ~valid
    spoilt[hidden] = torch.nan if is_real else 255
    for name in LOSSES[kind]:
        logits = drawn(task.channels).requires_grad_()
        loss = supervised_loss(task, name, logits, spoilt, valid)
        torch.autograd.backward(loss)
        torch.testing.assert_close(loss, supervised_loss(task, name, logits, target, valid))
        assert logits.grad is not None
        assert logits.grad.isfinite().all()
        assert not logits.grad.movedim(1, -1)[~valid].any()
        nothing = supervised_loss(task, name, logits, spoilt, torch.zeros_like(valid))
        assert nothing.item() == 0
        assert nothing.requires_grad
