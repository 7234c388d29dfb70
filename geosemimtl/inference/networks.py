"""What a model file is run by: torch, or onnxruntime where the model was exported.

All that differs between them is here; whoever predicts asks ``kind_of`` and no suffix.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn

from geosemimtl.errors import ConfigError, ModelFileError
from geosemimtl.inference.options import PredictOptions
from geosemimtl.models.network import MultiTaskNetwork, pad_to_multiple
from geosemimtl.tiling.layers import Piece
from geosemimtl.training import onnx_file
from geosemimtl.training.model_file import ModelCard, load_model, read_card

#: How numbers are held inside the network: ``auto`` is the faster one of the processor at hand.
PRECISIONS = ("auto", "float32", "bfloat16")
#: The graph's input; its outputs have the tasks' names.
INPUT = "image"


def resolved(precision: str, device: torch.device) -> str:
    """Return the precision meant: ``auto`` is bfloat16 where the processor calculates with it.

    Raises:
        ConfigError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"--precision {precision}: choose from {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # the public torch.cpu.get_capabilities is in newer releases only
    native = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001
    return "bfloat16" if native else "float32"


class Network(Protocol):
    """Gives what a model says of images, before any activation.

    Attributes:
        packages: Whose versions matter for what it says.
        device: Where its tensors lie.
    """

    packages: ClassVar[tuple[str, ...]]
    device: torch.device

    @classmethod
    def default_device(cls) -> str:
        """Return torch's name of where it runs if nobody says."""
        ...

    @classmethod
    def precision(cls, options: PredictOptions, devices: Sequence[str]) -> str:
        """Return the precision meant.

        Raises:
            ConfigError: The options or devices ask for what it cannot do.
        """
        ...

    @classmethod
    def opened(
        cls, model: Path, device: str, precision: str, options: PredictOptions
    ) -> tuple[Self, ModelCard]:
        """Read a model file.

        Raises:
            ModelFileError: It cannot be read or run.
            ConfigError: It needs to be told the sensor.
        """
        ...

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Return the logits (B, C, H, W) by task, float32, of images (B, C, H, W), float32."""
        ...

    def adapt(self, tiles: Sequence[Piece], batch: int) -> None:
        """Estimate the statistics of batch normalisation anew, in float32.

        Args:
            tiles: Of the scene; with none, the training's statistics stay.
            batch: How many are seen at once.

        Raises:
            ConfigError: It has no such statistics.
        """
        ...


def kind_of(model: Path) -> type[Network]:
    """Return what runs a model file."""
    return OnnxNetwork if model.suffix == onnx_file.SUFFIX else TorchNetwork


class TorchNetwork:
    """A network in torch.

    Args:
        network: The network, which is moved to the device.
        device: Where it runs.
        precision: As in ``resolved``.
        compiled: Whether torch compiles the network first, which takes a minute.

    Raises:
        ConfigError: There is no such precision.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(
        self,
        network: MultiTaskNetwork,
        device: torch.device,
        precision: str,
        *,
        compiled: bool = False,
    ) -> None:
        self.device = device
        self._half = resolved(precision, device) == "bfloat16"
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks the pair
        self._network = network
        self._call = torch.compile(network) if compiled else network
        self._learned: list[dict[str, Tensor]] = []

    @classmethod
    def default_device(cls) -> str:
        """Return the first GPU, if there is one."""
        return "cuda:0" if torch.cuda.is_available() else "cpu"

    @classmethod
    def precision(cls, options: PredictOptions, devices: Sequence[str]) -> str:
        """Return the precision meant."""
        return resolved(options.precision, torch.device(devices[0]))

    @classmethod
    def opened(
        cls, model: Path, device: str, precision: str, options: PredictOptions
    ) -> tuple[Self, ModelCard]:
        """Read a model file."""
        network, card = load_model(model, options.sensor)
        return cls(network, torch.device(device), precision, compiled=options.compiled), card

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Return the logits by task."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            logits = self._call(image.contiguous(memory_format=torch.channels_last)).logits
        assert isinstance(logits, dict)  # noqa: S101  (torch types modules' calls as Any)
        return logits

    def adapt(self, tiles: Sequence[Piece], batch: int) -> None:
        """Estimate the statistics of batch normalisation anew, in float32."""
        layers = [layer for layer in self._network.modules() if isinstance(layer, nn.BatchNorm2d)]
        if not layers:
            raise ConfigError("--adapt-bn: the model has no batch normalisation; leave it out")
        self._learned = self._learned or [copy.deepcopy(layer.state_dict()) for layer in layers]
        for layer, learned in zip(layers, self._learned, strict=True):
            layer.load_state_dict(learned)
        if not tiles:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean of all batches
            layer.train()
        with torch.no_grad():
            for first in range(0, len(tiles), batch):
                part = [torch.from_numpy(tile.pixels) for tile in tiles[first : first + batch]]
                image = torch.stack(part).to(self.device, memory_format=torch.channels_last)
                self._network(image)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()


class OnnxNetwork:
    """An exported network in onnxruntime, on the processor, in float32.

    Args:
        graph: The file, or what is in it.
        card: The model's.
        name: The file's, for messages.

    Raises:
        ModelFileError: onnxruntime cannot read it.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch", "onnxruntime")

    def __init__(self, graph: str | bytes, card: ModelCard, name: object) -> None:
        self.device = torch.device("cpu")
        self._graph, self._name = graph, name
        self._tasks = [task.name for task in card.tasks]
        self._multiple = card.network.output_stride
        self._threads = torch.get_num_threads()
        self._session = onnx_session(graph, name)

    @classmethod
    def default_device(cls) -> str:
        """Return the processor."""
        return "cpu"

    @classmethod
    def precision(cls, options: PredictOptions, devices: Sequence[str]) -> str:
        """Return float32, and refuse what is torch's alone."""
        gpus = [name for name in devices if name != "cpu"]
        for asked, why in (
            (gpus and f"--devices {','.join(gpus)}", "is run on the processor"),
            (options.precision == "bfloat16" and "--precision bfloat16", "calculates in float32"),
            (options.compiled and "--compile", "is compiled when it is read"),
            (options.adapt_bn and "--adapt-bn", "has its statistics within its weights"),
        ):
            if asked:
                raise ConfigError(
                    f"{asked}: an ONNX file {why}; leave it out, or name the .safetensors "
                    "with --model"
                )
        resolved(options.precision, torch.device("cpu"))
        return "float32"

    @classmethod
    def opened(
        cls,
        model: Path,
        device: str,  # noqa: ARG003  (there is only one)
        precision: str,  # noqa: ARG003  (there is only one)
        options: PredictOptions,
    ) -> tuple[Self, ModelCard]:
        """Read an exported model."""
        card = read_card(model)
        card.domain(options.sensor)
        return cls(str(model), card, model), card

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Return the logits by task."""
        if self._threads != torch.get_num_threads():
            self._threads = torch.get_num_threads()
            self._session = onnx_session(self._graph, self._name)
        rows, cols = image.shape[-2:]
        padded = pad_to_multiple(image, self._multiple).contiguous().numpy()
        try:
            maps = self._session.run(self._tasks, {INPUT: padded})
        except Exception as error:
            if "allocate memory" in str(error):
                raise MemoryError from error
            raise
        cut = (torch.from_numpy(each)[..., :rows, :cols] for each in maps)
        return dict(zip(self._tasks, cut, strict=True))

    def adapt(self, tiles: Sequence[Piece], batch: int) -> None:  # noqa: ARG002  (it cannot)
        """Refuse: see ``precision``."""
        raise ConfigError(f"--adapt-bn: {self._name} has its statistics within its weights")


def onnx_session(graph: str | bytes, name: object) -> Any:
    """Return an onnxruntime session on the processor, with as many threads as torch has.

    Args:
        graph: A file, or what is in it.
        name: The file's, for messages.

    Raises:
        ModelFileError: onnxruntime cannot read it.
    """
    import onnxruntime  # noqa: PLC0415  (an extra)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors, which come as exceptions, too
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no base of their own
        summary = " ".join(str(error).split())[:300]
        raise ModelFileError(
            f"{name}: onnxruntime cannot read it ({summary}); export it anew"
        ) from error
