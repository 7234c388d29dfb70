"""BerHu and L1 against worked examples and their own laws."""

import pytest
import torch

from geosemimtl.losses.regression import berhu_loss, l1_loss

P = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
Y = torch.tensor([[[1.1, 2.5], [2.0, 6.0]]])


def all_but(*pixels: tuple[int, int]) -> torch.Tensor:
    valid = torch.ones(1, 2, 2, dtype=torch.bool)
    for row, column in pixels:
        valid[0, row, column] = False
    return valid


@pytest.mark.parametrize(
    ("scale", "valid", "expected"),
    [
        (1, all_but(), 1.815625),
        (1, all_but((1, 0)), 1.9375),
        (1, all_but((1, 1)), 1.1416667),
        (10, all_but(), 18.15625),
    ],
)
def test_berhu_has_the_values_of_v1(scale: int, valid: torch.Tensor, expected: float) -> None:
    assert berhu_loss(scale * P, scale * Y, valid).item() == pytest.approx(expected, abs=1e-6)


def test_berhu_has_the_gradient_of_v1() -> None:
    prediction = P.clone().requires_grad_()
    torch.autograd.backward(berhu_loss(prediction, Y, all_but()))
    expected = torch.tensor([[[-0.25, -0.3125], [0.625, -1.25]]])
    torch.testing.assert_close(prediction.grad, expected)


def test_the_threshold_comes_from_the_whole_batch() -> None:
    batch = berhu_loss(torch.cat([P, Y]), torch.cat([Y, Y]), all_but().expand(2, 2, 2))
    assert batch.item() == pytest.approx(1.815625 / 2, abs=1e-6)


def test_an_invalid_nan_touches_neither_value_nor_gradient() -> None:
    prediction, target = P.clone().requires_grad_(), Y.clone()
    target[0, 1, 0] = float("nan")
    loss = berhu_loss(prediction, target, all_but((1, 0)))
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(1.9375)
    assert prediction.grad is not None
    assert prediction.grad[0, 1, 0] == 0
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("target", [Y, P], ids=["nothing valid", "all exact"])
def test_nothing_to_learn_gives_zero_with_a_graph(target: torch.Tensor) -> None:
    prediction = P.clone().requires_grad_()
    valid = all_but() if target is P else torch.zeros(1, 2, 2, dtype=torch.bool)
    loss = berhu_loss(prediction, target, valid)
    torch.autograd.backward(loss)
    assert loss.item() == 0
    torch.testing.assert_close(prediction.grad, torch.zeros_like(P))


def test_berhu_passes_gradcheck_at_a_fixed_threshold() -> None:
    # the largest error sets the threshold, a constant to the gradient: hold it in a fixed pixel
    fixed = torch.tensor([[[4.0]]], dtype=torch.float64)
    target = torch.cat([Y.double()[:, :, :1], fixed.expand(1, 2, 1)], 2)
    valid = torch.ones_like(target, dtype=torch.bool)

    def loss(free: torch.Tensor) -> torch.Tensor:
        return berhu_loss(torch.cat([free, fixed.expand(1, 2, 1) + 9], 2), target, valid)

    free = torch.tensor([[[1.5], [9.0]]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (free,))


def test_bfloat16_predictions_are_compared_in_float32() -> None:
    loss = berhu_loss(P.bfloat16(), Y, all_but())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(1.815625, abs=1e-6)  # P is exact in bfloat16


def test_without_a_mask_every_pixel_counts() -> None:
    assert berhu_loss(P, Y).item() == pytest.approx(1.815625, abs=1e-6)
    assert berhu_loss(P[0, 0], Y[0, 0], fraction=1.0).item() == pytest.approx(0.3, abs=1e-6)


def test_shapes_that_would_be_spread_over_each_other() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        berhu_loss(P[:, None], Y)
    with pytest.raises(ValueError, match="shapes differ"):
        berhu_loss(P, Y, all_but()[0])


def test_an_invalid_prediction_touches_neither_value_nor_gradient() -> None:
    for wrong in (float("nan"), float("inf")):
        prediction = torch.tensor([1.0, wrong, 4.0], requires_grad=True)
        valid = torch.tensor([1, 0, 1], dtype=torch.uint8)  # of any type
        loss = berhu_loss(prediction, torch.tensor([1.5, 0.0, 2.0]), valid)
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        expected = berhu_loss(torch.tensor([1.0, 4.0]), torch.tensor([1.5, 2.0]))
        torch.testing.assert_close(loss.detach(), expected)
        assert prediction.grad is not None
        assert prediction.grad.isfinite().all()
        assert prediction.grad[1] == 0


def test_whole_numbers_and_a_share_of_nothing() -> None:
    one, two = torch.tensor([1, 2]), torch.tensor([1, 4])
    torch.testing.assert_close(berhu_loss(one, two), berhu_loss(one.float(), two.float()))
    with pytest.raises(ValueError, match="fraction 0"):
        berhu_loss(one, two, fraction=0)


def test_l1_has_the_value_of_w4() -> None:
    target = torch.tensor([[[0, 2.5], [2, 4]]])
    assert l1_loss(P, target, target != 0).item() == pytest.approx(0.5, abs=1e-7)


def test_l1_has_the_values_of_x1() -> None:
    """AT/DT's code leaves out what is far, its paper clips it; both leave out zeros."""
    metres = torch.tensor([[10.0, 0], [50, 120]])
    prediction = torch.tensor([[0.2, 0.3], [0.4, 0.7]])
    code = l1_loss(prediction, metres / 100, (metres > 0) & (metres <= 100))
    assert code.item() == pytest.approx(0.1, abs=1e-7)
    paper = l1_loss(prediction, metres.clamp(max=100) / 100, metres > 0)
    assert paper.item() == pytest.approx(0.1666667, abs=1e-7)


def test_l1_passes_gradcheck_and_is_torchs() -> None:
    prediction = P.double().requires_grad_()
    valid = all_but((1, 0))
    assert torch.autograd.gradcheck(lambda x: l1_loss(x, Y, valid), (prediction,))
    expected = torch.nn.functional.l1_loss(P[valid], Y[valid])
    torch.testing.assert_close(l1_loss(P, Y, valid), expected)
    torch.testing.assert_close(l1_loss(P.bfloat16(), Y, valid), expected)  # P is exact in it


def test_l1_of_what_is_not_valid() -> None:
    prediction, target = P.clone(), Y.clone()
    prediction[0, 1, 0] = target[0, 1, 0] = float("nan")
    prediction.requires_grad_()
    loss = l1_loss(prediction, target, all_but((1, 0)))
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(2.6 / 3)
    expected = torch.tensor([[[-1, -1], [0, -1]]]) / 3
    torch.testing.assert_close(prediction.grad, expected)
    nothing = l1_loss(prediction, target, torch.zeros(1, 2, 2))
    torch.autograd.backward(nothing)  # still has a graph
    assert nothing.item() == 0
    with pytest.raises(ValueError, match="shapes differ"):
        l1_loss(P, Y, all_but()[0])
