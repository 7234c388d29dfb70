"""Class rasters to polygons: the operation behind ``geosemimtl vectorize``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.files import require_absent
from geosemimtl.progress import Track, silent
from geosemimtl.vectors.features import feature_of
from geosemimtl.vectors.geopackage import GeoPackageWriter
from geosemimtl.vectors.layers import BUILDING, LAND_COVER, layers_of, values_of
from geosemimtl.vectors.options import VectorOptions
from geosemimtl.vectors.source import Source
from geosemimtl.vectors.tracing import faces

#: What stands out less than so many pixels is smoothed away by default.
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
    source = Source.opened(classes, heights, confidence)
    wanted, hole_m2 = source.wanted(options.classes), options.hole_m2
    require_absent([output], overwrite=overwrite)
    grid = source.scene.grid
    across_m, down_m = grid.gsd_m
    tolerance_m = options.simplify_m
    if tolerance_m is None:
        tolerance_m = _SIMPLIFY_PX * max(across_m, down_m)
    counts = dict.fromkeys(wanted, 0)
    layers = layers_of(wanted, with_heights=heights is not None)
    part = output.with_name(f".{output.stem}.part.gpkg")
    try:
        part.unlink(missing_ok=True)
        writer = GeoPackageWriter(part, grid.crs, layers)
        strips = source.strips(wanted, track)
        for face in faces(strips, tolerance_m=tolerance_m, pixel_m=(across_m, down_m)):
            if face.pixels * across_m * down_m < options.min_area_m2:
                continue
            feature = feature_of(face, source.classes.names[face.code - 1], grid, hole_m2)
            counts[feature.class_name] += 1
            for layer in layers:
                if layer.name == LAND_COVER or feature.class_name == BUILDING:
                    writer.add(layer.name, feature.polygon, values_of(feature, layer))
        writer.close()
        part.replace(output)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Vectorized(output, counts)
