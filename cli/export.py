"""``geosemimtl export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geosemimtl.cli.options import FILE, json_option, overwrite_option, sensor_option, talk_options

if TYPE_CHECKING:
    from geosemimtl.publish.export.exporting import Exported


@click.command("export")
@click.argument("model", type=FILE)
@click.option(
    "--format",
    type=click.Choice(["onnx"]),
    default="onnx",
    show_default=True,
    expose_value=False,  # there is only one
    help="Of the file.",
)
@click.option("-o", "--output", type=FILE, help="The file; the model's name with .onnx by default.")
@click.option(
    "--deepness",
    is_flag=True,
    help="Write files for the QGIS plugin Deepness instead, one a task: FILE_deepness_TASK.onnx.",
)
@sensor_option
@overwrite_option
@json_option
@talk_options
def command(
    model: Path,
    output: Path | None,
    sensor: str | None,
    *,
    deepness: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write MODEL for other programs.

    The file was run by onnxruntime and says what the model says. predict takes it, too. It needs
    pip install 'geosemimtl[onnx]'.

    \b
    Example:
      geosemimtl export runs/run/run.safetensors
      geosemimtl predict scene.tif --model runs/run/run.onnx
      geosemimtl export runs/run/run.safetensors --deepness
    """
    import json
    from dataclasses import asdict

    from geosemimtl.cli.console import say
    from geosemimtl.publish.export.exporting import export

    say("exporting and checking, which takes a minute or so ...")
    made = export(model, output, sensor=sensor, deepness=deepness, overwrite=overwrite)
    if as_json:
        click.echo(json.dumps([asdict(each) | {"path": str(each.path)} for each in made]))
        return
    for each in made:
        say(f"wrote {each.path}: {_words(each)}")


def _words(made: Exported) -> str:
    from geosemimtl.tasks import UNITS

    apart = ", ".join(
        f"{task} by {difference:.1g} {UNITS.get(task, '')}".rstrip()
        for task, difference in made.differences.items()
    )
    rows, columns = made.size_px
    size = f"{columns} x {rows} px"
    if made.multiple_px is not None:
        size = f"any height and width in multiples of {made.multiple_px} px"
    return f"images of {size}; differs from torch at most: {apart}"
