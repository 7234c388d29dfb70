"""What a training's YAML file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from geosemimtl.config import AugmentationConfig, NetworkConfig, Section, load_yaml
from geosemimtl.data.regimes import RegimeSection
from geosemimtl.errors import ConfigError
from geosemimtl.losses.supervised import LossName, loss_name
from geosemimtl.methods.semimtl import SemiMTLConfig
from geosemimtl.methods.table import MethodConfig
from geosemimtl.tasks import TaskName


class DomainConfig(Section):
    """One data set with its sensor.

    Attributes:
        name: How the model card and the logs call it.
        tiles: The tile set's folder.
        supervises: Tasks whose labels are used; ``None`` uses every label the tile set has.
        regime: Which images keep which of these labels (docs/methods/regimes.md): a kind to draw,
            such as ``{kind: one, seed: 0}``, or a file; ``None`` keeps all.
    """

    name: str
    tiles: Path
    supervises: tuple[TaskName, ...] | None = None
    regime: RegimeSection | None = None


class OptimiserConfig(Section):
    """How the network is moved; the defaults are the paper's.

    Attributes:
        name: ``sgd`` or ``adamw``.
        lr: Initial learning rate.
        momentum: Of SGD.
        weight_decay: Of either.
        warmup: Iterations of linear warm-up before the polynomial decay.
        power: Exponent of the polynomial decay, by iteration.
        clip_norm: Gradient norm above which a step is shortened; ``None`` never.
        decoder_lr: Learning rate of the decoders over that of the encoder (the paper is silent).
        decays_by: Whether the schedule counts iterations, in which a network steps once a domain
            at one rate, or those ``steps`` (the paper is silent).
        idle: Whether a decoder that a step has no gradient for ``moves`` on by its momentum and
            weight decay, as with a gradient of zero, or ``rests`` (the paper is silent).
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(0.01, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    warmup: int = Field(0, ge=0)
    power: float = Field(0.9, ge=0)
    clip_norm: float | None = Field(None, gt=0)
    decoder_lr: float = Field(1.0, gt=0)
    decays_by: Literal["iterations", "steps"] = "iterations"
    idle: Literal["moves", "rests"] = "moves"


class ValidationConfig(Section):
    """What is looked at while a training runs: tiles of the split ``val``, which no step sees.

    Attributes:
        every: Iterations between two validations, of which the last comes at the end; ``None`` a
            twentieth of the training where a tile set has tiles to validate by, 0 never.
        pictures: Tiles of each domain that are drawn at each validation, always the same; 0 none.
        patience: Validations without a better score after which the training ends; ``None`` never.
    """

    every: int | None = Field(None, ge=0)
    pictures: int = Field(2, ge=0)
    patience: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _stops_by_scores(self) -> ValidationConfig:
        if self.every == 0 and self.patience is not None:
            raise ValueError(
                f"patience {self.patience} counts validations, and every 0 has none: leave one out"
            )
        return self


#: What scores are called in logs, beside the domains' losses.
VALIDATION = "validation"

#: SemiMTL's of classes and numbers, MTPSL's on PASCAL-Context of the others.
_PAPER_WEIGHTS: dict[TaskName, float] = {
    "segmentation": 1.0,
    "human_parts": 2.0,
    "height": 0.01,
    "depth": 0.01,
    "inverse_depth": 0.01,
    "disparity": 0.01,
    "normals": 10.0,
    "saliency": 5.0,
    "edges": 50.0,
}


class TrainConfig(Section):
    """One training: domains, network, method, optimiser, length.

    Attributes:
        name: Names the run's folder under ``runs/`` and the model file; no slashes.
        tasks: What the model predicts.
        domains: The data sets; each labelled for any of the tasks.
        iterations: Passes of Algorithm 1's outer loop; ``None`` takes ``epochs``.
        epochs: Passes over the tiles of one domain, the paper's count (120).
        epochs_of: That domain's name; by default the first that supervises the segmentation,
            else the first.
        sampling: Of the other domains: ``random`` draws as many tiles as that one has anew for
            each epoch, with repetition where there are fewer; ``cycle`` shows them all before any
            comes again.
        batch: Images in each iteration.
        batch_of: Whether these are each ``domain``'s, or ``all`` domains' together (the paper
            does not say).
        accumulate: Parts that a domain's batch is seen in, to fit into memory; gradients add up.
        crop_px: Side of the training crops.
        weights: Weight of each task's supervised loss; one that is left out is the papers':
            SemiMTL's (segmentation 1, heights and other numbers 0.01), and MTPSL's on
            PASCAL-Context (human parts 2, normals 10, saliency 5, edges 50).
        losses: Supervised loss of each task, where it is not the papers' usual one: ``berhu``
            (SemiMTL) or ``l1`` (MTPSL, AT/DT) of numbers, ``cosine`` (MTPSL's NYUv2, AT/DT) or
            ``l1`` (PASCAL-Context) of normals, ``saliency`` or ``edge`` of those.
        class_balance: 0 counts every labelled pixel alike (the paper); 1 weighs each class by
            the inverse of its share; between, the power of that share.
        rare_classes: 0 draws every tile alike (the paper); above, tiles with rare classes come more
            often, the more so the lower: the temperature of class c's probability, which is
            proportional to exp((1 - share of c) / temperature) (DAFormer, arXiv:2111.14887).
        seed: Of weights, samples and augmentation; 0 up to below 2**32.
        precision: ``auto`` takes bfloat16 on GPUs that compute it natively, else float32: on CPUs
            bfloat16 was measured to be slower, even where they compute it natively.
        workers: Processes that read tiles ahead of the training.
        validation: When it is validated, and when it ends early.
    """

    name: str = Field("run", pattern=r"^[^/\\]*[^/\\.][^/\\]*$")
    tasks: tuple[TaskName, ...] = Field(("segmentation", "height"), min_length=1)
    domains: tuple[DomainConfig, ...] = Field(min_length=1)
    network: NetworkConfig = NetworkConfig()
    method: MethodConfig = SemiMTLConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    iterations: int | None = Field(None, ge=1)
    epochs: int = Field(120, ge=1)
    epochs_of: str | None = None
    sampling: Literal["random", "cycle"] = "random"
    batch: int = Field(24, ge=1)
    batch_of: Literal["domain", "all"] = "domain"
    accumulate: int = Field(1, ge=1)
    crop_px: int = Field(384, ge=32)
    weights: dict[TaskName, Annotated[float, Field(ge=0)]] = _PAPER_WEIGHTS
    losses: dict[TaskName, LossName] = Field(default_factory=dict)
    class_balance: float = Field(0.0, ge=0, le=1)
    rare_classes: float = Field(0.0, ge=0)
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    workers: int = Field(0, ge=0)
    validation: ValidationConfig = ValidationConfig()

    @field_validator("weights")
    @classmethod
    def _every_task(cls, weights: dict[TaskName, float]) -> dict[TaskName, float]:
        return _PAPER_WEIGHTS | weights

    @field_validator("losses")
    @classmethod
    def _suitable_losses(cls, losses: dict[TaskName, LossName]) -> dict[TaskName, LossName]:
        for task, name in losses.items():
            try:
                loss_name(task, name)
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return losses

    @field_validator("tasks")
    @classmethod
    def _distinct_tasks(cls, tasks: tuple[TaskName, ...]) -> tuple[TaskName, ...]:
        if len(set(tasks)) != len(tasks):
            raise ValueError("a task is named twice")
        return tasks

    @model_validator(mode="after")
    def _distinct_domains(self) -> TrainConfig:
        names = [domain.name for domain in self.domains]
        if len(set(names)) != len(names):
            raise ValueError("two domains have the same name")
        if VALIDATION in names:
            raise ValueError(f"a domain is called {VALIDATION}, as scores are in logs: rename it")
        if self.epochs_of is not None and self.epochs_of not in names:
            raise ValueError(f"epochs_of {self.epochs_of} is none of {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _divisible(self) -> TrainConfig:
        parts = len(self.domains) if self.batch_of == "all" else 1
        if self.batch % parts:
            raise ValueError(f"batch {self.batch} of all does not part into {parts} domains")
        if self.accumulate > self.batch // parts:
            raise ValueError(f"accumulate {self.accumulate} is more than a domain has images")
        return self

    @model_validator(mode="after")
    def _learns(self) -> TrainConfig:
        if not any(self.weights[task] for task in self.tasks):
            raise ValueError("weights of 0 for every task teach nothing: raise one")
        return self

    @model_validator(mode="after")
    def _suits_the_method(self) -> TrainConfig:
        self.method.require_tasks(self.tasks)
        return self

    @property
    def batch_a_domain(self) -> int:
        """Images of one domain in each iteration."""
        return self.batch // (len(self.domains) if self.batch_of == "all" else 1)


def load_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a training's configuration; see ``geosemimtl.config.load_yaml``.

    Raises:
        ConfigError: As there.
    """
    return load_yaml(TrainConfig, path, overrides)
