"""The baselines: STL, JTL, SemiSD and DA."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geosemimtl.data.batch import Batch
from geosemimtl.methods.da import DAConfig
from geosemimtl.methods.method import Method
from geosemimtl.methods.semisd import SemiSDConfig
from geosemimtl.methods.supervised import JTLConfig, STLConfig
from geosemimtl.models.network import Output
from geosemimtl.tasks import (
    HEIGHT,
    SEGMENTATION,
    Height,
    Task,
)

TASK: tuple[Task, ...] = (Height(scale_m=1),)
SIDE = 32


def _batch(*labelled: bool) -> Batch:
    shape = (len(labelled), SIDE, SIDE)
    observed = torch.ones(shape, dtype=torch.bool)
    observed[:, :4] = False
    valid = observed & torch.tensor(labelled)[:, None, None]
    return Batch(
        0,
        torch.zeros(len(labelled), 3, SIDE, SIDE),
        observed,
        {HEIGHT: 0.0 * valid},
        {HEIGHT: valid},
    )


def _output(batch: Batch) -> Output:
    logits = torch.zeros(len(batch.image), 1, SIDE, SIDE, requires_grad=True)
    return Output([], {HEIGHT: logits})


def _detached(output: Output) -> dict[str, Tensor]:
    return {name: logits.detach() for name, logits in output.logits.items()}


class Judge(nn.Module):
    """Says the same of every pixel; of whole images other than the first, another."""

    def __init__(self, *answers: list[float]) -> None:
        super().__init__()
        self.answers = nn.Parameter(torch.tensor(answers))

    def forward(self, maps: Tensor) -> Tensor:
        """Judge."""
        return self.answers[:, :, None, None] + 0 * maps.mean(dim=1, keepdim=True)


@pytest.mark.parametrize("section", [JTLConfig(), STLConfig()])
def test_labels_and_nothing_else(section: JTLConfig | STLConfig) -> None:
    method = section.build(TASK, 2, {HEIGHT: [0]})
    batch = _batch(True, False)
    output = _output(batch)
    assert type(method) is Method
    assert not method.sees_unlabelled
    assert method.network_losses(batch, output) == {}
    assert method.own_losses(batch, _detached(output)) == {}
    assert method.prepare(batch) is batch
    assert method.optimiser() is None


@pytest.mark.parametrize("section", [STLConfig(), DAConfig()])
def test_one_task_only(section: STLConfig | DAConfig) -> None:
    section.require_tasks([HEIGHT])
    with pytest.raises(ValueError, match=r"trains one task: write tasks: \[segmentation\]"):
        section.require_tasks([SEGMENTATION, HEIGHT])


@pytest.mark.parametrize("domain", [0, 1, 2])
def test_semisd_has_the_values_of_v9_on_every_domain(domain: int) -> None:
    method = SemiSDConfig(lambda_intra=0.5, lambda_inter=0.25).build(TASK, 3, {HEIGHT: [0]})
    assert method.networks[HEIGHT](torch.zeros(1, 1, 32, 32)).shape[1] == 2
    method.networks[HEIGHT] = Judge([1.0, -0.5], [1.0, -0.5])
    batch = _batch(True, False)
    batch = Batch(domain, batch.image, batch.observed, batch.targets, batch.valid)
    output = _output(batch)
    losses = method.network_losses(batch, output)
    assert losses["height/intra"].item() == pytest.approx(0.5 * 0.2014133, abs=1e-6)
    assert losses["height/inter"].item() == pytest.approx(0.25 * 0.2014133, abs=1e-6)
    own = method.own_losses(batch, _detached(output))
    assert own["height/discriminator/prediction"].item() == pytest.approx(1.7014133, abs=1e-6)
    assert own["height/discriminator/truth"].item() == pytest.approx(0.2014133, abs=1e-6)


def test_da_has_the_values_of_v9() -> None:
    method = DAConfig(lambda_adv=1, enlarge="logits").build(TASK, 2, {HEIGHT: [0]})
    judge = Judge([-1.0], [0.5])
    method.networks[HEIGHT] = judge
    batch = _batch(True, False)
    output = _output(batch)
    (loss,) = method.network_losses(batch, output).values()
    assert loss.item() == pytest.approx(0.9740770, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, judge.answers, allow_unused=True)
    assert gradient is None
    own = sum(method.own_losses(batch, _detached(output)).values(), torch.zeros(()))
    assert own.item() == pytest.approx(0.3936693, abs=1e-6)


def test_da_moves_the_network_only_on_unlabelled_images() -> None:
    method = DAConfig(width=4).build(TASK, 2, {HEIGHT: [0]})
    batch = _batch(True, False)
    output = _output(batch)
    (loss,) = method.network_losses(batch, output).values()
    (gradient,) = torch.autograd.grad(loss, output.logits[HEIGHT])
    assert not gradient[0].any()
    assert gradient[1].any()
    labelled = _batch(True)
    assert method.network_losses(labelled, _output(labelled)) == {}


def test_da_has_a_discriminator_without_spectral_norms_and_one_logit() -> None:
    method = DAConfig().build(TASK, 2, {HEIGHT: [0]})
    judge = method.networks[HEIGHT]
    assert judge(torch.zeros(1, 1, SIDE, SIDE)).shape == (1, 1, SIDE // 32, SIDE // 32)
    assert not any("parametrizations" in name for name in judge.state_dict())
    counts = method.pixels(_batch(True, False, False))  # an image is one verdict
    assert {name: int(count) for name, count in counts.items()} == {
        "height/discriminator/source": 1,
        "height/discriminator/target": 2,
        "height/adversarial": 2,
    }
    assert DAConfig(reduction="sum").build(TASK, 2, {HEIGHT: [0]}).pixels(_batch(True)) == {}
