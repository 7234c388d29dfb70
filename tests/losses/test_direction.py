"""Losses of normals against worked examples and their laws."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.losses.direction import SHORTEST, cosine_loss, known_normals, normals_l1_loss

Loss = Callable[..., torch.Tensor]


def row(*vectors: tuple[float, float, float]) -> torch.Tensor:
    """Return vectors as a map (1, 3, 1, pixels)."""
    return torch.tensor(vectors, dtype=torch.float32).T[None, :, None]


#: W5's three pixels, the last without a truth.
P = row((0, 0, 1), (0.6, 0, 0.8), (1, 0, 0))
Y = row((0, 0, 1), (0, 0, 1), (0, 0, 0))
each_loss = pytest.mark.parametrize("loss", [cosine_loss, normals_l1_loss])


def random_maps(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    p, y = torch.randn(2, 2, 3, 4, 5, generator=generator, dtype=torch.float64)
    valid = torch.rand(2, 4, 5, generator=generator) < 0.8
    return p, y / y.norm(dim=1, keepdim=True), valid


def test_cosine_has_the_value_of_w5() -> None:
    assert cosine_loss(P, Y, known_normals(Y)).item() == pytest.approx(0.1, abs=1e-7)


def test_cosine_has_the_value_of_x6() -> None:
    """Of the vector at length 1: as it is, it would be 0.6."""
    assert cosine_loss(row((0.3, 0, 0.4)), row((0, 0, 1))).item() == pytest.approx(0.2, abs=1e-7)


def test_l1_by_hand() -> None:
    """W5's pixels: 0 and abs(0.6) + abs(0.8 - 1), over two pixels of three channels."""
    loss = normals_l1_loss(5 * P, Y, known_normals(Y))
    assert loss.item() == pytest.approx(0.8 / 6, abs=1e-7)


def test_the_legacy_mask_forgets_normals_that_sum_to_zero() -> None:
    target = row((0, 0, 1), (0.6, -0.6, 0), (0, 0, 0), (float("nan"), 0, 1), (-0.1, 0, 0))
    assert known_normals(target)[0, 0].tolist() == [True, True, False, False, True]
    assert known_normals(target, legacy=True)[0, 0].tolist() == [True, False, False, False, True]


@each_loss
@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.01, 100))
def test_a_predictions_length_means_nothing(loss: Loss, seed: int, factor: float) -> None:
    p, y, valid = random_maps(seed)
    p = p / p.norm(dim=1, keepdim=True)
    torch.testing.assert_close(loss(factor * p, y, valid), loss(p, y, valid))


@given(st.integers(0, 2**32 - 1))
def test_cosine_is_torchs(seed: int) -> None:
    p, y, valid = random_maps(seed)
    expected = (1 - torch.cosine_similarity(p, y, dim=1))[valid].mean()
    torch.testing.assert_close(cosine_loss(p, y, valid), expected)


@given(st.integers(0, 2**32 - 1))
def test_cosine_is_half_the_squared_distance(seed: int) -> None:
    p, y, valid = random_maps(seed)
    p = p / p.norm(dim=1, keepdim=True)
    expected = ((p - y).square().sum(dim=1) / 2)[valid].mean()
    torch.testing.assert_close(cosine_loss(p, y, valid), expected)


@each_loss
def test_losses_pass_gradcheck(loss: Loss) -> None:
    p, y, valid = random_maps(0)
    p.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, y, valid), (p,))
    short = (0.3 * SHORTEST * torch.ones_like(p)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, y, valid), (short,), eps=1e-8)


@each_loss
def test_a_prediction_of_zero_learns_within_bounds(loss: Loss) -> None:
    p = torch.zeros(1, 3, 1, 1, requires_grad=True)
    value = loss(p, row((0, 0.6, 0.8)))
    torch.autograd.backward(value)
    assert p.grad is not None
    assert 0 < p.grad.norm() <= 1 / SHORTEST
    assert (p.grad.flatten()[1:] < 0).all()  # towards the target
    better = loss(-1e-6 * p.grad, row((0, 0.6, 0.8)))
    assert better < value


@each_loss
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_valid_touches_neither_value_nor_gradient(loss: Loss, wrong: float) -> None:
    p, y = P.clone(), Y.clone()
    p[..., 2], y[..., 2] = wrong, wrong
    p.requires_grad_()
    valid = torch.tensor([[[1, 1, 0]]], dtype=torch.uint8)
    value = loss(p, y, valid)
    torch.autograd.backward(value)
    torch.testing.assert_close(value.detach(), loss(P[..., :2], Y[..., :2]))
    assert p.grad is not None
    assert p.grad.isfinite().all()
    assert not p.grad[..., 2].any()


@each_loss
def test_nothing_valid_gives_zero_with_a_graph(loss: Loss) -> None:
    p = P.clone().requires_grad_()
    value = loss(p, Y, torch.zeros(1, 1, 3, dtype=torch.bool))
    torch.autograd.backward(value)
    assert value.item() == 0
    torch.testing.assert_close(p.grad, torch.zeros_like(P))


@each_loss
def test_losses_are_float32_under_autocast(loss: Loss) -> None:
    p, y, _ = random_maps(1)
    narrow = p.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(narrow, y.float())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(narrow.float(), y.float()))


@each_loss
def test_shapes_that_do_not_fit(loss: Loss) -> None:
    with pytest.raises(ValueError, match=r"give \(B, 3, H, W\)"):
        loss(P[0], Y[0])
    with pytest.raises(ValueError, match="shapes differ"):
        loss(P, Y[..., :1])
    with pytest.raises(ValueError, match="shapes differ"):
        loss(P, Y, torch.ones(1, 3, 1, 3))
    with pytest.raises(ValueError, match="target of shape"):
        known_normals(Y[0])
