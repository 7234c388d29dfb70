"""What supervises a task, looked at: one layer of a scene for each task, read on any grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.classes import (
    HUMAN_PARTS_CLASSES,
    IGNORE,
    ClassMap,
    LandClass,
    MappedClass,
    class_map_of,
)
from geosemimtl.errors import LabelError
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, height_filter, read_on_grid
from geosemimtl.raster.scene import Georeference, Reader, Scene, open_scene
from geosemimtl.raster.values import filled
from geosemimtl.tasks import (
    HEIGHT,
    HUMAN_PARTS,
    NODATA,
    Kind,
    form_of,
    kind_of,
)
from geosemimtl.tiling.labels import check_heights, check_overlap, open_heights, open_labels
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.target_layer import TargetLayer, TargetReader

#: A vector between pixels that face apart by more than a right angle or so says nothing.
_LEAST_LENGTH = 0.5
_YES_NO = ClassMap(
    entries=(
        MappedClass(name="no", color="#000000", written=(0,)),
        MappedClass(name="yes", color="#ffffff", written=(1,)),
    ),
    ignore=(IGNORE,),
)


def open_target(
    task: str,
    files: Sequence[Path],
    options: TileOptions,
    place: Georeference,
    reader: Reader | None = None,
) -> TargetLayer:
    """Look at the labels of a task.

    Args:
        task: Its name.
        files: Of one scene.
        options: How they are read.
        place: What holds for files that do not say where they lie: the image's place.
        reader: What decodes them: to indices of the classes, 0 and 1, numbers or unit vectors.

    Raises:
        SceneError: A file is missing, or no raster.
        LabelError: It holds something else than the task needs.
    """
    kind = kind_of(task)
    if kind in (Kind.CLASSES, Kind.BINARY):
        written = _class_map(task, options, decoded=reader is not None)
        column = options.class_column
        return open_labels(files, written, fallback=place, class_column=column, reader=reader)
    if task == HEIGHT and reader is None:
        return Numbers(task, open_heights(files, scale_m=options.height_scale_m, fallback=place))
    scene = open_scene(files, fallback=place, reader=reader)
    channels = form_of(task).channels
    if len(scene.indexes) != channels:
        raise LabelError(f"{scene.path}: has {len(scene.indexes)} band(s); {task} need {channels}")
    return Numbers(task, scene)


def classes_of(task: str, options: TileOptions) -> tuple[LandClass, ...]:
    """Return the classes of a task, none where it has none."""
    if kind_of(task) is not Kind.CLASSES:
        return ()
    return (HUMAN_PARTS_CLASSES if task == HUMAN_PARTS else options.classes.classes).entries


def _class_map(task: str, options: TileOptions, *, decoded: bool) -> ClassMap:
    """Return how labels write classes; readers write indices."""
    if kind_of(task) is Kind.BINARY:
        return _YES_NO
    if task == HUMAN_PARTS:
        return class_map_of(HUMAN_PARTS_CLASSES)
    return class_map_of(options.classes.classes) if decoded else options.classes


@dataclass(frozen=True, slots=True)
class Numbers:
    """Real numbers in a task's unit, or unit vectors."""

    task: str
    scene: Scene

    @property
    def path(self) -> Path:
        """What messages call them."""
        return self.scene.path

    @property
    def grid(self) -> PixelGrid:
        """Their own pixels."""
        return self.scene.grid

    @property
    def files(self) -> tuple[Path, ...]:
        """The files they are read from."""
        return self.scene.files

    @property
    def read_from(self) -> tuple[Path, ...]:
        """Those, and what else decides what they hold."""
        return self.scene.read_from

    def check(self, grid: PixelGrid, track: Track = silent) -> None:  # noqa: ARG002  (TargetLayer's signature)
        """Refuse numbers that lie elsewhere, and heights that are none.

        Raises:
            LabelError: As said.
            SceneError: The pixels cannot be read.
        """
        check_overlap(self.scene, grid)
        if self.task == HEIGHT:
            check_heights(self.scene)

    @contextmanager
    def on_grid(self, grid: PixelGrid) -> Iterator[TargetReader]:
        """Averages of what is known where pixels grow; else interpolated linearly."""
        chosen = height_filter(self.scene.grid, grid)
        with read_on_grid(self.scene, grid, chosen) as reader:
            yield (_Vectors if kind_of(self.task) is Kind.DIRECTION else _Scalars)(reader)


class _Scalars:
    def __init__(self, reader: GridReader) -> None:
        self._reader = reader

    def read(self, window: Window | None = None) -> NDArray[Any]:
        (numbers,), known = self._reader.read(window)
        return filled(numbers.astype(np.float32, copy=False), known, NODATA)


class _Vectors:
    def __init__(self, reader: GridReader) -> None:
        self._reader = reader

    def read(self, window: Window | None = None) -> NDArray[Any]:
        vectors, known = self._reader.read(window)
        vectors = vectors.astype(np.float32, copy=False)
        length = np.sqrt(np.square(vectors).sum(axis=0))
        known = known & (length > _LEAST_LENGTH)
        return filled(vectors / np.where(known, length, 1), known, NODATA)
