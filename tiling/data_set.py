"""What a data set is: its scenes' files, and how they are to be read and cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from geosemimtl.errors import TileSetError
from geosemimtl.raster.scene import Reader
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles


@dataclass(frozen=True, slots=True)
class Stock:
    """How much of one kind of file a data set has.

    Attributes:
        kind: Of the files.
        source: What they come in, such as a zip.
        found: How many scenes have one.
        missing: Names of the scenes that have none.
    """

    kind: str
    source: str
    found: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set, wherever its description comes from.

    Attributes:
        scenes: The files of each scene; none where nothing was found.
        options: How they are read and cut: bands, value range, classes, GSD, split.
        readers: By layer, ``image`` or a task, what decodes its files; GDAL alone reads the others.
        stocks: What there is of each kind of file, where it is known what there should be.
        remarks: What is left out and why, each with its remedy.
        problems: What stands in the way of cutting, each with its remedy.
    """

    scenes: tuple[SceneFiles, ...]
    options: TileOptions
    readers: Mapping[str, Reader] = field(default_factory=dict)
    stocks: tuple[Stock, ...] = ()
    remarks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return what there is, what is left out and what is wrong, as JSON's types."""
        return {
            "stocks": [asdict(stock) for stock in self.stocks],
            "remarks": self.remarks,
            "problems": self.problems,
        }

    def require_sound(self) -> None:
        """Raise a TileSetError with the first of the problems, if any."""
        if self.problems:
            raise TileSetError(self.problems[0])
