"""Algorithm 1 by hand: worked out by hand, one weight and a linear discriminator."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from geosemimtl.data.batch import Batch
from geosemimtl.losses.masking import masked_mean
from geosemimtl.methods.balancing import fixed_balance
from geosemimtl.methods.method import Method
from geosemimtl.methods.semimtl import SemiMTL, SemiMTLConfig
from geosemimtl.models.network import Output
from geosemimtl.tasks import HEIGHT, Quantity
from geosemimtl.training.iteration import run_iteration


class OneWeight(nn.Module):
    """y = w x, with w = 1."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, image: Tensor) -> Output:
        """Predict."""
        return Output([], {HEIGHT: self.w * image})


class Linear(nn.Module):
    """Three logits a z + b for every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64))
        self.b = nn.Parameter(torch.zeros(3, dtype=torch.float64))

    def forward(self, maps: Tensor) -> Tensor:
        """Judge."""
        return self.a[:, None, None] * maps + self.b[:, None, None]


def _batch(domain: int, x: float, y: float | None) -> Batch:
    field = torch.ones(1, 1, 1, dtype=torch.float64)
    known = torch.ones(1, 1, 1, dtype=torch.bool)
    target = field * (0 if y is None else y)
    return Batch(
        domain, x * field[None], known, {HEIGHT: target}, {HEIGHT: known & (y is not None)}
    )


A, B = _batch(0, 2, 1), _batch(1, 3, None)


def _absolute(batch: Batch, output: Output) -> Mapping[str, Tensor]:
    if not batch.valid[HEIGHT].any():
        return {}
    error = (output.logits[HEIGHT][:, 0] - batch.targets[HEIGHT]).abs()
    return {HEIGHT: masked_mean(error, batch.valid[HEIGHT])}


class Toy:
    """The toy's state, and what happened in which order."""

    def __init__(self, method: Method) -> None:
        self.network = OneWeight()
        self.method = method
        self.w: list[float] = []
        self.losses: list[float] = []
        self.gradients: list[float] = []
        self.own_before: list[list[float]] = []
        self._lost: list[float] = []

    @property
    def _own(self) -> list[nn.Parameter]:
        return list(self.method.networks.parameters())

    def run(self, *domains: Batch, parts: int = 1) -> dict[str, Tensor]:
        """Run one iteration by plain gradient descent."""
        return run_iteration(
            (batch.parts(parts) for batch in domains),
            self.network,
            self.method,
            forward=lambda batch, _: self.network(batch.image),
            supervise=_absolute,
            balance=lambda losses: fixed_balance({HEIGHT: 1.0}, losses),
            mover=self,
        )

    def backward(self, loss: Tensor) -> None:
        """Add gradients."""
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        self._lost.append(loss.item())

    def step_network(self) -> None:
        """Step down, and note it."""
        self.own_before.append([v for p in self._own for v in p.tolist()])
        assert self.network.w.grad is not None
        self.losses.append(self._lost[0])
        self.gradients.append(self.network.w.grad.item())
        self._step([self.network.w])
        self.w.append(self.network.w.item())
        self._lost = []

    def step_own(self) -> None:
        """Step down."""
        self._step(self._own)
        self._lost = []

    def _step(self, parameters: list[nn.Parameter]) -> None:
        if parameters:
            mover = SGD(parameters, 0.1)
            mover.step()
            mover.zero_grad()


def _toy(mode: str, reduction: str = "mean") -> tuple[Toy, Linear]:
    config = SemiMTLConfig.model_validate(
        {
            "mode": mode,
            "lambda_intra": 0.1,
            "lambda_inter": 0.05,
            "width": 4,
            "reduction": reduction,
        }
    )
    method = SemiMTL(config, [Quantity(name=HEIGHT, scale=1)], 2, {HEIGHT: [0]})
    judge = Linear()
    method.networks[HEIGHT] = judge
    return Toy(method), judge


@pytest.mark.parametrize(
    ("mode", "w"), [("M1", 0.79635419), ("M2", 0.80685419), ("M3", 0.80521679)]
)
def test_v3(mode: str, w: float) -> None:
    toy, judge = _toy(mode)
    seen = toy.run(A, B)
    assert toy.losses[0] == pytest.approx(1.05282289, abs=1e-8)
    assert toy.gradients[0] == pytest.approx(1.95844754, abs=1e-8)
    assert toy.w == pytest.approx([0.80415525, w], abs=1e-8)
    # learned from predictions before either step, stepped once after both: the same in all modes
    assert judge.a.tolist() == pytest.approx([0.28184356, -0.08046454, 0.19862098], abs=1e-7)
    assert judge.b.tolist() == pytest.approx([-0.06898104, 0.05074284, 0.01823820], abs=1e-7)
    assert toy.own_before[0] == toy.own_before[1] == [0.5, -0.2, 0.1, 0, 0, 0]
    assert set(seen) == {
        "0/height",
        "0/height/intra",
        "0/height/discriminator/prediction",
        "0/height/discriminator/truth",
        "1/height/inter",
        "1/height/discriminator/prediction",
    }
    assert not any(loss.requires_grad for loss in seen.values())
    assert seen["0/height"].item() == 1


def test_an_iteration_of_nodata_moves_nothing() -> None:
    toy, judge = _toy("M2")
    nothing = Batch(
        0, A.image, torch.zeros_like(A.observed), A.targets, {HEIGHT: torch.zeros_like(A.observed)}
    )
    assert toy.run(nothing) == {}
    assert toy.w == []
    assert judge.a.tolist() == [0.5, -0.2, 0.1]
    toy.run(nothing, B)
    assert len(toy.w) == 1


class Follower(Method):
    """Sees another view, and follows the network's steps."""

    def __init__(self) -> None:
        super().__init__()
        self.followed: list[float] = []

    def prepare(self, batch: Batch) -> Batch:
        """Turn the sign."""
        return Batch(batch.domain, -batch.image, batch.observed, batch.targets, batch.valid)

    def after_step(self, network: nn.Module) -> None:
        """Note the weight."""
        self.followed.append(next(network.parameters()).item())

    def after_own_step(self) -> None:
        """Note the end."""
        self.followed.append(0)


def test_jtl_steps_only_where_labels_are() -> None:
    method = Follower()
    toy = Toy(method)
    seen = toy.run(A, B)
    # the view of -2 is predicted as -2, 3 off the label: w moves by 0.1 * 2 the other way
    assert toy.w == pytest.approx([0.8])
    assert method.followed == [*toy.w, 0]
    assert set(seen) == {"0/height"}
    assert seen["0/height"].item() == 3


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_parts_of_a_batch_add_up_to_the_whole(reduction: str) -> None:
    """Though one part has two labels and another none, and one of its pixels is no imagery."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 1, 3, 5, generator=generator, dtype=torch.float64)
    observed = torch.rand(4, 3, 5, generator=generator) > 0.2
    valid = observed & (torch.rand(4, 3, 5, generator=generator) > 0.4)
    valid[1] = valid[3] = False
    target = torch.rand(4, 3, 5, generator=generator, dtype=torch.float64)
    four = Batch(0, images, observed, {HEIGHT: target}, {HEIGHT: valid})
    moved = []
    for parts in (1, 2, 4):
        toy, judge = _toy("M2", reduction)
        seen = toy.run(four, B, parts=parts)
        assert len(toy.w) == 2
        losses = [seen[name].item() for name in sorted(seen)]
        moved.append([*toy.w, *judge.a.tolist(), *judge.b.tolist(), *losses])
    assert moved[1] == pytest.approx(moved[0], abs=1e-12)
    assert moved[2] == pytest.approx(moved[0], abs=1e-12)


def test_what_is_not_finite_is_seen_before_it_counts() -> None:
    toy, _ = _toy("M2")

    def check(batch: Batch, losses: Mapping[str, Tensor]) -> None:
        if not all(loss.isfinite() for loss in losses.values()):
            raise ArithmeticError(batch.domain)

    broken = _batch(1, float("nan"), 1)
    with pytest.raises(ArithmeticError, match="1"):
        run_iteration(
            [[A], [broken]],
            toy.network,
            toy.method,
            forward=lambda batch, _: toy.network(batch.image),
            supervise=_absolute,
            balance=lambda losses: fixed_balance({HEIGHT: 1.0}, losses),
            mover=toy,
            check=check,
        )
    assert len(toy.w) == 1
