"""``geosemimtl evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geosemimtl.cli.options import FILE, json_option, scene_options, talk_options

#: Rasters of predict that hold no prediction to compare.
_BESIDE = ("_confidence", "_probabilities", "_disagreement")


@click.command("evaluate")
@click.argument("predictions", nargs=-1, required=True, type=FILE)
@click.option("--labels", multiple=True, type=FILE, help="True labels; one a class raster.")
@click.option("--height", multiple=True, type=FILE, help="True nDSM; one a height raster.")
@click.option("--classes", type=FILE, help="YAML with the labels' classes, where they differ.")
@click.option(
    "--class-column", default="class", show_default=True, help="Column of polygon labels."
)
@click.option("--model", type=FILE, help="Model file: the files named are scenes to predict first.")
@scene_options
@json_option
@talk_options
def command(
    predictions: tuple[Path, ...],
    labels: tuple[Path, ...],
    height: tuple[Path, ...],
    classes: Path | None,
    class_column: str,
    model: Path | None,
    *,
    as_json: bool,
    **reading: Any,
) -> None:
    """Score PREDICTIONS against truth on any grid.

    PREDICTIONS are *_classes.tif and *_height.tif, in the order of --labels and of --height;
    other rasters of predict are passed over. With --model they are scenes, in the order of both.
    --labels are class indices, colours or polygons.

    \b
    Example:
      geosemimtl evaluate scene_classes.tif scene_height.tif \\
          --labels truth.tif --height ndsm.tif
      geosemimtl evaluate scene.tif --model model.safetensors --labels truth.tif
    """
    import json

    from geosemimtl.cli.console import OUT, track
    from geosemimtl.cli.scores import score_tables
    from geosemimtl.config import load_class_map
    from geosemimtl.inference.evaluation import evaluate, evaluate_model
    from geosemimtl.inference.options import PredictOptions
    from geosemimtl.publish.scores import score_document

    truth: dict[str, Any] = {
        "labels": labels,
        "true_heights": height,
        "label_classes": load_class_map(classes) if classes else None,
        "class_column": class_column,
        "track": track,
    }
    if model is not None:
        evaluation = evaluate_model(predictions, model, options=PredictOptions(**reading), **truth)
    else:
        scored = [path for path in predictions if not path.stem.endswith(_BESIDE)]
        heights = tuple(path for path in scored if path.stem.endswith("_height"))
        evaluation = evaluate(
            classes=tuple(path for path in scored if path not in heights),
            heights=heights,
            assume_crs=reading["assume_crs"],
            **truth,
        )
    if as_json:
        click.echo(json.dumps(score_document(evaluation)))
        return
    for made in score_tables(evaluation):
        OUT.print(made)
