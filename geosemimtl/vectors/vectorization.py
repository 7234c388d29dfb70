"""Class rasters to polygons: the operation behind ``geosemimtl vectorize``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.errors import ConfigError, LabelError, SceneError
from geosemimtl.files import require_absent
from geosemimtl.progress import Pixels, Track, silent
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import GridReader, read_on_grid
from geosemimtl.raster.scene import Scene, declared_classes, open_scene
from geosemimtl.tasks import IGNORE, Classes
from geosemimtl.vectors.faces import STRIP_ROWS, Strip, faces
from geosemimtl.vectors.features import Feature, feature_of
from geosemimtl.vectors.geopackage import GeoPackageWriter, Layer
from geosemimtl.vectors.options import ALL, VectorOptions

#: Of a class raster's name and of that of the confidence beside it.
_CLASSES, _CONFIDENCE = "_classes", "_confidence"
#: Corners that stand out farther than this many pixels are kept by default.
_SIMPLIFY_PX = 1.5


@dataclass(frozen=True, slots=True)
class Vectorized:
    """What was made.

    Attributes:
        path: The GeoPackage.
        counts: Polygons by class.
    """

    path: Path
    counts: dict[str, int]


def vectorize(
    classes: Path,
    output: Path,
    *,
    heights: Path | None = None,
    confidence: Path | None = None,
    options: VectorOptions | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> Vectorized:
    """Write the polygons of a class raster of any size to a GeoPackage.

    Args:
        classes: A ``*_classes.tif`` of :func:`geosemimtl.inference.predictor.predict`.
        output: The GeoPackage.
        heights: The heights predicted with it, on the same grid.
        confidence: The confidence predicted with it; the one beside it by default, if there is.
        options: What to make polygons of, and how.
        overwrite: Whether to replace an existing file.
        track: Shows progress.

    Raises:
        SceneError: A raster cannot be read, does not name its classes or lies on another grid.
        LabelError: It has values that are none of its classes, or no pixel of those wanted.
        ConfigError: A class is unknown, or the options contradict each other.
        OutputError: The GeoPackage exists already or cannot be written.
    """
    options = options or VectorOptions()
    source = _Source.opened(classes, heights, confidence)
    wanted = _wanted(source.classes, options, classes)
    hole_m2 = options.hole_m2
    require_absent([output], overwrite=overwrite)
    grid = source.scene.grid
    pixel_m = grid.gsd_m
    tolerance_m = options.simplify_m
    if tolerance_m is None:
        tolerance_m = _SIMPLIFY_PX * max(pixel_m)
    counts = dict.fromkeys(wanted, 0)
    part = output.with_name(f".{output.stem}.part.gpkg")
    try:
        part.unlink(missing_ok=True)
        writer = GeoPackageWriter(part, grid.crs, _layers(source, options))
        for face in faces(source.strips(wanted, track), tolerance_m=tolerance_m, pixel_m=pixel_m):
            if face.pixels * pixel_m[0] * pixel_m[1] >= options.min_area_m2:
                feature = feature_of(face, source.classes.names[face.code - 1], grid, hole_m2)
                counts[feature.class_name] += 1
                writer.add("polygons", feature.polygon, _values(feature))
        writer.close()
        part.replace(output)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Vectorized(output, counts)
