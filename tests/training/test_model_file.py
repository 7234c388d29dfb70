"""Model files: what is written is read back, and what is no model is told apart."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.config import DecoderConfig, NetworkConfig
from geosemimtl.errors import ConfigError, ModelFileError, OutputError
from geosemimtl.models.network import MultiTaskNetwork, build_network
from geosemimtl.tasks import HEIGHT, TASK_NAMES, Quantity, Segmentation
from geosemimtl.training.model_file import (
    DomainCard,
    ModelCard,
    load_model,
    newest_model,
    read_card,
    save_model,
)

OneLine = Callable[[BaseException], str]
NETWORK = NetworkConfig(
    encoder="resnet18",
    weights=None,
    output_stride=32,
    segmentation=DecoderConfig(name="unet", channels=16),
    height=DecoderConfig(name="upsampling", channels=16),
)


def _card(network: NetworkConfig = NETWORK) -> ModelCard:
    domain = DomainCard(
        name="potsdam",
        scenes=("top_2_10",),
        tiles=3,
        supervises=("segmentation",),
        dtype="uint8",
        value_range=(0, 255),
        statistics=(),
    )
    return ModelCard(
        name="tiny",
        network=network,
        tasks=(Segmentation(classes=ISPRS_CLASSES), Quantity(name=HEIGHT, scale=31)),
        bands=("nir", "red", "green"),
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.2, 0.2),
        dtype="uint8",
        value_range=(0, 255),
        gsd_m=0.09,
        tile_px=(512, 512),
        overlap_px=256,
        domains=(domain,),
        training={"name": "tiny"},
        versions={"torch": "1"},
    )


def _network(config: NetworkConfig = NETWORK) -> MultiTaskNetwork:
    torch.manual_seed(0)
    network = build_network(config, _card().tasks, 3)
    network.train()
    with torch.no_grad():  # running statistics of their own
        network(torch.rand(2, 3, 64, 64))
    return network.eval()


@pytest.fixture(scope="module")
def network() -> MultiTaskNetwork:
    """Return a network with running statistics of its own, in channels-last memory."""
    return _network().to(memory_format=torch.channels_last)


@pytest.fixture
def model(tmp_path: Path, network: MultiTaskNetwork) -> Path:
    """Return a model file."""
    path = tmp_path / "tiny.safetensors"
    save_model(path, network, _card())
    return path


def test_round_trip(model: Path, network: MultiTaskNetwork) -> None:
    loaded, card = load_model(model)
    assert card == _card() == read_card(model)
    assert not loaded.training
    image = torch.rand(1, 3, 70, 64)
    with torch.no_grad():
        before, after = network(image).logits, loaded(image).logits
    for name in before:
        torch.testing.assert_close(after[name], before[name])
    assert list(model.parent.iterdir()) == [model]


@pytest.mark.parametrize("encoder", ["timm-tf_efficientnet_lite0", "tu-tf_efficientnet_lite0"])
def test_lite0_weights_change_more_than_weights(tmp_path: Path, encoder: str) -> None:
    """With them come other batch normalisations, which a state dict does not hold."""
    config = NETWORK.model_copy(update={"encoder": encoder, "weights": "lite0"})
    network = _network(config)
    path = tmp_path / "lite0.safetensors"
    save_model(path, network, _card(config))
    loaded, _ = load_model(path)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before, after = network(image).logits, loaded(image).logits
    for name in before:
        assert torch.equal(after[name], before[name])


def test_saving_twice_gives_the_same_bytes(model: Path, network: MultiTaskNetwork) -> None:
    before = model.read_bytes()
    save_model(model, network, _card())
    assert model.read_bytes() == before


def test_saving_where_nothing_can_be_written(
    tmp_path: Path, network: MultiTaskNetwork, one_line: OneLine
) -> None:
    with pytest.raises(OutputError) as caught:
        save_model(tmp_path / "absent" / "m.safetensors", network, _card())
    assert "m.safetensors" in one_line(caught.value)
    folder = tmp_path / "m.safetensors"
    folder.mkdir()
    with pytest.raises(OutputError):
        save_model(folder, network, _card())
    assert list(tmp_path.iterdir()) == [folder]


def _rewritten(model: Path, change: Callable[[dict[str, Any]], str | None]) -> None:
    with safe_open(model, framework="pt") as file:
        document = json.loads(file.metadata()["geosemimtl"])
    text = change(document)
    state = load_file(model)
    save_file(state, model, metadata=None if text is None else {"geosemimtl": text})


def _refusal(path: Path, one_line: OneLine, *, weights: bool = False) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_model(path) if weights else read_card(path)
    message = one_line(caught.value)
    assert message.startswith(f"{path}: ")
    return message


def test_a_missing_file(tmp_path: Path, one_line: OneLine) -> None:
    assert "geosemimtl train" in _refusal(tmp_path / "none.safetensors", one_line)
    assert "is a folder; name the .safetensors in it" in _refusal(tmp_path, one_line)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + b"\0" * 200])
def test_a_file_that_is_no_safetensors(tmp_path: Path, content: bytes, one_line: OneLine) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    assert "no whole safetensors file" in _refusal(path, one_line)


@pytest.mark.parametrize("kept", [0.9, 0.001])
def test_a_truncated_file(model: Path, kept: float, one_line: OneLine) -> None:
    content = model.read_bytes()
    model.write_bytes(content[: int(len(content) * kept)])
    assert "copy it again" in _refusal(model, one_line)
    assert "copy it again" in _refusal(model, one_line, weights=True)


def test_another_programs_file(model: Path, one_line: OneLine) -> None:
    _rewritten(model, lambda _: None)
    assert "another program's" in _refusal(model, one_line)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: "{", "text"),
        (lambda card: json.dumps(card | {"version": 0}), "version"),
        (lambda card: json.dumps(card | {"sensor": "x"}), "sensor"),
        (lambda card: json.dumps({k: v for k, v in card.items() if k != "gsd_m"}), "gsd_m"),
    ],
)
def test_a_card_that_does_not_fit(
    model: Path, one_line: OneLine, change: Callable[[dict[str, Any]], str], expected: str
) -> None:
    _rewritten(model, change)
    message = _refusal(model, one_line)
    assert f"model card: {expected}" in message
    assert "another version of geosemimtl" in message


def test_a_card_of_heights_alone_is_read_as_ever(model: Path) -> None:
    """Before there were other numbers and tiles that are not square, and decoders for them."""

    def older(card: dict[str, Any]) -> str:
        card["tile_px"] = 512
        card["tasks"][1] = {"name": "height", "scale_m": 31}
        card["network"] = {
            key: value
            for key, value in card["network"].items()
            if key not in TASK_NAMES or key in ("segmentation", "height")
        }
        return json.dumps(card)

    _rewritten(model, older)
    assert read_card(model) == _card()
    assert load_model(model)[1].tile_px == (512, 512)


def test_a_card_of_images_without_ground(tmp_path: Path, network: MultiTaskNetwork) -> None:
    card = _card().model_copy(update={"gsd_m": None, "tile_px": (128, 256)})
    save_model(tmp_path / "street.safetensors", network, card)
    found = read_card(tmp_path / "street.safetensors")
    assert found == card
    assert (found.gsd_m, found.tile_px) == (None, (128, 256))


def test_a_newer_card(model: Path, one_line: OneLine) -> None:
    _rewritten(model, lambda card: json.dumps(card | {"version": 2, "more": 1}))
    assert "newer geosemimtl (model card 2, known up to 1): upgrade" in _refusal(model, one_line)


def test_weights_that_do_not_fit_the_card(model: Path, one_line: OneLine) -> None:
    def widen(card: dict[str, Any]) -> str:
        card["network"]["height"]["channels"] = 32
        return json.dumps(card)

    _rewritten(model, widen)
    read_card(model)
    message = _refusal(model, one_line, weights=True)
    assert "the weights do not fit the card" in message
    assert "decoders.height" in message


def test_the_newest_model(tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(ModelFileError, match="holds no model") as caught:
        newest_model(tmp_path / "runs")
    one_line(caught.value)
    for age, name in enumerate(["b/new", "a/old", "c/older"]):
        path = tmp_path / f"{name}.safetensors"
        path.parent.mkdir()
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "a" / ".x.safetensors.part").touch()
    assert newest_model(tmp_path) == tmp_path / "b" / "new.safetensors"
    os.utime(tmp_path / "a" / "old.safetensors", (1000, 1000))
    assert newest_model(tmp_path) == tmp_path / "b" / "new.safetensors"  # a tie: by name


def test_statistics_of_sensors_are_chosen_by_name(tmp_path: Path, one_line: OneLine) -> None:
    torch.manual_seed(0)
    card = _card()
    other = card.domains[0].model_copy(update={"name": "vaihingen"})
    card = card.model_copy(update={"domains": (*card.domains, other)})
    apart = card.model_copy(
        update={"network": card.network.model_copy(update={"norm": "per_domain"})}
    )
    names = [domain.name for domain in card.domains]
    network = build_network(apart.network, card.tasks, len(card.bands), len(names))
    for k in range(len(names)):  # training moves the statistics of each
        network.use_domain(k)
        with torch.no_grad():
            network(torch.full((2, len(card.bands), 64, 64), float(k + 1)))
    path = tmp_path / "apart.safetensors"
    save_model(path, network, apart)
    network.eval()
    image = torch.rand(1, len(card.bands), 64, 64)
    for k, name in enumerate(names):
        network.use_domain(k)
        loaded, _ = load_model(path, name)
        for task, logits in loaded(image).logits.items():
            assert torch.equal(logits, network(image).logits[task])
    for sensor, said in ((None, "say with --sensor which took"), ("mars", "--sensor mars")):
        with pytest.raises(ConfigError, match=said) as caught:
            load_model(path, sensor)
        assert ", ".join(names) in one_line(caught.value)
