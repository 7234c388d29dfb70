"""A scene's image, labels and heights: looked at, and read together on one grid."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.windows import Window

from geosemimtl.errors import BandError, GridError
from geosemimtl.raster.averaging import Alignment
from geosemimtl.raster.grid import PixelGrid, model_grid, utm_crs
from geosemimtl.raster.reading import GridReader, height_filter, image_filter, read_on_grid
from geosemimtl.raster.scene import Georeference, Scene, open_scene
from geosemimtl.raster.values import filled
from geosemimtl.tasks import HEIGHT, HEIGHT_NODATA, IGNORE, SEGMENTATION
from geosemimtl.tiling.labels import (
    LabelReader,
    Labels,
    check_heights,
    check_overlap,
    open_heights,
    open_labels,
)
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles


@dataclass(frozen=True, slots=True)
class Layers:
    """A scene that was looked at; no file is held open.

    Attributes:
        name: Of the scene.
        split: Where a list of scenes says it.
        image: The orthophoto.
        labels: Class labels, if any.
        heights: An nDSM in metres, if any.
    """

    name: str
    split: str | None
    image: Scene
    labels: Labels | None
    heights: Scene | None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the scene is read from."""
        return tuple(
            file
            for layer in (self.image, self.labels, self.heights)
            if layer is not None
            for file in layer.files
        )

    @property
    def read_from(self) -> tuple[Path, ...]:
        """All files that decide what its tiles hold, masks and parts of virtual rasters too."""
        return tuple(
            file
            for layer in (self.image, self.labels, self.heights)
            if layer is not None
            for file in layer.read_from
        )


def open_layers(files: SceneFiles, options: TileOptions) -> Layers:
    """Look at a scene's files.

    Raises:
        SceneError: One cannot be read or lacks what is needed.
        LabelError: Labels or heights lie elsewhere, or are none.
    """
    image = open_scene(
        files.image,
        options.bands,
        alpha=options.alpha,
        assume_crs=options.assume_crs,
        fallback=files.georeference,
    )
    place = Georeference.of(image.grid)
    labels = heights = None
    if files.labels:
        labels = open_labels(
            files.labels,
            options.classes,
            class_column=options.class_column,
            fallback=place,
        )
    if files.height:
        heights = open_heights(files.height, scale_m=options.height_scale_m, fallback=place)
        check_overlap(heights, image.grid)
    return Layers(files.name, files.split, image, labels, heights)


def require_alike(layers: Layers, first: Layers) -> None:
    """Refuse a scene of another sensor than the first one's.

    Raises:
        BandError: Its bands or their type differ.
    """
    image, other = layers.image, first.image
    if (image.bands, image.dtype) != (other.bands, other.dtype):
        raise BandError(
            f"{image.path}: has {', '.join(image.bands)} of {image.dtype}, {other.path} has "
            f"{', '.join(other.bands)} of {other.dtype}; cut different sensors apart"
        )


def check_layers(layers: Layers) -> list[Callable[[], None]]:
    """Return what reads labels and heights once and refuses what is none.

    Each raises a LabelError where labels hold undeclared values or heights are no plausible
    metres, and a SceneError where a file cannot be read.
    """
    checks: list[Callable[[], None]] = []
    if layers.labels is not None:
        checks.append(partial(layers.labels.check, layers.image.grid))
    if layers.heights is not None:
        checks.append(partial(check_heights, layers.heights))
    return checks


def tile_grid(scene: Scene, gsd_m: float, crs: str | None) -> PixelGrid:
    """Return the grid on which a scene is cut.

    Args:
        scene: The scene.
        gsd_m: Metres on the ground.
        crs: As in ``TileOptions``.

    Raises:
        GridError: The GSD or the CRS does not suit the scene.
    """
    try:
        wanted = None
        if crs is not None:
            wanted = utm_crs(scene.grid) if crs == "auto" else CRS.from_user_input(crs)
        return model_grid(scene.grid, gsd_m, wanted)
    except CRSError as error:
        raise GridError(f"--crs {crs}: unknown CRS; write EPSG:25832, say, or auto") from error
    except GridError as error:
        raise GridError(f"{scene.path}: {error}") from error


def source_reach_px(layers: Layers, grid: PixelGrid) -> int:
    """Return how far beyond a window its pixels draw on source pixels, in pixels of the grid.

    0 where every raster lies on the grid itself; otherwise two of the coarsest source pixels, as
    far as cubic convolution looks, and one for the rounding.
    """
    sources = [layers.image.grid, *([layers.heights.grid] if layers.heights is not None else [])]
    if layers.labels is not None and layers.labels.grid is not None:
        sources.append(layers.labels.grid)
    alignments = [Alignment.between(source, grid) for source in sources]
    if all(found is not None and found.is_shift for found in alignments):
        return 0
    coarsest = max(max(source.gsd_m) for source in sources)
    return int(np.ceil(2 * coarsest / min(grid.gsd_m))) + 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of all layers on one grid.

    Attributes:
        window: Where it lies.
        pixels: Image (bands, rows, columns), 0 where not valid.
        valid: Where the image is valid (rows, columns).
        indices: Class indices, ``IGNORE`` where unlabelled or not valid; ``None`` without labels.
        heights_m: Metres, ``HEIGHT_NODATA`` where unknown or not valid; ``None`` without heights.
    """

    window: Window
    pixels: NDArray[Any]
    valid: NDArray[np.bool_]
    indices: NDArray[np.uint8] | None
    heights_m: NDArray[np.float32] | None


class LayerReader:
    """Reads all layers of a scene; made by ``read_layers``."""

    def __init__(
        self,
        image: GridReader,
        labels: LabelReader | None,
        heights: GridReader | None,
        tasks: Collection[str],
    ) -> None:
        self._image = image
        self._labels = labels
        self._heights = heights
        self._tasks = tasks

    def read(self, window: Window) -> Piece:
        """Read a window; what the sensor did not see supervises nothing.

        Raises:
            SceneError: A file cannot be read.
        """
        pixels, valid = self._image.read(window)
        indices = heights_m = None
        if SEGMENTATION in self._tasks:
            indices = np.full(valid.shape, IGNORE, np.uint8)
        if HEIGHT in self._tasks:
            heights_m = np.full(valid.shape, HEIGHT_NODATA, np.float32)
        if self._labels is not None:
            indices = filled(self._labels.read(window), valid, IGNORE)
        if self._heights is not None:
            (metres,), known = self._heights.read(window)
            metres = metres.astype(np.float32, copy=False)
            heights_m = filled(metres, known & valid, HEIGHT_NODATA)
        return Piece(window, pixels, valid, indices, heights_m)


@contextmanager
def read_layers(
    layers: Layers, grid: PixelGrid, tasks: Collection[str] = ()
) -> Iterator[LayerReader]:
    """Open a scene's layers on one grid.

    Args:
        layers: The scene.
        grid: Where its pixels are wanted.
        tasks: Tasks of which there shall be something even where the scene has no such layer:
            everywhere unlabelled.

    Raises:
        SceneError: A file cannot be read.
    """
    image, labels, heights = layers.image, layers.labels, layers.heights
    with ExitStack() as stack:
        enter = stack.enter_context
        yield LayerReader(
            enter(read_on_grid(image, grid, image_filter(image.grid, grid))),
            enter(labels.on_grid(grid)) if labels is not None else None,
            enter(read_on_grid(heights, grid, height_filter(heights.grid, grid)))
            if heights is not None
            else None,
            tasks,
        )
