"""Class rasters to polygons: the operation behind ``geosemimtl vectorize``."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.errors import ConfigError, OutputError
from geosemimtl.files import require_absent, require_separate
from geosemimtl.progress import Track, silent
from geosemimtl.raster.environment import gdal_environment
from geosemimtl.vectors.cityjson import cityjson_writer
from geosemimtl.vectors.features import feature_of
from geosemimtl.vectors.geopackage import geopackage_writer
from geosemimtl.vectors.layers import BUILDING, Outputs, layers_of, metre_in
from geosemimtl.vectors.options import VectorOptions
from geosemimtl.vectors.source import Source
from geosemimtl.vectors.tracing import faces

_LOG = logging.getLogger(__name__)
#: What stands out less than so many pixels is smoothed away by default.
_SIMPLIFY_PX = 1.5


@dataclass(frozen=True, slots=True)
class Vectorized:
    """What was made.

    Attributes:
        counts: Polygons by class.
    """

    counts: dict[str, int]


def vectorize(
    classes: Path,
    output: Path,
    *,
    heights: Path | None = None,
    confidence: Path | None = None,
    cityjson: Path | None = None,
    options: VectorOptions | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> Vectorized:
    """Write the polygons of a class raster of any size to a GeoPackage.

    Args:
        classes: A ``*_classes.tif`` of ``geosemimtl.inference.predictor.predict``.
        output: The GeoPackage.
        heights: The heights predicted with it, on the same grid.
        confidence: The confidence predicted with it; the one beside it by default, if there is.
        cityjson: Where to write the buildings as blocks of CityJSON, too.
        options: What to make polygons of, and how.
        overwrite: Whether to replace existing files.
        track: Shows progress.

    Raises:
        SceneError: A raster cannot be read, does not name its classes or lies on another grid.
        LabelError: It has values that are none of its classes, or no pixel of those wanted.
        ConfigError: A class is unknown, the options contradict each other, or a city model is
            wanted without heights, without buildings or in degrees.
        OutputError: A file exists already, is no ``.gpkg``, is read, too, or cannot be written.
    """
    options = options or VectorOptions()
    source = Source.opened(classes, heights, confidence)
    wanted, hole_m2 = source.wanted(options.classes), options.hole_m2
    grid = source.scene.grid
    metre = metre_in(grid.crs)
    if cityjson is not None and (metre is None or heights is None or BUILDING not in wanted):
        raise ConfigError(
            f"{cityjson}: a city model needs the class {BUILDING}, heights (--height) and a "
            "projected CRS (reproject the scene with gdalwarp before it is predicted)"
        )
    _require_outputs(output, cityjson, source, overwrite=overwrite)
    across_m, down_m = grid.gsd_m
    tolerance_m = options.simplify_m
    if tolerance_m is None:
        tolerance_m = _SIMPLIFY_PX * max(across_m, down_m)
    entries = [entry for entry in source.classes.entries if entry.name in wanted]
    layers = layers_of(entries, heights=heights is not None, metre=metre)
    counts = dict.fromkeys(wanted, 0)
    with gdal_environment(), ExitStack() as stack:
        package = stack.enter_context(geopackage_writer(output, grid.crs, layers))
        model = None
        if cityjson is not None:
            left, bottom, _, _ = grid.bounds
            model = stack.enter_context(cityjson_writer(cityjson, grid.crs, (left, bottom)))
        targets = Outputs(package, layers, model, metre or 1.0, options.right_angles)
        strips = source.strips(wanted, track)
        for face in faces(strips, tolerance_m=tolerance_m, pixel_m=(across_m, down_m)):
            if face.pixels * across_m * down_m >= options.min_area_m2:
                feature = feature_of(face, source.classes.names[face.code - 1], grid, hole_m2)
                counts[feature.class_name] += 1
                targets.add(feature)
    if not any(counts.values()):
        _LOG.warning("%s: no polygon of at least --min-area %g m²", output, options.min_area_m2)
    return Vectorized(counts)


def _require_outputs(
    output: Path, cityjson: Path | None, source: Source, *, overwrite: bool
) -> None:
    """Refuse files that cannot be written, or are read."""
    if output.suffix.lower() != ".gpkg" or output.is_dir():
        raise OutputError(f"{output}: a GeoPackage is written; name a file that ends in .gpkg")
    outputs = [path for path in (output, cityjson) if path is not None]
    require_separate(outputs, source.paths)
    require_absent(outputs, overwrite=overwrite)
