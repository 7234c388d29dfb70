"""``geosemimtl tile``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, cut_options, overwrite_option, scene_options, talk_options


@click.command("tile")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@click.option("--labels", multiple=True, type=FILE, help="Label raster; one a scene, same order.")
@click.option("--height", multiple=True, type=FILE, help="nDSM in metres; one a scene, same order.")
@cut_options
@click.option(
    "--classes", type=FILE, help="YAML with the labels' classes; ISPRS, from 0, by default."
)
@click.option(
    "--min-valid",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Drop tiles with a smaller share of valid pixels.",
)
@click.option("--name", help="The sensor's name; the output folder's by default.")
@click.option("-o", "--output", required=True, type=FILE, help="Folder of the tile set.")
@scene_options
@overwrite_option
@talk_options
def command(
    scenes: tuple[Path, ...],
    labels: tuple[Path, ...],
    height: tuple[Path, ...],
    classes: Path | None,
    output: Path,
    *,
    overwrite: bool,
    **cutting: object,
) -> None:
    """Cut the SCENES of one sensor into overlapping tiles at one GSD.

    \b
    Example:
      geosemimtl tile a.tif b.tif --labels a_lab.tif --labels b_lab.tif \\
          --gsd 0.09 --size 512 --overlap 0.5 -o tiles/potsdam
    """
    from geosemimtl.cli.console import say, track
    from geosemimtl.config import load_classes
    from geosemimtl.tasks import ISPRS_CLASSES
    from geosemimtl.tiling.cutting import tile
    from geosemimtl.tiling.options import TileOptions

    options = TileOptions(
        classes=load_classes(classes) if classes else ISPRS_CLASSES,
        **cutting,  # type: ignore[arg-type]  # click passes what the options declare
    )
    made = tile(
        scenes,
        output,
        labels=labels,
        heights=height,
        options=options,
        overwrite=overwrite,
        track=track,
    )
    say(f"{made.tiles} tiles in {output}, {made.dropped} dropped; see geosemimtl info {output}")
