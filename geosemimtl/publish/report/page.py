"""A report on one page that needs nothing else: maps, tables, charts and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from geosemimtl.errors import OutputError
from geosemimtl.files import require_absent, write_text
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.inference.evaluation.views import MOST_SCENES
from geosemimtl.machine import versions
from geosemimtl.publish.card_facts import DOMAIN_HEAD, domain_rows, model_facts
from geosemimtl.publish.report.charts import calibration_chart, height_chart, small_chart
from geosemimtl.publish.report.maps import (
    ERROR_RAMP,
    RIGHT_GREY,
    WRONG,
    SceneMaps,
    scene_maps,
)
from geosemimtl.publish.report.sources import Curve, ReportSources
from geosemimtl.publish.report.tables import (
    calibration_table,
    coverage_table,
    figures,
    matrices,
    tables_of,
)
from geosemimtl.publish.score_tables import counted_how
from geosemimtl.raster.environment import GDAL_VERSION
from geosemimtl.raster.styles import HEIGHT_RAMP
from geosemimtl.training.config import VALIDATION
from geosemimtl.training.model_file import ModelCard

_SUFFIXES = (".html", ".htm")
#: What a report leaves out of the card.
_LONG: Any = {"domains": {"__all__": {"statistics"}}}
#: So many scenes are in the title; of more, their number.
_MOST_NAMES = 3


class Section(NamedTuple):
    """A part of the page, and its place in the contents."""

    key: str
    title: str


class CurveGroup(NamedTuple):
    """Losses of one kind, each a chart of its own."""

    title: str
    charts: tuple[tuple[str, Markup], ...]


def require_report(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that a report cannot be written to, before work begins.

    Raises:
        OutputError: Its suffix is no page's, it exists and may not be replaced, or its folder
            cannot be written to.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise OutputError(f"{path}: a report is a web page; call it {path.stem or 'report'}.html")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it, such as {path}/report.html")
    require_absent([path], overwrite=overwrite)


def write_report(path: Path, evaluation: Evaluation, sources: ReportSources) -> None:
    """Write the page of an evaluation, whole or not at all.

    The same evaluation and sources give the same bytes.

    Args:
        path: The page.
        evaluation: Scored with ``ScoreOptions(report=True)``; without, there are no maps,
            calibration or height pairs in it.
        sources: What is shown beside.

    Raises:
        SceneError: A scene cannot be read.
        OutputError: The page cannot be written.
    """
    write_text(path, page_of(evaluation, sources))


def page_of(evaluation: Evaluation, sources: ReportSources) -> str:
    """Return the page of an evaluation; see ``write_report``."""
    scenes, scales = scene_maps(evaluation, sources.images)
    land, heights = evaluation.segmentation, evaluation.height
    pairs = height_chart(heights.pairs) if heights and heights.pairs else None
    card = sources.card
    content: dict[str, Any] = {
        "title": _title(scenes),
        "counted": counted_how(evaluation),
        "figures": figures(evaluation),
        "scenes": scenes,
        "most_scenes": MOST_SCENES,
        "classes": land.classes.entries if land else (),
        "with_heights": bool(heights),
        "scales": scales,
        "height_ramp": ", ".join(HEIGHT_RAMP),
        "error_ramp": ", ".join(ERROR_RAMP),
        "right": f"rgb({RIGHT_GREY + 20}, {RIGHT_GREY + 20}, {RIGHT_GREY + 20})",
        "wrong": "rgb({}, {}, {})".format(*WRONG),
        **tables_of(evaluation),
        "matrices": matrices(land) if land else (),
        "calibration": land.calibration if land else None,
        "pairs": pairs,
        "curves": tuple(_curve_groups(sources.losses)),
        "coverage": _coverage(card),
        "card": card,
        "card_text": card.model_dump_json(indent=1, exclude=_LONG) if card else "",
        "facts": model_facts(card) if card else (),
        "domain_head": DOMAIN_HEAD,
        "domains": domain_rows(card) if card else (),
        "missing": tuple(_missing(evaluation, sources)),
        "command": sources.command,
        "versions": versions("torch", "rasterio", "numpy") | {"gdal": GDAL_VERSION},
    }
    content["sections"] = tuple(_sections(content))
    return _environment().get_template("report.html.j2").render(content)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("geosemimtl.publish.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = files("geosemimtl.publish.report") / "template"
    for name, file in (("style", "report.css"), ("script", "report.js")):
        # the project's own, so nothing in them is escaped
        made.globals[name] = Markup((page / file).read_text(encoding="utf-8"))  # noqa: S704
    made.globals |= {
        "calibration_chart": calibration_chart,
        "calibration_table": calibration_table,
    }
    return made


def _title(scenes: Sequence[SceneMaps]) -> str:
    names = list(dict.fromkeys(scene.name for scene in scenes))
    if not names:
        return "Evaluation"
    if len(names) > _MOST_NAMES:
        return f"Evaluation of {names[0]} and {len(names) - 1} more scenes"
    *most, last = names
    return f"Evaluation of {', '.join(most)} and {last}" if most else f"Evaluation of {last}"


def _sections(content: Mapping[str, Any]) -> Iterator[Section]:
    """Yield the sections that there is something for, in the page's order."""
    for key, title, there in (
        ("maps", "Maps", content["scenes"]),
        ("land-cover", "Land cover", content["land"]),
        ("calibration", "Calibration", content["calibration"]),
        ("heights", "Heights", content["heights"]),
        ("training", "Training", content["curves"]),
        ("data", "Data", content["domains"]),
        ("model", "Model", content["card"]),
        ("missing", "Not in this report", content["missing"]),
        ("made", "How it was made", True),
    ):
        if there:
            yield Section(key, title)


def _coverage(card: ModelCard | None) -> Any:
    rows = [(d.name, d.pixels) for d in card.domains if d.pixels] if card else []
    return coverage_table(rows, card.gsd_m) if rows and card else None


def _curve_groups(losses: Mapping[str, Curve]) -> Iterator[CurveGroup]:
    """Yield scores of validation tiles first, then losses of labels, and those of the method."""
    scores = [name for name in losses if name.startswith(f"{VALIDATION}/")]
    supervised = [name for name in losses if name.count("/") == 1 and name not in scores]
    others = [name for name in losses if name not in (*scores, *supervised)]
    for title, names in (
        ("Scores of validation tiles", scores),
        ("Losses by labels", supervised),
        ("Losses of the method", others),
    ):
        shown = tuple(
            (name.replace("/", " · "), small_chart(name, losses[name])) for name in sorted(names)
        )
        if shown:
            yield CurveGroup(title, shown)


def _missing(evaluation: Evaluation, sources: ReportSources) -> Iterator[str]:
    """Yield for each part that is left out what would bring it."""
    land, heights, card = evaluation.segmentation, evaluation.height, sources.card
    if not land:
        yield "Land cover: class rasters and --labels would bring its maps, tables and calibration."
    elif not land.calibration:
        yield (
            "Calibration: a confidence raster beside each class raster, as geosemimtl predict "
            "writes it, would bring the curve."
        )
    if not heights:
        yield "Heights: height rasters and --height would bring their maps, tables and charts."
    elif not heights.by_class:
        yield (
            "Height errors by class: true labels, and class and height rasters on one grid, "
            "would bring them."
        )
    if evaluation.per_tile:
        yield "Maps: tiles overlap; the same command without --per-tile would bring maps of scenes."
    elif not any(sources.images):
        yield "Images: --image with the scenes themselves would put them beside the maps."
    if not card:
        yield "Model and data: --card with the model file would bring its card and its losses."
    elif not sources.losses:
        yield "Training: the training's metrics.csv beside the model file would bring its losses."
    if card and not any(domain.pixels for domain in card.domains):
        yield "Labelled pixels: a model trained by this version would say how many it had."
