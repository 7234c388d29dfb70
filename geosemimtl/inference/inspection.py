"""What a scene is and what would be done with it; what a tile set or a model says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasterio.enums import Resampling

from geosemimtl.errors import ModelFileError, SceneError, TileSetError
from geosemimtl.inference.costs import Cost, estimate_cost
from geosemimtl.inference.likeness import Likeness, compare
from geosemimtl.inference.remarks import (
    is_rotated,
    is_square,
    likeness_remarks,
    scene_remarks,
    shift_remarks,
)
from geosemimtl.inference.sampling import PERCENTILES, Sample, sample_scene
from geosemimtl.inference.supervision import Supervision, look_at_layers
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter
from geosemimtl.raster.registration import Shift
from geosemimtl.raster.scene import Georeference, Scene, open_scene
from geosemimtl.tasks import HEIGHT, SEGMENTATION, TASK_NAMES
from geosemimtl.tiling.cutting import value_range_of
from geosemimtl.tiling.layers import Layers, tile_grid
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scene_cutting import Target
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.tiling.tileset import MANIFEST, TileSet, read_tileset

if TYPE_CHECKING:  # loads torch, which check needs for nothing
    from geosemimtl.training.model_file import ModelCard

#: Of model files; as in training/model_file.py, which loads torch.
_MODEL_SUFFIX = ".safetensors"
#: Of every report's document, in their order.
_KEYS = (
    "scene",
    "shape",
    "dtype",
    "crs",
    "gsd_m",
    "is_rotated",
    "is_square",
    "bands",
    "named_by",
    "values",
    "valid_share",
    "valid_by",
    "read_whole",
    "would_be",
    "shifts",
    "cost",
    "likeness",
    "problems",
    "notes",
)
_WORDS = {
    Resampling.average: "averaged",
    Resampling.cubic: "interpolated by cubic convolution",
    Resampling.bilinear: "interpolated linearly",
    Resampling.mode: "the most frequent class",
    Resampling.nearest: "the nearest",
}


@dataclass(frozen=True, slots=True)
class Step:
    """How a layer gets onto the grid of the tiles.

    Attributes:
        layer: ``image``, ``labels`` or ``heights``.
        gsd_m: Its own metres a pixel along both axes, ``None`` for polygons.
        factor: How many times its pixels grow along both axes; below 1 they are enlarged.
        how: What becomes of the pixels.
    """

    layer: str
    gsd_m: tuple[float, float] | None
    factor: tuple[float, float] | None
    how: str


@dataclass(frozen=True, slots=True)
class SceneReport:
    """What a scene is, and what would be done with it.

    Attributes:
        scene: The scene.
        sample: Its values.
        grid: The grid on which it would be cut or predicted.
        layout: The tiles on that grid.
        steps: How the image and its layers get onto it.
        shifts: Where labels and heights lie relative to the image; ``None`` where nobody can tell.
        cost: What cutting would cost, ``None`` with a model or where it cannot be cut.
        likeness: How its values compare with a model's training data; ``None`` without a model.
        problems: What stands in the way, each with its remedy; none if all is well.
        notes: What deserves a look.
    """

    scene: Scene
    sample: Sample
    grid: PixelGrid
    layout: TileLayout
    steps: tuple[Step, ...]
    shifts: Mapping[str, Shift | None]
    cost: Cost | None
    likeness: Likeness | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def valid_share(self) -> float:
        """Share of the scene's pixels that hold data."""
        return self.sample.valid_share

    def document(self) -> dict[str, Any]:
        """Return it as JSON's types; the same keys for every scene."""
        return {
            "scene": str(self.scene.path),
            "shape": self.scene.grid.shape,
            "dtype": self.scene.dtype,
            "crs": self.scene.grid.crs.to_string(),
            "gsd_m": self.scene.grid.gsd_m,
            "is_rotated": is_rotated(self.scene.grid),
            "is_square": is_square(self.scene.grid),
            "bands": self.scene.bands,
            "named_by": self.scene.named_by,
            "values": [
                {
                    "minimum": band.minimum,
                    "maximum": band.maximum,
                    "percentiles": dict(zip(map(str, PERCENTILES), band.percentiles, strict=True)),
                }
                for band in self.sample.bands
            ],
            "valid_share": self.valid_share,
            "valid_by": self.scene.mask,
            "read_whole": self.sample.is_whole,
            "would_be": {
                "shape": self.grid.shape,
                "gsd_m": self.grid.gsd_m,
                "tiles": len(self.layout),
                "size_px": self.layout.size_px,
                "overlap_px": self.layout.overlap_px,
                "steps": [asdict(step) for step in self.steps],
            },
            "shifts": {layer: shift and asdict(shift) for layer, shift in self.shifts.items()},
            "cost": self.cost and asdict(self.cost),
            "likeness": self.likeness and asdict(self.likeness),
            "problems": self.problems,
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scene that cannot even be looked at.

    Attributes:
        path: The scene.
        problem: Why, and the remedy.
    """

    path: Path
    problem: str

    @property
    def problems(self) -> tuple[str, ...]:
        """As of a :class:`SceneReport`."""
        return (self.problem,)

    def document(self) -> dict[str, Any]:
        """Return it as JSON's types, with the keys of :meth:`SceneReport.document`."""
        known = {"scene": str(self.path), "problems": self.problems, "notes": ()}
        return {key: known.get(key) for key in _KEYS}


def check_all(
    scenes: Sequence[SceneFiles],
    *,
    options: TileOptions | None = None,
    model: Path | None = None,
    track: Track = silent,
) -> list[SceneReport | Refusal]:
    """Check scenes one by one, see :func:`check`; one that cannot be read stops no other.

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


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which sensor supervises which task, and how much of it.

    Attributes:
        sensor: The tile set's name.
        pixels: By task, each pixel once; 0 without labels.
        km2: The same on the ground.
    """

    sensor: str
    pixels: Mapping[str, int]
    km2: Mapping[str, float]


def coverage(tilesets: Sequence[TileSet]) -> tuple[Coverage, ...]:
    """Return which tile set supervises which task, in their order."""
    rows = []
    for tileset in tilesets:
        pixels = {task: tileset.labelled_pixels().get(task, 0) for task in TASK_NAMES}
        square_km = (tileset.gsd_m / 1000) ** 2
        rows.append(
            Coverage(tileset.name, pixels, {task: n * square_km for task, n in pixels.items()})
        )
    return tuple(rows)


def info(path: Path) -> TileSet | ModelCard:
    """Return what a tile set or a model file says of itself.

    Raises:
        TileSetError: The folder is no usable tile set.
        ModelFileError: The file is no model file.
    """
    if path.suffix == _MODEL_SUFFIX:
        return _card(path)
    if (path / MANIFEST).exists():
        return read_tileset(path)
    if path.is_dir():
        raise TileSetError(f"{path}: is no tile set (no {MANIFEST}); name its folder")
    raise ModelFileError(
        f"{path}: is neither a model file (*{_MODEL_SUFFIX}) nor a tile set's folder; "
        "check the path"
    )
