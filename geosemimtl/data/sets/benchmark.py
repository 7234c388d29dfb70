"""What must be known of a data set to find its files and read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from geosemimtl.classes import ClassMap
from geosemimtl.raster.scene import Reader
from geosemimtl.tiling.options import TileOptions

#: What tells scenes apart: the groups of a pattern, such as the row and column of a Potsdam patch.
Key = tuple[str, ...]

#: The alternative that is taken where ``Wanted.height_scale_m`` says what a grey level stands for.
GREYS = "greys"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    Attributes:
        name: For messages.
        pattern: A regular expression for a whole path below the root, in lower case, with
            slashes; a zip counts as a folder. Its groups are the key: those of a target's files
            are those of the image's, as text, so that leading zeros that only some files have
            stand outside of them.
        source: What the files come in.
    """

    name: str
    pattern: str
    source: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One form in which the images come.

    Attributes:
        images: The files.
        bands: Their bands in file order; the files' colours say something else.
        read: How they are decoded, where GDAL is not to.
    """

    images: Kind
    bands: tuple[str, ...]
    read: Reader | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What can be done where no scene has a target.

    Attributes:
        says: In words.
        kind: Files that it needs; without any, it is not told.
    """

    says: str
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What one task is learned from. Several may come from the same files, read differently.

    Attributes:
        kind: The files.
        unit: What the values are, in words.
        read: How a file is decoded; without it, GDAL reads a raster: classes as the class map
            says, or numbers.
        splits: The splits that have it, where not all do; it is not missed in others.
        remedies: What to do where no scene has it.
    """

    kind: Kind
    unit: str
    read: Reader | None = None
    splits: tuple[str, ...] | None = None
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """Where images lie that do not say so themselves.

    Attributes:
        crs: Of files that name none.
        gsd_m: Metres a pixel; ``None`` refuses images without georeference.
        places: World files of images that have none of their own.
    """

    crs: str
    gsd_m: float | None = None
    places: Kind | None = None


def joined(key: Key) -> str:
    """Return a key's parts as one name."""
    return "_".join(key)


def no_split(_key: Key) -> str | None:
    """Return no split: ``options.split`` parts the scenes, or all of them are to train on."""
    return None


def whole_line(line: str) -> Key:
    """Return the key that a line of a list of scenes is: one part, in lower case."""
    return (line.strip().lower(),)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set that is known by name.

    Attributes:
        name: As on the command line.
        title: Its full name.
        request: Where to get it.
        licence: What may be done with it, in words; the owner's own text is what counts.
        options: How it is cut unless somebody says otherwise; bands are the variant's, classes
            the class map's.
        variants: By name; the first is the usual one.
        targets: By task.
        usual: Tasks that are taken unless others are named; all by default.
        alternatives: By name, targets that can be had instead of those of the same tasks.
        class_maps: By name; the first is the usual one.
        by_classes: By the name of a class map, targets that come with it instead of those of the
            same tasks: other files, or another reader.
        scenes: Name of every scene by its key, where they are known one by one; otherwise all
            images that are found are scenes, in natural order.
        name_of: Gives a scene's name from its key, where ``scenes`` does not.
        split_of: Gives ``train``, ``val`` or ``test`` from a key, where ``options.split`` is
            ``none``.
        lists: By split, text files of one scene a line. They say the split, and scenes that none
            of them names are left out.
        listed: Gives the key from such a line.
        skipped: Images that are left out, by key, and why.
        extras: Other kinds of files that it ships, of which ``check`` tells how many there are.
        ground: Of images of the ground; street images lie nowhere.
    """

    name: str
    title: str
    request: str
    licence: str
    options: TileOptions
    variants: Mapping[str, Variant]
    targets: Mapping[str, Target] = field(default_factory=dict)
    usual: tuple[str, ...] = ()
    alternatives: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    class_maps: Mapping[str, ClassMap] = field(default_factory=dict)
    by_classes: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    scenes: Mapping[Key, str] | None = None
    name_of: Callable[[Key], str] = joined
    split_of: Callable[[Key], str | None] = no_split
    lists: Mapping[str, Kind] = field(default_factory=dict)
    listed: Callable[[str], Key] = whole_line
    skipped: Mapping[Key, str] = field(default_factory=dict)
    extras: tuple[Kind, ...] = ()
    ground: Ground | None = None

    @property
    def usual_tasks(self) -> tuple[str, ...]:
        """Tasks that are taken unless others are named."""
        return self.usual or tuple(self.targets)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All kinds of files that it ships, each once."""
        images = (variant.images for variant in self.variants.values())
        sets = (self.targets, *self.by_classes.values(), *self.alternatives.values())
        targets = (target.kind for each in sets for target in each.values())
        places = (self.ground.places,) if self.ground and self.ground.places else ()
        return tuple(dict.fromkeys((*images, *targets, *self.extras, *places)))

    def called(self, key: Key) -> str:
        """Return a scene's name."""
        return self.name_of(key) if self.scenes is None else self.scenes[key]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a data set's files are wanted.

    Attributes:
        variant: Of the images; the usual one by default.
        tasks: Whose targets; the usual ones by default.
        classes: The class map's name; the usual one by default.
        alternatives: Names of targets in place of the usual ones, such as ``no-boundary``.
        height_scale_m: Metres that one grey level of heights stands for, or 1 in the heights of a
            data set without grey levels; without it, grey levels are left out.
    """

    variant: str | None = None
    tasks: tuple[str, ...] | None = None
    classes: str | None = None
    alternatives: tuple[str, ...] = ()
    height_scale_m: float | None = None
