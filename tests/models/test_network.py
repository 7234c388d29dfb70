"""The network: every decoder over every stride, any input size, every parameter trained."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from segmentation_models_pytorch.encoders import get_encoder
from torch import nn
from torch.nn import functional

from geosemimtl.classes import HUMAN_PARTS_CLASSES, ISPRS_CLASSES
from geosemimtl.config import DecoderConfig, NetworkConfig
from geosemimtl.errors import ConfigError
from geosemimtl.models import encoders
from geosemimtl.models.decoders import DECODERS, PSPDecoder, build_decoder
from geosemimtl.models.encoders import build_encoder
from geosemimtl.models.layers import SafeBatchNorm2d
from geosemimtl.models.network import (
    MultiTaskNetwork,
    activate,
    build_network,
    parameter_count,
)
from geosemimtl.tasks import (
    HEIGHT,
    SEGMENTATION,
    TASK_NAMES,
    UNITS,
    Binary,
    Normals,
    Quantity,
    Segmentation,
    Task,
)

DecoderName = Literal["psp", "upsampling", "unet"]
Stride = Literal[8, 16, 32]

TASKS: list[Task] = [Segmentation(classes=ISPRS_CLASSES), Quantity(name=HEIGHT, scale=30)]


def small(
    decoder: DecoderName = "unet", stride: Stride = 32, *, align_corners: bool = False
) -> NetworkConfig:
    decoding = DecoderConfig(name=decoder, channels=16)
    return NetworkConfig(
        encoder="resnet18",
        weights=None,
        output_stride=stride,
        segmentation=decoding,
        height=decoding,
        align_corners=align_corners,
    )


@pytest.fixture(scope="module")
def network() -> MultiTaskNetwork:
    torch.manual_seed(0)
    return build_network(small(), TASKS, 3)


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("decoder", list(DECODERS))
def test_one_odd_image_trains_every_parameter(decoder: DecoderName, stride: Stride) -> None:
    torch.manual_seed(0)
    network = build_network(small(decoder, stride), TASKS, 4).train()
    output = network(torch.randn(1, 4, 65, 83))
    assert output.logits[SEGMENTATION].shape == (1, 6, 65, 83)
    assert output.logits[HEIGHT].shape == (1, 1, 65, 83)
    assert network.encoder.strides == tuple(min(2**i, stride) for i in range(1, 6))
    padded = [-(-side // stride) * stride for side in (65, 83)]
    for feature, channels, step in zip(
        output.features, network.encoder.channels, network.encoder.strides, strict=True
    ):
        assert feature.shape == (1, channels, padded[0] // step, padded[1] // step)
    sum(logits.square().mean() for logits in output.logits.values()).backward()
    unreached = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all()
    ]
    assert unreached == []


@pytest.mark.parametrize("name", ["tu-tf_efficientnet_lite0", "timm-tf_efficientnet_lite0"])
def test_efficientnet_keeps_no_unused_head(name: str) -> None:
    config = NetworkConfig(encoder=name, weights=None, output_stride=16)
    encoder = build_encoder(config, 3)
    assert encoder.channels[1:] == (24, 40, 112, 320)
    assert encoder.strides == (2, 4, 8, 16, 16)
    sum(feature.mean() for feature in encoder(torch.randn(2, 3, 64, 64))).backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_features_without_channels_are_left_out() -> None:
    config = NetworkConfig(encoder="tu-convnext_atto", weights=None, output_stride=8)
    encoder = build_encoder(config, 3)
    assert encoder.channels == (40, 80, 160, 320)
    assert encoder.strides == (4, 8, 8, 8)


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (31, 33), (64, 64)])
def test_any_size_goes_in_and_comes_out(network: MultiTaskNetwork, size: tuple[int, int]) -> None:
    network.eval()
    with torch.no_grad():
        output = network(torch.randn(2, 3, *size))
    assert {logits.shape[-2:] for logits in output.logits.values()} == {torch.Size(size)}
    assert all(logits.isfinite().all() for logits in output.logits.values())


def test_padding_does_not_move_the_output(network: MultiTaskNetwork) -> None:
    """What the padding mirrors, given as input, yields the same output."""
    network.eval()
    image = torch.randn(1, 3, 64, 50)
    mirrored = torch.cat([image, image[..., 35:49].flip(-1)], dim=-1)
    with torch.no_grad():
        cut, whole = network(image), network(mirrored)
    torch.testing.assert_close(cut.logits[HEIGHT], whole.logits[HEIGHT][..., :50])


def test_align_corners_keeps_the_corners() -> None:
    network = build_network(small("psp", align_corners=True), TASKS, 3).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        output = network(image)
        coarse = network.decoders[HEIGHT](output.features)
    corners = output.logits[HEIGHT][..., ::63, ::63]
    torch.testing.assert_close(corners, coarse[..., ::1, ::1])


def test_the_paper_decoders_have_their_widths() -> None:
    psp = build_decoder(DecoderConfig(name="psp"), (2048,), (8,), 6)
    # four 1x1 branches, 3x3 over 2048 + 4 * 512, 1x1 with bias; batch normalisation has two each
    expected = 4 * (2048 * 512 + 1024) + 9 * 4096 * 512 + 1024 + 512 * 6 + 6
    assert parameter_count(psp) == expected
    height = build_decoder(DecoderConfig(name="upsampling"), (2048,), (8,), 1)
    expected = 9 * (2048 * 512 + 512 * 256 + 256 * 128 + 128) + 1 + 2 * (512 + 256 + 128)
    assert parameter_count(height) == expected
    assert height([torch.randn(1, 2048, 3, 4)]).shape == (1, 1, 12, 16)


@pytest.mark.parametrize(
    ("strides", "widths"),
    [((2, 4, 8, 16, 32), [64, 32, 16, 16, 16]), ((2, 4, 8, 8, 8), [64, 64, 64, 32, 16])],
)
def test_the_unets_width_halves_with_the_stride(
    strides: tuple[int, ...], widths: list[int]
) -> None:
    config = DecoderConfig(name="unet", channels=64)
    unet = build_decoder(config, (4, 5, 6, 7, 8), strides, 6)
    convolutions = [module for module in unet.modules() if isinstance(module, nn.Conv2d)]
    assert [c.out_channels for c in convolutions if c.kernel_size == (3, 3)] == widths


def test_channels_last_and_bfloat16_give_float32_close_to_the_truth(
    network: MultiTaskNetwork,
) -> None:
    network.eval()
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        exact = network(image)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(image.contiguous(memory_format=torch.channels_last))
    for name, logits in rough.logits.items():
        assert logits.dtype == torch.float32
        spread = exact.logits[name].std()
        assert (logits - exact.logits[name]).abs().mean() < 0.1 * spread


def test_a_single_value_a_channel_takes_the_running_statistics() -> None:
    norm = SafeBatchNorm2d(2).train()
    norm.running_mean = torch.tensor([1.0, 2.0])
    norm.running_var = torch.tensor([4.0, 9.0])
    value = torch.tensor([3.0, 5.0]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(norm(value).flatten(), torch.ones(2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm.running_mean, torch.tensor([1.0, 2.0]))
    plain = nn.BatchNorm2d(2).train()
    batch = torch.randn(2, 2, 1, 1)
    torch.testing.assert_close(SafeBatchNorm2d(2).train()(batch), plain(batch))


def test_activation_gives_probabilities_and_metres() -> None:
    segmentation, height = TASKS
    probabilities = activate(segmentation, torch.randn(2, 6, 3, 3).bfloat16())
    assert probabilities.dtype == torch.float32
    torch.testing.assert_close(probabilities.sum(1), torch.ones(2, 3, 3))
    metres = activate(height, torch.tensor([-1.0, 0.5, 2.0]).reshape(1, 1, 1, 3))
    torch.testing.assert_close(metres.flatten(), torch.tensor([0.0, 15.0, 60.0]))


def test_activation_gives_vectors_and_the_probability_of_yes() -> None:
    vectors = activate(Normals(), torch.tensor([3.0, 0.0, -4.0]).reshape(1, 3, 1, 1).bfloat16())
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.flatten(), torch.tensor([0.6, 0.0, -0.8]))
    logits = torch.tensor([0.0, 30.0, -30.0]).reshape(1, 1, 1, 3)
    for name in ("saliency", "edges"):
        yes = activate(Binary.model_validate({"name": name}), logits)
        torch.testing.assert_close(yes.flatten(), torch.tensor([0.5, 1.0, 0.0]))
    disparity = activate(Quantity(name="disparity", scale=100), logits / 20)
    torch.testing.assert_close(disparity.flatten(), torch.tensor([0.0, 150.0, 0.0]))


def test_a_decoder_for_every_task() -> None:
    """Each as the configuration says, the usual ones where it says nothing."""
    tasks: list[Task] = [
        *TASKS,
        Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
        *(Quantity.model_validate({"name": name, "scale": 1}) for name in UNITS if name != HEIGHT),
        Normals(),
        Binary(name="saliency"),
        Binary(name="edges"),
    ]
    assert {task.name for task in tasks} == set(TASK_NAMES)
    config = small().model_copy(update={"normals": DecoderConfig(name="unet", channels=16)})
    for name, usual in (("depth", "upsampling"), ("edges", "psp"), ("normals", "unet")):
        assert config.decoder(name).name == usual
    narrow = {str(name): DecoderConfig(name="upsampling", channels=8) for name in TASK_NAMES}
    made = build_network(config.model_copy(update=narrow), tasks, 3)
    logits = made(torch.randn(2, 3, 48, 80)).logits
    assert {name: tuple(each.shape) for name, each in logits.items()} == {
        task.name: (2, task.channels, 48, 80) for task in tasks
    }


def test_numbers_alone_have_an_activation_of_their_own() -> None:
    """A sigmoid keeps them below the scale; vectors and answers stay logits."""
    config = small().model_copy(update={"height_activation": "sigmoid"})
    narrow = {name: DecoderConfig(name="upsampling", channels=8) for name in ("depth", "normals")}
    tasks: list[Task] = [Quantity(name="depth", scale=80), Normals()]
    torch.manual_seed(0)
    made = build_network(config.model_copy(update=narrow), tasks, 3)
    logits = made(10 * torch.randn(2, 3, 64, 64)).logits
    assert ((logits["depth"] > 0) & (logits["depth"] < 1)).all()
    assert (logits["normals"] < 0).any()


def test_encoders_that_do_not_fit_are_errors() -> None:
    def build(name: str, stride: Stride, weights: str | None = None) -> None:
        config = NetworkConfig(encoder=name, weights=weights, output_stride=stride)
        build_encoder(config, 3)

    with pytest.raises(ConfigError, match="resnet19 is unknown: did you mean resnet1"):
        build("resnet19", 32)
    with pytest.raises(ConfigError, match="set output_stride to 32"):
        build("densenet121", 8)
    with pytest.raises(ConfigError, match="tu-nothing"):
        build("tu-nothing", 32)


@pytest.mark.parametrize(
    ("encoder", "remedy"),
    [("resnet18", ""), ("tu-tf_efficientnet_lite0", ", or lite0, which is installed")],
)
def test_weights_that_are_not_here(
    monkeypatch: pytest.MonkeyPatch, encoder: str, remedy: str
) -> None:
    build = get_encoder

    def offline(name: str, **options: Any) -> Any:
        if options["weights"]:
            raise OSError("no network")
        return build(name, **options)

    monkeypatch.setattr(encoders, "get_encoder", offline)
    with pytest.raises(ConfigError) as caught:
        build_encoder(NetworkConfig(encoder=encoder, weights="imagenet", output_stride=32), 3)
    said = "(no network): give the file that they are in: network.weights=PATH"
    assert str(caught.value).endswith(said + remedy)


def test_an_unknown_decoder_lists_the_known() -> None:
    config = DecoderConfig(name="psp").model_copy(update={"name": "fpn"})
    with pytest.raises(ConfigError, match="known: psp, upsampling, unet"):
        build_decoder(config, (8,), (2,), 1)


@pytest.mark.parametrize(
    ("activation", "wanted"),
    [("linear", lambda x: x), ("softplus", functional.softplus), ("sigmoid", torch.sigmoid)],
)
def test_what_follows_the_heights(
    activation: str, wanted: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    results = []
    for chosen in ("linear", activation):
        torch.manual_seed(0)
        config = small().model_copy(update={"height_activation": chosen})
        network = build_network(config, TASKS, 3).eval()
        results.append(network(torch.ones(1, 3, 64, 64)).logits[HEIGHT])
    torch.testing.assert_close(results[1], wanted(results[0]))


def test_a_second_head_helps_the_training_alone() -> None:
    torch.manual_seed(0)
    network = build_network(small().model_copy(update={"aux_weight": 0.4}), TASKS, 3)
    image = torch.rand(1, 3, 64, 64)
    auxiliary = network(image).auxiliary
    assert {name: tuple(logits.shape) for name, logits in auxiliary.items()} == {
        SEGMENTATION: (1, 6, 64, 64)
    }
    auxiliary[SEGMENTATION].sum().backward()
    assert all(p.grad is not None for p in network.auxiliary.parameters())
    assert network.eval()(image).auxiliary == {}
    assert build_network(small(), TASKS, 3)(image).auxiliary == {}


def test_bins_of_the_pyramid() -> None:
    psp = DecoderConfig(name="psp", channels=16, bins=(1, 4))
    config = small().model_copy(update={"segmentation": psp})
    decoder = build_network(config, TASKS, 3).decoders[SEGMENTATION]
    assert isinstance(decoder, PSPDecoder)
    assert decoder.pyramid.bins == (1, 4)
    assert decoder.dropout.p == 0.1
