"""``geosemimtl check``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, cut_options, json_option, scene_options, talk_options


@click.command("check")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@click.option("--model", type=FILE, help="Report on predicting with it: GSD and tiles are its own.")
@cut_options
@scene_options
@json_option
@talk_options
def command(
    scenes: tuple[Path, ...], model: Path | None, *, as_json: bool, **options: object
) -> None:
    """Say what SCENES are and what would be done with them.

    That is what tile would do, or predict with --model. Exits with 1 where something stands in
    the way.

    \b
    Example:
      geosemimtl check scene.tif --gsd 0.2
      geosemimtl check scene.tif --model runs/demo/demo.safetensors
    """
    import json

    from geosemimtl.cli.cards import scene_facts
    from geosemimtl.cli.console import OUT, facts
    from geosemimtl.inference.inspection import check
    from geosemimtl.tiling.options import TileOptions

    reading = TileOptions(**options)  # type: ignore[arg-type]  # click passes what the options declare
    reports = [check(path, options=reading, model=model) for path in scenes]
    if as_json:
        click.echo(json.dumps([report.document() for report in reports]))
    else:
        for report in reports:
            OUT.print(facts(str(report.scene.path), scene_facts(report)))
    if any(report.problems for report in reports):
        raise click.exceptions.Exit(1)
