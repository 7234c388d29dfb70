"""What a scene is and what would be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from geosemimtl.raster.grid import PixelGrid, model_grid, resized_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter
from geosemimtl.raster.scene import NOWHERE, Georeference, Reader, Scene, open_scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.cutting import value_range_of
from geosemimtl.tiling.layers import Layers, tile_grid
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scene_cutting import Target
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.tiling.targets import Numbers

if TYPE_CHECKING:  # loads torch, which check needs for nothing
    from geosemimtl.training.model_file import ModelCard

_WORDS = {
    Resampling.average: "averaged",
    Resampling.cubic: "interpolated by cubic convolution",
    Resampling.bilinear: "interpolated linearly",
    Resampling.mode: "the most frequent class",
    Resampling.nearest: "the nearest",
}


#: What layers are called in reports, where it is not their task's name.
_LAYERS = {SEGMENTATION: "labels", HEIGHT: "heights"}
_NO_READERS: Mapping[str, Reader] = {}
_NO_TARGETS: Mapping[str, Sequence[Path]] = {}


#: Images of a street data set that are looked at.
_LOOKED_AT = 50


def few_of(scenes: Sequence[SceneFiles]) -> Sequence[SceneFiles]:
    """Return at most 50 scenes, spread over all of them."""
    step = max(1, -(-len(scenes) // _LOOKED_AT))
    return scenes[::step]


def check_all(
    scenes: Sequence[SceneFiles],
    *,
    options: TileOptions | None = None,
    readers: Mapping[str, Reader] = _NO_READERS,
    model: Path | None = None,
    track: Track = silent,
) -> list[SceneReport | Refusal]:
    """Check scenes one by one, see ``check``; one that cannot be read stops no other.

    Args:
        scenes: The files of each scene.
        options: How they would be read and cut.
        readers: As of ``geosemimtl.tiling.data_set.DataSet``.
        model: A model file.
        track: Shows progress.

    Raises:
        ModelFileError: The model cannot be read.
    """
    options = options or TileOptions()
    reports: list[SceneReport | Refusal] = []
    for files in track(scenes, "scenes", len(scenes)):
        try:
            report = check(
                files.image,
                targets=files.targets,
                readers=readers,
                options=options,
                model=model,
                georeference=files.georeference,
            )
            ours = report.scene.grid
            if options.gsd_m is None and ours.crs is not None:  # tile cuts all at the first one's
                options = replace(options, gsd_m=max(ours.gsd_m))
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
    targets: Mapping[str, Sequence[Path]] = _NO_TARGETS,
    readers: Mapping[str, Reader] = _NO_READERS,
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
        targets: By task, other labels.
        readers: As of ``geosemimtl.tiling.data_set.DataSet``.
        options: How it would be read and cut.
        model: A model file: report on predicting with it; GSD and tiles are then the model's.
        georeference: What holds for a scene that does not say where it lies.

    Raises:
        SceneError: The scene cannot be read, or has no CRS.
        ModelFileError: The model cannot be read.
    """
    options = options or TileOptions()
    card = None if model is None else _card(model)
    nowhere = options.resize is not None or (card is not None and card.gsd_m is None)
    scene = open_scene(
        path,
        options.bands,
        alpha=options.alpha,
        assume_crs=options.assume_crs,
        fallback=NOWHERE if nowhere else georeference,
        reader=readers.get("image"),
    )
    sample = sample_scene(scene)
    grid, layout = _places(scene, card, options)
    if card is None:
        problems = _raised(partial(value_range_of, scene, options.value_range))
        likeness = None
    else:
        problems, likeness = _fit(scene, sample, card, options)
    if not sample.bands:
        problems.append(f"{scene.path}: holds no valid pixel; check its mask, nodata and --alpha")
    files = {**targets, SEGMENTATION: labels, HEIGHT: heights} if labels or heights else targets
    layers = look_at_layers(scene, files, options, readers)
    problems += layers.problems
    shifts = {} if nowhere else layers.shifts(scene, grid)
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


def _places(
    scene: Scene, card: ModelCard | None, options: TileOptions
) -> tuple[PixelGrid, TileLayout]:
    """Return on which grid, and where there, a scene would be cut or predicted."""
    if card is None:
        grid = tile_grid(scene, options)
        return grid, TileLayout(grid.shape, options.tile_px, options.shared_px, options.edge)
    if card.gsd_m is None:
        grid = resized_grid(scene.grid, card.tile_px)
    else:
        grid = model_grid(scene.grid, card.gsd_m)
    return grid, TileLayout(grid.shape, card.tile_px, card.overlap_px)


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
    target = Target(
        Layers(scene.path.stem, None, scene, layers.targets),
        *place,
        lambda _row, _col: "train",
        options,
        tuple(layers.targets),
    )
    return estimate_cost(target, value_range_of(scene, options.value_range))


def _steps(scene: Scene, layers: Supervision, grid: PixelGrid) -> tuple[Step, ...]:
    steps = [_step("image", scene.grid, grid, image_filter(scene.grid, grid))]
    for task, target in layers.targets.items():
        name, own = _LAYERS.get(task, task), target.grid
        if own is None:
            steps.append(Step(name, None, None, "polygons, rasterised"))
            continue
        chosen = height_filter if isinstance(target, Numbers) else label_filter
        steps.append(_step(name, own, grid, chosen(own, grid)))
    return tuple(steps)


def _step(layer: str, own: PixelGrid, grid: PixelGrid, chosen: Resampling) -> Step:
    across, down = (new / old for new, old in zip(grid.pixel_size, own.pixel_size, strict=True))
    how = "taken as it is" if own.matches(grid) else _WORDS[chosen]
    return Step(layer, None if own.crs is None else own.gsd_m, (across, down), how)
