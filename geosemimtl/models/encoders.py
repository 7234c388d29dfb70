"""The shared encoder: any of segmentation_models_pytorch or timm, at a chosen output stride."""

from __future__ import annotations

import difflib
import logging
import warnings
from pathlib import Path
from typing import get_args

import torch
from segmentation_models_pytorch.encoders import get_encoder, get_encoder_names
from torch import Tensor, nn

from geosemimtl.config import NetworkConfig
from geosemimtl.errors import ConfigError
from geosemimtl.models.weights import (
    LITE0,
    LITE0_BN_EPS,
    LITE0_ENCODERS,
    StateDict,
    lite0_state_dict,
    load_encoder_weights,
    read_state_dict,
    torchgeo_state_dict,
)

IMAGENET = "imagenet"
_TORCHGEO = "_Weights."  # in every name of torchgeo's weights
_PROBE_PX = 64
_STRIDES = get_args(NetworkConfig.model_fields["output_stride"].annotation)
_UNUSED_HEAD = ("conv_head", "bn2")  # EfficientNet's last layers, before a classifier not here


class Encoder(nn.Module):
    """A backbone that gives its feature maps, finest first.

    The input itself, which some backbones return as a feature, is left out.

    Attributes:
        channels: Channels of each feature map.
        strides: Input pixels a side of each feature map's pixel; does not decrease.
    """

    def __init__(self, backbone: nn.Module, in_channels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.in_channels = in_channels
        self._kept, self.channels, self.strides = _probe(backbone, in_channels)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the feature maps of ``image`` (B, C, H, W), H and W multiples of each stride."""
        features = self.backbone(image)
        return [features[index] for index in self._kept]


def build_encoder(config: NetworkConfig, in_channels: int, *, initial: bool = True) -> Encoder:
    """Build the encoder with its weights.

    SemiMTL: a ResNet-101 pretrained on ImageNet. The paper does not name the output stride:
    8 by default (docs/methods.md).

    Weights were learned on inputs of one normalisation (``lite0``: ``(x - 0.5) / 0.5``; ResNets:
    ImageNet's mean and deviation). The training normalises by the data's own statistics instead,
    near enough for batch normalisation to follow.

    Args:
        config: Encoder, weights and output stride.
        in_channels: Bands of the image. With pretrained weights of another band count the first
            convolution takes their mean over the bands, scaled.
        initial: Whether to read the weights; not where others are to be loaded at once.

    Raises:
        ConfigError: The encoder is unknown or cannot have this output stride, or the weights are
            missing or of another encoder.
    """
    backbone = _backbone(config, in_channels, pretrained=False)
    _drop_head(backbone)
    if initial and config.weights is not None:
        weights = _weights(config, backbone)
        load_encoder_weights(backbone, weights, config.weights)
    if config.weights == LITE0:
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = LITE0_BN_EPS
    try:
        encoder = Encoder(backbone, in_channels)
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"encoder: {config.encoder} takes no image of {_PROBE_PX} px ({_first_line(error)}); "
            "choose one that takes any size, such as resnet50"
        ) from error
    if max(encoder.strides) != config.output_stride:
        raise ConfigError(
            f"output_stride: {config.encoder} gives {max(encoder.strides)}, "
            f"not {config.output_stride}: {_set_stride(max(encoder.strides))}choose another encoder"
        )
    return encoder


def _set_stride(stride: int) -> str:
    return f"set output_stride to {stride}, or " if stride in _STRIDES else ""


def _backbone(config: NetworkConfig, in_channels: int, *, pretrained: bool) -> nn.Module:
    universal = config.encoder.startswith("tu-")
    weights: str | bool | None = (True if universal else IMAGENET) if pretrained else None
    # timm's own dilation keeps its paddings; the library's is for its own encoders
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # "timm-" names: the user's choice
            backbone = get_encoder(
                config.encoder,
                in_channels=in_channels,
                depth=5,
                weights=weights,
                output_stride=config.output_stride,
            )
    except KeyError as error:
        known = get_encoder_names()
        near = difflib.get_close_matches(config.encoder, known, n=3) or ["resnet50"]
        raise ConfigError(
            f"encoder: {config.encoder} is unknown: did you mean {' or '.join(near)}? It is one of "
            f"segmentation-models-pytorch's {len(known)}, or timm's with tu- before its name"
        ) from error
    except (AssertionError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"encoder: {config.encoder} cannot be built with output_stride "
            f"{config.output_stride} ({_first_line(error)}): "
            f"{'' if config.output_stride == max(_STRIDES) else _set_stride(max(_STRIDES))}"
            "choose another encoder, such as resnet50"
        ) from error
    assert isinstance(backbone, nn.Module)  # noqa: S101 - the library has no types
    return backbone


def _weights(config: NetworkConfig, backbone: nn.Module) -> StateDict:
    if config.weights == LITE0:
        return lite0_state_dict(backbone, config.encoder)
    if config.weights == IMAGENET:
        hub = logging.getLogger("huggingface_hub")
        level = hub.level
        hub.setLevel(logging.ERROR)  # it announces each of its retries
        try:
            return _backbone(config, 3, pretrained=True).state_dict()
        except OSError as error:
            here = ", or lite0, which is installed" if config.encoder in LITE0_ENCODERS else ""
            raise ConfigError(
                f"weights: imagenet of {config.encoder} cannot be fetched "
                f"({_first_line(error)}): give the file that they are in: network.weights=PATH"
                f"{here}"
            ) from error
        finally:
            hub.setLevel(level)
    if _TORCHGEO in str(config.weights):
        return torchgeo_state_dict(str(config.weights))
    return read_state_dict(Path(str(config.weights)))


def _drop_head(backbone: nn.Module) -> None:
    """Remove layers whose output no feature map uses, so that every parameter is trained."""
    if all(hasattr(backbone, name) for name in (*_UNUSED_HEAD, "blocks")):
        for name in _UNUSED_HEAD:
            setattr(backbone, name, nn.Identity())


def _probe(
    backbone: nn.Module, in_channels: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Measure which features are kept, their channels and their strides.

    Measured, because a library's own statement of its strides ignores dilation.
    """
    image = torch.zeros(1, in_channels, _PROBE_PX, _PROBE_PX)
    training = backbone.training
    backbone.eval()  # batch statistics stay as they are
    with torch.no_grad():
        features = backbone(image)
    backbone.train(training)
    kept = tuple(
        index
        for index, feature in enumerate(features)
        if feature is not image and feature.shape[1] > 0
    )
    channels = tuple(int(features[index].shape[1]) for index in kept)
    strides = tuple(_PROBE_PX // int(features[index].shape[-1]) for index in kept)
    return kept, channels, strides


def _first_line(error: BaseException) -> str:
    lines = str(error.args[0] if error.args else error).splitlines()
    return lines[0] if lines else type(error).__name__
