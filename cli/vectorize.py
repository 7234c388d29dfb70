"""``geosemimtl vectorize``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, overwrite_option, talk_options
from geosemimtl.cli.values import Names

_AREA = click.FloatRange(min=0)


@click.command("vectorize")
@click.argument("classes", type=FILE)
@click.option("--height", "heights", type=FILE, help="Heights predicted with it: *_height.tif.")
@click.option(
    "--confidence",
    type=FILE,
    help="Confidence predicted with it; the *_confidence.tif beside it by default.",
)
@click.option(
    "--classes",
    "names",
    type=Names(),
    default="building",
    show_default=True,
    help="Classes wanted, or all.",
)
@click.option(
    "--min-area",
    "min_area_m2",
    type=_AREA,
    default=10.0,
    show_default=True,
    metavar="M2",
    help="Smaller polygons are left out.",
)
@click.option(
    "--fill-holes",
    "fill_m2",
    type=_AREA,
    metavar="M2",
    help="Smaller holes are filled; as --min-area by default.",
)
@click.option(
    "--simplify",
    "simplify_m",
    type=_AREA,
    metavar="METRES",
    help="How far borders may move; one and a half pixels by default, 0 keeps every pixel's edge.",
)
@click.option(
    "--right-angles",
    is_flag=True,
    help="Give footprints right angles where they nearly have them.",
)
@click.option("--cityjson", type=FILE, help="Write the buildings as blocks of CityJSON, too.")
@click.option("-o", "--output", type=FILE, help="GeoPackage; *_polygons.gpkg by default.")
@overwrite_option
@talk_options
def command(
    classes: Path,
    heights: Path | None,
    confidence: Path | None,
    names: tuple[str, ...],
    min_area_m2: float,
    fill_m2: float | None,
    simplify_m: float | None,
    *,
    right_angles: bool,
    cityjson: Path | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Write the polygons of a class raster to a GeoPackage.

    Polygons are whole, however large the raster; neighbours share their borders.

    \b
    Example:
      geosemimtl vectorize scene_classes.tif --height scene_height.tif
      geosemimtl vectorize scene_classes.tif --classes all -o land.gpkg
    """
    from geosemimtl.cli.console import say, track
    from geosemimtl.vectors.options import VectorOptions
    from geosemimtl.vectors.vectorization import vectorize

    stem = classes.stem.removesuffix("_classes")
    output = output or classes.with_name(f"{stem}_polygons.gpkg")
    options = VectorOptions(names, min_area_m2, fill_m2, simplify_m, right_angles)
    made = vectorize(
        classes,
        output,
        heights=heights,
        confidence=confidence,
        cityjson=cityjson,
        options=options,
        overwrite=overwrite,
        track=track,
    )
    counted = ", ".join(f"{count} {name}" for name, count in made.counts.items())
    say(f"wrote {output}{f' and {cityjson}' if cityjson else ''}: {counted}")
