"""Batch normalisation of several sensors."""

from __future__ import annotations

import torch

from geosemimtl.config import DecoderConfig, NetworkConfig
from geosemimtl.models.network import MultiTaskNetwork, build_network
from geosemimtl.models.norm import batch_norms
from geosemimtl.tasks import HEIGHT, Quantity

SMALL = DecoderConfig(name="upsampling", channels=8)


def _network(norm: str, encoder: str = "resnet18") -> MultiTaskNetwork:
    torch.manual_seed(0)
    config = NetworkConfig.model_validate(
        {"encoder": encoder, "weights": None, "output_stride": 32, "height": SMALL, "norm": norm}
    )
    return build_network(config, [Quantity(name=HEIGHT, scale=1)], 3, domains=2)


def _dark_and_bright() -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    return noise - 2, 3 * noise + 2


def _means(network: MultiTaskNetwork) -> torch.Tensor:
    means = [layer.running_mean for layer in batch_norms(network)]
    return torch.cat([mean for mean in means if mean is not None])


def test_each_domain_has_its_own_statistics() -> None:
    # one of timm's layers does more than normalise
    for encoder in ("resnet18", "tu-tf_efficientnet_lite0"):
        apart, alone = _network("per_domain", encoder), _network("shared", encoder)
        dark, bright = _dark_and_bright()
        with torch.no_grad():
            for _ in range(3):
                apart.use_domain(0)
                apart(dark)
                apart.use_domain(1)
                apart(bright)
                alone(bright)
        apart.eval()
        alone.eval()
        apart.use_domain(1)
        assert torch.equal(apart(bright).logits["height"], alone(bright).logits["height"])
        apart.use_domain(0)
        assert not torch.allclose(apart(bright).logits["height"], alone(bright).logits["height"])


def test_the_statistics_travel_with_the_weights() -> None:
    trained, fresh = _network("per_domain"), _network("per_domain")
    dark, bright = _dark_and_bright()
    with torch.no_grad():
        for domain, image in enumerate((dark, bright)):
            trained.use_domain(domain)
            trained(image)
    fresh.load_state_dict({name: value.clone() for name, value in trained.state_dict().items()})
    for domain in (0, 1):
        results = []
        for network in (trained, fresh):
            network.eval()
            network.use_domain(domain)
            results.append(network(dark).logits["height"])
        assert torch.equal(*results)


def test_frozen_statistics_stay() -> None:
    network = _network("frozen")
    before = _means(network).clone()
    network(_dark_and_bright()[0])
    assert torch.equal(_means(network), before)
    shared = _network("shared")
    shared(_dark_and_bright()[0])
    assert not torch.equal(_means(shared), before)
