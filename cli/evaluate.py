"""``geosemimtl evaluate``."""

from __future__ import annotations

from itertools import chain
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
from geosemimtl.cli.values import Metres, Names

if TYPE_CHECKING:
    from geosemimtl.inference.evaluation.naming import NamedFiles
    from geosemimtl.inference.evaluation.scoring import Evaluation
    from geosemimtl.publish.report.sources import ReportSources


# What is compared with what.
_what = together(
    click.option("--labels", multiple=True, type=FILE, help="True labels; one a class raster."),
    click.option("--height", multiple=True, type=FILE, help="True nDSM; one a height raster."),
    click.option("--classes", type=FILE, help="YAML with the labels' classes, where they differ."),
    click.option(
        "--class-column", default="class", show_default=True, help="Column of polygon labels."
    ),
    click.option(
        "--model", type=FILE, help="Model file: the files named are scenes to predict first."
    ),
    click.option(
        "--split",
        type=click.Choice(["train", "val", "test"]),
        default="val",
        show_default=True,
        help="Which tiles of a tile set.",
    ),
    click.option(
        "--per-tile",
        is_flag=True,
        help="With --model: score each tile on its own, not blended, on the model's grid.",
    ),
)


# What is written; ``--image`` and ``--card`` only serve the report.
_written = together(
    click.option(
        "-o", "--output", type=FILE, help="Folder for scores.json, .md, .csv and confusion.png."
    ),
    click.option(
        "--report",
        type=FILE,
        metavar="HTML",
        help="Page with maps, tables, charts and where they come from; needs nothing else.",
    ),
    click.option(
        "--image",
        "images",
        multiple=True,
        type=FILE,
        help="For the report: the scene of each class raster; by default what lies beside it.",
    ),
    click.option(
        "--card", type=FILE, metavar="MODEL", help="For the report: model that made the rasters."
    ),
)


# What is scored; named as in ``ScoreOptions``.
_how = together(
    click.option(
        "--erode",
        "erode_px",
        type=click.IntRange(min=1),
        metavar="PX",
        help="Score again without pixels so close to another true class; ISPRS's is 3.",
    ),
    click.option(
        "--without",
        type=Names(),
        help="Classes that a second mean leaves out; clutter by default, if there is one.",
    ),
    click.option(
        "--height-bins",
        "height_bins_m",
        type=Metres(),
        default="1,3,10,20",
        show_default=True,
        help="Where ranges of true heights end.",
    ),
)


@click.command("evaluate")
@click.argument("predictions", nargs=-1, required=True, type=FILE)
@_what
@_how
@part_options
@scene_options
@sensor_option
@adapt_option
@_written
@overwrite_option
@json_option
@talk_options
def command(
    predictions: tuple[Path, ...],
    *,
    labels: tuple[Path, ...],
    height: tuple[Path, ...],
    classes: Path | None,
    class_column: str,
    model: Path | None,
    erode_px: int | None,
    without: tuple[str, ...] | None,
    height_bins_m: tuple[float, ...],
    output: Path | None,
    report: Path | None,
    images: tuple[Path, ...],
    card: Path | None,
    per_tile: bool,
    overwrite: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Score PREDICTIONS against truth on any grid.

    PREDICTIONS are *_classes.tif and *_height.tif, in the order of --labels and of --height;
    other rasters of predict are passed over. With --model they are scenes, in the order of both.
    --labels are class indices, colours or polygons; with height rasters alone, one each.
    Folders of all of these are matched by name. A tile set brings its truth along: --model is
    scored on its tiles in every task, as whole street images are.

    \b
    Example:
      geosemimtl evaluate scene_classes.tif scene_height.tif \\
          --labels truth.tif --height ndsm.tif
      geosemimtl evaluate scene.tif --model model.safetensors \\
          --labels truth.tif --erode 3 -o scores
      geosemimtl evaluate tiles/cityscapes --model model.safetensors
      geosemimtl evaluate results --labels truth --height ndsm \\
          --card model.safetensors --report report.html
    """
    from geosemimtl.cli.console import track
    from geosemimtl.config import load_class_map
    from geosemimtl.inference.evaluation.naming import named_files
    from geosemimtl.inference.evaluation.scoring import ScoreOptions

    split = reading.pop("split")
    if any((path / "tileset.json").exists() for path in predictions):
        _require_none(
            (labels, height, classes, erode_px, without, output, report, images, card, per_tile)
        )
        _score_tile_sets(predictions, model, split, reading, as_json=as_json)
        return
    _require_sense(model, reading, report, images, card, per_tile=per_tile)
    named = named_files(predictions, labels, height, are_scenes=model is not None)
    truth: dict[str, Any] = {
        "labels": named.labels,
        "true_heights": named.true_heights,
        "label_classes": load_class_map(classes) if classes else None,
        "class_column": class_column,
        "scoring": ScoreOptions(erode_px, height_bins_m, without, report is not None),
        "track": track,
    }
    _require_room(output, report, overwrite=overwrite)
    sources = None
    if report is not None:
        sources = _sources(named, model or card, images, reading, per_tile=per_tile)
    evaluation = _evaluated(named, model, truth, reading, per_tile=per_tile)
    _write(evaluation, output, report, sources)
    _show(evaluation, as_json=as_json)


def _require_room(output: Path | None, report: Path | None, *, overwrite: bool) -> None:
    """Refuse what is there already, before any work."""
    from geosemimtl.publish.report.page import require_report
    from geosemimtl.publish.score_folder import require_score_folder

    if output is not None:
        require_score_folder(output, overwrite=overwrite)
    if report is not None:
        require_report(report, overwrite=overwrite)


def _write(
    evaluation: Evaluation,
    output: Path | None,
    report: Path | None,
    sources: ReportSources | None,
) -> None:
    from geosemimtl.cli.console import say
    from geosemimtl.publish.report.page import write_report
    from geosemimtl.publish.score_folder import write_scores

    if output is not None:
        write_scores(output, evaluation)
    if report is not None and sources is not None:
        write_report(report, evaluation, sources)
        say(f"report in {report}")


def _require_none(given: tuple[Any, ...]) -> None:
    """Refuse what goes with files and not with tile sets."""
    if any(given):
        raise click.UsageError(
            "a tile set brings its labels along: name it, --model and --split, and no other "
            "truth, no --erode, no report and no folder"
        )


def _score_tile_sets(
    folders: tuple[Path, ...],
    model: Path | None,
    split: str,
    reading: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Score a model on tile sets, and print the scores of each."""
    import json

    from geosemimtl.cli.console import OUT, table, track
    from geosemimtl.inference.evaluation.tile_sets import evaluate_tile_set
    from geosemimtl.inference.options import PredictOptions
    from geosemimtl.publish.tile_set_tables import tile_set_summaries
    from geosemimtl.training.model_file import newest_model

    model = model or newest_model()
    options = PredictOptions(sensor=reading["sensor"], adapt_bn=reading["adapt_bn"])
    found = [
        evaluate_tile_set(folder, model, split=split, options=options, track=track)
        for folder in folders
    ]
    if as_json:
        click.echo(json.dumps([each.document() for each in found]))
        return
    for scores in found:
        for each in tile_set_summaries(scores):
            OUT.print(table(each.title, each.head, each.rows))


def _require_sense(
    model: Path | None,
    reading: dict[str, Any],
    report: Path | None,
    images: tuple[Path, ...],
    card: Path | None,
    *,
    per_tile: bool,
) -> None:
    """Refuse options that mean nothing together."""
    if per_tile and model is None:
        raise click.UsageError("--per-tile: tiles are a model's; name it with --model")
    if model is None and (reading["bounds"] or reading["area"]):
        raise click.UsageError("--bounds and --aoi say what is predicted: name the model, too")
    if report is None and (images or card):
        raise click.UsageError("--image and --card are shown in a report: name it with --report")
    if model is not None and (images or card):
        raise click.UsageError("--model brings scenes and card: leave --image and --card out")


def _sources(
    named: NamedFiles,
    model: Path | None,
    images: tuple[Path, ...],
    reading: dict[str, Any],
    *,
    per_tile: bool,
) -> ReportSources:
    """Look at what a report shows beside scores, before work begins."""
    from geosemimtl.publish.report.sources import (
        ReportSources,
        command_of,
        images_beside,
        model_sources,
        opened_images,
    )
    from geosemimtl.tiling.scenes import scene_images

    known = {name: reading[name] for name in ("bands", "alpha", "assume_crs")}
    card, losses = model_sources(model, (*named.classes, *named.heights))
    command = command_of(click.get_current_context().obj or ())
    if named.scenes:
        found = () if per_tile else opened_images(scene_images(named.scenes), **known)
        return ReportSources(command, found, card, losses)
    files = [
        file
        for path in images
        for file in (chain.from_iterable(scene_images([path])) if path.is_dir() else (path,))
    ]
    beside = images_beside(named.classes or named.heights, files, **known)
    return ReportSources(command, beside, card, losses)


def _evaluated(
    named: NamedFiles,
    model: Path | None,
    truth: dict[str, Any],
    reading: dict[str, Any],
    *,
    per_tile: bool,
) -> Evaluation:
    from geosemimtl.inference.evaluation.scenes import evaluate, evaluate_model
    from geosemimtl.inference.evaluation.tiles import evaluate_tiles
    from geosemimtl.inference.options import PredictOptions

    if model is not None:
        score = evaluate_tiles if per_tile else evaluate_model
        return score(named.scenes, model, options=PredictOptions(**reading), **truth)
    return evaluate(
        classes=named.classes,
        heights=named.heights,
        assume_crs=reading["assume_crs"],
        **truth,
    )


def _show(evaluation: Evaluation, *, as_json: bool) -> None:
    """Print the scores."""
    import json

    from geosemimtl.cli.console import OUT, table
    from geosemimtl.publish.score_document import document_of
    from geosemimtl.publish.score_tables import counted_how, score_summaries

    if as_json:
        click.echo(json.dumps(document_of(evaluation)))
        return
    OUT.print(counted_how(evaluation))
    for each in score_summaries(evaluation):
        OUT.print(table(each.title, each.head, each.rows))
