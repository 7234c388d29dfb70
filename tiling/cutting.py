"""Cutting scenes and their labels into a tile set."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.geometry import Polygon

from geosemimtl.errors import BandError, TileSetError
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import GridReader, height_filter, image_filter, read_on_grid
from geosemimtl.raster.scene import Scene, open_scene
from geosemimtl.raster.writing import (
    folder_writer,
    require_replaceable,
    write_raster,
    write_text,
)
from geosemimtl.tasks import HEIGHT, HEIGHT_NODATA, IGNORE, SEGMENTATION, Classes
from geosemimtl.tiling.index import write_index
from geosemimtl.tiling.labels import (
    LabelReader,
    check_heights,
    check_labels,
    check_overlap,
    labels_on_grid,
)
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.statistics import StatisticsSum
from geosemimtl.tiling.tileset import INDEX, MANIFEST, Source, TileSet

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Layers:
    """A scene with what is known about it."""

    name: str
    image: Scene
    labels: Scene | None
    heights: Scene | None


def tile(
    scenes: Sequence[Path],
    output: Path,
    *,
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    options: TileOptions | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> TileSet:
    """Cut the scenes of one sensor into overlapping tiles at one GSD.

    Args:
        scenes: Orthophotos of one sensor: the same bands and pixel type.
        output: Folder of the tile set.
        labels: Label rasters, one a scene in the same order, or none at all.
        heights: nDSM rasters in metres, one a scene in the same order, or none at all.
        options: How to cut.
        overwrite: Replace an existing tile set; a folder of anything else is never replaced.
        track: Shows progress.

    Returns:
        What was written to ``tileset.json``.

    Raises:
        SceneError: A raster cannot be read or lacks what is needed.
        LabelError: Labels or heights do not fit their scene, or hold undeclared values.
        TileSetError: The lists' lengths differ, or no tile is left.
        ConfigError: An option has a value that cannot be.
        OutputError: The output exists or cannot be written.
    """
    options = options or TileOptions()
    folder = output.resolve()  # "." has no name otherwise
    require_replaceable(folder, MANIFEST, overwrite=overwrite)
    layers = _open_layers(scenes, labels, heights, options)
    with folder_writer(folder) as part:
        return _cut_all(layers, part, folder.name, options, track)


def scene_names(paths: Sequence[Path]) -> list[str]:
    """Name scenes by their files, with the folder before names that occur twice.

    Raises:
        TileSetError: Names still collide.
    """
    files = Counter(path.resolve() for path in paths)
    if repeated := [path for path, count in files.items() if count > 1]:
        raise TileSetError(f"{repeated[0]}: is named {files[repeated[0]]} times; name it once")
    stems = Counter(path.stem for path in paths)
    names = [p.stem if stems[p.stem] == 1 else f"{p.resolve().parent.name}-{p.stem}" for p in paths]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TileSetError(f"two scenes are called {twice[0]}; rename one of the files")
    return names


def _open_layers(
    scenes: Sequence[Path], labels: Sequence[Path], heights: Sequence[Path], options: TileOptions
) -> list[_Layers]:
    if not scenes:
        raise TileSetError("no scene was named")
    for flag, paths in (("--labels", labels), ("--height", heights)):
        if paths and len(paths) != len(scenes):
            raise TileSetError(
                f"{len(scenes)} scene(s) but {len(paths)} {flag}: name one a scene, in their order"
            )
    layers: list[_Layers] = []
    for index, (name, path) in enumerate(zip(scene_names(scenes), scenes, strict=True)):
        image = open_scene(path, options.bands, alpha=options.alpha, assume_crs=options.assume_crs)
        first = layers[0].image if layers else image
        if (image.bands, image.dtype) != (first.bands, first.dtype):
            raise BandError(
                f"{path}: has {', '.join(image.bands)} of {image.dtype}, {first.path} has "
                f"{', '.join(first.bands)} of {first.dtype}; cut different sensors apart"
            )
        crs = image.grid.crs.to_wkt()
        label = open_scene(labels[index], assume_crs=crs) if labels else None
        height = open_scene(heights[index], assume_crs=crs) if heights else None
        if label is not None:
            check_overlap(label, image)
            check_labels(label, options.classes)
        if height is not None:
            check_overlap(height, image)
            check_heights(height)
        layers.append(_Layers(name, image, label, height))
    if layers[0].image.named_by == "colour":
        _LOG.warning("bands are named by the files' colours, red, green, blue: else pass --bands")
    return layers


def value_range_of(scene: Scene, declared: tuple[float, float] | None) -> tuple[float, float]:
    """Return the pixel values that map to 0 and 1.

    Raises:
        BandError: The type is wider than 8 bit and nothing was declared.
    """
    if declared is not None:
        return declared
    if scene.dtype == "uint8":
        return 0.0, 255.0
    raise BandError(
        f"{scene.path}: pixels are {scene.dtype}; say which values are black and white, such as "
        "--value-range 0,10000"
    )


def _cut_all(
    layers: Sequence[_Layers], part: Path, name: str, options: TileOptions, track: Track
) -> TileSet:
    first = layers[0].image
    gsd_m = max(first.grid.gsd_m) if options.gsd_m is None else options.gsd_m
    overlap_px = min(round(options.overlap * options.size_px), options.size_px - 1)
    value_range = value_range_of(first, options.value_range)
    with_labels, with_heights = layers[0].labels is not None, layers[0].heights is not None
    folders = {"image": True, SEGMENTATION: with_labels, HEIGHT: with_heights}
    for folder, wanted in folders.items():
        if wanted:
            (part / folder).mkdir(parents=True)
    sums = StatisticsSum(len(first.bands), len(options.classes), value_range)
    rows: list[dict[str, Any]] = []
    dropped = 0
    for scene in layers:
        grid = model_grid(scene.image.grid, gsd_m)
        layout = TileLayout(grid.shape, options.size_px, overlap_px)
        cutter = _Cutter(scene, grid, layout, part, options)
        cut = cutter.cut(sums)
        for row in track(cut, f"tiles of {scene.name}", len(layout)):
            dropped += row is None
            rows += [row] if row is not None else []
    if not rows:
        raise TileSetError(
            f"{layers[0].image.path}: no tile has enough valid pixels; lower --min-valid, or check "
            "what the file says is missing with geosemimtl check"
        )
    write_index(part / INDEX, rows)
    tileset = TileSet(
        name=options.name or name,
        gsd_m=gsd_m,
        size_px=options.size_px,
        overlap_px=overlap_px,
        bands=first.bands,
        dtype=first.dtype,
        value_range=value_range,
        tiles=len(rows),
        dropped=dropped,
        statistics=sums.bands(),
        classes=options.classes if with_labels else None,
        class_pixels=sums.class_pixels() if with_labels else (),
        heights=sums.heights(),
        sources=tuple(_source(scene) for scene in layers),
    )
    write_text(part / MANIFEST, tileset.model_dump_json(indent=1) + "\n")
    return tileset


class _Readers(NamedTuple):
    """A scene's layers, open on the grid of its tiles."""

    image: GridReader
    labels: LabelReader | None
    heights: GridReader | None


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts one scene."""

    scene: _Layers
    grid: PixelGrid
    layout: TileLayout
    folder: Path
    options: TileOptions

    def cut(self, sums: StatisticsSum) -> Iterator[dict[str, Any] | None]:
        """Write the tiles; yield each one's row of the index, or ``None`` for a dropped tile."""
        image, labels, heights = self.scene.image, self.scene.labels, self.scene.heights
        with ExitStack() as stack:
            enter = stack.enter_context
            readers = _Readers(
                enter(read_on_grid(image, self.grid, image_filter(image.grid, self.grid))),
                enter(labels_on_grid(labels, self.grid, self.options.classes)) if labels else None,
                enter(read_on_grid(heights, self.grid, height_filter(heights.grid, self.grid)))
                if heights
                else None,
            )
            for i, j, window in self.layout.tiles():
                yield self._cut_tile(i, j, window, readers, sums)

    def _cut_tile(
        self, i: int, j: int, window: Window, readers: _Readers, sums: StatisticsSum
    ) -> dict[str, Any] | None:
        pixels, valid = readers.image.read(window)
        if not valid.any():
            return None
        indices, heights_m = _supervision(readers, window, valid)
        fresh = self.layout.fresh(i, j)
        # before any tile is dropped: neighbours count on what a tile shows being counted
        sums.add_image(pixels[:, fresh[0], fresh[1]], valid[fresh])
        row = {
            "tile": f"{self.scene.name}_r{i:03d}_c{j:03d}.tif",
            "scene": self.scene.name,
            "row": i,
            "column": j,
            "split": "train",
            "valid_share": float(valid.mean()),
            "geometry": Polygon(self.grid.crop(window).corners),
            "crs": self.grid.crs,
        }
        if indices is not None:
            sums.add_labels(indices[fresh])
            row |= _class_shares(indices, self.options.classes)
        if heights_m is not None:
            sums.add_heights(heights_m[fresh])
            row |= _height_range(heights_m)
        if valid.mean() < self.options.min_valid:
            return None
        self._write(row["tile"], self.grid.crop(window), (pixels, valid), indices, heights_m)
        return row

    def _write(
        self,
        name: str,
        grid: PixelGrid,
        image: tuple[NDArray[Any], NDArray[np.bool_]],
        indices: NDArray[np.uint8] | None,
        heights_m: NDArray[np.float32] | None,
    ) -> None:
        pixels, valid = image
        path, bands = self.folder / "image" / name, self.scene.image.bands
        write_raster(path, pixels, grid, band_names=bands, valid=valid)
        if indices is not None:
            write_raster(self.folder / SEGMENTATION / name, indices[None], grid, nodata=IGNORE)
        if heights_m is not None:
            write_raster(self.folder / HEIGHT / name, heights_m[None], grid, nodata=HEIGHT_NODATA)


def _supervision(
    readers: _Readers, window: Window, valid: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.float32] | None]:
    """Return class indices and metres; what the sensor did not see supervises nothing."""
    indices = heights_m = None
    if readers.labels is not None:
        indices = np.where(valid, readers.labels.read(window), np.uint8(IGNORE))
    if readers.heights is not None:
        (metres,), known = readers.heights.read(window)
        heights_m = np.where(known & valid, metres, HEIGHT_NODATA).astype(np.float32)
    return indices, heights_m


def _class_shares(indices: NDArray[np.uint8], classes: Classes) -> dict[str, float]:
    shares = np.bincount(indices.ravel(), minlength=256) / indices.size
    return {f"share_{name}": float(shares[index]) for index, name in enumerate(classes.names)}


def _height_range(heights_m: NDArray[np.float32]) -> dict[str, float | None]:
    known = heights_m[heights_m != HEIGHT_NODATA]
    return {
        "height_min_m": float(known.min()) if known.size else None,
        "height_max_m": float(known.max()) if known.size else None,
    }


def _source(scene: _Layers) -> Source:
    files = [layer.path for layer in (scene.image, scene.labels, scene.heights) if layer]
    stats = [file.stat() for file in files]
    return Source(
        name=scene.name,
        files=tuple(file.name for file in files),
        sizes_bytes=tuple(stat.st_size for stat in stats),
        modified_s=tuple(int(stat.st_mtime) for stat in stats),
    )
