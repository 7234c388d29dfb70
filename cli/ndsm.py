"""``geosemimtl ndsm``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, assume_crs_option, overwrite_option, talk_options

_METRES = click.FloatRange(min=0, min_open=True)
_SHARE = click.FloatRange(min=0)


@click.command("ndsm")
@click.argument("dsm", type=FILE)
@click.option("--dtm", type=FILE, help="Terrain model, on any grid; estimated without.")
@click.option("-o", "--output", required=True, type=FILE, help="GeoTIFF of heights above ground.")
@click.option("--write-dtm", type=FILE, help="Keep the estimated ground in this GeoTIFF, too.")
@click.option(
    "--unit",
    type=click.Choice(["m", "ft", "us-ft"]),
    help="Unit of the elevations; what the files say, or metres, by default.",
)
@click.option(
    "--width",
    "width_m",
    type=_METRES,
    default=60.0,
    show_default=True,
    metavar="METRES",
    help="Width of the largest building.",
)
@click.option(
    "--cell",
    "cell_m",
    type=_METRES,
    default=1.0,
    show_default=True,
    metavar="METRES",
    help="Cells in which ground is sought.",
)
@click.option(
    "--slope",
    type=_SHARE,
    default=0.15,
    show_default=True,
    help="Steeper rises stand on the ground; metres a metre, without the terrain's trend.",
)
@click.option(
    "--elevation",
    "elevation_m",
    type=_METRES,
    default=0.3,
    show_default=True,
    metavar="METRES",
    help="What stands higher is no ground, however small.",
)
@click.option(
    "--scaling",
    type=_SHARE,
    default=0.5,
    show_default=True,
    help="Share of the ground's slope, in metres a cell, added to --elevation.",
)
@assume_crs_option
@overwrite_option
@talk_options
def command(
    dsm: Path,
    dtm: Path | None,
    output: Path,
    write_dtm: Path | None,
    unit: str | None,
    *,
    assume_crs: str | None,
    overwrite: bool,
    **ground: float,
) -> None:
    """Write heights above ground from a DSM.

    Subtracts the terrain model --dtm; without one the ground is estimated from the DSM itself.

    \b
    Example:
      geosemimtl ndsm dsm.tif --dtm dtm.tif -o ndsm.tif
      geosemimtl ndsm dsm.tif --width 80 -o ndsm.tif
    """
    from geosemimtl.cli.console import say, track
    from geosemimtl.terrain.filtering import GroundFilter
    from geosemimtl.terrain.subtraction import NdsmOptions, ndsm

    if dtm is not None and write_dtm is not None:
        raise click.UsageError("--write-dtm is the estimated ground: leave it out with --dtm")
    ndsm(
        dsm,
        output,
        dtm=dtm,
        write_dtm=write_dtm,
        options=NdsmOptions(unit, assume_crs, GroundFilter(**ground)),
        overwrite=overwrite,
        track=track,
    )
    say(f"wrote {output}" + (f" and {write_dtm}" if write_dtm else ""))
