"""``geosemimtl check``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from geosemimtl.cli.data_sets import chosen_data_set, data_set_options
from geosemimtl.cli.options import (
    FILE,
    cut_options,
    json_option,
    layer_options,
    scene_options,
    talk_options,
)


@click.command("check")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@data_set_options
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

    That is what tile would do, or predict with --model. Of a --dataset, say what there is, what is
    missing and what is broken. Exits with 1 where something stands in the way.

    \b
    Example:
      geosemimtl check scene.tif --gsd 0.2
      geosemimtl check scene.tif --labels labels.gpkg --height ndsm.tif
      geosemimtl check scene.tif --model runs/run/run.safetensors
      geosemimtl check --dataset potsdam data/potsdam
    """
    from geosemimtl.cli.cards import data_set_tables, scene_facts
    from geosemimtl.cli.console import OUT, facts, track
    from geosemimtl.inference.inspection.reports import SceneReport
    from geosemimtl.inference.inspection.scenes import check_all, few_of
    from geosemimtl.progress import silent

    data = chosen_data_set(scenes, {"labels": labels, "heights": heights}, classes, options)
    is_known = bool(data.stocks)  # of its many scenes only what is wrong is told
    watch = track if is_known and data.scenes else silent
    # of thousands of images some tell enough; what is missing is known of all
    looked_at = few_of(data.scenes) if data.options.resize and is_known else data.scenes
    reports = check_all(
        looked_at, options=data.options, readers=data.readers, model=model, track=watch
    )
    problems = [*data.problems, *(each for report in reports for each in report.problems)]
    if as_json:
        documents = [report.document() for report in reports]
        click.echo(json.dumps(data.document() | {"scenes": documents} if is_known else documents))
    elif is_known:
        for shown in data_set_tables(data, reports):
            OUT.print(shown)
        for problem in problems:
            click.echo(f"Error: {problem}", err=True)
    else:
        for report in reports:
            if isinstance(report, SceneReport):
                OUT.print(facts(str(report.scene.path), scene_facts(report)))
            else:
                click.echo(f"Error: {report.problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)
