"""Models for other programs."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from geosemimtl.errors import GeoSemiMTLError, ModelFileError, OutputError, named_by
from geosemimtl.files import require_absent, write_bytes
from geosemimtl.inference.forward import Forward
from geosemimtl.inference.networks import INPUT, OnnxNetwork, TorchNetwork, onnx_session
from geosemimtl.models.network import MultiTaskNetwork, activate
from geosemimtl.publish.export.deepness import deepness_metadata
from geosemimtl.publish.export.tracing import onnx_graph
from geosemimtl.tasks import (
    DEPTH,
    DISPARITY,
    HEIGHT,
    TASK_NAMES,
    Task,
)
from geosemimtl.training.model_file import CARD_KEY, ModelCard, load_model
from geosemimtl.training.onnx_file import SUFFIX, require_onnx

_LOG = logging.getLogger(__name__)
_CPU = torch.device("cpu")
#: How far an exported model may be from torch in float64: in probability, and in metres ...
TOLERANCES: dict[str, float] = {
    **dict.fromkeys(TASK_NAMES, 1e-3),
    **dict.fromkeys((HEIGHT, DEPTH, DISPARITY), 1e-2),
}
#: ... or so many times as far as torch in float32 is.
_TIMES = 2

#: Runs images (bands, rows, columns) to probabilities or metres (images, channels, rows, columns).
_Run = Callable[[Sequence[Tensor]], Tensor]


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was made.

    Attributes:
        path: The file.
        multiple_px: What the images' sides have to be multiples of; ``None`` if there is one size.
        size_px: (rows, columns) of the images of that one size, or of the model's tiles.
        differences: By task, in the order of the outputs, the largest difference from torch in
            float64: of a probability, or in metres.
    """

    path: Path
    multiple_px: int | None
    size_px: tuple[int, int]
    differences: Mapping[str, float]


def export(
    model: Path,
    output: Path | None = None,
    *,
    sensor: str | None = None,
    deepness: bool = False,
    overwrite: bool = False,
) -> list[Exported]:
    """Write a model as ONNX, for this project's predict and other programs.

    What is written was run by onnxruntime beside torch first, with the same seeded noise.

    Args:
        model: A model file.
        output: The file; the model's name with ``.onnx`` by default.
        sensor: The training's domain for whose scenes it is to be, where they differ.
        deepness: Write instead, for the plugin of QGIS, a file a task, named after the output.
        overwrite: Replace existing files.

    Raises:
        ModelFileError: The model cannot be read or exported.
        ConfigError: The sensor has to be said or is unknown, Deepness cannot feed the model, or
            the packages for ONNX are not installed.
        OutputError: An output exists, cannot be written or is named otherwise.
    """
    require_onnx()
    path = output or model.with_suffix(SUFFIX)
    if path.suffix != SUFFIX:
        raise OutputError(f"{path}: is no name of an ONNX file; call it {path.stem}{SUFFIX}")
    network, learned = load_model(model, sensor)
    card = card_for(learned, sensor)
    makers: dict[Path, Callable[[Path], tuple[Exported, bytes]]] = {
        path: partial(_whole, network, card)
    }
    if deepness:  # all metadata are there before a graph is made
        makers = {
            path.with_name(f"{path.stem}_deepness_{task.name}{SUFFIX}"): partial(
                _for_deepness, network, card, task, deepness_metadata(card, task)
            )
            for task in card.tasks
        }
    require_absent(list(makers), overwrite=overwrite)
    try:
        made = [make(file) for file, make in makers.items()]
    except GeoSemiMTLError as error:
        raise named_by(error, model) from error
    for exported, graph in made:
        write_bytes(exported.path, graph)
    return [exported for exported, _ in made]


def card_for(card: ModelCard, sensor: str | None) -> ModelCard:
    """Return the card of a model that is for one sensor only, if one is named.

    Raises:
        ConfigError: There is no such domain, or one has to be named.
    """
    domain = card.domain(sensor)
    if domain is None:
        return card
    return card.model_copy(
        update={
            # its statistics are within the weights, and there are no others
            "network": card.network.model_copy(update={"norm": "shared"}),
            "domains": (domain,),
            "dtype": domain.dtype,
            "value_range": domain.value_range,
        }
    )


class _Outputs(nn.Module):
    """A network that gives a tuple: the logits of some tasks, or what is written of them."""

    def __init__(self, network: nn.Module, tasks: Sequence[Task], *, activated: bool) -> None:
        super().__init__()
        self.network, self.tasks, self.activated = network, tasks, activated

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        logits = self.network(image).logits
        if self.activated:
            return tuple(activate(task, logits[task.name]) for task in self.tasks)
        return tuple(logits[task.name] for task in self.tasks)


def _whole(network: MultiTaskNetwork, card: ModelCard, path: Path) -> tuple[Exported, bytes]:
    """Make the graph of all tasks, of images of any size if the network allows it."""
    try:
        return _of_sizes(network, card, card.network.output_stride, path)
    except ModelFileError as error:
        made = _of_sizes(network, card, None, path)
        _LOG.warning(
            "the file takes images of %d x %d px only: for any size, %s",
            *made[0].size_px,
            str(error).split(";")[0],
        )
        return made


def _of_sizes(
    network: MultiTaskNetwork, card: ModelCard, multiple_px: int | None, path: Path
) -> tuple[Exported, bytes]:
    stride, bands = card.network.output_stride, len(card.bands)
    rows, cols = card.tile_px
    free = {0: Dim("batch")}
    if multiple_px is None:
        rows, cols = (side + -side % stride for side in (rows, cols))  # what is fed is extended so
        traced, tried = (2, bands, rows, cols), [(1, bands, rows, cols), (3, bands, rows, cols)]
    else:
        free |= {2: multiple_px * Dim("rows"), 3: multiple_px * Dim("cols")}
        traced = (2, bands, 2 * stride, 3 * stride)
        tried = [(1, bands, rows, cols), (3, bands, 3 * stride, 2 * stride)]
    graph = onnx_graph(
        _Outputs(network, card.tasks, activated=False).eval(),
        traced,
        [task.name for task in card.tasks],
        free,
        {CARD_KEY: card.model_dump_json()},
    )
    run = Forward(OnnxNetwork(graph, card, "the export"), card.tasks)
    size = (rows, cols)
    return Exported(path, multiple_px, size, _compared(run, network, tried, card.tasks)), graph


def _for_deepness(
    network: MultiTaskNetwork, card: ModelCard, task: Task, metadata: Mapping[str, str], path: Path
) -> tuple[Exported, bytes]:
    """Make the graph of one task, of one image of the tiles' size."""
    shape = (1, len(card.bands), *card.tile_px)
    graph = onnx_graph(
        _Outputs(network, [task], activated=True).eval(), shape, [task.name], {}, metadata
    )
    session = onnx_session(graph, "the export")

    def run(images: Sequence[Tensor]) -> Tensor:
        (maps,) = session.run(None, {INPUT: torch.stack(list(images)).numpy()})
        return torch.from_numpy(maps)

    return Exported(path, None, card.tile_px, _compared(run, network, [shape], [task])), graph


def _compared(
    run: _Run,
    network: MultiTaskNetwork,
    shapes: Sequence[tuple[int, int, int, int]],
    tasks: Sequence[Task],
) -> dict[str, float]:
    """Return by task how far an export is from the network in float64.

    A deep network that has learned little makes much of float32's rounding, in torch too.

    Raises:
        ModelFileError: It is farther than rounding explains.
    """
    noise = torch.Generator().manual_seed(0)
    rounded, exact = (
        Forward(TorchNetwork(each, _CPU, "float32"), tasks)
        for each in (network, copy.deepcopy(network).double())
    )
    found: dict[str, float] = {task.name: 0.0 for task in tasks}
    for shape in shapes:
        images = list(torch.randn(shape, generator=noise))
        meant = exact([image.double() for image in images])
        apart, own = (_largest(maps - meant, tasks) for maps in (run(images), rounded(images)))
        for name, largest in apart.items():
            # what is no number is not within
            if not largest <= max(TOLERANCES[name], _TIMES * own[name]):
                raise ModelFileError(
                    f"onnxruntime gives another {name} than torch (by {largest:.3g}); predict "
                    "with the .safetensors"
                )
            found[name] = max(found[name], largest)
    return found


def _largest(differences: Tensor, tasks: Sequence[Task]) -> dict[str, float]:
    """Return the largest absolute one by task, of (B, all channels, H, W)."""
    parts = differences.abs().split_with_sizes([task.channels for task in tasks], dim=1)
    return {task.name: float(part.max()) for task, part in zip(tasks, parts, strict=True)}
