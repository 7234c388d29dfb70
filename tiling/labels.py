"""Labels in any form: index rasters, colour rasters and polygons, read as class indices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.classes import IGNORE, ClassMap, color_of
from geosemimtl.errors import LabelError
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, label_filter, read_on_grid
from geosemimtl.raster.scene import (
    Georeference,
    Reader,
    Scene,
    in_metres,
    in_pure_colours,
    open_scene,
    overlap,
)
from geosemimtl.raster.values import filled
from geosemimtl.tiling.target_layer import TargetLayer, TargetReader

#: Heights above ground outside of this are no heights; the highest building has 828 m.
PLAUSIBLE_M = (-100.0, 1000.0)
#: Files read as polygons; everything else must be a raster.
_VECTOR_SUFFIXES = {".gpkg", ".geojson", ".json", ".shp", ".fgb", ".gml", ".kml"}
#: Files of grey levels, which nothing says the unit of.
_PICTURES = {".jpg", ".jpeg"}
#: Pixels looked at together.
_BLOCK = 2**23


def open_labels(
    files: Sequence[Path],
    class_map: ClassMap,
    *,
    assume_crs: str | None = None,
    fallback: Georeference | None = None,
    class_column: str = "class",
    reader: Reader | None = None,
) -> TargetLayer:
    """Look at the labels of a scene, whatever their form.

    Args:
        files: Rasters of class indices (one band of whole numbers) or of colours (three bands of
            bytes), or polygons, ``file.gpkg|layername=parcels`` too.
        class_map: The classes, and how the labels write them.
        assume_crs: CRS of files that carry none, as the user named it.
        fallback: What else holds for files that do not say where they lie: the image's place.
        class_column: Column of the polygons that holds their class.
        reader: What decodes the files, which are rasters then.

    Raises:
        SceneError: A raster is missing, no raster, or without georeference.
        LabelError: A raster holds neither indices nor colours or writes nodata as a class, or
            polygons cannot be read.
    """
    if reader is not None or not any(_is_vector(file) for file in files):
        scene = open_scene(files, assume_crs=assume_crs, fallback=fallback, reader=reader)
        return _raster_labels(scene, class_map)
    if not all(_is_vector(file) for file in files):
        names = ", ".join(str(file) for file in files)
        raise LabelError(f"{names}: are polygons and rasters; a scene's labels have one form")
    from geosemimtl.tiling.polygons import open_polygons  # noqa: PLC0415  (pyogrio loads pandas)

    crs = assume_crs or (fallback.crs.to_wkt() if fallback and fallback.crs else None)
    return open_polygons(files, class_map, assume_crs=crs, class_column=class_column)


def _is_vector(file: Path) -> bool:
    return "|" in file.name or file.suffix.lower() in _VECTOR_SUFFIXES


@dataclass(frozen=True, slots=True)
class _RasterLabels:
    """A raster whose values, one or three a pixel, stand for classes."""

    scene: Scene
    table: Mapping[tuple[int, ...], int]
    class_map: ClassMap

    @property
    def path(self) -> Path:
        return self.scene.path

    @property
    def grid(self) -> PixelGrid:
        return self.scene.grid

    @property
    def files(self) -> tuple[Path, ...]:
        return self.scene.files

    @property
    def read_from(self) -> tuple[Path, ...]:
        return self.scene.read_from

    @contextmanager
    def on_grid(self, grid: PixelGrid) -> Iterator[TargetReader]:
        """Most frequent class of those labelled where pixels grow; else the nearest."""
        kept = {values: index for values, index in self.table.items() if index != IGNORE}
        chosen = label_filter(self.scene.grid, grid)
        with read_on_grid(self.scene, grid, chosen, recode=kept) as reader:
            yield _RasterReader(reader)

    def check(self, grid: PixelGrid, track: Track = silent) -> None:
        check_overlap(self.scene, grid)
        count, first = 0, ""
        is_undeclared = _undeclared(self.table, self.scene.dtype)
        for top, values, valid in _blocks(self.scene, track):
            wrong = is_undeclared(values)
            if not wrong.any():
                continue
            wrong &= valid
            if wrong.any() and not first:
                row, col = (int(places[0]) for places in np.nonzero(wrong))
                first = f"{self._shown(values[:, row, col])} at row {top + row}, column {col}"
            count += int(wrong.sum())
        if count:
            declared = self.class_map.declared(colours=self._is_coloured)
            raise LabelError(
                f"{self.path}: {first} is no declared class ({count} undeclared pixel(s)); "
                f"{declared}; "
                "declare it with --classes"
            )

    def require_nodata_apart(self) -> None:
        """Raise a LabelError where nodata is the value of a class."""
        nodata = self.scene.nodata
        if nodata is None:
            return
        index = self.table.get((int(nodata),) * len(self.scene.indexes), IGNORE)
        if index != IGNORE:
            raise LabelError(
                f"{self.path}: declares nodata {nodata:g}, which is also the class "
                f"{self.class_map.entries[index].name}; drop one: gdal_edit.py -unsetnodata, or "
                "another value in --classes"
            )

    @property
    def _is_coloured(self) -> bool:
        return len(self.scene.indexes) > 1

    def _shown(self, pixel: NDArray[Any]) -> str:
        values = pixel.tolist()
        return f"colour {color_of(values)}" if self._is_coloured else f"value {values[0]}"


class _RasterReader:
    def __init__(self, reader: GridReader) -> None:
        self._reader = reader

    def read(self, window: Window | None = None) -> NDArray[np.uint8]:
        indices, valid = self._reader.read(window)
        return filled(indices[0], valid, IGNORE)


def _raster_labels(scene: Scene, class_map: ClassMap) -> TargetLayer:
    bands, dtype = len(scene.indexes), np.dtype(scene.dtype)
    table: dict[tuple[int, ...], int] = {}
    if bands == 1 and dtype.kind in "ui":
        limits, numbers = np.iinfo(dtype), class_map.numbers.items()
        table |= {(n,): index for n, index in numbers if limits.min <= n <= limits.max}
    elif bands == 3 and dtype == np.uint8:
        table |= class_map.colours.items()
        scene = in_pure_colours(scene) if class_map.round_colours else scene
    else:
        raise LabelError(
            f"{scene.path}: has {bands} band(s) of {dtype}; labels need one band of whole numbers, "
            "a class index a pixel, or three bands of bytes, its colour"
        )
    labels = _RasterLabels(scene, table, class_map)
    labels.require_nodata_apart()
    return labels


def _undeclared(
    table: Iterable[tuple[int, ...]], dtype: str
) -> Callable[[NDArray[Any]], NDArray[np.bool_]]:
    """Return a function from pixels (bands, rows, columns) to where they are in no table.

    One look into a table of all possible pixels: far quicker than comparing with each value.
    """
    declared = np.array(list(table), dtype)
    if declared.itemsize > 2:
        return lambda pixels: ~np.isin(pixels[0], declared)
    bands = declared.shape[1]
    wrong = np.ones(256 ** (bands * declared.itemsize), bool)
    wrong[_places(declared.T)] = False
    return lambda pixels: wrong[_places(pixels)]


def _places(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return one number for the values of each pixel, (bands, ...) of up to 24 bits together."""
    unsigned = np.ascontiguousarray(pixels).view(f"u{pixels.itemsize}")
    if len(unsigned) == 1:
        return np.asarray(unsigned[0])
    place = unsigned[0].astype(np.uint32)
    for band in unsigned[1:]:
        place <<= 8
        place |= band
    return np.asarray(place)


def open_heights(
    files: Sequence[Path],
    *,
    scale_m: float | None = None,
    assume_crs: str | None = None,
    fallback: Georeference | None = None,
) -> Scene:
    """Look at the heights of a scene.

    Args:
        files: A raster, or several that form one.
        scale_m: Metres that the value 1 stands for; 1 by default, but never of pictures.
        assume_crs: CRS of files that carry none, as the user named it.
        fallback: What else holds for files that do not say where they lie: the image's place.

    Raises:
        SceneError: A file is missing or no raster.
        LabelError: It has several bands, or is a JPEG and nobody said what its grey levels are.
    """
    pictures = [file for file in files if file.suffix.lower() in _PICTURES]
    if pictures and scale_m is None:
        raise LabelError(
            f"{pictures[0]}: is a JPEG, whose grey levels are no metres; say how many metres one "
            "is (tile --height-scale 0.1), or make heights of a DSM with geosemimtl ndsm"
        )
    heights = open_scene(files, assume_crs=assume_crs, fallback=fallback)
    if len(heights.indexes) != 1:
        raise LabelError(f"{heights.path}: has {len(heights.indexes)} bands; heights need one")
    return in_metres(heights, scale_m or 1)


def check_heights(heights: Scene) -> None:
    """Refuse a height raster whose values are no plausible metres above ground.

    Raises:
        LabelError: It has heights that are undeclared nodata rather than metres.
    """
    low, high = PLAUSIBLE_M
    for top, (values,), valid in _blocks(heights):
        if low <= values.min() and values.max() <= high:  # what is not valid is 0
            continue
        wrong = valid & ((values < low) | (values > high))
        if wrong.any():
            row, col = (int(places[0]) for places in np.nonzero(wrong))
            raise LabelError(
                f"{heights.path}: {values[row, col]:g} at row {top + row}, column {col} is no "
                f"height above ground in metres ({low:g} to {high:g}); if it means no data, "
                "declare it: gdal_edit.py -a_nodata VALUE"
            )


def _blocks(
    layer: Scene, track: Track = silent
) -> Iterator[tuple[int, NDArray[Any], NDArray[np.bool_]]]:
    """Yield first row, values (bands, rows, columns) and validity of a raster's rows, in order."""
    rows, cols = layer.grid.shape
    height = max(1, _BLOCK // cols)
    tops = range(0, rows, height)
    with read_on_grid(layer, layer.grid, Resampling.nearest) as reader:
        for top in track(tops, f"values of {layer.path.name}", len(tops)):
            values, valid = reader.read(Window(0, top, cols, min(height, rows - top)))
            yield top, values, valid


def check_overlap(layer: Scene, grid: PixelGrid) -> None:
    """Refuse a layer that lies elsewhere than its scene.

    Raises:
        LabelError: Their bounds do not meet.
    """
    if not overlap(layer.grid, grid):
        raise LabelError(
            f"{layer.path}: does not overlap its scene; check the order of --labels and "
            "--height, and both CRS"
        )
