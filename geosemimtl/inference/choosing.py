"""Which scenes are to be predicted, and what of them: looked at before any work begins."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from rasterio.windows import Window

from geosemimtl.errors import (
    BandError,
    ConfigError,
    GeoSemiMTLError,
    GridError,
    OutputError,
    SceneError,
    named_by,
)
from geosemimtl.inference.likeness import compare
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.outputs import ALL_SUFFIXES, Outputs
from geosemimtl.inference.planning import Plan, plan_scene
from geosemimtl.inference.remarks import likeness_remarks
from geosemimtl.inference.sampling import sample_scene
from geosemimtl.inference.scene_pixels import ScenePixels
from geosemimtl.raster.declared import predicted_by
from geosemimtl.raster.formats import GEOTIFF
from geosemimtl.raster.grid import PixelGrid, model_grid, resized_grid
from geosemimtl.raster.scene import NOWHERE, Scene, open_scene
from geosemimtl.raster.values import value_range_remedy
from geosemimtl.tiling.areas import read_area, window_of_bounds
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import shared_px
from geosemimtl.tiling.scenes import scene_images
from geosemimtl.training.model_file import ModelCard

_LOG = logging.getLogger(__name__)
#: How files end that may be predicted rasters.
_PREDICTED = tuple(chain(*ALL_SUFFIXES.values()))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A scene that can be predicted.

    Attributes:
        pixels: How it is read.
        plan: In which order it is predicted.
        outputs: What is written.
        stem: Where the rasters go, without their suffixes.
    """

    pixels: ScenePixels
    plan: Plan
    outputs: Outputs
    stem: Path

    @property
    def target(self) -> Path:
        """What the hidden folder of its work is named by."""
        return self.stem.with_name(f"{self.stem.name}.prediction")

    @property
    def paths(self) -> dict[str, Path]:
        """The rasters by name."""
        return {kind: files[-1] for kind, files in self.files.items()}

    @property
    def files(self) -> dict[str, tuple[Path, ...]]:
        """The files of each raster by its name: its pictures, if there are any, then its data."""
        return {
            kind: tuple(map(self.beside, self.outputs.suffixes(kind)))
            for kind in self.outputs.kinds
        }

    @property
    def others(self) -> set[Path]:
        """Where files of its format would be that are not written this time."""
        suffixes = ALL_SUFFIXES[self.outputs.file_format]
        return {*map(self.beside, suffixes)} - {*chain(*self.files.values())}

    def beside(self, suffix: str) -> Path:
        """Return the path of the scene's name and a suffix, where the rasters lie."""
        return self.stem.with_name(self.stem.name + suffix)


def choose_scenes(
    scenes: Sequence[Path], output: Path | None, card: ModelCard, options: PredictOptions
) -> tuple[list[Chosen], list[GeoSemiMTLError]]:
    """Look at the scenes.

    Returns:
        Those that can be predicted, and the errors of the others. Rasters that were predicted by
        this project are passed over.

    Raises:
        GeoSemiMTLError: There is one scene only, and this is its error.
        OutputError: Two scenes would have rasters of one name.
        ConfigError: The model knows no such sensor.
    """
    card.domain(options.sensor)
    if card.gsd_m is not None and _overlap_px(card, options) == 0:
        _LOG.warning("--overlap 0: tiles are not blended, so seams are possible between them")
    chosen: list[Chosen] = []
    failures: list[GeoSemiMTLError] = []
    images, passed = scene_images(scenes, mosaic=options.mosaic), 0
    for each in images:
        try:
            if each[0].name.endswith(_PREDICTED) and predicted_by(each[0]):
                passed += 1
                continue
            chosen.append(_looked_at(_opened(each, card, options), output, card, options))
        except GeoSemiMTLError as error:
            if len(images) == 1:
                raise
            failures.append(named_by(error, each[0]))
    if passed:
        _LOG.warning("passed over %d raster(s) that were predicted themselves", passed)
    if not chosen and not failures:
        raise SceneError("all that was named was predicted itself; name the scenes")
    _require_names([each.stem for each in chosen])
    if options.format != GEOTIFF and any(each.plan.output.crs for each in chosen):
        _LOG.warning(
            "--format %s: such files say nothing of where a scene lies on the ground; --format %s "
            "keeps its place",
            options.format,
            GEOTIFF,
        )
    return chosen, failures


def _opened(files: Sequence[Path], card: ModelCard, options: PredictOptions) -> Scene:
    return open_scene(
        files,
        options.bands,
        alpha=options.alpha,
        assume_crs=options.assume_crs,
        fallback=NOWHERE if card.gsd_m is None else options.georeference,
    )


def _looked_at(
    scene: Scene, output: Path | None, card: ModelCard, options: PredictOptions
) -> Chosen:
    scene.indexes_of(card.bands)
    if card.gsd_m is None:
        _require_whole(options)
    value_range = scene_value_range(scene, card, options.value_range, options.sensor)
    # what is no map is what its colours say
    if scene.named_by == "colour" and card.gsd_m is not None:
        mask = "" if scene.alpha is None else f", and band {scene.alpha} is taken as its mask"
        _LOG.warning(
            "%s: bands are named by the file's colours, red, green, blue%s: else pass --bands",
            scene.path,
            mask,
        )
    pixels = ScenePixels(scene, card.bands, value_range, (card.mean, card.std))
    _warn_of_values(pixels, card, options)
    grid = _model_grid(scene, card)
    whole = _output_grid(scene.grid, grid, options.grid)
    layout = TileLayout(grid.shape, card.tile_px, _overlap_px(card, options))
    window = Window(0, 0, whole.shape[1], whole.shape[0])
    if options.bounds is not None:
        window = window_of_bounds(options.bounds, whole)
    if options.area is not None:
        area = read_area(options.area, whole)
        pixels, window = replace(pixels, area=area), _common(window, area.window)
    outputs = Outputs.of(
        card.tasks,
        card.name,
        confidence=options.confidence,
        probabilities=options.probabilities,
        disagreement=options.disagreement,
        file_format=options.format,
    )
    stem = scene.path.with_suffix("")
    stem = stem if output is None else output / stem.name
    return Chosen(pixels, plan_scene(grid, whole, layout, window), outputs, stem)


def _require_whole(options: PredictOptions) -> None:
    """Refuse what images that lie nowhere on the ground do not have.

    Raises:
        ConfigError: An option asks for it.
    """
    grid = options.grid if isinstance(options.grid, float) else None
    asked = {
        "--bounds": options.bounds,
        "--aoi": options.area,
        "--grid METRES": grid,
        "--mosaic": options.mosaic or None,
    }
    for flag, value in asked.items():
        if value is not None:
            raise ConfigError(
                f"{flag}: the model learned from images that lie nowhere on the ground, which it "
                "predicts whole; leave it out"
            )


def _overlap_px(card: ModelCard, options: PredictOptions) -> int:
    if options.overlap is None:
        return card.overlap_px
    return shared_px(options.overlap, min(card.tile_px))


def _model_grid(scene: Scene, card: ModelCard) -> PixelGrid:
    if card.gsd_m is None:
        return resized_grid(scene.grid, card.tile_px)
    try:
        return model_grid(scene.grid, card.gsd_m)
    except GridError as error:
        rows, cols = scene.grid.shape
        across_m, down_m = scene.grid.gsd_m
        raise GridError(
            f"{scene.path}: with {cols * across_m:.3g} x {rows * down_m:.3g} m it is smaller than "
            f"one pixel of the model ({card.gsd_m:g} m); name a larger scene"
        ) from error


def _output_grid(own: PixelGrid, grid: PixelGrid, wanted: str | float) -> PixelGrid:
    if wanted == "scene":
        return own
    if wanted == "model":
        return grid
    try:
        return model_grid(own, float(wanted))
    except GridError as error:
        raise GridError(f"--grid {wanted:g}: is coarser than the whole scene; give less") from error


def _common(one: Window, other: Window) -> Window:
    left, top = max(one.col_off, other.col_off), max(one.row_off, other.row_off)
    right = min(one.col_off + one.width, other.col_off + other.width)
    bottom = min(one.row_off + one.height, other.row_off + other.height)
    if left >= right or top >= bottom:
        raise GridError("--bounds and --aoi have nothing in common; leave one out")
    return Window(left, top, right - left, bottom - top)


def _require_names(stems: Sequence[Path]) -> None:
    """Refuse rasters of one name before any work begins."""
    counts = Counter(stem.absolute() for stem in stems)
    twice = [stem for stem, count in counts.items() if count > 1]
    if twice:
        raise OutputError(
            f"{twice[0]}: two scenes would have rasters of this name; predict them one at a time, "
            "each with its own -o"
        )


def scene_value_range(
    scene: Scene, card: ModelCard, declared: tuple[float, float] | None, name: str | None = None
) -> tuple[float, float]:
    """Return the pixel values of a scene that map to 0 and 1.

    Args:
        scene: The scene.
        card: The model's.
        declared: What the user says.
        name: The sensor that took it, as the training called it.

    Raises:
        BandError: The scene's type is not the training's and nothing was declared.
        ConfigError: The model knows no such sensor.
    """
    if declared is not None:
        return declared
    own = card.domain(name)
    dtype, known = (card.dtype, card.value_range) if own is None else (own.dtype, own.value_range)
    if scene.dtype == dtype and known is not None:
        return known
    if scene.dtype == "uint8":
        return 0.0, 255.0
    types = sorted({domain.dtype for domain in card.domains}) or [str(card.dtype)]
    learned = f"from {' and '.join(types)}" + (" of several ranges" if known is None else "")
    named = ", or its sensor with --sensor" if own is None and scene.dtype in types else ""
    raise BandError(
        f"{scene.path}: pixels are {scene.dtype}, the model learned {learned}: "
        + value_range_remedy(scene.dtype)
        + named
    )


def _warn_of_values(pixels: ScenePixels, card: ModelCard, options: PredictOptions) -> None:
    """Warn of values that are far from those that the model learned from."""
    own = card.domain(options.sensor)
    domains = card.domains if own is None else (own,)
    if not domains:
        return
    scene = pixels.scene
    places = [scene.bands.index(name) for name in card.bands]
    values = sample_scene(scene).values[places]
    if not values.size:
        _LOG.warning(
            "%s: a sample of it has no valid pixel: see geosemimtl check for its nodata", scene.path
        )
    likeness = compare(values, pixels.value_range, card.bands, domains)
    for remark in likeness_remarks(likeness, card.bands):
        _LOG.warning("%s: %s", scene.path, remark)
