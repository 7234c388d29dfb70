"""SemiMTL: which pixels of which images teach whom, and what stands still meanwhile."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from geosemimtl.classes import IGNORE, ISPRS_CLASSES
from geosemimtl.data.batch import Batch
from geosemimtl.methods.balancing import fixed_balance
from geosemimtl.methods.semimtl import SemiMTL, SemiMTLConfig
from geosemimtl.models.network import Output
from geosemimtl.tasks import (
    HEIGHT,
    SEGMENTATION,
    Height,
    Segmentation,
    Task,
)

TASKS: tuple[Task, ...] = (Segmentation(classes=ISPRS_CLASSES), Height(scale_m=20))
SIZE = 32
LABELLED = {SEGMENTATION: [0], HEIGHT: [1]}


class Recorder(nn.Module):
    """A discriminator that keeps what it is shown and answers fixed logits everywhere."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)
        self.seen: list[Tensor] = []

    def forward(self, maps: Tensor) -> Tensor:
        """Answer, and keep what was shown."""
        self.seen.append(maps.detach())
        field = self.logits[None, :, None, None] + 0 * maps.mean(dim=1, keepdim=True)
        return field.expand(-1, len(self.logits), -1, -1)


def _method(mode: str = "M2", domains: int = 2, **labelled: list[int]) -> SemiMTL:
    torch.manual_seed(0)
    config = SemiMTLConfig.model_validate({"mode": mode, "width": 4})
    return SemiMTL(config, TASKS, domains, {**LABELLED, **labelled})


def _judged(method: SemiMTL, batch: Batch, task: str = SEGMENTATION) -> Tensor:
    """Return what a discriminator loses in all."""
    losses = method.own_losses(batch, _detached(_output(batch)))
    terms = [loss for name, loss in losses.items() if name.startswith(f"{task}/discriminator/")]
    return sum(terms, torch.zeros(()))


def _images(domain: int, *kinds: str) -> Batch:
    """Make images: ``labelled`` for the classes, ``unlabelled``, or ``nodata``; with gaps."""
    shape = (len(kinds), SIZE, SIZE)
    generator = torch.Generator().manual_seed(1)
    observed = torch.ones(shape, dtype=torch.bool)
    observed[:, :, :4] = False
    valid = observed.clone()
    valid[:, :6] = False
    for i, kind in enumerate(kinds):
        observed[i] &= kind != "nodata"
        valid[i] &= kind == "labelled"
    classes = torch.randint(0, 6, shape, generator=generator)
    return Batch(
        domain,
        torch.rand(len(kinds), 3, SIZE, SIZE, generator=generator),
        observed,
        {SEGMENTATION: torch.where(valid, classes, IGNORE), HEIGHT: torch.zeros(shape)},
        {SEGMENTATION: valid, HEIGHT: torch.zeros(shape, dtype=torch.bool)},
    )


def _output(batch: Batch) -> Output:
    generator = torch.Generator().manual_seed(2)
    count = len(batch.image)
    logits = {
        SEGMENTATION: torch.randn(count, 6, SIZE, SIZE, generator=generator, requires_grad=True),
        HEIGHT: torch.randn(count, 1, SIZE, SIZE, generator=generator, requires_grad=True),
    }
    return Output([], logits)


def _detached(output: Output) -> dict[str, Tensor]:
    return {name: logits.detach() for name, logits in output.logits.items()}


def test_labelled_is_said_of_images_not_of_batches() -> None:
    method = _method()
    judge = Recorder(torch.tensor([2.0, 0.5, -1.0]))
    method.networks[SEGMENTATION] = judge
    batch = _images(1, "labelled", "unlabelled")
    losses = method.network_losses(batch, _output(batch))
    truth, first, own = judge.logits.detach().log_softmax(dim=0).neg().tolist()
    assert losses["segmentation/intra"].item() == pytest.approx(0.001 * truth, rel=1e-5)
    assert losses["segmentation/inter"].item() == pytest.approx(0.0001 * truth, rel=1e-5)
    assert "height/intra" not in losses
    loss = _judged(method, batch)
    assert loss.item() == pytest.approx(own + truth, rel=1e-5)
    assert first != own


def test_each_image_is_pushed_only_where_it_counts() -> None:
    method = _method()
    method.networks[SEGMENTATION] = nn.Conv2d(6, 3, 1)  # judges each pixel for itself
    batch = _images(0, "labelled", "unlabelled", "nodata")
    output = _output(batch)
    losses = method.network_losses(batch, output)
    nowhere = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    for name, wanted in (
        ("segmentation/intra", (batch.valid[SEGMENTATION][0], nowhere, nowhere)),
        ("segmentation/inter", (nowhere, batch.observed[1], nowhere)),
    ):
        (gradient,) = torch.autograd.grad(
            losses[name], output.logits[SEGMENTATION], retain_graph=True
        )
        assert torch.equal((gradient != 0).any(dim=1), torch.stack(wanted)), name


def test_an_image_of_nodata_contributes_nothing() -> None:
    method = _method()
    with_nodata, without = _images(0, "labelled", "nodata"), _images(0, "labelled")
    output = _output(with_nodata)
    alone = Output([], {name: logits[:1] for name, logits in output.logits.items()})
    for name in method.networks:
        method.networks[name].eval()  # spectral norms stand still
    pairs = [
        (method.network_losses(with_nodata, output), method.network_losses(without, alone)),
        (
            method.own_losses(with_nodata, _detached(output)),
            method.own_losses(without, _detached(alone)),
        ),
    ]
    for both, one in pairs:
        assert set(both) == set(one)
        for name, loss in both.items():
            torch.testing.assert_close(loss, one[name])
    nothing = _images(0, "nodata", "nodata")
    output = _output(nothing)
    assert method.network_losses(nothing, output) == {}
    assert method.own_losses(nothing, _detached(output)) == {}


def test_what_a_discriminator_is_shown() -> None:
    method = _method()
    shown = {name: Recorder(torch.zeros(3)) for name in (SEGMENTATION, HEIGHT)}
    for name, judge in shown.items():
        method.networks[name] = judge
    batch = _images(0, "labelled", "unlabelled")
    batch.targets[HEIGHT][0] = 7.0
    valid = {**batch.valid, HEIGHT: batch.observed & torch.tensor([True, False])[:, None, None]}
    batch = Batch(0, batch.image, batch.observed, batch.targets, valid)
    output = _output(batch)
    method.own_losses(batch, _detached(output))
    prediction, truth = shown[SEGMENTATION].seen
    known = batch.valid[SEGMENTATION]
    seen = known | (batch.observed & torch.tensor([False, True])[:, None, None])
    shares = output.logits[SEGMENTATION].detach().softmax(dim=1)
    torch.testing.assert_close(prediction, shares * seen[:, None])
    assert torch.equal(truth.sum(dim=1), known.float())  # one-hot; nothing where ignored
    assert torch.equal(truth.argmax(dim=1)[known], batch.targets[SEGMENTATION][known])
    prediction, truth = shown[HEIGHT].seen
    seen = valid[HEIGHT] | (batch.observed & torch.tensor([False, True])[:, None, None])
    assert torch.equal(prediction, output.logits[HEIGHT].detach() * seen[:, None])
    torch.testing.assert_close(truth[:, 0], torch.where(valid[HEIGHT], 7.0 / 20, 0.0))


@pytest.mark.parametrize("domain", [0, 1, 2])
def test_predictions_are_told_by_their_domain(domain: int) -> None:
    method = _method(domains=3)
    judge = Recorder(torch.tensor([0.3, -1.0, 2.0, 0.7]))
    method.networks[SEGMENTATION] = judge
    batch = _images(domain, "unlabelled")
    loss = _judged(method, batch)
    wanted = -judge.logits.detach().log_softmax(dim=0)[domain + 1]
    torch.testing.assert_close(loss.detach(), wanted)


@pytest.mark.parametrize(
    ("mode", "labelled", "wanted"),
    [
        ("M1", [0], [1]),
        ("M1", [0, 2], [1, 3]),  # any of the labelled domains
        ("M2", [0, 2], [0]),
        ("M3", [0], [0, 1, 3]),  # all but the domain's own
    ],
)
def test_modes(mode: str, labelled: list[int], wanted: list[int]) -> None:
    method = _method(mode, domains=3, **{SEGMENTATION: labelled})
    judge = Recorder(torch.tensor([0.3, -1.0, 2.0, 0.7]))
    method.networks[SEGMENTATION] = judge
    batch = _images(1, "unlabelled", "unlabelled")
    loss = method.network_losses(batch, _output(batch))["segmentation/inter"]
    share = judge.logits.detach().softmax(dim=0)[wanted].sum()
    torch.testing.assert_close(loss.detach(), -0.0001 * share.log())


def test_the_network_leaves_discriminators_alone() -> None:
    method = _method()
    batch = _images(0, "labelled", "unlabelled")
    output = _output(batch)
    before = {name: value.clone() for name, value in method.networks.state_dict().items()}
    assert any(name.endswith("._u") for name in before)  # the spectral norms' vectors
    losses = method.network_losses(batch, output)
    sum(losses.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]  # torch
    assert output.logits[SEGMENTATION].grad is not None
    for name, value in method.networks.state_dict().items():
        assert torch.equal(value, before[name]), name
    for name, parameter in method.networks.named_parameters():
        assert parameter.grad is None, name
        assert parameter.requires_grad, name
    assert method.networks[SEGMENTATION].training
    sum(method.own_losses(batch, _detached(output)).values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]  # torch
    for name, parameter in method.networks.named_parameters():
        assert parameter.grad is not None, name
    for name, value in method.networks.state_dict().items():
        assert torch.equal(value, before[name]), name
    method.after_own_step()  # once an iteration
    after = method.networks.state_dict()
    moved = [name for name in before if not torch.equal(after[name], before[name])]
    assert moved
    assert all(name.endswith(("._u", "._v")) for name in moved)


def test_discriminators_thaw_after_an_error() -> None:
    method = _method()
    batch = _images(0, "unlabelled")
    small = Output([], {n: v[..., :16, :16] for n, v in _output(batch).logits.items()})
    valid = {name: each[:, :16, :16] for name, each in batch.valid.items()}
    batch = Batch(0, batch.image, batch.observed[:, :16, :16], batch.targets, valid)
    with pytest.raises(ValueError, match="32 px"):
        method.network_losses(batch, small)
    assert all(parameter.requires_grad for parameter in method.networks.parameters())
    assert method.networks[SEGMENTATION].training


def _says(loss: float) -> Recorder:
    """Return a discriminator to which passing for ground truth costs so much."""
    first = -math.log((math.exp(loss) - 1) / 2)  # beside two zeros
    return Recorder(torch.tensor([first, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("labelled", "judged", "expected"),
    [
        ({SEGMENTATION: 1.2}, {SEGMENTATION: 0.9, HEIGHT: 1.1}, 1.20101),
        ({HEIGHT: 2.0}, {HEIGHT: 1.0, SEGMENTATION: 1.3}, 0.02113),
    ],
)
def test_objective_of_v7(
    labelled: dict[str, float], judged: dict[str, float], expected: float
) -> None:
    method = _method()
    for name, loss in judged.items():
        method.networks[name] = _says(loss)
    batch = _images(0, "unlabelled")
    valid = {name: batch.observed & (name in labelled) for name in judged}
    batch = Batch(0, batch.image, batch.observed, batch.targets, valid)
    losses = {name: torch.tensor(value) for name, value in labelled.items()}
    losses |= method.network_losses(batch, _output(batch))
    total = fixed_balance({SEGMENTATION: 1.0, HEIGHT: 0.01}, losses)
    assert total.item() == pytest.approx(expected, abs=1e-6)


def test_ignored_pixels_reach_no_discriminator() -> None:
    """The real one, whose convolutions reach far: neither losses nor gradients know of them."""
    batch = _images(0, "labelled", "unlabelled")
    hidden = torch.stack([~batch.valid[SEGMENTATION][0], ~batch.observed[1]])
    results = []
    for change in (0.0, 3.0):
        method = _method()
        output = _output(batch)
        logits = output.logits[SEGMENTATION] + change * hidden[:, None]
        changed = Output([], {**output.logits, SEGMENTATION: logits})
        losses = method.network_losses(batch, changed)
        whole = losses["segmentation/intra"] + losses["segmentation/inter"]
        (gradient,) = torch.autograd.grad(whole, logits)
        assert not gradient[hidden[:, None].expand_as(gradient)].any()
        assert gradient.any()
        own = method.own_losses(batch, _detached(changed))
        results.append([whole.item(), *(own[name].item() for name in sorted(own))])
    assert results[0] == results[1]


def test_m1_has_no_aim_on_an_unlabelled_crop_of_the_labelled_domain() -> None:
    batch = _images(0, "unlabelled")  # domain 0 has the labels
    assert "segmentation/inter" not in _method("M1").network_losses(batch, _output(batch))
    assert "segmentation/inter" in _method("M2").network_losses(batch, _output(batch))


def test_the_section_builds_the_method() -> None:
    config = SemiMTLConfig(width=8, lr=3e-4, betas=(0.5, 0.9), poly=False)
    method = config.build(TASKS, 3, LABELLED)
    assert isinstance(method, SemiMTL)
    assert method.sees_unlabelled
    assert not method.decays
    optimiser = method.optimiser()
    assert optimiser.defaults["lr"] == 3e-4
    assert optimiser.defaults["betas"] == (0.5, 0.9)
    moved = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert moved == [id(p) for p in method.networks.parameters()]
    widths = {
        name: net(torch.zeros(1, c, 32, 32)).shape[1]
        for (name, net), c in zip(method.networks.items(), (6, 1), strict=True)
    }
    assert widths == {SEGMENTATION: 4, HEIGHT: 4}


def _options(**options: object) -> SemiMTL:
    config = SemiMTLConfig.model_validate({"width": 4, **options})
    method = SemiMTL(config, TASKS, 2, LABELLED)
    method.networks[SEGMENTATION] = Recorder(torch.tensor([2.0, 0.5, -1.0]))
    return method


def test_a_sum_counts_pixels_and_averages_images() -> None:
    batch = _images(1, "unlabelled", "unlabelled")
    key, own = "segmentation/inter", "segmentation/discriminator/prediction"
    mean, total = (_options(reduction=kind) for kind in ("mean", "sum"))
    pixels = batch.observed[0].sum()
    for loss, name in (("network_losses", key), ("own_losses", own)):
        output = _output(batch)
        shown = output if loss == "network_losses" else _detached(output)
        one, many = (getattr(method, loss)(batch, shown)[name] for method in (mean, total))
        torch.testing.assert_close(many, pixels * one)


def test_halved_terms_of_the_discriminator() -> None:
    batch = _images(0, "labelled")
    full, half = (
        _options(d_loss_avg=average).own_losses(batch, _detached(_output(batch)))
        for average in (False, True)
    )
    assert set(full) == set(half)
    names = [name for name in full if name.startswith(SEGMENTATION)]
    assert len(names) == 2
    for name in names:
        torch.testing.assert_close(half[name], full[name] / 2)


def test_each_of_several_labelled_domains_may_draw() -> None:
    config = SemiMTLConfig(width=4, mode="M1", several="each")
    method = SemiMTL(config, TASKS, 3, {SEGMENTATION: [0, 2], HEIGHT: [1]})
    judge = Recorder(torch.tensor([0.3, -1.0, 2.0, 0.7]))
    method.networks[SEGMENTATION] = judge
    batch = _images(1, "unlabelled")
    loss = method.network_losses(batch, _output(batch))["segmentation/inter"]
    log = judge.logits.detach().log_softmax(dim=0)
    torch.testing.assert_close(loss.detach(), -0.0001 * (log[1] + log[3]) / 2)


def test_with_both_weights_at_0_the_discriminators_learn_and_do_not_reach_the_network() -> None:
    method = _options(lambda_intra=0, lambda_inter=0)
    batch = _images(0, "labelled", "unlabelled")
    assert method.network_losses(batch, _output(batch)) == {}
    assert _judged(method, batch).requires_grad


def test_half_precision_probabilities_still_sum_to_1() -> None:
    method = _method()
    judge = Recorder(torch.zeros(3))
    method.networks[SEGMENTATION] = judge
    batch = _images(0, "unlabelled")
    method.networks[HEIGHT] = Recorder(torch.zeros(3))
    logits = {name: value.bfloat16() for name, value in _detached(_output(batch)).items()}
    method.own_losses(batch, logits)
    shown = judge.seen[0]
    assert shown.dtype == torch.float32
    torch.testing.assert_close(shown.sum(dim=1), batch.observed.float())
    wanted = functional.softmax(logits[SEGMENTATION].float(), dim=1)
    torch.testing.assert_close(shown, wanted * batch.observed[:, None])
