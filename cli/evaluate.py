"""``geosemimtl evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, json_option, talk_options


@click.command("evaluate")
@click.argument("predictions", nargs=-1, required=True, type=FILE)
@click.option("--labels", multiple=True, type=FILE, help="True labels; one a class raster.")
@click.option("--height", multiple=True, type=FILE, help="True nDSM; one a height raster.")
@click.option("--classes", type=FILE, help="YAML with the labels' classes, where they differ.")
@click.option(
    "--class-column", default="class", show_default=True, help="Column of polygon labels."
)
@click.option("--assume-crs", metavar="CRS", help="CRS of files that carry none.")
@json_option
@talk_options
def command(
    predictions: tuple[Path, ...],
    labels: tuple[Path, ...],
    height: tuple[Path, ...],
    classes: Path | None,
    class_column: str,
    assume_crs: str | None,
    *,
    as_json: bool,
) -> None:
    """Score PREDICTIONS against truth on any grid.

    PREDICTIONS are *_classes.tif and *_height.tif, in the order of --labels and of --height;
    *_confidence.tif are passed over. --labels are class indices, colours or polygons.

    \b
    Example:
      geosemimtl evaluate scene_classes.tif scene_height.tif \\
          --labels truth.tif --height ndsm.tif
    """
    import json

    from geosemimtl.cli.console import OUT, track
    from geosemimtl.cli.scores import score_tables
    from geosemimtl.config import load_class_map
    from geosemimtl.inference.evaluation import evaluate
    from geosemimtl.publish.scores import score_document

    scored = [path for path in predictions if not path.stem.endswith("_confidence")]
    heights = tuple(path for path in scored if path.stem.endswith("_height"))
    evaluation = evaluate(
        classes=tuple(path for path in scored if path not in heights),
        labels=labels,
        heights=heights,
        true_heights=height,
        label_classes=load_class_map(classes) if classes else None,
        class_column=class_column,
        assume_crs=assume_crs,
        track=track,
    )
    if as_json:
        click.echo(json.dumps(score_document(evaluation)))
        return
    for made in score_tables(evaluation):
        OUT.print(made)
