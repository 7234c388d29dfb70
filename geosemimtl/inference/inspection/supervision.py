"""Labels and heights of a scene: whether they fit it, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.errors import GeoSemiMTLError
from geosemimtl.inference.sampling import PERCENTILES, sample_scene
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, height_filter, image_filter, read_on_grid
from geosemimtl.raster.registration import (
    Shift,
    class_edges,
    height_edges,
    image_edges,
    layer_shift,
)
from geosemimtl.raster.scene import Georeference, Reader, Scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.target_layer import TargetLayer, TargetReader
from geosemimtl.tiling.targets import Numbers, open_target

#: Heights of which nearly none is nearer to 0 than this are above the sea, not above ground.
_GROUND_M = 3.0


class Readers(NamedTuple):
    """A scene and its layers, open on one grid."""

    image: GridReader
    labels: TargetReader | None
    heights: GridReader | None


@dataclass(frozen=True, slots=True)
class Supervision:
    """What there is to learn from a scene.

    Attributes:
        targets: By task, labels that can be used.
        problems: Why they cannot be used, each with its remedy.
        notes: What deserves a look.
    """

    targets: Mapping[str, TargetLayer]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @contextmanager
    def read_on(self, scene: Scene, grid: PixelGrid) -> Iterator[Readers]:
        """Open the scene and what fits it on a grid."""
        with ExitStack() as stack:
            image = read_on_grid(scene, grid, image_filter(scene.grid, grid))
            labels, heights, opened = self.targets.get(SEGMENTATION), self.targets.get(HEIGHT), None
            if isinstance(heights, Numbers):
                chosen = height_filter(heights.grid, grid)
                opened = stack.enter_context(read_on_grid(heights.scene, grid, chosen))
            yield Readers(
                stack.enter_context(image),
                stack.enter_context(labels.on_grid(grid)) if labels else None,
                opened,
            )

    def shifts(self, scene: Scene, grid: PixelGrid) -> dict[str, Shift | None]:
        """Return where each layer lies relative to the image, ``None`` where it cannot be told.

        Raises:
            SceneError: The pixels cannot be read.
        """
        found: dict[str, Shift | None] = {}
        with self.read_on(scene, grid) as readers:
            image, labels, heights = readers

            def seen(window: Window) -> NDArray[np.complex64]:
                pixels, valid = image.read(window)
                # a black border that nothing marks has edges, too, and heights often end with it
                return image_edges(pixels, valid & pixels.any(axis=0))

            if labels is not None:
                found["labels"] = layer_shift(
                    grid.shape, seen, lambda window: class_edges(labels.read(window))
                )
            if heights is not None:
                found["heights"] = layer_shift(grid.shape, seen, _steps(heights))
        return found


def _steps(heights: GridReader) -> Callable[[Window], NDArray[np.complex64]]:
    def edges(window: Window) -> NDArray[np.complex64]:
        (metres,), known = heights.read(window)
        return height_edges(metres, known)

    return edges


def look_at_layers(
    scene: Scene,
    files: Mapping[str, Sequence[Path]],
    options: TileOptions,
    readers: Mapping[str, Reader],
) -> Supervision:
    """Open a scene's labels and heights and say what is wrong with them.

    Args:
        scene: The scene.
        files: By task those of its labels.
        options: Classes and what the labels' classes are called.
        readers: As of ``geosemimtl.tiling.data_set.DataSet``.
    """
    problems: list[str] = []
    notes: list[str] = []
    good: dict[str, TargetLayer] = {}
    place = Georeference.of(scene.grid)
    for task, paths in files.items():
        if not paths:
            continue
        try:
            target = open_target(task, paths, options, place, readers.get(task))
            if task == HEIGHT and isinstance(target, Numbers):
                notes += _surface_notes(target.scene)
            target.check(scene.grid)
        except GeoSemiMTLError as error:
            problems.append(str(error))
        else:
            good[task] = target
    return Supervision(good, tuple(problems), tuple(notes))


def _surface_notes(heights: Scene) -> list[str]:
    """Tell heights above the sea from heights above ground, of which some are near 0."""
    (band,) = sample_scene(heights).bands
    least, most = (band.percentiles[PERCENTILES.index(percent)] for percent in (1, 99))
    if least <= _GROUND_M and most >= -_GROUND_M:
        return []
    return [
        (
            f"{heights.path}: looks like a surface model, not heights above ground: nearly all "
            f"of it lies between {least:.0f} and {most:.0f} m; make one of it with "
            f"geosemimtl ndsm {heights.path} -o nDSM.tif"
        )
    ]
