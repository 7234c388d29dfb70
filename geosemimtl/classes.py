"""Classes of pixels: their names and colours, and how label data write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)

#: Value of an unlabelled pixel in every label array and tile of this project.
IGNORE = 255
#: Indices 0 to 253; 254 stays free, 255 is unlabelled.
MOST_CLASSES = 254

_COLOUR = r"^#[0-9a-fA-F]{6}$"
_IGNORED = "ignored"

Rgb = tuple[int, int, int]


def _readable(what: int | str) -> int | str:
    if isinstance(what, str) and what.startswith("#") and not re.match(_COLOUR, what):
        raise ValueError("is no colour; write #rrggbb")
    return what


#: How label data write a class: a whole number, ``#rrggbb`` or a name.
Written = Annotated[StrictInt | StrictStr, AfterValidator(_readable)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Kept(BaseModel):
    """Base of what files keep: keys of older files that no longer count are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LandClass(_Kept):
    """One class of a segmentation.

    Attributes:
        name: Lower case, words joined by underscores.
        color: ``#rrggbb``.
    """

    name: str
    color: str = Field(pattern=_COLOUR)

    @property
    def rgb(self) -> Rgb:
        """The colour as three bytes."""
        return rgb_of(self.color)


class Classes(_Kept):
    """The classes of a segmentation, in the order of their indices."""

    entries: tuple[LandClass, ...]

    @model_validator(mode="after")
    def _countable(self) -> Classes:
        check_class_count(len(self.entries))
        if len(set(self.names)) != len(self.names):
            raise ValueError("two classes have the same name")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of the indices."""
        return tuple(entry.name for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class MappedClass(_Frozen):
    """One class, and how label data write it.

    Attributes:
        name: As of ``LandClass``; label data may always write it.
        color: As of ``LandClass``; what colour rasters write unless ``written`` names colours.
        written: Values of an index raster or numbers of a polygon column, ``#rrggbb`` of a colour
            raster, and other names of a polygon column; the key ``from`` in YAML.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: str
    color: str = Field(pattern=_COLOUR)
    written: tuple[Written, ...] = Field((), alias="from")


class ClassMap(_Frozen):
    """The classes, and how label data write them; joins data sets that write them differently.

    Attributes:
        entries: The classes in the order of their indices.
        ignore: What label data write where nothing is labelled, as in ``from``.
        background: Class of what no polygon covers; unlabelled by default.
        round_colours: Whether colours next to the declared ones count as those, as lossy copies
            write them; only for colours whose values are all 0 or 255.
    """

    entries: tuple[MappedClass, ...]
    ignore: tuple[Written, ...] = ()
    background: str | None = None
    round_colours: bool = False

    @model_validator(mode="after")
    def _unambiguous(self) -> ClassMap:
        check_class_count(len(self.entries))
        names = [entry.name for entry in self.entries]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"two classes have the same name, {twice[0]}")
        if self.background is not None and self.background not in names:
            raise ValueError(f"background {self.background} is none of {', '.join(names)}")
        owners: dict[Written, str] = {}
        for what, owner in self._owned():
            if owners.setdefault(what, owner) != owner:
                raise ValueError(f"{what} stands for two: {owners[what]} and {owner}")
        if self.round_colours and not all({0, 255} >= set(rgb) for rgb in self.colours):
            raise ValueError("round_colours needs colours whose values are all 0 or 255")
        return self

    @property
    def classes(self) -> Classes:
        """The classes alone, as tile sets, models and class rasters keep them."""
        return Classes(entries=tuple(LandClass(name=e.name, color=e.color) for e in self.entries))

    @property
    def numbers(self) -> dict[int, int]:
        """Class index, ``IGNORE`` if ignored, by value of an index raster or polygon column."""
        return {what: to for what, to in self._indexed() if isinstance(what, int)}

    @property
    def colours(self) -> dict[Rgb, int]:
        """Class index, ``IGNORE`` if ignored, by colour of a colour raster."""
        found = [(what, to) for what, to in self._indexed() if _is_colour(what)]
        return {rgb_of(str(what)): to for what, to in found}

    @property
    def texts(self) -> dict[str, int]:
        """Class index, ``IGNORE`` if ignored, by name in a polygon column."""
        found = [(what, to) for what, to in self._indexed() if not _is_colour(what)]
        return {what: to for what, to in found if isinstance(what, str)}

    @property
    def background_index(self) -> int:
        """Class index of what no polygon covers, ``IGNORE`` if that is unlabelled."""
        if self.background is None:
            return IGNORE
        return self.classes.names.index(self.background)

    def declared(self, *, colours: bool = False, column: bool = False) -> str:
        """Return what label data may write, for messages: numbers, or colours, or a column's."""
        kinds: tuple[dict[Any, int], ...] = (self.numbers,)
        if colours:
            kinds = ({color_of(rgb): index for rgb, index in self.colours.items()},)
        elif column:
            kinds = (self.texts, self.numbers)
        pairs = [pair for kind in kinds for pair in kind.items()]
        names = [entry.name for entry in self.entries]
        known = [
            names[index] if names[index] == what else f"{names[index]}={what}"
            for what, index in pairs
            if index != IGNORE
        ]
        ignored = [str(what) for what, index in pairs if index == IGNORE]
        return f"declared: {', '.join(known) or 'none'}; ignored: {', '.join(ignored) or 'none'}"

    def _owned(self) -> Iterator[tuple[Written, str]]:
        """Yield everything that label data may write, with the name of its class."""
        numbered = any(isinstance(what, int) for entry in self.entries for what in entry.written)
        for index, entry in enumerate(self.entries):
            yield entry.name, entry.name
            yield from ((_normal(what), entry.name) for what in entry.written)
            if not numbered:
                yield index, entry.name
            if not any(_is_colour(what) for what in entry.written):
                yield _normal(entry.color), entry.name
        yield from ((_normal(what), _IGNORED) for what in self.ignore)

    def _indexed(self) -> Iterator[tuple[Written, int]]:
        index = {entry.name: number for number, entry in enumerate(self.entries)}
        yield from ((what, index.get(owner, IGNORE)) for what, owner in self._owned())


def class_map_of(classes: Classes) -> ClassMap:
    """Return how this project's own class rasters write classes: by index, ``IGNORE`` beside.

    Raises:
        ValueError: Two classes have the same colour.
    """
    return ClassMap(
        entries=tuple(MappedClass(name=entry.name, color=entry.color) for entry in classes.entries),
        ignore=(IGNORE,),
    )


def check_class_count(count: int) -> None:
    """Refuse numbers of classes that cannot be told apart in a byte.

    Raises:
        ValueError: Fewer than two, or more than 254.
    """
    if count < 2:
        raise ValueError(f"{count} class(es): a segmentation needs at least two")
    if count > MOST_CLASSES:
        raise ValueError(
            f"{count} classes: classes beyond {MOST_CLASSES} do not fit in a byte beside "
            f"{IGNORE} for unlabelled; join some"
        )


def rgb_of(color: str) -> Rgb:
    """Return the bytes of ``#rrggbb``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def color_of(rgb: Sequence[int]) -> str:
    """Return ``#rrggbb`` of three bytes."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _is_colour(what: Written) -> bool:
    return isinstance(what, str) and what.startswith("#")


def _normal(what: Written) -> Written:
    return what.lower() if isinstance(what, str) and what.startswith("#") else what


#: The six classes of the ISPRS benchmark, indexed from 0, in the benchmark's own colours; black
#: are the boundaries that its eroded references leave out.
ISPRS_CLASS_MAP = ClassMap(
    entries=(
        MappedClass(name="impervious", color="#ffffff"),
        MappedClass(name="building", color="#0000ff"),
        MappedClass(name="low_vegetation", color="#00ffff"),
        MappedClass(name="tree", color="#00ff00"),
        MappedClass(name="car", color="#ffff00"),
        MappedClass(name="clutter", color="#ff0000"),
    ),
    ignore=(IGNORE, "#000000"),
)
ISPRS_CLASSES = ISPRS_CLASS_MAP.classes


#: The parts of people that PASCAL-Parts is taken for, in the colours of PASCAL VOC's palette.
HUMAN_PARTS_CLASSES = Classes(
    entries=(
        LandClass(name="background", color="#000000"),
        LandClass(name="head", color="#800000"),
        LandClass(name="torso", color="#008000"),
        LandClass(name="upper_arm", color="#808000"),
        LandClass(name="lower_arm", color="#000080"),
        LandClass(name="upper_leg", color="#800080"),
        LandClass(name="lower_leg", color="#008080"),
    )
)
