"""``geosemimtl predict``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, json_option, overwrite_option, scene_options, talk_options


@click.command("predict")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@click.option("--model", type=FILE, help="Model file; the newest under runs/ by default.")
@click.option(
    "-o", "--output", type=FILE, help="Folder of the rasters; beside each scene by default."
)
@click.option(
    "--grid",
    type=click.Choice(["scene", "model"]),
    default="scene",
    show_default=True,
    help="Whose pixels the rasters have.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=4, show_default=True, help="Tiles run at once."
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the network's numbers; bfloat16 is faster where the processor has it, and less "
    "exact; auto takes it there.",
)
@scene_options
@overwrite_option
@json_option
@talk_options
def command(
    scenes: tuple[Path, ...],
    model: Path | None,
    output: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
    **options: object,
) -> None:
    """Predict land cover and height of whole SCENES.

    Writes NAME_classes.tif, NAME_height.tif and NAME_confidence.tif, each with a style (.qml) that
    QGIS applies by itself.

    \b
    Example:
      geosemimtl predict scene.tif
      geosemimtl predict *.tif --model runs/a/a.safetensors -o predicted
    """
    import json
    import shlex

    from geosemimtl.cli.console import say, track
    from geosemimtl.inference.predictor import PredictOptions, predict
    from geosemimtl.training.model_file import newest_model

    if model is None:
        model = newest_model()
        say(f"model {model}")
    written = predict(
        scenes,
        model,
        output=output,
        options=PredictOptions(**options),  # type: ignore[arg-type]  # click passes what the options declare
        overwrite=overwrite,
        track=track,
    )
    if as_json:
        click.echo(json.dumps([{kind: str(p) for kind, p in one.items()} for one in written]))
        return
    paths = [str(path) for one in written for path in one.values()]
    say("wrote " + " ".join(paths))
    say("open in QGIS: qgis " + shlex.join(paths))
