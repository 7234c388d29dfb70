"""``geosemimtl check``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import (
    FILE,
    cut_options,
    json_option,
    layer_options,
    read_class_map,
    scene_options,
    talk_options,
)


@click.command("check")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@layer_options
@click.option("--model", type=FILE, help="Report on predicting with it: GSD and tiles are its own.")
@cut_options
@scene_options
@json_option
@talk_options
def command(
    scenes: tuple[Path, ...],
    labels: tuple[Path, ...],
    heights: tuple[Path, ...],
    classes: Path | None,
    model: Path | None,
    *,
    as_json: bool,
    **options: object,
) -> None:
    """Say what SCENES are and what would be done with them.

    That is what tile would do, or predict with --model. Exits with 1 where something stands in
    the way.

    \b
    Example:
      geosemimtl check scene.tif --gsd 0.2
      geosemimtl check scene.tif --labels labels.gpkg --height ndsm.tif
      geosemimtl check scene.tif --model runs/demo/demo.safetensors
    """
    import json

    from geosemimtl.cli.cards import scene_facts
    from geosemimtl.cli.console import OUT, facts
    from geosemimtl.inference.inspection import SceneReport, check_all
    from geosemimtl.tiling.options import TileOptions
    from geosemimtl.tiling.scenes import gather_scenes

    reading = TileOptions(
        classes=read_class_map(classes),
        **options,  # type: ignore[arg-type]  # click passes what the options declare
    )
    files = gather_scenes(scenes, labels, heights, mosaic=reading.mosaic)
    reports = check_all(files, options=reading, model=model)
    if as_json:
        click.echo(json.dumps([report.document() for report in reports]))
    for report in () if as_json else reports:
        if isinstance(report, SceneReport):
            OUT.print(facts(str(report.scene.path), scene_facts(report)))
        else:
            click.echo(f"Error: {report.problem}", err=True)
    if any(report.problems for report in reports):
        raise click.exceptions.Exit(1)
