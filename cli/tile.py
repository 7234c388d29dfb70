"""``geosemimtl tile``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.data_sets import chosen_data_set, data_set_options
from geosemimtl.cli.options import (
    FILE,
    cut_options,
    layer_options,
    overwrite_option,
    scene_options,
    split_options,
    talk_options,
)


@click.command("tile")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@data_set_options
@layer_options
@cut_options
@click.option(
    "--min-valid",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Drop tiles with a smaller share of valid pixels.",
)
@split_options
@click.option("--name", help="The sensor's name; the output folder's by default.")
@click.option("-o", "--output", required=True, type=FILE, help="Folder of the tile set.")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Threads; one a processor core by default."
)
@scene_options
@overwrite_option
@talk_options
def command(
    scenes: tuple[Path, ...],
    labels: tuple[Path, ...],
    heights: tuple[Path, ...],
    classes: Path | None,
    output: Path,
    *,
    jobs: int | None,
    overwrite: bool,
    **cutting: object,
) -> None:
    """Cut the SCENES of one sensor into overlapping tiles.

    SCENES are files, folders, patterns, or a CSV or GeoPackage that lists them (columns image,
    labels, height, scene, split), or a YAML that describes a data set, or with --dataset the
    folder of one. Stopped halfway, the same command goes on.

    \b
    Example:
      geosemimtl tile scene.tif --labels parcels.gpkg --height ndsm.tif \\
          --gsd 0.09 --split blocks -o tiles/town
      geosemimtl tile --dataset potsdam data/potsdam -o tiles/potsdam
    """
    import shlex

    from geosemimtl.cli.console import say, track
    from geosemimtl.tiling.cutting import tile

    data = chosen_data_set(scenes, {"labels": labels, "heights": heights}, classes, cutting)
    for remark in data.remarks:
        say(remark)
    made = tile(data, output, overwrite=overwrite, jobs=jobs, track=track)
    dropped = ", ".join(f"{count} dropped ({reason})" for reason, count in made.dropped.items())
    splits = ", ".join(f"{count} {split}" for split, count in made.splits.items())
    say(f"{splits} tile(s) in {output}{', ' if dropped else ''}{dropped}")
    say(f"See them: geosemimtl info {shlex.quote(str(output))} --map tiles.png")
