"""``geosemimtl predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosemimtl.cli.options import (
    FILE,
    adapt_option,
    json_option,
    overwrite_option,
    part_options,
    scene_options,
    sensor_option,
    talk_options,
    together,
)
from geosemimtl.cli.values import Grid, Overlap

if TYPE_CHECKING:
    from geosemimtl.inference.companions import Companion
    from geosemimtl.inference.making import Prediction


# What is predicted and written; named as in ``PredictOptions``.
_what = together(
    click.option("--mosaic", is_flag=True, help="All files named together form one scene."),
    click.option(
        "--grid",
        type=Grid(),
        default="scene",
        show_default=True,
        metavar="scene|model|METRES",
        help="Whose pixels the rasters have.",
    ),
    click.option(
        "--confidence/--no-confidence",
        default=True,
        show_default=True,
        help="Write the largest probability, too.",
    ),
    click.option("--probabilities", is_flag=True, help="Write each class's probability, too."),
    click.option(
        "--disagreement", is_flag=True, help="Write how far overlapping tiles differ, too."
    ),
    click.option(
        "--project",
        is_flag=True,
        help="Write polygons of buildings and a QGIS project of all layers, too.",
    ),
    click.option(
        "--format",
        type=click.Choice(["tif", "png"]),
        default="tif",
        show_default=True,
        help="GeoTIFFs, or PNGs and numpy's arrays (.npy), which know no place on the ground.",
    ),
    click.option(
        "--compress",
        type=click.Choice(["zstd", "deflate", "lzw", "none"]),
        default="zstd",
        show_default=True,
        help="Of GeoTIFFs.",
    ),
    click.option("--stac", is_flag=True, help="Write a STAC item (NAME.stac.json), too."),
    click.option(
        "--datetime",
        "taken",
        metavar="DATE|FROM/TO",
        help="When the scenes were taken, for --stac; what they say by default.",
    ),
)


# How the model sees a scene; named as in ``PredictOptions``.
_how = together(
    sensor_option,
    click.option(
        "--overlap",
        type=Overlap(),
        metavar="SHARE|128px",
        help="Of neighbouring tiles; the model's own by default. 0 is fast, with seams.",
    ),
    click.option(
        "--window",
        type=click.Choice(["hann", "linear", "flat", "centre"]),
        default="hann",
        show_default=True,
        help="How overlapping tiles are weighed.",
    ),
    click.option(
        "--tta",
        is_flag=True,
        help="See each tile in eight flips and turns, at eight times the cost; a street also "
        "mirrored.",
    ),
    adapt_option,
)


# What the model runs on.
_with_what = together(
    click.option(
        "--batch",
        type=click.IntRange(min=1),
        help="Tiles run at once, at most; 4 by default on the processor, by its memory on a GPU.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        show_default=True,
        help="Of the network's numbers; auto is bfloat16 where the processor has it.",
    ),
    click.option(
        "--devices",
        metavar="DEVICE,...",
        help="GPUs that share the work, such as 0,1; or cpu.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Processes that share the work, on the processor.",
    ),
    click.option(
        "--compile", "compiled", is_flag=True, help="Have torch compile the network first."
    ),
)


@click.command("predict")
@click.argument("scenes", nargs=-1, required=True, type=FILE)
@click.option("--model", type=FILE, help="Model file; the newest under runs/ by default.")
@click.option(
    "-o", "--output", type=FILE, help="Folder of the rasters; beside each scene by default."
)
@_what
@part_options
@_how
@_with_what
@scene_options
@click.option("--skip-existing", is_flag=True, help="Pass over scenes whose rasters are there.")
@overwrite_option
@json_option
@talk_options
def command(
    scenes: tuple[Path, ...],
    model: Path | None,
    output: Path | None,
    devices: str | None,
    jobs: int,
    taken: str | None,
    *,
    project: bool,
    stac: bool,
    skip_existing: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Predict land cover and height of whole SCENES.

    SCENES are files, folders, patterns or lists. Writes NAME_classes.tif, NAME_height.tif and
    NAME_confidence.tif, each with a style (.qml) that QGIS applies by itself. Interrupted or
    killed, the same command goes on where it was.

    \b
    Example:
      geosemimtl predict scene.tif
      geosemimtl predict scene.tif --project
      geosemimtl predict street.png --format png
      geosemimtl predict scenes/ --model runs/a/a.safetensors -o predicted
    """
    from geosemimtl.cli.console import say, track
    from geosemimtl.errors import BatchError
    from geosemimtl.inference.options import PredictOptions
    from geosemimtl.inference.predictor import predict
    from geosemimtl.training.model_file import newest_model

    if model is None:
        model = newest_model()
        say(f"model {model}")
    companions = _companions(model, taken, project=project, stac=stac)
    try:
        made = predict(
            scenes,
            model,
            output=output,
            options=PredictOptions(**options),
            overwrite=overwrite,
            skip_existing=skip_existing,
            devices=_device_names(devices, jobs),
            companions=companions,
            track=track,
        )
    except BatchError as error:
        _report(error.done, error.failures, as_json=as_json)
        raise
    except KeyboardInterrupt:
        say("\nThe same command goes on from here.")
        raise
    _report(made, as_json=as_json)
    if overwrite:
        _tell_of_older(made, companions)


def _tell_of_older(made: Sequence[Prediction], companions: Sequence[Companion]) -> None:
    """Name what lies beside replaced rasters and is of those that they replaced.

    It is not removed: it may hold a user's own work.
    """
    from geosemimtl.cli.console import say
    from geosemimtl.inference.outputs import scene_name
    from geosemimtl.publish.project.companions import POLYGONS, PROJECT
    from geosemimtl.publish.stac.parts import SUFFIX

    options = {POLYGONS.suffix: "--project", PROJECT.suffix: "--project", SUFFIX: "--stac"}
    renewed = {companion.suffix for companion in companions}
    for each in made:
        raster = next(iter(each.rasters.values()))
        for suffix in sorted(options.keys() - renewed):
            path = raster.with_name(scene_name(raster) + suffix)
            if path.exists():
                say(f"{path}: is of the prediction that was replaced; {options[suffix]} renews it")


def _companions(model: Path, taken: str | None, *, project: bool, stac: bool) -> list[Companion]:
    """Return what is made besides rasters."""
    from geosemimtl.publish.project.companions import POLYGONS, PROJECT
    from geosemimtl.publish.stac.companions import items
    from geosemimtl.raster.acquisition import TimeSpan

    if taken is not None and not stac:
        raise click.UsageError("--datetime is of the STAC items: add --stac")
    when = None if taken is None else TimeSpan.parse(taken)
    return [*(POLYGONS, PROJECT) * project, *[items(model, when)] * stac]


def _device_names(text: str | None, jobs: int) -> tuple[str, ...]:
    """Return torch's name of each process's device; a number alone is a GPU."""
    if text and jobs > 1:
        raise click.UsageError("--jobs is for the processor: with --devices leave it out")
    if jobs > 1:
        return ("cpu",) * jobs
    parts = [part.strip() for part in text.split(",")] if text else []
    return tuple(f"cuda:{part}" if part.isdigit() else part for part in parts)


def _report(
    made: Sequence[Prediction], failures: Sequence[Exception] = (), *, as_json: bool
) -> None:
    """Print what was made, and as JSON also what was not."""
    import json
    import shlex

    from geosemimtl.cli.console import ERR, quiet, say, table

    if as_json:
        wrong = [{"error": str(failure)} for failure in failures]
        click.echo(json.dumps([*(_document(each) for each in made), *wrong]))
        return
    if not made:
        return
    rows = [
        (
            each.scene.name,
            f"{each.pixels / 1e6:.1f}",
            f"{each.seconds['total']:.1f}",
            "-" if each.speed is None else f"{each.speed:.2f}",
            f"{each.peak_memory_mb or 0:.0f}",
        )
        for each in made
        if not each.kept
    ]
    if rows and not quiet():
        ERR.print(table("predicted", ("scene", "Mpx", "s", "Mpx/s", "peak MB"), rows))
    rasters = [str(path) for each in made for path in each.rasters.values()]
    new = [str(path) for each in made if not each.kept for path in each.rasters.values()]
    more = [str(path) for each in made for path in each.companions]
    if not new and not more:
        return
    say("wrote " + " ".join([*new, *more]))
    layers = [path for path in more if path.endswith(".qgz")][:1] or [
        path for path in rasters if path.endswith(".tif")
    ]
    if layers:
        say("open in QGIS: qgis " + shlex.join(layers))


def _document(made: Prediction) -> dict[str, object]:
    return {
        "scene": str(made.scene),
        "rasters": {kind: str(path) for kind, path in made.rasters.items()},
        "companions": [str(path) for path in made.companions],
        "pixels": made.pixels,
        "predicted": made.predicted,
        "megapixels_per_second": made.speed and round(made.speed, 3),
        "seconds": {stage: round(seconds, 3) for stage, seconds in made.seconds.items()},
        "peak_memory_mb": made.peak_memory_mb and round(made.peak_memory_mb),
    }
