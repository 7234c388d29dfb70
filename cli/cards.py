"""Tile sets and model cards as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from geosemimtl.cli.console import facts, table
from geosemimtl.inference.inspection.contents import Coverage
from geosemimtl.inference.inspection.reports import Refusal, SceneReport, Step
from geosemimtl.inference.remarks import describe_shift, is_rotated, is_square
from geosemimtl.inference.sampling import PERCENTILES
from geosemimtl.publish.card_facts import DOMAIN_HEAD, domain_rows, model_facts
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.data_set import DataSet, Stock
from geosemimtl.tiling.tileset import PERCENTILES as BAND_PERCENTILES
from geosemimtl.tiling.tileset import ClassTarget, QuantityTarget, TileSet

if TYPE_CHECKING:  # loads torch
    from geosemimtl.training.model_file import ModelCard

#: So many names are listed.
_FEW = 4
#: And of scenes.
_FEW_SCENES = 12


def tileset_tables(tileset: TileSet) -> Iterator[Table]:
    """Yield what a tile set holds, its bands, its classes and what it supervises."""
    yield facts(
        f"Tile set {tileset.name}",
        (
            ("tiles", f"{tileset.tiles} of {size_words(tileset.size_px)}"),
            ("splits", _counted(tileset.splits)),
            ("dropped", _counted(tileset.dropped) or "none"),
            *(
                [("ground", "none: images resized as a whole")]
                if tileset.gsd_m is None
                else [("overlap", f"{tileset.overlap_px} px"), ("GSD", f"{tileset.gsd_m:g} m")]
            ),
            (
                "pixels",
                f"{tileset.dtype}, {tileset.value_range[0]:g} to {tileset.value_range[1]:g}",
            ),
            ("scenes", _few_names([source.name for source in tileset.sources])),
        ),
    )
    bands = zip(tileset.bands, tileset.statistics, strict=True)
    yield table(
        "Bands (0 to 1 by the value range)",
        ("band", "mean", "deviation", *(f"{percent:g} %" for percent in BAND_PERCENTILES)),
        [
            (name, *(f"{value:.3f}" for value in (band.mean, band.std, *band.percentiles)))
            for name, band in bands
        ],
    )
    labelled = tileset.labelled_pixels()
    yield table(
        "What it supervises",
        ("task", "pixels"),
        [(task, f"{count:,}" if count else "none") for task, count in labelled.items()],
    )
    yield from _target_tables(tileset)


def _target_tables(tileset: TileSet) -> Iterator[Table]:
    """Yield what is known of each task's labels."""
    where = " of the training tiles" if "train" in tileset.splits else ""
    for task, target in tileset.targets.items():
        if isinstance(target, ClassTarget):
            title = "Classes" if task == SEGMENTATION else task.replace("_", " ").capitalize()
            total = max(target.labelled, 1)
            counts = zip(target.classes.names, target.pixels, strict=True)
            yield table(
                f"{title}{where}",
                ("class", "pixels", "%"),
                [
                    (name.replace("_", " "), f"{n:,}", f"{100 * n / total:.1f}")
                    for name, n in counts
                ],
            )
        elif isinstance(target, QuantityTarget):
            title = "Heights" if task == HEIGHT else task.replace("_", " ").capitalize()
            low, high, unit = target.minimum, target.maximum, target.unit.replace("1/", "/ ")
            places = 4 if unit == "/ m" else 1
            yield facts(
                title,
                (
                    ("range", f"{low:.{places}f} to {high:.{places}f} {unit}"),
                    ("mean", f"{target.mean:.{places + 1}f} {unit}"),
                ),
            )


def size_words(size_px: tuple[int, int]) -> str:
    """Return rows and columns as sizes are said: one number of a square, else width by height."""
    rows, cols = size_px
    return f"{rows} px" if rows == cols else f"{cols} x {rows} px"


def _few_names(names: Sequence[str]) -> str:
    more = len(names) - _FEW_SCENES
    return ", ".join(names[:_FEW_SCENES]) + (f" and {more} more" if more > 0 else "")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count)


def data_set_tables(data: DataSet, reports: Sequence[SceneReport | Refusal]) -> Iterator[Table]:
    """Yield what a data set has of each kind of file, and what is left out."""
    total = max(stock.found + len(stock.missing) for stock in data.stocks)
    yield facts("What there is", [(each.kind, _stocked(each)) for each in data.stocks])
    wrong = sum(bool(report.problems) for report in reports)
    cut = [("scenes", f"{len(data.scenes) - wrong} of {total}")]
    if len(reports) < len(data.scenes):
        cut.append(("looked at", f"{len(reports)} of them"))
    yield facts("What would be cut", [*cut, *(("", remark) for remark in data.remarks)])


def _stocked(stock: Stock) -> str:
    """Return how much there is, what it comes in, and the first names of what is missing."""
    total = stock.found + len(stock.missing)
    count = f"{stock.found} of {total} ({stock.source})"
    if stock.found in (0, total):
        return count
    more = len(stock.missing) - _FEW
    others = f" and {more} more" if more > 0 else ""
    return f"{count}, without {', '.join(stock.missing[:_FEW])}{others}"


def coverage_table(rows: Sequence[Coverage]) -> Table:
    """Return which sensor supervises which task with how many pixels, and their sum."""
    tasks = list(rows[0].pixels)
    lines = [(row.sensor, *(_amount(row.pixels[t], row.km2[t]) for t in tasks)) for row in rows]
    total = [
        _amount(sum(row.pixels[t] for row in rows), sum(row.km2[t] for row in rows)) for t in tasks
    ]
    return table(
        "Which sensor supervises which task: pixels"
        + " (km2)" * any(any(row.km2.values()) for row in rows),
        ("sensor", *tasks),
        [*lines, ("total", *total)],
    )


def _amount(pixels: int, km2: float) -> str:
    if not pixels:
        return "-"
    return f"{pixels:,} ({km2:.3g})" if km2 else f"{pixels:,}"


def scene_facts(report: SceneReport) -> Iterator[tuple[str, str]]:
    """Yield what a scene is, what would be done with it, and what stands in the way."""
    scene, layout = report.scene, report.layout
    (rows, cols), (new_rows, new_cols) = scene.grid.shape, report.grid.shape
    leaning = (", not square" * (not is_square(scene.grid))) + (
        ", rotated" * is_rotated(scene.grid)
    )
    yield "size", f"{cols} x {rows} px, {scene.dtype}"
    if scene.grid.crs is None:
        yield "ground", "none: an image that lies nowhere"
    else:
        across, down = scene.grid.gsd_m
        yield "CRS", scene.grid.crs.to_string()
        yield "GSD", f"{across:.4g} x {down:.4g} m{leaning}"
    yield "bands", f"{', '.join(scene.bands)} (named by {scene.named_by})"
    yield from _value_facts(report)
    about = "" if report.sample.is_whole else "about "
    by = "nothing marks missing pixels" if scene.mask == "none" else f"by {scene.mask}"
    yield "valid", f"{about}{100 * report.valid_share:.1f} % ({by})"
    of = "" if report.grid.crs is None else f" of {report.grid.gsd_m[0]:.4g} m"
    yield "would be", f"{new_cols} x {new_rows} px{of}"
    yield from ((step.layer, step_words(step, report.grid)) for step in report.steps)
    yield (
        "tiles",
        f"{len(layout)} of {size_words(layout.size_px)}, sharing {layout.overlap_px} px",
    )
    if report.cost is not None:
        cost = report.cost
        yield (
            "cost",
            (
                f"about {_size(cost.bytes_on_disk)} on disk, {_duration(cost.minutes)}, "
                f"{_size(cost.memory_bytes)} of memory"
            ),
        )
    for layer, shift in report.shifts.items():
        yield (
            f"{layer} lie",
            "cannot be told" if shift is None else describe_shift(shift, report.grid),
        )
    yield from (("note", note) for note in report.notes)
    yield from (("problem", problem) for problem in report.problems)


def _value_facts(report: SceneReport) -> Iterator[tuple[str, str]]:
    for name, band in zip(report.scene.bands, report.sample.bands, strict=False):
        low, middle, high = (band.percentiles[PERCENTILES.index(p)] for p in (1, 50, 99))
        yield (
            name,
            (
                f"{band.minimum:.5g} to {band.maximum:.5g}; "
                f"1 %: {low:.5g}, median: {middle:.5g}, 99 %: {high:.5g}"
            ),
        )


def step_words(step: Step, grid: PixelGrid) -> str:
    """Say how a layer gets onto a grid: ``0.05 m to 0.09 m: shrinks 1.8 times, averaged``."""
    if step.factor is None:
        return f"{step.how} at {max(grid.gsd_m):.3g} m"
    if step.gsd_m is None:
        down, across = step.factor[1], step.factor[0]
        if across == down == 1:
            return step.how
        return f"resized to 1/{across:.3g} across, 1/{down:.3g} down, {step.how}"
    factor, own = max(step.factor), max(step.gsd_m)
    sizes = f"{own:.3g} m to {max(grid.gsd_m):.3g} m"
    if factor > 1.005:
        return f"{sizes}: shrinks {factor:.3g} times, {step.how}"
    if factor < 0.995:
        return f"{sizes}: enlarged {1 / factor:.3g} times, {step.how}: no detail is gained"
    return f"{own:.3g} m: {step.how}"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _duration(minutes: float) -> str:
    return f"{60 * minutes:.2g} s" if minutes < 1.5 else f"{minutes:.0f} min"


def model_tables(card: ModelCard) -> Iterator[Table]:
    """Yield what a model is, what it predicts and what it learned from."""
    yield facts(f"Model {card.name}", model_facts(card))
    yield table("Learned from", DOMAIN_HEAD, domain_rows(card))
