"""The discriminator: size, spectral normalisation, small inputs."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from geosemimtl.models.discriminator import Discriminator, judged_cells
from geosemimtl.models.network import parameter_count


@pytest.mark.parametrize(("channels", "count"), [(6, 2784195), (19, 2797507), (1, 2779075)])
def test_the_discriminator_has_the_papers_size(channels: int, count: int) -> None:
    assert parameter_count(Discriminator(channels, domains=2)) == count


def test_the_discriminator_has_the_papers_layers() -> None:
    layers = list(Discriminator(6, domains=2).layers)
    leaks = [layer.negative_slope for layer in layers if isinstance(layer, nn.LeakyReLU)]
    shapes = {
        (layer.kernel_size, layer.stride, layer.padding)
        for layer in layers
        if isinstance(layer, nn.Conv2d)
    }
    assert leaks == [0.2] * 4
    assert shapes == {((4, 4), (2, 2), (1, 1))}
    assert len(layers) == 9


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (96, 64)])
@pytest.mark.parametrize("domains", [1, 2, 3])
def test_logits_have_the_inputs_size(size: tuple[int, int], domains: int) -> None:
    logits = Discriminator(6, domains, width=4)(torch.rand(2, 6, *size))
    assert logits.shape == (2, domains + 1, *size)


def test_maps_that_vanish_are_an_error() -> None:
    with pytest.raises(ValueError, match="32 px or more, not 31 x 64"):
        Discriminator(1, 2, width=4)(torch.rand(1, 1, 31, 64))


def test_maps_and_sizes_that_fit_nothing_are_errors() -> None:
    discriminator = Discriminator(6, 2, width=4)
    for shape in ((6, 64, 64), (1, 3, 64, 64)):
        with pytest.raises(ValueError, match=r"takes maps \(B, 6, H, W\), not"):
            discriminator(torch.rand(shape))
    for channels, domains in ((0, 2), (6, -1)):
        with pytest.raises(ValueError, match="give at least 1 and 0"):
            Discriminator(channels, domains)


def convolutions(discriminator: Discriminator) -> list[nn.Conv2d]:
    return [layer for layer in discriminator.layers if isinstance(layer, nn.Conv2d)]


def test_the_first_four_convolutions_have_spectral_norm_one() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(6, 2, width=8)
    maps = torch.rand(1, 6, 32, 32)
    for convolution in convolutions(discriminator):
        with torch.no_grad():  # far from where the power iteration began
            for parameter in convolution.parameters():
                parameter.copy_(torch.randn_like(parameter))
    for _ in range(60):  # one power iteration each
        discriminator(maps)
    discriminator.eval()
    norms = [
        float(torch.linalg.matrix_norm(convolution.weight.detach().flatten(1), ord=2))
        for convolution in convolutions(discriminator)
        if is_parametrized(convolution)
    ]
    assert norms == pytest.approx([1] * 4, abs=1e-2)
    assert not is_parametrized(convolutions(discriminator)[-1])


def test_norms_follow_when_told() -> None:
    discriminator = Discriminator(6, 2, width=8).eval()
    first = convolutions(discriminator)[0]
    with torch.no_grad():
        first.parametrizations.weight.original.mul_(torch.rand(8, 1, 1, 1))  # type: ignore[union-attr, operator]  # torch's parametrisation
    before = first.weight.detach().clone()
    for _ in range(100):
        discriminator.follow()
    assert not discriminator.training
    assert not torch.equal(first.weight, before)
    norm = torch.linalg.matrix_norm(first.weight.detach().flatten(1), ord=2)
    assert float(norm) == pytest.approx(1, abs=1e-3)


def test_logits_that_are_not_enlarged() -> None:
    logits = Discriminator(6, 0, width=4, enlarge="none")(torch.rand(2, 6, 100, 64))
    assert logits.shape == (2, 1, 3, 2)
    valid = torch.zeros(2, 100, 64, dtype=torch.bool)
    valid[1, 40, 33] = True
    cells = torch.zeros(2, 3, 2, dtype=torch.bool)
    cells[1, 1, 1] = True
    assert torch.equal(judged_cells(valid), cells)


def test_spectral_norm_has_the_value_of_v8() -> None:
    convolution = nn.Conv2d(2, 2, 1, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.diag(torch.tensor([3.0, 4.0])).reshape(2, 2, 1, 1))
    spectral_norm(convolution, n_power_iterations=50)
    expected = torch.diag(torch.tensor([0.75, 1.0]))
    torch.testing.assert_close(convolution.weight.detach().flatten(1), expected)


def test_gradients_reach_the_maps_and_every_parameter() -> None:
    discriminator = Discriminator(2, 2, width=4)
    maps = torch.rand(2, 2, 32, 32, requires_grad=True)
    discriminator(maps).square().mean().backward()
    assert maps.grad is not None
    assert maps.grad.any()
    assert all(
        parameter.grad is not None and bool(parameter.grad.any())
        for parameter in discriminator.parameters()
    )


def test_autocast_gives_float32_logits() -> None:
    discriminator = Discriminator(1, 2, width=4)
    with torch.autocast("cpu", torch.bfloat16):
        assert discriminator(torch.rand(1, 1, 32, 32)).dtype == torch.float32


def test_probabilities_enlarged_instead_of_logits() -> None:
    torch.manual_seed(0)
    maps = torch.rand(2, 6, 64, 96)
    small = Discriminator(6, 2, width=4).eval()
    enlarged = Discriminator(6, 2, width=4, enlarge="probabilities").eval()
    enlarged.load_state_dict(small.state_dict())
    shares = enlarged(maps).softmax(dim=1)
    coarse = small.layers(maps).softmax(dim=1)
    wanted = nn.functional.interpolate(coarse, size=(64, 96), mode="bilinear")
    torch.testing.assert_close(shares, wanted)
    assert not torch.allclose(shares, small(maps).softmax(dim=1))


def test_one_logit_of_enlarged_probabilities() -> None:
    torch.manual_seed(0)
    maps = torch.rand(1, 1, 64, 64)
    judge = Discriminator(1, 0, width=4, enlarge="probabilities", spectral=False)
    coarse = judge.layers(maps).sigmoid()
    wanted = nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear")
    torch.testing.assert_close(judge(maps).sigmoid(), wanted)
