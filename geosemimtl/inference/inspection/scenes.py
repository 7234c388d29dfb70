"""What a scene is and what would be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rasterio.enums import Resampling

from geosemimtl.errors import SceneError
from geosemimtl.inference.inspection.costs import Cost, estimate_cost
from geosemimtl.inference.inspection.reports import Refusal, SceneReport, Step
from geosemimtl.inference.inspection.supervision import Supervision, look_at_layers
from geosemimtl.inference.likeness import Likeness, compare
from geosemimtl.inference.remarks import (
    likeness_remarks,
    scene_remarks,
    shift_remarks,
)
from geosemimtl.inference.sampling import Sample, sample_scene
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter
from geosemimtl.raster.scene import Georeference, Scene, open_scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.cutting import value_range_of
from geosemimtl.tiling.layers import Layers, tile_grid
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scene_cutting import Target
from geosemimtl.tiling.scenes import SceneFiles

if TYPE_CHECKING:  # loads torch, which check needs for nothing
    from geosemimtl.training.model_file import ModelCard

_WORDS = {
    Resampling.average: "averaged",
    Resampling.cubic: "interpolated by cubic convolution",
    Resampling.bilinear: "interpolated linearly",
    Resampling.mode: "the most frequent class",
    Resampling.nearest: "the nearest",
}


def check_all(
    scenes: Sequence[SceneFiles],
    *,
    options: TileOptions | None = None,
    model: Path | None = None,
    track: Track = silent,
) -> list[SceneReport | Refusal]:
    """Check scenes one by one, see ``check``; one that cannot be read stops no other.

    Args:
        scenes: The files of each scene.
        options: How they would be read and cut.
        model: A model file.
        track: Shows progress.

    Raises:
        ModelFileError: The model cannot be read.
    """
    options = options or TileOptions()
    reports: list[SceneReport | Refusal] = []
    for files in track(scenes, "scenes", len(scenes)):
        layers = {"labels": files.labels, "heights": files.height}
        place = files.georeference
        try:
            report = check(files.image, **layers, options=options, model=model, georeference=place)
            if options.gsd_m is None:  # tile cuts all at the first one's
                options = replace(options, gsd_m=max(report.scene.grid.gsd_m))
        except SceneError as error:
            reports.append(Refusal(files.image[0], str(error)))
        else:
            reports.append(report)
    return reports


def check(
    path: Path | Sequence[Path],
    *,
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    options: TileOptions | None = None,
    model: Path | None = None,
    georeference: Georeference | None = None,
) -> SceneReport:
    """Say what a scene is and what tile, or predict with a model, would do with it.

    Nothing is written but a few tiles to a temporary folder, to see what they cost.

    Args:
        path: The scene, or several files that form one.
        labels: Its labels.
        heights: Its heights above ground.
        options: How it would be read and cut.
        model: A model file: report on predicting with it; GSD and tiles are then the model's.
        georeference: What holds for a scene that does not say where it lies.

    Raises:
        SceneError: The scene cannot be read, or has no CRS.
        ModelFileError: The model cannot be read.
    """
    options = options or TileOptions()
    scene = open_scene(
        path,
        options.bands,
        alpha=options.alpha,
        assume_crs=options.assume_crs,
        fallback=georeference,
    )
    sample = sample_scene(scene)
    card = None if model is None else _card(model)
    if card is None:
        grid = tile_grid(scene, options.gsd_m or max(scene.grid.gsd_m), options.crs)
        layout = TileLayout(grid.shape, options.size_px, options.shared_px, options.edge)
        problems = _raised(partial(value_range_of, scene, options.value_range))
        likeness = None
    else:
        grid = model_grid(scene.grid, card.gsd_m)
        layout = TileLayout(grid.shape, card.tile_px, card.overlap_px)
        problems, likeness = _fit(scene, sample, card, options)
    if not sample.bands:
        problems.append(f"{scene.path}: holds no valid pixel; check its mask, nodata and --alpha")
    layers = look_at_layers(scene, labels, heights, options)
    problems += layers.problems
    shifts = layers.shifts(scene, grid)
    cost = None if card or problems else _cost(scene, layers, (grid, layout), options)
    notes = (
        *scene_remarks(scene, sample, options),
        *layers.notes,
        *likeness_remarks(likeness, card.bands if card else ()),
        *shift_remarks(shifts, grid),
    )
    steps = _steps(scene, layers, grid)
    return SceneReport(
        scene, sample, grid, layout, steps, shifts, cost, likeness, tuple(problems), notes
    )


def _card(model: Path) -> ModelCard:
    # loads torch, which nobody needs without a model
    from geosemimtl.training.model_file import read_card  # noqa: PLC0415

    return read_card(model)


def _fit(
    scene: Scene, sample: Sample, card: ModelCard, options: TileOptions
) -> tuple[list[str], Likeness | None]:
    """Return what keeps a scene from a model, and how alike their values are."""
    from geosemimtl.inference.choosing import scene_value_range  # noqa: PLC0415  (loads torch)

    problems = _raised(
        partial(scene.indexes_of, card.bands),
        partial(scene_value_range, scene, card, options.value_range),
    )
    if problems:
        return problems, None
    value_range = scene_value_range(scene, card, options.value_range)
    places = [scene.bands.index(name) for name in card.bands]
    return problems, compare(sample.values[places], value_range, card.bands, card.domains)


def _raised(*steps: Callable[[], object]) -> list[str]:
    """Return the errors of steps that do not depend on each other."""
    problems = []
    for step in steps:
        try:
            step()
        except SceneError as error:
            problems.append(str(error))
    return problems


def _cost(
    scene: Scene,
    layers: Supervision,
    place: tuple[PixelGrid, TileLayout],
    options: TileOptions,
) -> Cost:
    tasks = {SEGMENTATION: layers.labels, HEIGHT: layers.heights}
    target = Target(
        Layers(scene.path.stem, None, scene, layers.labels, layers.heights),
        *place,
        lambda _row, _col: "train",
        options,
        tuple(task for task, layer in tasks.items() if layer is not None),
    )
    return estimate_cost(target, value_range_of(scene, options.value_range))


def _steps(scene: Scene, layers: Supervision, grid: PixelGrid) -> tuple[Step, ...]:
    steps = [_step("image", scene.grid, grid, image_filter(scene.grid, grid))]
    if layers.labels is not None:
        own = layers.labels.grid
        steps.append(
            Step("labels", None, None, "polygons, rasterised")
            if own is None
            else _step("labels", own, grid, label_filter(own, grid))
        )
    if layers.heights is not None:
        own_grid = layers.heights.grid
        steps.append(_step("heights", own_grid, grid, height_filter(own_grid, grid)))
    return tuple(steps)


def _step(layer: str, own: PixelGrid, grid: PixelGrid, chosen: Resampling) -> Step:
    across, down = (new / old for new, old in zip(grid.gsd_m, own.gsd_m, strict=True))
    how = "taken as it is" if own.matches(grid) else _WORDS[chosen]
    return Step(layer, own.gsd_m, (across, down), how)
