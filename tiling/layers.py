"""A scene's image, labels and heights: looked at, and read together on one grid."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.windows import Window

from geosemimtl.errors import BandError, GridError
from geosemimtl.raster.averaging import Alignment
from geosemimtl.raster.grid import PixelGrid, model_grid, resized_grid, utm_crs
from geosemimtl.raster.reading import GridReader, image_filter, read_on_grid
from geosemimtl.raster.scene import NOWHERE, Georeference, Reader, Scene, open_scene
from geosemimtl.raster.values import filled
from geosemimtl.tasks import form_of
from geosemimtl.tiling.labels import check_overlap
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.tiling.target_layer import TargetLayer, TargetReader
from geosemimtl.tiling.targets import Numbers, open_target

_NO_READERS: Mapping[str, Reader] = {}


class _Layer(Protocol):
    """What a scene's image and labels have in common."""

    @property
    def files(self) -> tuple[Path, ...]: ...
    @property
    def read_from(self) -> tuple[Path, ...]: ...
    @property
    def grid(self) -> PixelGrid | None: ...


@dataclass(frozen=True, slots=True)
class Layers:
    """A scene that was looked at; no file is held open.

    Attributes:
        name: Of the scene.
        split: Where a list of scenes says it.
        image: The orthophoto.
        targets: By task, what supervises it.
    """

    name: str
    split: str | None
    image: Scene
    targets: Mapping[str, TargetLayer]

    @property
    def all(self) -> tuple[_Layer, ...]:
        """The image, then what supervises the tasks."""
        return (self.image, *self.targets.values())

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the scene is read from."""
        return tuple(dict.fromkeys(file for layer in self.all for file in layer.files))

    @property
    def read_from(self) -> tuple[Path, ...]:
        """All files that decide what its tiles hold, masks and parts of virtual rasters too."""
        return tuple(dict.fromkeys(file for layer in self.all for file in layer.read_from))


def open_layers(
    files: SceneFiles, options: TileOptions, readers: Mapping[str, Reader] = _NO_READERS
) -> Layers:
    """Look at a scene's files.

    Args:
        files: Of the scene.
        options: How they are read.
        readers: As of ``geosemimtl.tiling.data_set.DataSet``.

    Raises:
        SceneError: One cannot be read or lacks what is needed.
        LabelError: Labels or heights lie elsewhere, or are none.
    """
    image = open_scene(
        files.image,
        options.bands,
        alpha=options.alpha,
        assume_crs=options.assume_crs,
        fallback=NOWHERE if options.resize else files.georeference,
        reader=readers.get("image"),
    )
    place = Georeference.of(image.grid)
    targets = {
        task: open_target(task, paths, options, place, readers.get(task))
        for task, paths in files.targets.items()
    }
    for target in targets.values():
        if isinstance(target, Numbers):
            check_overlap(target.scene, image.grid)
    return Layers(files.name, files.split, image, targets)


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
    return [partial(target.check, layers.image.grid) for target in layers.targets.values()]


def tile_grid(scene: Scene, options: TileOptions, gsd_m: float | None = None) -> PixelGrid:
    """Return the grid on which a scene is cut.

    Args:
        scene: The scene.
        options: How it is cut.
        gsd_m: Metres on the ground, where the options leave that open; the scene's own by default.

    Raises:
        GridError: The GSD or the CRS does not suit the scene.
    """
    if options.resize is not None:
        return resized_grid(scene.grid, options.resize)
    gsd_m, crs = options.gsd_m or gsd_m or max(scene.grid.gsd_m), options.crs
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
    sources = [layer.grid for layer in layers.all if layer.grid is not None]
    alignments = [Alignment.between(source, grid) for source in sources]
    if all(found is not None and found.is_shift for found in alignments):
        return 0
    coarsest = max(max(source.pixel_size) for source in sources)
    return int(np.ceil(2 * coarsest / min(grid.pixel_size))) + 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of all layers on one grid.

    Attributes:
        window: Where it lies.
        pixels: Image (bands, rows, columns), 0 where not valid.
        valid: Where the image is valid (rows, columns).
        targets: By task, labels in its form (``geosemimtl.tasks.FORMS``): (rows, columns), or
            (channels, rows, columns) of several numbers a pixel; nodata where unknown or not valid.
    """

    window: Window
    pixels: NDArray[Any]
    valid: NDArray[np.bool_]
    targets: Mapping[str, NDArray[Any]]


class LayerReader:
    """Reads all layers of a scene; made by ``read_layers``."""

    def __init__(
        self,
        image: GridReader,
        targets: Mapping[str, TargetReader],
        tasks: Collection[str],
    ) -> None:
        self._image = image
        self._targets = targets
        self._tasks = tuple(dict.fromkeys((*tasks, *targets)))

    def read(self, window: Window) -> Piece:
        """Read a window; what the sensor did not see supervises nothing.

        Raises:
            SceneError: A file cannot be read.
        """
        pixels, valid = self._image.read(window)
        targets: dict[str, NDArray[Any]] = {}
        for task in self._tasks:
            form = form_of(task)
            if task in self._targets:
                targets[task] = filled(self._targets[task].read(window), valid, form.nodata)
            else:
                shape = valid.shape if form.channels == 1 else (form.channels, *valid.shape)
                targets[task] = np.full(shape, form.nodata, form.dtype)
        return Piece(window, pixels, valid, targets)


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
    image = layers.image
    with ExitStack() as stack:
        enter = stack.enter_context
        yield LayerReader(
            enter(read_on_grid(image, grid, image_filter(image.grid, grid))),
            {task: enter(target.on_grid(grid)) for task, target in layers.targets.items()},
            tasks,
        )
