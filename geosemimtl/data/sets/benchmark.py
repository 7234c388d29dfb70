"""What must be known of a data set to find its files and read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from geosemimtl.tiling.options import TileOptions

#: Numbers that tell scenes apart, such as the row and column of a Potsdam patch.
Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    Attributes:
        name: For messages.
        pattern: A regular expression for a whole path below the root, in lower case, with
            slashes; a zip counts as a folder. Its groups are the numbers of the key.
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
    """

    images: Kind
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set that is known by name.

    Attributes:
        name: As on the command line.
        request: Where to ask for it.
        scenes: Name of every scene by its key.
        options: How it is cut unless somebody says otherwise; bands are the variant's.
        variants: By name; the first is the usual one.
        crs: Of files that name none.
        gsd_m: Metres a pixel of images that do not say where they lie; ``None`` refuses them.
        labels: Class labels, the whole of them.
        labels_no_boundary: The same without the borders of objects.
        heights: Heights above ground in metres.
        greys: Heights above ground as grey levels, of which nothing tells the unit.
        surface: Surface model in metres.
        places: World files of images that have none of their own.
        splits: ``train``, ``val`` or ``test`` by key, where ``options.split`` is ``none``.
    """

    name: str
    request: str
    scenes: Mapping[Key, str]
    options: TileOptions
    variants: Mapping[str, Variant]
    crs: str
    gsd_m: float | None = None
    labels: Kind | None = None
    labels_no_boundary: Kind | None = None
    heights: Kind | None = None
    greys: Kind | None = None
    surface: Kind | None = None
    places: Kind | None = None
    splits: Mapping[Key, str] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All kinds of files that it ships."""
        layers = (self.labels, self.labels_no_boundary, self.heights, self.greys, self.surface)
        images = (variant.images for variant in self.variants.values())
        return (*images, *(kind for kind in (*layers, self.places) if kind is not None))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a data set's files are wanted.

    Attributes:
        variant: Of the images; the usual one by default.
        no_boundary: The labels without the borders of objects, which are ignored.
        height_scale_m: Metres that one grey level of heights stands for, or 1 in the heights of a
            data set without grey levels; without it, grey levels are left out.
    """

    variant: str | None = None
    no_boundary: bool = False
    height_scale_m: float | None = None
