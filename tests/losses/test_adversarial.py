"""Losses on discriminator logits against worked examples and torch's cross entropy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from geosemimtl.errors import ConfigError
from geosemimtl.losses.adversarial import alignment_loss, domain_loss

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

#: V2's two pixels as (1, 3, 1, 2).
LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.5, -0.5, 3.0]]).T.reshape(1, 3, 1, 2)
VALID = torch.ones(1, 1, 2, dtype=torch.bool)

LOSSES: list[tuple[str, Loss, float]] = [
    ("to ground truth", lambda x, v: domain_loss(x, 0, v), 1.4238627),
    ("to domain 1", lambda x, v: domain_loss(x, 1, v), 2.6738627),
    ("to domain 2", lambda x, v: domain_loss(x, 2, v), 1.6738627),
    ("away from 2", lambda x, v: alignment_loss(x, "M3", 2, (1,), v), 1.1665252),
    ("away from 1", lambda x, v: alignment_loss(x, "M3", 1, (1,), v), 0.1101242),
    ("M1", lambda x, v: alignment_loss(x, "M1", 2, 1, v), 2.6738627),
    ("M2", lambda x, v: alignment_loss(x, "M2", 2, 1, v), 1.4238627),
    ("M3", lambda x, v: alignment_loss(x, "M3", 2, 1, v), 1.1665252),
    ("to any of 0 and 1", lambda x, v: alignment_loss(x, "M1", 2, (0, 1), v), 1.1665252),
]
each_loss = pytest.mark.parametrize(
    ("loss", "expected"), [case[1:] for case in LOSSES], ids=[case[0] for case in LOSSES]
)


@each_loss
def test_losses_have_the_values_of_v2(loss: Loss, expected: float) -> None:
    assert loss(LOGITS, VALID).item() == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize(
    ("own", "pixels"), [(2, (0.0398980, 2.2931524)), (1, (0.1927239, 0.0275244))]
)
def test_a_mask_picks_single_pixels(own: int, pixels: tuple[float, float]) -> None:
    for index, expected in enumerate(pixels):
        only = torch.arange(2).eq(index).reshape(1, 1, 2)
        assert alignment_loss(LOGITS, "M3", own, 1, only).item() == pytest.approx(
            expected, abs=2e-7
        )


def test_m3_has_the_gradient_of_v2() -> None:
    logits = LOGITS.clone().requires_grad_()
    torch.autograd.backward(alignment_loss(logits, "M3", 2, 1, VALID))
    rows = [[-0.01598872, -0.00356757, 0.01955629], [-0.32862994, -0.12089620, 0.44952613]]
    expected = torch.tensor(rows).T.reshape(1, 3, 1, 2)
    torch.testing.assert_close(logits.grad, expected, atol=1e-7, rtol=1e-5)


def test_m3_stays_finite_where_the_discriminator_is_certain() -> None:
    logits = torch.tensor([-20.0, -20.0, 20.0]).reshape(1, 3, 1, 1).requires_grad_()
    loss = alignment_loss(logits, "M3", 2, 1, VALID[..., :1])
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(39.30685, abs=1e-5)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.flatten(), torch.tensor([-0.5, -0.5, 1.0]))


def test_a_two_way_discriminator_has_the_values_of_v9() -> None:
    logits = torch.tensor([1.0, -0.5]).reshape(1, 2, 1, 1)
    valid = VALID[..., :1]
    assert domain_loss(logits, 0, valid).item() == pytest.approx(0.2014133, abs=1e-7)
    assert domain_loss(logits, 1, valid).item() == pytest.approx(1.7014133, abs=1e-6)


@pytest.mark.parametrize("label", [0, 1, 2, 3])
def test_domain_loss_equals_torch(label: int) -> None:
    generator = torch.Generator().manual_seed(label)
    logits = torch.randn(2, 4, 5, 6, generator=generator)
    valid = torch.rand(2, 5, 6, generator=generator) > 0.5
    target = torch.where(valid, label, -100)
    expected = functional.cross_entropy(logits, target, ignore_index=-100)
    torch.testing.assert_close(domain_loss(logits, label, valid), expected)


@each_loss
def test_nothing_valid_gives_zero_with_a_graph(loss: Loss, expected: float) -> None:
    logits = LOGITS.clone().requires_grad_()
    empty = loss(logits, torch.zeros_like(VALID))
    torch.autograd.backward(empty)
    assert expected > 0
    assert empty.item() == 0
    torch.testing.assert_close(logits.grad, torch.zeros_like(LOGITS))


@each_loss
def test_losses_pass_gradcheck(loss: Loss, expected: float) -> None:
    wide = LOGITS.double().requires_grad_()
    assert loss(wide, VALID).item() == pytest.approx(expected, abs=1e-6)
    assert torch.autograd.gradcheck(lambda x: loss(x, VALID), (wide,))


@each_loss
def test_losses_are_float32_under_autocast(loss: Loss, expected: float) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        result = loss(LOGITS.bfloat16(), VALID)  # V2's logits are exact in bfloat16
    assert result.dtype == torch.float32
    assert result.item() == pytest.approx(expected, abs=2e-7)


def test_without_a_mask_every_pixel_counts() -> None:
    assert domain_loss(LOGITS, 1).item() == pytest.approx(2.6738627, abs=2e-7)
    assert alignment_loss(LOGITS, "M3", own=2, labelled=1).item() == pytest.approx(1.1665252)


def test_errors_list_the_choices() -> None:
    with pytest.raises(ConfigError, match="choose one of M1, M2, M3"):
        alignment_loss(LOGITS, "M4", 2, (1,), VALID)
    with pytest.raises(ValueError, match="no domain is labelled"):
        alignment_loss(LOGITS, "M1", 2, (), VALID)
    with pytest.raises(ValueError, match="domain 3: the discriminator knows 0 to 2"):
        alignment_loss(LOGITS, "M3", 3, 1, VALID)
    with pytest.raises(ValueError, match="domain -1: the discriminator knows 0 to 2"):
        domain_loss(LOGITS, -1, VALID)
    with pytest.raises(ValueError, match="give a whole number"):
        domain_loss(LOGITS, 1.0)  # type: ignore[arg-type]  # what a caller without types does
    with pytest.raises(ValueError, match=r"give \(B, K \+ 1, H, W\)"):
        domain_loss(LOGITS[0], 1)


def test_masks_have_the_maps_shape() -> None:
    for valid in (VALID[:, None], VALID[0]):
        with pytest.raises(ValueError, match="shapes differ"):
            domain_loss(LOGITS, 0, valid)


@pytest.mark.parametrize("mask", [torch.bool, torch.uint8, torch.float32])
def test_invalid_logits_touch_neither_value_nor_gradient(mask: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 3, 1, 2, generator=generator)
    logits[..., 1] = torch.nan
    logits.requires_grad_()
    valid = torch.tensor([[[1, 0]]]).to(mask)
    for loss, alone in (
        (domain_loss(logits, 1, valid), domain_loss(logits[..., :1], 1)),
        (alignment_loss(logits, "M3", 2, 1, valid), alignment_loss(logits[..., :1], "M3", 2, 1)),
    ):
        torch.testing.assert_close(loss, alone)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert gradient.isfinite().all()
        assert not gradient[..., 1].any()


@pytest.mark.parametrize(
    "labelled", [1, np.int64(1), torch.tensor(1), [1], (1, 1), torch.tensor([1, 1])]
)
def test_a_labelled_domain_of_any_kind_of_number(labelled: Any) -> None:
    logits = torch.randn(1, 3, 2, 2)
    torch.testing.assert_close(alignment_loss(logits, "M1", 2, labelled), domain_loss(logits, 1))


@pytest.mark.parametrize(
    ("mode", "own", "labelled"), [("M2", 1, [99]), ("M1", 99, [1]), ("M3", 0, [1]), ("M3", -1, 1)]
)
def test_domains_that_are_none(mode: str, own: int, labelled: Any) -> None:
    with pytest.raises(ValueError, match=r"domain|own is 0"):
        alignment_loss(torch.zeros(1, 3, 2, 2), mode, own, labelled)
