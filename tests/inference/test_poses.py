"""Flips and turns of what is predicted: maps come back in place, vectors as they were facing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.inference.forward import Forward
from geosemimtl.tasks import Binary, Normals, Quantity, Segmentation, Task

#: Vectors between others, so that they are not where a part would begin by chance.
TASKS: tuple[Task, ...] = (
    Quantity(name="depth", scale=80),
    Normals(),
    Binary(name="edges"),
    Segmentation(classes=ISPRS_CLASSES),
)


class Slopes:
    """Vectors along the picture's slope, and numbers of a pixel: whoever looks, from anywhere."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Return the logits by task."""
        self.seen.append(image)
        wide = functional.pad(image[:, :1], (1, 1, 1, 1), mode="replicate")
        across = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
        down = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
        forward = torch.full_like(across, -0.5)
        return {
            "depth": image[:, :1],
            "normals": torch.cat([across, down, forward], dim=1),
            "edges": image[:, 1:2],
            "segmentation": torch.cat([image, -image], dim=1),
        }


def forward(network: Slopes, **how: bool) -> Forward:
    """Run a network that has all that is asked of one."""
    return Forward(network, TASKS, **how)  # type: ignore[arg-type]  # as said


def tiles(rows: int, cols: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(3, rows, cols, generator=generator) for _ in range(2)]


@pytest.mark.parametrize(
    ("upright", "poses", "shape"), [(False, 8, (9, 9)), (True, 2, (9, 9)), (True, 2, (7, 12))]
)
def test_who_says_the_same_from_everywhere_is_not_changed(
    *, upright: bool, poses: int, shape: tuple[int, int]
) -> None:
    """A street has a top: its mirror image is like it, not its quarter turn."""
    network = Slopes()
    plain = forward(network)(tiles(*shape))
    assert len(network.seen) == 1
    network.seen.clear()
    turned = forward(network, tta=True, upright=upright)(tiles(*shape))
    assert len(network.seen) == poses
    assert len({each.numpy().tobytes() for each in network.seen}) == poses
    torch.testing.assert_close(turned, plain)
    vectors = plain[:, 1:4]
    assert vectors[:, 0].std() > 0.1
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones_like(vectors[:, 0]))


def test_vectors_that_do_not_turn_along_cancel_out() -> None:
    """Who says "to the right" of any picture says nothing about right."""

    class Stubborn(Slopes):
        def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
            said = dict(super().__call__(image))
            right = torch.tensor([1.0, 0.0, -1.0])[:, None, None]
            said["normals"] = right.expand_as(said["normals"])
            return said

    made = forward(Stubborn(), tta=True)(tiles(4, 4))
    half = 0.5**0.5
    torch.testing.assert_close(made[:, 1], torch.zeros(2, 4, 4), atol=1e-6, rtol=0)
    torch.testing.assert_close(made[:, 2], torch.zeros(2, 4, 4), atol=1e-6, rtol=0)
    torch.testing.assert_close(made[:, 3], torch.full((2, 4, 4), -half))
