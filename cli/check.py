"""``geosemimtl check``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, scene_options


@click.command("check")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@click.option("--model", type=FILE, help="Report on predicting with this model file.")
@click.option(
    "--gsd",
    "gsd_m",
    type=click.FloatRange(min=0, min_open=True),
    metavar="METRES",
    help="GSD to cut at; the scene's own by default.",
)
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(min=32),
    default=512,
    show_default=True,
    help="Side of a tile in pixels.",
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 0.95),
    default=0.5,
    show_default=True,
    help="Share of a tile that neighbours have in common.",
)
@scene_options
def command(scenes: tuple[Path, ...], model: Path | None, **options: object) -> None:
    """Say what each of SCENES is and what tile, or predict with --model, would do with it.

    Exits with 1 where something stands in the way.

    \b
    Example:
      geosemimtl check scene.tif --model runs/demo/demo.safetensors
    """
    from geosemimtl.cli.console import OUT, facts
    from geosemimtl.inference.inspection import check
    from geosemimtl.tiling.cutting import TileOptions

    reading = TileOptions(**options)  # type: ignore[arg-type]  # click passes what the options declare
    blocked = False
    for path in scenes:
        report = check(path, options=reading, model=model)
        scene, own, new = report.scene, report.scene.grid.gsd_m, report.grid.gsd_m
        rows = [
            ("size", f"{scene.grid.shape[1]} x {scene.grid.shape[0]} px, {scene.dtype}"),
            ("CRS", scene.grid.crs.to_string()),
            ("GSD", f"{own[0]:.4g} x {own[1]:.4g} m"),
            ("bands", f"{', '.join(scene.bands)} (named by {scene.named_by})"),
            ("valid", f"{100 * report.valid_share:.1f} % (by {scene.mask})"),
            ("would be", f"{report.grid.shape[1]} x {report.grid.shape[0]} px of {new[0]:.4g} m"),
            (
                "tiles",
                f"{len(report.layout)} of {report.layout.size_px} px, sharing {report.layout.overlap_px}",
            ),
            *(("note", note) for note in report.notes),
            *(("problem", problem) for problem in report.problems),
        ]
        OUT.print(facts(str(path), rows))
        blocked = blocked or bool(report.problems)
    if blocked:
        raise click.exceptions.Exit(1)
