"""Losses of yes or no against worked examples, torch's and their laws."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from geosemimtl.losses.binary import balanced_cross_entropy, edge_loss, saliency_loss

Loss = Callable[..., torch.Tensor]

#: W11's pixels as (1, 1, 2, 2) and (1, 2, 2).
LOGITS = torch.tensor([2.0, -1, 0, 3]).reshape(1, 1, 2, 2)
YES = torch.tensor([1.0, 0, 0, 1]).reshape(1, 2, 2)
each_loss = pytest.mark.parametrize("loss", [edge_loss, saliency_loss])


def random_maps(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 1, 4, 5, generator=generator, dtype=torch.float64)
    yes, valid = torch.rand(2, 2, 4, 5, generator=generator)
    return logits, yes < 0.3, valid < 0.8


def test_edges_have_the_value_of_w11() -> None:
    assert edge_loss(LOGITS, YES).item() == pytest.approx(0.0542650, abs=1e-7)


def test_saliency_by_hand() -> None:
    """One pixel of four is salient, so it has the weight 3/4 and the others have 1/4."""
    logits = torch.tensor([0.0, 0, 0, 2]).reshape(1, 1, 2, 2)
    target = torch.tensor([True, False, False, False]).reshape(1, 2, 2)
    expected = (0.75 * math.log(2) + 0.25 * (2 * math.log(2) + math.log1p(math.exp(2)))) / 4
    assert saliency_loss(logits, target).item() == pytest.approx(expected)


def test_the_balance_is_that_of_valid_pixels_of_the_whole_batch() -> None:
    logits, yes, valid = random_maps(3)
    share = (~yes)[valid].double().mean().item()
    expected = balanced_cross_entropy(logits[:, 0], yes, valid, positive_weight=share)
    torch.testing.assert_close(saliency_loss(logits, yes, valid), expected)
    alone = [saliency_loss(logits[[i]], yes[[i]], valid[[i]]) for i in range(2)]
    assert not torch.isclose(expected, sum(alone, torch.zeros(())) / 2)


def test_uncertain_predictions_of_either_answer_weigh_the_same() -> None:
    logits = torch.zeros(1, 1, 1, 10, dtype=torch.float64, requires_grad=True)
    yes = (torch.arange(10) < 2).reshape(1, 1, 10)
    torch.autograd.backward(saliency_loss(logits, yes))
    assert logits.grad is not None
    of_yes, of_no = (logits.grad[0, 0][each[0]].sum().item() for each in (yes, ~yes))
    assert of_yes == pytest.approx(-of_no)
    assert of_yes < 0


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_values_are_torchs_weighted_by_hand(seed: int, weight: float) -> None:
    logits, yes, valid = random_maps(seed)
    plain = functional.binary_cross_entropy_with_logits(
        logits[:, 0], yes.double(), reduction="none"
    )
    weighted = torch.where(yes, weight, 1 - weight) * plain
    found = edge_loss(logits, yes, valid, positive_weight=weight)
    torch.testing.assert_close(found, weighted[valid].mean())


@given(st.integers(0, 2**32 - 1))
def test_yes_and_no_are_mirror_images(seed: int) -> None:
    logits, yes, valid = random_maps(seed)
    torch.testing.assert_close(
        saliency_loss(logits, yes, valid), saliency_loss(-logits, ~yes, valid)
    )


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.float64])
def test_targets_of_any_kind_of_number(kind: torch.dtype) -> None:
    assert edge_loss(LOGITS, YES.to(kind)).item() == pytest.approx(0.0542650, abs=1e-7)
    soft = torch.tensor([0.5, 0.49, 0, 1]).reshape(1, 2, 2)
    torch.testing.assert_close(edge_loss(LOGITS, soft), edge_loss(LOGITS, YES))


@each_loss
def test_losses_stay_finite_where_the_network_is_certain_and_wrong(loss: Loss) -> None:
    logits = torch.tensor([-1e4, 1e4]).reshape(1, 1, 1, 2).requires_grad_()
    value = loss(logits, torch.tensor([[[1, 0]]]))
    torch.autograd.backward(value)
    assert value.item() == pytest.approx(5e3)  # the weights sum up to 1
    assert logits.grad is not None
    assert (logits.grad.flatten() * torch.tensor([-1, 1]) > 0).all()


@each_loss
def test_losses_pass_gradcheck(loss: Loss) -> None:
    logits, yes, valid = random_maps(0)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, yes, valid), (logits,))


@each_loss
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_valid_touches_neither_value_nor_gradient(loss: Loss, wrong: float) -> None:
    logits, target = LOGITS.clone(), YES.clone()
    logits[..., 1], target[..., 1] = wrong, float("nan")
    logits.requires_grad_()
    value = loss(logits, target, torch.tensor([[[1, 0], [1, 0]]], dtype=torch.uint8))
    torch.autograd.backward(value)
    torch.testing.assert_close(value.detach(), loss(LOGITS[..., :1], YES[..., :1]))
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert not logits.grad[..., 1].any()


@each_loss
@pytest.mark.parametrize("target", [YES, torch.full_like(YES, 255)])
def test_nothing_valid_gives_zero_with_a_graph(loss: Loss, target: torch.Tensor) -> None:
    logits = LOGITS.clone().requires_grad_()
    value = loss(logits, target, torch.zeros(1, 2, 2, dtype=torch.bool))
    torch.autograd.backward(value)
    assert value.item() == 0
    torch.testing.assert_close(logits.grad, torch.zeros_like(LOGITS))


def test_a_batch_of_one_answer_teaches_no_saliency() -> None:
    for yes in (torch.zeros_like(YES), torch.ones_like(YES)):
        assert saliency_loss(LOGITS, yes).item() == 0


@each_loss
def test_losses_are_float32_under_autocast(loss: Loss) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(LOGITS.bfloat16(), YES)  # W11's logits are exact in bfloat16
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(LOGITS, YES))


def test_what_cannot_be() -> None:
    for wrong in (LOGITS[:, 0], LOGITS.expand(1, 2, 2, 2)):
        for loss in (edge_loss, saliency_loss):
            with pytest.raises(ValueError, match=r"give \(B, 1, H, W\)"):
                loss(wrong, YES)
    with pytest.raises(ValueError, match="shapes differ"):
        edge_loss(LOGITS, YES[:, None])
    with pytest.raises(ValueError, match="shapes differ"):
        saliency_loss(LOGITS, YES, torch.ones(1, 1, 2, 2))
    for weight in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="positive_weight"):
            edge_loss(LOGITS, YES, positive_weight=weight)
