"""Cross entropy against torch's."""

import pytest
import torch
from torch.nn import functional

from geosemimtl.classes import IGNORE
from geosemimtl.losses.segmentation import cross_entropy

WEIGHTS = torch.tensor([1.0, 2.0, 0.5])


@pytest.fixture
def labelled() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    target = torch.randint(0, 3, (2, 4, 5), generator=generator).to(torch.uint8)
    target[0, :2] = IGNORE
    return logits, target, target != IGNORE


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_equals_torch(
    labelled: tuple[torch.Tensor, torch.Tensor, torch.Tensor], weights: torch.Tensor | None
) -> None:
    logits, target, valid = labelled
    expected = functional.cross_entropy(logits, target.long(), weights, ignore_index=IGNORE)
    loss = cross_entropy(logits, target, valid, class_weights=weights)
    torch.testing.assert_close(loss, expected)


def test_a_label_that_is_not_valid_does_not_count(
    labelled: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    logits, target, valid = labelled
    fewer = valid & (torch.arange(5) < 3)
    expected = functional.cross_entropy(
        logits[..., :3], target[..., :3].long(), ignore_index=IGNORE
    )
    torch.testing.assert_close(cross_entropy(logits, target, fewer), expected)


@pytest.mark.parametrize("weights", [None, WEIGHTS, torch.zeros(3)])
def test_nothing_valid_gives_zero_with_a_graph(
    labelled: tuple[torch.Tensor, torch.Tensor, torch.Tensor], weights: torch.Tensor | None
) -> None:
    logits, target, valid = labelled
    logits.requires_grad_()
    loss = cross_entropy(logits, target, torch.zeros_like(valid), class_weights=weights)
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_cross_entropy_passes_gradcheck(
    labelled: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    logits, target, valid = labelled
    wide = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: cross_entropy(x, target, valid), (wide,))


def test_losses_are_float32_under_autocast(
    labelled: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    logits, target, valid = labelled
    with torch.autocast("cpu", torch.bfloat16):
        loss = cross_entropy(logits.bfloat16(), target, valid)
    expected = cross_entropy(logits.bfloat16().float(), target, valid)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)
