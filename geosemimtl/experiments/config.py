"""What an experiment's YAML file says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from geosemimtl.config import Section, problems
from geosemimtl.errors import ConfigError
from geosemimtl.tasks import UNITS, TaskName
from geosemimtl.training.config import TrainConfig

#: Stands in paths for the folder of a seed's own data.
DATA = "{data}"
#: What of a training is the experiment's own.
_OWN_KEYS = ("name", "seed", "validation")
#: What is printed of a row, by its name in the paper's figures.
Figure = Literal[
    "pixel_accuracy", "mean_iou", "abs_rel", "rmse", "delta1", "delta2", "delta3", "gain"
]
Statistics = Literal["learned", "adapted"]


class CitySection(Section):
    """Cities of its own for every seed, drawn and cut beforehand.

    Attributes:
        train_m: Side of each training scene in metres.
        train_scenes: How many of them each sensor has.
        test_m: Side of each sensor's scene to predict, which no training sees.
        gsd_m: GSD of tiles and models.
        tile_px: Side of the tiles.
    """

    train_m: float = Field(420.0, gt=0)
    train_scenes: int = Field(2, ge=1, le=40)
    test_m: float = Field(240.0, gt=0)
    gsd_m: float = Field(0.3, gt=0)
    tile_px: int = Field(256, ge=32)


class StreetSection(Section):
    """Synthetic streets of its own for every seed, drawn beforehand.

    They lie in ``{data}/street/camera`` in the layout of Cityscapes and in
    ``{data}/street/rendered`` in that of Synscapes, from which domains cut their tile sets
    (``dataset``).

    Attributes:
        train: Views of each look to train with.
        val: Views of each look that no training sees.
        shape: (rows, columns) of a view.
    """

    train: int = Field(64, ge=1, le=20000)
    val: int = Field(16, ge=1, le=1000)
    shape: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]] = (128, 256)


Paths = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class SceneSection(Section):
    """One scene, or several whose counts are added up, that every model predicts.

    Attributes:
        name: How the table calls it; the training's domain that took it, if there is one.
        image: The file, or files; ``{data}`` in paths is the folder of the seed's data.
        labels: True labels, one an image.
        height: True nDSM, likewise.
        bands: Names of its bands in file order, where the file does not tell.
        classes: How the labels write their classes, where not as the model does (YAML).
        area: Polygons; only what lies within them is scored, such as the held-out blocks of a
            tile set: ``tiles/a/tiles.gpkg|subset=split = 'test'``.
        tiles: A tile set in place of files: each of its tiles is scored on its own, in all tasks,
            as suits images that lie nowhere on the ground.
        dataset: A data set known by name, as in ``tile --dataset``, in place of files.
        root: Its folder.
        split: Which of its scenes, or of the tile set's tiles.
        variant: Of its images.
        no_boundary: Its labels without the borders of objects.
    """

    name: str
    image: Paths = ()
    labels: Paths = ()
    height: Paths = ()
    bands: tuple[str, ...] | None = None
    classes: str | None = None
    area: str | None = None
    tiles: str | None = None
    dataset: str | None = None
    root: str | None = None
    split: Literal["train", "val", "test"] = "test"
    variant: str | None = None
    no_boundary: bool = False

    @model_validator(mode="after")
    def _named_or_found(self) -> SceneSection:
        sources = (bool(self.image), self.tiles is not None, self.dataset is not None)
        if sum(sources) != 1:
            raise ValueError(
                f"scene {self.name}: name its image, or its tiles, or a dataset and its root"
            )
        beside = (self.labels, self.height, self.bands, self.classes, self.area)
        if self.tiles is not None and any(beside):
            raise ValueError(
                f"scene {self.name}: tiles bring their labels along: leave labels, height, bands, "
                "classes and area out"
            )
        if self.dataset is None and (self.root or self.variant or self.no_boundary):
            raise ValueError(f"scene {self.name}: root, variant and no_boundary go with dataset")
        files = (self.image, self.labels, self.height, self.bands, self.classes)
        if self.dataset is not None and (any(files) or self.root is None):
            raise ValueError(
                f"scene {self.name}: a dataset takes its root, and no image, labels, height, bands "
                "or classes"
            )
        return self


class RowSection(Section):
    """One method.

    Attributes:
        name: How the table calls it.
        changes: What its training does otherwise than ``training``, key by key; the domains of
            ``domains`` are chosen by their names.
        domains: Names of the domains it learns from; all by default.
        paper: The paper's printed figures by scene.
    """

    name: str
    changes: dict[str, Any] = Field(default_factory=dict)
    domains: tuple[str, ...] | None = None
    paper: dict[str, dict[Figure, float]] = Field(default_factory=dict)


class ExperimentConfig(Section):
    """Rows by seeds, each trained, then evaluated on whole stitched scenes.

    Attributes:
        name: Names the folder under ``runs/``.
        seeds: Of each training and, with ``city``, of its data.
        city: Data that are drawn; without, paths lead to tile sets and scenes that are there.
        street: Likewise, of streets.
        training: What all trainings have in common: keys of a training's configuration.
        rows: The methods.
        scenes: What is evaluated.
        single: By task, the row of single-task training, the baseline of the gain (Eq. 10).
        statistics: Batch normalisation as it was ``learned``, and ``adapted`` to the scene's own
            sensor from the scene's images without their labels.
        same_time_as: A row whose training time the others get in a second table, in which they
            train so much longer or shorter.
    """

    name: str = Field(pattern=r"^[^/\\]*[^/\\.][^/\\]*$")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0, 1, 2), min_length=1)
    city: CitySection | None = None
    street: StreetSection | None = None
    training: dict[str, Any]
    rows: tuple[RowSection, ...] = Field(min_length=1)
    scenes: tuple[SceneSection, ...] = Field(min_length=1)
    single: dict[TaskName, str] = Field(default_factory=dict)
    statistics: tuple[Statistics, ...] = ("learned", "adapted")
    same_time_as: str | None = None

    @model_validator(mode="after")
    def _names(self) -> ExperimentConfig:
        for what, names in (
            ("rows", [slug(row.name) for row in self.rows]),
            ("scenes", [scene.name for scene in self.scenes]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"two {what} have the same name")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {', '.join(map(str, self.seeds))}: one is named twice")
        known = [row.name for row in self.rows]
        for name in (*self.single.values(), self.same_time_as):
            if name is not None and name not in known:
                raise ValueError(f"{name} is none of the rows {', '.join(known)}")
        scenes = [scene.name for scene in self.scenes]
        for row in self.rows:
            for name in row.paper:
                if name not in scenes:
                    raise ValueError(
                        f"row {row.name}: paper.{name} is none of the scenes {', '.join(scenes)}"
                    )
        return self

    @model_validator(mode="after")
    def _one_kind_of_data(self) -> ExperimentConfig:
        if self.city is not None and self.street is not None:
            raise ValueError("city and street are both drawn: leave one out")
        return self

    @model_validator(mode="after")
    def _trainings(self) -> ExperimentConfig:
        for row in self.rows:
            for key in _OWN_KEYS:
                if key in self.training or key in row.changes:
                    raise ValueError(f"row {row.name}: {key} is the experiment's: leave it out")
            try:
                self.training_of(row, 0, Path())
            except ValidationError as error:
                raise ValueError(f"row {row.name}: {problems(TrainConfig, error)}") from error
        return self

    @property
    def draws(self) -> bool:
        """Whether every seed has data of its own."""
        return self.city is not None or self.street is not None

    @property
    def quantity(self) -> str:
        """The task whose numbers are scored: the first of the training's that has any."""
        tasks = self.training.get("tasks", ("segmentation", "height"))
        return next((task for task in tasks if task in UNITS), "height")

    def training_of(
        self, row: RowSection, seed: int, data: Path, iterations: int | None = None
    ) -> TrainConfig:
        """Return the training of a row with a seed.

        Args:
            row: The row.
            seed: The seed.
            data: What ``{data}`` stands for.
            iterations: Other than the row's own.

        Raises:
            ConfigError: The row names a domain that is not there.
        """
        document = _merged(self.training, row.changes)
        domains = document.get("domains", [])
        names = [domain.get("name") for domain in domains]
        for name in row.domains or ():
            if name not in names:
                raise ConfigError(
                    f"row {row.name}: {name} is none of the domains {', '.join(map(str, names))}"
                )
        if row.domains is not None:
            domains = [domain for domain in domains if domain.get("name") in row.domains]
        document["domains"] = [_placed(domain, data) for domain in domains]
        if iterations is not None:
            document["iterations"] = iterations
        # rows are compared as their trainings end, as in the papers: no validation chooses, and
        # none takes time
        own = {"name": "model", "seed": seed, "validation": {"every": 0}}
        return TrainConfig.model_validate(document | own)


def _placed(domain: Mapping[str, Any], data: Path) -> dict[str, Any]:
    """Return a domain whose paths have the folder of the seed's data put in."""
    placed = {**domain, "tiles": resolved(str(domain.get("tiles")), data)}
    dataset = domain.get("dataset")
    if isinstance(dataset, Mapping) and dataset.get("root"):
        placed["dataset"] = {**dataset, "root": resolved(str(dataset["root"]), data)}
    return placed


def resolved(path: str, data: Path) -> Path:
    """Return a path of an experiment, with the folder of the seed's data put in."""
    return Path(path.replace(DATA, str(data)))


def slug(name: str) -> str:
    """Return a row's name as a folder's."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _merged(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(whole)
    for key, value in changes.items():
        before = merged.get(key)
        # a section with a name, as a method's, is another one
        if isinstance(before, dict) and isinstance(value, dict) and "name" not in value:
            merged[key] = _merged(before, value)
        else:
            merged[key] = value
    return merged
