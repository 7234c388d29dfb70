"""Label regimes: which image of a fully labelled data set keeps the labels of which tasks.

MTPSL (arXiv:2111.14893) hides labels of Cityscapes, NYUv2 and PASCAL-Context to learn from what is
left. Its text names the settings and Table 8 counts their labels; which image kept what only the
authors' files say, and ``read_released`` reads those. ``draw_regime`` draws settings of the same
kind. An image is a scene: its tiles keep the same labels, so one regime serves a data set however
it is cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from geosemimtl.config import Section, problems
from geosemimtl.data.released import read_marks
from geosemimtl.errors import ConfigError
from geosemimtl.files import write_text

#: What keeps its labels together: a scene with all its tiles, or each tile for itself.
Per = Literal["image", "tile"]
PERS: tuple[str, ...] = get_args(Per)

_WORDS = ("one", "random", "third", "all")
_RATIO = re.compile(r"\d+(?::\d+)+")
_SHARE = re.compile(r"\d+/\d+")
_CHOICES = f"choose {', '.join(_WORDS)}, a ratio such as 1:9 or a share such as 1/8"
_SUFFIX = re.compile(r"\.(?:tiff?|npy|png|jpe?g)$", re.IGNORECASE)
_PLACE = re.compile(r"_r\d{3,}_c\d{3,}$")
_REMEDY = "draw it with geosemimtl regime"


class LabelRegime(BaseModel):
    """Which image keeps the labels of which tasks.

    Attributes:
        version: Of this schema.
        tasks: The tasks it was drawn for, in order; labels of others are kept by no image.
        kind: As of ``draw_regime``, or ``released`` for a file of MTPSL's authors.
        seed: Of the draw; ``None`` where nothing was drawn.
        counts: Images that keep each task.
        images: The tasks that each image keeps. An image is a scene's name, or the name of one
            tile without suffix, which comes before its scene's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    tasks: tuple[str, ...] = Field(min_length=1)
    kind: str
    seed: int | None = None
    counts: dict[str, int]
    images: dict[str, tuple[str, ...]] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> LabelRegime:
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks {', '.join(self.tasks)}: name each once")
        for image, kept in self.images.items():
            if not set(kept) <= set(self.tasks) or len(set(kept)) < len(kept):
                raise ValueError(
                    f"{image} keeps {', '.join(kept)}: name each once, of {', '.join(self.tasks)}"
                )
        if self.counts != (counted := _counts(self.tasks, self.images)):
            raise ValueError(f"counts are {self.counts}, but the images keep {counted}")
        return self

    def keeps(self, name: str, task: str) -> bool:
        """Return whether an image keeps the labels of a task.

        Args:
            name: A tile's file name, or a scene's name.
            task: False for every task that the regime was not drawn for.

        Raises:
            ConfigError: The regime says nothing of this image.
        """
        kept = self._find(name)
        if kept is None:
            raise ConfigError(f"the label regime says nothing of {name}; {_REMEDY} from its tiles")
        return task in kept

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the images that the regime says nothing of, in order, each once."""
        return tuple(sorted({image_name(name) for name in names if self._find(name) is None}))

    @property
    def labels_per_image(self) -> tuple[int, ...]:
        """Number of images that keep no task, one task and so on, up to all tasks."""
        lengths = [len(kept) for kept in self.images.values()]
        return tuple(lengths.count(length) for length in range(len(self.tasks) + 1))

    def _find(self, name: str) -> tuple[str, ...] | None:
        kept = self.images.get(tile_name(name))
        return self.images.get(image_name(name)) if kept is None else kept


class RegimeSection(Section):
    """What a training's YAML says of a domain's labels: a kind to draw, or a file to read.

    In YAML a path alone stands for ``{file: path}``.

    Attributes:
        kind: As of ``draw_regime``; ratios in quotation marks, since YAML takes 1:9 for a number.
        seed: Another seed, another draw.
        tasks: Tasks to draw for, or the columns of a released file; by default all that the tile
            set is labelled for. Name them where another tile set of the same images has others.
        per: Whether an ``image``, with all its tiles, keeps its labels together, or each ``tile``
            for itself, as suits a few large scenes. Tiles that overlap then share pixels.
        file: A regime's JSON, or a released ``.pth``.
    """

    kind: str | None = None
    seed: int = Field(0, ge=0)
    tasks: tuple[str, ...] | None = Field(None, min_length=1)
    per: Per = "image"
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        return {"file": given} if isinstance(given, str | Path) else given

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: Any) -> Any:
        if isinstance(kind, int | float):
            raise ValueError("write ratios in quotation marks, '1:9': YAML takes them for numbers")  # noqa: TRY004  (pydantic reports ValueErrors)
        if isinstance(kind, str):
            check_kind(kind)
        return kind

    @model_validator(mode="after")
    def _one_source(self) -> RegimeSection:
        if (self.kind is None) == (self.file is None):
            raise ValueError("give a kind to draw, such as {kind: one, seed: 0}, or a file")
        if self.file is not None and (self.seed or self.per != "image"):
            raise ValueError(f"seed and per go with a kind; {self.file} was drawn: leave them out")
        if self.file is not None and self.file.suffix == ".json" and self.tasks is not None:
            raise ValueError(f"{self.file} names its own tasks: leave out tasks")
        return self


def tile_name(name: str) -> str:
    """Return a tile's name without the suffix of its file."""
    return _SUFFIX.sub("", name)


def image_name(name: str) -> str:
    """Return the name of the scene that a tile is of: without suffix, row and column.

    >>> image_name("aachen_000000_000019_r000_c000.tif")
    'aachen_000000_000019'
    """
    return _PLACE.sub("", tile_name(name))


def check_kind(kind: str) -> None:
    """Refuse what ``draw_regime`` does not know.

    Raises:
        ValueError: It is none of the kinds, or a ratio with a zero, or a share of 0 or above 1.
    """
    if kind in _WORDS:
        return
    if _RATIO.fullmatch(kind):
        if 0 in _numbers(kind):
            raise ValueError("each number of a ratio is 1 or more; leave out the task instead")
    elif not _SHARE.fullmatch(kind):
        raise ValueError(_CHOICES)
    elif not 0 < _numbers(kind)[0] <= _numbers(kind)[1]:
        raise ValueError("a share is above 0 and at most 1, such as 1/8")


def draw_regime(
    names: Iterable[str], tasks: Sequence[str], kind: str, seed: int = 0, per: Per = "image"
) -> LabelRegime:
    """Draw which image keeps the labels of which tasks.

    Where N images are parted by numbers with the sums s_1 .. s_K, the first floor(N s_1 / s_K) of
    a random order go to the first task, those up to floor(N s_2 / s_K) to the second, and so on.
    ``one`` so has MTPSL's counts for Cityscapes (1487 and 1488) and NYUv2 (265 each). Of PASCAL's
    4998 images it gives 999 to two tasks and 1000 to three, as Table 8, but to others than there.
    Any counts are drawn by naming them, Table 8's by ``1000:999:1000:1000:999``.

    Args:
        names: Of tiles or images; their order does not matter.
        tasks: Their order does: it is a ratio's.
        kind: ``one``, each image keeps one task, as evenly as can be; ``random``, a number of
            tasks from 1 to K - 1, each as likely, then any of them, each subset as likely (MTPSL,
            4); a ratio such as ``1:9``, each image keeps one task, numbers of images in this
            proportion (Table 13); ``third`` (Table 14) or a share such as ``1/8``, so many images
            keep all tasks and the others none; ``all``.
        seed: Of the draw.
        per: Whether the tiles of an ``image`` keep the same tasks, or each ``tile`` its own.

    Raises:
        ConfigError: The kind is unknown or does not suit the tasks, or leaves a task without any
            image.
    """
    images = _distinct(names, tile_name if per == "tile" else image_name)
    try:
        check_kind(kind)
        kept = _draw(kind, len(images), len(tasks), np.random.default_rng(seed))
    except ValueError as error:
        raise ConfigError(f"regime {kind}, seed {seed}: {error}") from error
    regime = _regime(tasks, images, kept, kind, seed)
    if bare := [task for task, count in regime.counts.items() if not count]:
        raise ConfigError(
            f"regime {kind}, seed {seed}: leaves none of {len(images)} {per}(s) for "
            f"{', '.join(bare)}; take another seed, more images or another kind"
        )
    return regime


def resolve_regime(
    wanted: RegimeSection | Path, names: Sequence[str], tasks: Sequence[str]
) -> LabelRegime:
    """Return the regime that a configuration asks for, checked against a tile set.

    Args:
        wanted: A section, or a file's path.
        names: The tiles to which it is applied.
        tasks: All tasks that the tile set is labelled for, not only those that are trained: a
            single-task training so sees the labels that a joint one sees of its task.

    Raises:
        ConfigError: The regime names a task that the tile set is not labelled for, says nothing of
            one of its images, cannot be drawn or cannot be read.
    """
    section = wanted if isinstance(wanted, RegimeSection) else RegimeSection(file=wanted)
    file, where = section.file, f"regime {section.kind or section.file}"
    kept = read_regime(file) if file is not None and file.suffix == ".json" else None
    named = kept.tasks if kept is not None else section.tasks or tuple(tasks)
    if strange := [task for task in named if task not in tasks]:
        raise ConfigError(
            f"{where}: is for {', '.join(strange)}, which the tiles have no labels for; they "
            f"have: {', '.join(tasks) or 'none'}"
        )
    if kept is not None:
        regime = kept
    elif file is not None:
        regime = read_released(file, names, named)
    else:
        regime = draw_regime(names, named, str(section.kind), section.seed, section.per)
    if missing := regime.missing(names):
        raise ConfigError(
            f"{where}: says nothing of {len(missing)} image(s), such as {missing[0]}; {_REMEDY} "
            "from these tiles"
        )
    return regime


def read_released(path: Path, names: Iterable[str], tasks: Sequence[str]) -> LabelRegime:
    """Read a split file of MTPSL's authors; ``geosemimtl.data.released`` tells its formats.

    Args:
        path: Their ``onelabel.pth`` or ``randomlabels.pth``.
        names: The images, or their tiles, that are wanted of it.
        tasks: The file's columns in order, which it does not name: segmentation and depth of
            Cityscapes, then normals of NYUv2.

    Raises:
        ConfigError: The file is missing, holds something else, or has other columns or images.
    """
    images = _distinct(names, image_name)
    return _regime(tasks, images, read_marks(path, images, tasks), "released", None)


def write_regime(path: Path, regime: LabelRegime) -> None:
    """Write a regime as JSON, an image a line; whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    head = regime.model_dump(mode="json", exclude={"images"})
    lines = [f"  {_json(image)}: {_json(kept)}" for image, kept in regime.images.items()]
    fields = [f" {_json(key)}: {_json(value)}" for key, value in head.items()]
    fields.append(' "images": {\n' + ",\n".join(lines) + "\n }")
    write_text(path, "{\n" + ",\n".join(fields) + "\n}\n")


def read_regime(path: Path) -> LabelRegime:
    """Read and check a regime that ``write_regime`` wrote.

    Raises:
        ConfigError: The file is missing, is not such a file, or contradicts itself.
    """
    try:
        return LabelRegime.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no text; {_REMEDY}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {problems(LabelRegime, error)}; {_REMEDY}") from error


def _distinct(names: Iterable[str], named: Callable[[str], str]) -> list[str]:
    if images := sorted({named(name) for name in names}):
        return images
    raise ConfigError("a label regime is of images, and there are none; name some")


def _draw(kind: str, images: int, tasks: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return (images, tasks), whether an image keeps a task."""
    if not tasks:
        raise ValueError("there are no tasks; name some")
    if kind == "all":
        return np.ones((images, tasks), bool)
    if kind == "third" or "/" in kind:
        part, whole = (1, 3) if kind == "third" else _numbers(kind)
        labelled = random.permutation(images) < images * part // whole
        return np.repeat(labelled[:, None], tasks, axis=1)
    if tasks < 2:
        raise ValueError("parts labels among tasks, of which there is only one; choose a share")
    if kind == "random":
        counts = random.integers(1, tasks, size=images)  # the end is excluded: K - 1 at most
        ranks = random.permuted(np.tile(np.arange(tasks), (images, 1)), axis=1)
        return np.asarray(ranks < counts[:, None])
    shares = (1,) * tasks if kind == "one" else _numbers(kind)
    if len(shares) != tasks:
        raise ValueError(f"has {len(shares)} numbers for {tasks} tasks; give one a task")
    ends = [images * total // sum(shares) for total in accumulate(shares)]
    task = np.searchsorted(ends, random.permutation(images), side="right")
    return np.asarray(task[:, None] == np.arange(tasks))


def _regime(
    tasks: Sequence[str],
    images: Sequence[str],
    kept: NDArray[np.bool_],
    kind: str,
    seed: int | None,
) -> LabelRegime:
    if len(set(tasks)) < len(tasks):
        raise ConfigError(f"regime {kind}: tasks {', '.join(tasks)}: name each once")
    named = {
        image: tuple(task for task, keeps in zip(tasks, row, strict=True) if keeps)
        for image, row in zip(images, kept, strict=True)
    }
    return LabelRegime(
        tasks=tuple(tasks), kind=kind, seed=seed, counts=_counts(tasks, named), images=named
    )


def _counts(tasks: Sequence[str], images: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {task: sum(task in kept for kept in images.values()) for task in tasks}


def _numbers(kind: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.split("[:/]", kind))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
