"""A user's own data set: one YAML file that says what its files are."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from geosemimtl.classes import ISPRS_CLASS_MAP, ClassMap
from geosemimtl.config import load_class_map, load_yaml
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import gather_scenes
from geosemimtl.tiling.splits import BUILT_IN, DRAWN

_SUFFIXES = {".yaml", ".yml"}


class ScenesFile(BaseModel):
    """What the YAML says; paths count from its folder.

    Attributes:
        name: The sensor's.
        images: Files, folders, patterns or lists, as arguments of ``tile``.
        labels: As for ``--labels``.
        heights: As for ``--height``.
        mosaic: All images form one scene.
        classes: A class map, or the path of one.
        class_column: As in ``TileOptions``, like all below.
        bands: Names in file order.
        alpha: The band that is the mask.
        value_range: Values that are black and white.
        height_scale: Metres that the value 1 of the heights stands for.
        assume_crs: CRS of files that carry none.
        gsd: Metres on the ground of the tiles.
        resize: (rows, columns) of images that lie nowhere on the ground.
        split: How tiles are parted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    images: tuple[Path, ...]
    labels: tuple[Path, ...] = ()
    heights: tuple[Path, ...] = ()
    mosaic: bool = False
    classes: Path | ClassMap = ISPRS_CLASS_MAP
    class_column: str = "class"
    bands: tuple[str, ...] | None = None
    alpha: int | str = "auto"
    value_range: tuple[float, float] | None = None
    height_scale: float | None = None
    assume_crs: str | None = None
    gsd: float | None = None
    resize: tuple[int, int] | None = None
    split: str = "none"

    @field_validator("images", "labels", "heights", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


def is_scenes_file(path: Path) -> bool:
    """Return whether a file describes a data set, by its suffix."""
    return path.suffix.lower() in _SUFFIXES


def read_scenes_file(path: Path) -> DataSet:
    """Read a user's description of a data set.

    Raises:
        ConfigError: It cannot be read, has an unknown key, or a value that cannot be.
        TileSetError: Files do not belong together.
    """
    said = load_yaml(ScenesFile, path)
    folder = path.parent
    images, labels, heights = (
        tuple(folder / each for each in paths) for paths in (said.images, said.labels, said.heights)
    )
    classes = said.classes
    is_known = said.split.lower() in {*DRAWN, *BUILT_IN}
    options = TileOptions(
        name=said.name or path.stem,
        classes=classes if isinstance(classes, ClassMap) else load_class_map(folder / classes),
        class_column=said.class_column,
        mosaic=said.mosaic,
        bands=said.bands,
        alpha=said.alpha,
        value_range=said.value_range,
        height_scale_m=said.height_scale,
        assume_crs=said.assume_crs,
        gsd_m=said.gsd,
        resize=said.resize,
        split=said.split if is_known else str(folder / said.split),
    )
    return DataSet(gather_scenes(images, labels, heights, mosaic=said.mosaic), options)
