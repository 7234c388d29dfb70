"""The rasters that polygons are made of, read in strips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.classes import Classes
from geosemimtl.errors import ConfigError, LabelError, SceneError
from geosemimtl.progress import Track
from geosemimtl.raster.declared import declared_classes, unit_of
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, read_on_grid
from geosemimtl.raster.scene import Scene, open_scene
from geosemimtl.vectors.options import ALL
from geosemimtl.vectors.tracing import STRIP_ROWS, Strip

#: What bands call their unit.
_METRES, _PERCENT = ("m", "metre", "metres", "meter", "meters"), ("%", "percent")
#: How the names of a class raster and of the confidence beside it end.
_CLASSES, _CONFIDENCE = "_classes", "_confidence"


@dataclass(frozen=True, slots=True)
class Source:
    """A class raster, and what else is known of its pixels on the same grid."""

    scene: Scene
    classes: Classes
    heights: Scene | None
    confidence: Scene | None

    @classmethod
    def opened(cls, path: Path, heights: Path | None, confidence: Path | None) -> Source:
        """Open the rasters.

        Args:
            path: The class raster.
            heights: Its heights.
            confidence: Its confidence; the one beside it by default, if there is.

        Raises:
            SceneError: One cannot be read or has several bands, the first does not name its
                classes or is not of uint8, or another lies on another grid.
        """
        scene = open_scene(path)
        _require_one_band(scene)
        classes = declared_classes(scene)
        if classes is None:
            raise SceneError(
                f"{path}: does not name its classes; pass a *_classes.tif of geosemimtl predict"
            )
        if scene.dtype != "uint8":
            raise SceneError(
                f"{path}: holds {scene.dtype}, classes are uint8; convert it with gdal_translate "
                "-ot Byte"
            )
        if confidence is None and path.stem.endswith(_CLASSES):
            beside = path.with_stem(path.stem.removesuffix(_CLASSES) + _CONFIDENCE)
            confidence = beside if beside.exists() else None
        return cls(
            scene, classes, _beside(scene, heights, _METRES), _beside(scene, confidence, _PERCENT)
        )

    @property
    def paths(self) -> list[Path]:
        """The files that are read."""
        scenes = (self.scene, self.heights, self.confidence)
        return [scene.path for scene in scenes if scene is not None]

    def wanted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the classes asked for, in the raster's order.

        Raises:
            ConfigError: One is not a class of the raster.
        """
        known = self.classes.names
        if ALL in names:
            return known
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"{self.scene.path}: has no class {name}; choose --classes from "
                    f"{', '.join(known)} or {ALL}"
                )
        return tuple(name for name in known if name in names)

    def strips(self, wanted: Sequence[str], track: Track) -> Iterator[Strip]:
        """Yield the raster from the top down.

        Raises:
            LabelError: It has values that are none of its classes, or no pixel of those wanted;
                or no pixel has a height where there should be some.
            SceneError: It cannot be read.
        """
        rows, cols = self.scene.grid.shape
        tops = range(0, rows, STRIP_ROWS)
        counts, numbers = np.zeros(256, np.int64), self._numbers(wanted)
        measured = False
        with ExitStack() as stack:
            classes = stack.enter_context(_reader(self.scene))
            heights, confidence = (
                None if scene is None else stack.enter_context(_reader(scene))
                for scene in (self.heights, self.confidence)
            )
            for top in track(tops, f"tracing {self.scene.path.name}", len(tops)):
                window = Window(0, top, cols, min(STRIP_ROWS, rows - top))
                values, seen = classes.read(window)
                found = np.bincount(values.ravel(), minlength=256)
                found -= np.bincount(values[0][~seen], minlength=256)
                self._require_declared(found)
                counts += found
                codes = numbers[values[0]]
                codes[~seen] = 0
                metres = _known(heights, window)
                measured = measured or metres is None or bool(np.isfinite(metres).any())
                yield Strip(codes, metres, _known(confidence, window))
        self._require_some(counts, wanted)
        if self.heights is not None and not measured:
            raise LabelError(
                f"{self.heights.path}: has no pixel with a height; name what was predicted with "
                f"{self.scene.path.name}, or leave --height out"
            )

    def _numbers(self, wanted: Sequence[str]) -> NDArray[np.uint8]:
        """Return by value the class plus one, 0 where it is not wanted."""
        numbers = np.zeros(256, np.uint8)
        for index, name in enumerate(self.classes.names):
            numbers[index] = index + 1 if name in wanted else 0
        return numbers

    def _require_declared(self, counts: NDArray[np.int64]) -> None:
        for value in np.flatnonzero(counts[len(self.classes) :])[:1] + len(self.classes):
            raise LabelError(
                f"{self.scene.path}: has the value {value}, which is none of its "
                f"{len(self.classes)} classes; correct it, or make it nodata"
            )

    def _require_some(self, counts: NDArray[np.int64], wanted: Sequence[str]) -> None:
        names = self.classes.names
        there = [name for name, count in zip(names, counts, strict=False) if count]
        if not set(wanted) & set(there):
            raise LabelError(
                f"{self.scene.path}: has no pixel of {', '.join(wanted)}; it has "
                f"{', '.join(there) or 'nothing but nodata'}: choose others with --classes"
            )


def _beside(scene: Scene, path: Path | None, units: Sequence[str]) -> Scene | None:
    """Open a raster that must lie on the class raster's grid and be in some unit, or in none."""
    if path is None:
        return None
    other = open_scene(path)
    _require_one_band(other)
    said = unit_of(other)
    if declared_classes(other) is not None:
        raise SceneError(f"{path}: holds classes, not values in {units[0]}; name another raster")
    if said is not None and said not in units:
        raise SceneError(f"{path}: holds {said}, wanted is {units[0]}; name another raster")
    if not other.grid.matches(scene.grid):
        raise SceneError(
            f"{path}: lies on another grid ({_described(other.grid)}) than {scene.path.name} "
            f"({_described(scene.grid)}); name what was predicted with it, or resample it with "
            "gdalwarp"
        )
    return other


def _require_one_band(scene: Scene) -> None:
    if len(scene.indexes) != 1:
        raise SceneError(f"{scene.path}: has {len(scene.indexes)} bands; name a raster of one")


def _described(grid: PixelGrid) -> str:
    """Return what may differ between two grids."""
    (rows, cols), (x, y), code = grid.shape, grid.corners[0], grid.ground_crs.to_epsg()
    across, down = grid.gsd_m
    where = f"from {x:.10g}, {y:.10g} in {f'EPSG:{code}' if code else 'a CRS without code'}"
    return f"{cols} x {rows} px of {across:.6g} x {down:.6g} m {where}"


def _reader(scene: Scene) -> AbstractContextManager[GridReader]:
    return read_on_grid(scene, scene.grid, Resampling.nearest)


def _known(reader: GridReader | None, window: Window) -> NDArray[np.float32] | None:
    """Return a window's pixels, NaN where there are none."""
    if reader is None:
        return None
    values, seen = reader.read(window)
    return np.where(seen, values[0], np.float32(np.nan)).astype(np.float32, copy=False)
