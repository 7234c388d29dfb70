"""The STAC item of a model, by the Machine Learning Model (MLM) extension."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pystac

from geosemimtl.files import require_absent, write_text
from geosemimtl.publish.stac.parts import (
    ANY_TIME,
    class_objects,
    mlm_name,
    new_item,
    relative_href,
    text_of,
)
from geosemimtl.tasks import (
    HEIGHT,
    Binary,
    Kind,
    Quantity,
    Segmentation,
    Task,
    kind_of,
)
from geosemimtl.training import onnx_file

if TYPE_CHECKING:  # loads torch, which the card alone needs for nothing
    from geosemimtl.training.model_file import ModelCard

EXTENSIONS = ("https://stac-extensions.github.io/mlm/v1.4.0/schema.json",)
#: MLM's names of the tasks.
_TASKS = {
    Kind.CLASSES: "semantic-segmentation",
    Kind.BINARY: "semantic-segmentation",
    Kind.QUANTITY: "regression",
    Kind.DIRECTION: "regression",
}
_IMAGES = ["batch", "channel", "height", "width"]
#: What MLM takes for a framework's version.
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)*")


def model_item(card: ModelCard, href: str) -> str:
    """Return a model's item.

    It has no place and the widest time: a card knows the names of its scenes, not where and when
    they were taken.

    Args:
        card: The model's.
        href: The model file, from the folder of the item.
    """
    # MLM looks for them in the properties, where STAC allows them only if an asset has some, too
    bands = [{"name": name, **_data_type(card.dtype)} for name in card.bands]
    properties = {
        "description": _description(card),
        **({} if card.gsd_m is None else {"gsd": card.gsd_m}),
        "bands": bands,
        **_mlm(card),
    }
    item = new_item(card.name, ANY_TIME, properties, EXTENSIONS)
    exported = href.endswith(onnx_file.SUFFIX)
    artifact = "torch.onnx.export" if exported else "safetensors.torch.save_file"
    item.add_asset(
        "model",
        pystac.Asset(
            href,
            title=f"{'ONNX graph with its weights' if exported else 'Weights'}, and the model card",
            media_type=f"application/octet-stream; framework={'onnx' if exported else 'pytorch'}",
            roles=["mlm:model", "mlm:compiled" if exported else "mlm:weights"],
            extra_fields={"mlm:artifact_type": artifact, "bands": bands},
        ),
    )
    return text_of(item)


def write_model_item(model: Path, path: Path, *, overwrite: bool = False) -> None:
    """Write the item of a model file.

    Args:
        model: The model file.
        path: The item, ``.json``.
        overwrite: Replace what is there.

    Raises:
        ModelFileError: The model cannot be read.
        OutputError: The item exists or cannot be written.
    """
    from geosemimtl.training.model_file import read_card  # noqa: PLC0415  (loads torch)

    text = model_item(read_card(model), relative_href(model, path.parent) or model.name)
    require_absent([path], overwrite=overwrite)
    write_text(path, text)


def _description(card: ModelCard) -> str:
    learned = "; ".join(
        f"{domain.name}: {' and '.join(domain.supervises) or 'no labels'} of "
        f"{len(domain.scenes)} scene(s)"
        for domain in card.domains
    )
    return f"Learned from {learned}" if learned else "Learned from data that its card does not name"


def _data_type(dtype: str | None) -> dict[str, str]:
    return {} if dtype is None else {"data_type": dtype}


def _mlm(card: ModelCard) -> dict[str, Any]:
    network, torch = card.network, card.versions.get("torch", "")
    names = [task.name for task in card.tasks]
    decoders = " and ".join(f"{network.decoder(name).name} ({name})" for name in names)
    version = {"mlm:framework_version": torch} if _VERSION.fullmatch(torch) else {}
    weights = network.weights and Path(network.weights).name
    return {
        "mlm:name": mlm_name(card.name),
        "mlm:architecture": f"{network.encoder} encoder with {decoders}",
        "mlm:tasks": list(dict.fromkeys(_TASKS[kind_of(name)] for name in names)),
        "mlm:framework": "PyTorch",
        **version,
        "mlm:pretrained": weights is not None,
        "mlm:pretrained_source": weights,
        "mlm:input": [_input(card)],
        "mlm:output": [_output(task, card.tile_px) for task in card.tasks],
        "mlm:hyperparameters": {
            "gsd_m": card.gsd_m,
            "tile_px": card.tile_px,
            "overlap_px": card.overlap_px,
            "method": card.training.get("method", {}).get("name", "unknown"),
        },
    }


def _input(card: ModelCard) -> dict[str, Any]:
    height, width = card.tile_px
    words = f"An image that lies nowhere on the ground, resized to {width} x {height} px"
    if card.gsd_m is not None:
        words = (
            f"An orthophoto averaged to {card.gsd_m:g} m on the ground, in tiles that share "
            f"{card.overlap_px} px"
        )
    scaling = None
    if card.value_range is None:
        words += "; the ends of each sensor's range of values, by the card, become 0 and 1"
    else:
        low, high = card.value_range
        span = high - low
        words += f"; values outside of {low:g} to {high:g} are clipped first"
        scaling = [
            {"type": "z-score", "mean": low + mean * span, "stddev": std * span}
            for mean, std in zip(card.mean, card.std, strict=True)
        ]
    return {
        "name": "image",
        "description": words,
        "bands": list(card.bands),
        "input": {
            "shape": [-1, len(card.bands), *card.tile_px],
            "dim_order": _IMAGES,
            "data_type": "float32",
        },
        "value_scaling": scaling,
        "resize_type": None,
        "pre_processing_function": None,
    }


def _meant(task: Task) -> str:
    """Return in words what a task's output is, other than class scores."""
    if isinstance(task, Quantity):
        what = "Height above ground" if task.name == HEIGHT else task.name.replace("_", " ")
        unit = "metres" if task.unit == "m" else task.unit
        return f"{what.capitalize()}: {task.scale:g} times the output is {unit}"
    if isinstance(task, Binary):
        return "One logit; a sigmoid makes a probability of it"
    return "Vectors along which surfaces face, of any length"


def _output(task: Task, tile_px: tuple[int, int]) -> dict[str, Any]:
    result = {"shape": [-1, task.channels, *tile_px], "data_type": "float32"}
    if isinstance(task, Segmentation):
        own: dict[str, Any] = {
            "description": "Class scores; a softmax makes probabilities of them",
            "classification:classes": class_objects(task.classes),
        }
        order = ["batch", "class", "height", "width"]
    else:
        own = {"description": _meant(task)}
        order = _IMAGES
    return {
        "name": task.name,
        "tasks": [_TASKS[kind_of(task.name)]],
        "result": {**result, "dim_order": order},
        **own,
        "post_processing_function": None,
    }
