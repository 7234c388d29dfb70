"""Predicting whole scenes: read, run, blend, resample and write, strip by strip."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.errors import BandError, ModelFileError, OutputError
from geosemimtl.files import no_empty_folder, require_absent
from geosemimtl.inference.forward import Forward
from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import GridReader, image_filter, read_on_grid
from geosemimtl.raster.resample import StripResampler
from geosemimtl.raster.scene import Scene, open_scene
from geosemimtl.raster.styles import classes_style, confidence_style, height_style
from geosemimtl.raster.values import unit_values, value_range_remedy
from geosemimtl.raster.writing import RasterKind, StripWriter, cog_writer
from geosemimtl.tasks import HEIGHT, HEIGHT_NODATA, IGNORE, SEGMENTATION, Height, Segmentation
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.scenes import scene_names
from geosemimtl.tiling.stitching import blended_strips
from geosemimtl.training.model_file import ModelCard, load_model, read_card

_LOG = logging.getLogger(__name__)

CONFIDENCE = "confidence"
#: Suffix of each output's file name.
SUFFIXES = {SEGMENTATION: "_classes.tif", HEIGHT: "_height.tif", CONFIDENCE: "_confidence.tif"}


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """How scenes are predicted.

    Attributes:
        bands: Names of the files' bands in file order, where the files do not tell.
        alpha: As in :func:`geosemimtl.raster.scene.open_scene`.
        assume_crs: CRS of files that carry none.
        value_range: Pixel values that map to 0 and 1, for scenes of another type than trained on.
        grid: ``scene``: the outputs lie on the scene's own grid; ``model``: on the model's.
        batch: Tiles that are run at once.
        window: Blend window, see :mod:`geosemimtl.tiling.weights`.
        confidence: Whether the largest probability is written too.
        precision: Inside the network, see :mod:`geosemimtl.inference.forward`.
    """

    bands: tuple[str, ...] | None = None
    alpha: int | str = "auto"
    assume_crs: str | None = None
    value_range: tuple[float, float] | None = None
    grid: Literal["scene", "model"] = "scene"
    batch: int = 4
    window: str = "hann"
    confidence: bool = True
    precision: str = "float32"


def predict(
    scenes: Sequence[Path],
    model: Path,
    *,
    output: Path | None = None,
    options: PredictOptions | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> list[dict[str, Path]]:
    """Predict classes and heights of whole scenes.

    Memory depends on the tile size and a scene's width, not on its height.

    Args:
        scenes: Any rasters with the model's bands, at any GSD.
        model: A model file.
        output: Folder of the rasters; beside each scene by default.
        options: How to predict.
        overwrite: Replace existing outputs.
        track: Shows progress.

    Returns:
        For each scene the written rasters: ``segmentation`` (uint8, nodata 255), ``height``
        (float32 metres, nodata -9999) and ``confidence`` (uint8 per cent, nodata 255).

    Raises:
        SceneError: A scene cannot be read or lacks bands.
        ModelFileError: The model cannot be read, or the scene does not fit it.
        OutputError: An output exists or cannot be written.
    """
    options = options or PredictOptions()
    card = read_card(model)
    opened = [_fitting_scene(path, card, options) for path in scenes]
    outputs = [
        {kind: stem.with_name(stem.name + SUFFIXES[kind]) for kind in _kinds(card, options)}
        for stem in _stems(scenes, output)
    ]
    with ExitStack() as stack:
        if output is not None:
            stack.enter_context(no_empty_folder(output))
        require_absent([path for paths in outputs for path in paths.values()], overwrite=overwrite)
        network, _ = load_model(model)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        forward = Forward(network, card, device, options.precision)
        for scene, paths in zip(opened, outputs, strict=True):
            _ScenePrediction(scene, forward, card, options).write(paths, track)
    return outputs


def _fitting_scene(path: Path, card: ModelCard, options: PredictOptions) -> Scene:
    scene = open_scene(path, options.bands, alpha=options.alpha, assume_crs=options.assume_crs)
    scene.indexes_of(card.bands)
    scene_value_range(scene, card, options.value_range)
    if scene.named_by == "colour":
        mask = "" if scene.alpha is None else f", and band {scene.alpha} is taken as its mask"
        _LOG.warning(
            "%s: bands are named by the file's colours, red, green, blue%s: else pass --bands",
            path,
            mask,
        )
    return scene


def _stems(scenes: Sequence[Path], output: Path | None) -> list[Path]:
    """Return where each scene's rasters go, without their suffixes."""
    if output is not None:
        return [output / name for name in scene_names(scenes)]
    stems = [path.with_suffix("") for path in scenes]
    twice = [stem for stem, count in Counter(map(Path.resolve, stems)).items() if count > 1]
    if twice:
        raise OutputError(
            f"{twice[0]}: two scenes would have rasters of this name; predict one at a time, each "
            "with its own -o"
        )
    return stems


def scene_value_range(
    scene: Scene, card: ModelCard, declared: tuple[float, float] | None
) -> tuple[float, float]:
    """Return the pixel values of a scene that map to 0 and 1.

    Raises:
        BandError: The scene's type is not the training's and nothing was declared.
    """
    if declared is not None:
        return declared
    if scene.dtype == card.dtype and card.value_range is not None:
        return card.value_range
    if scene.dtype == "uint8":
        return 0.0, 255.0
    learned = f"from {card.dtype}" + (" of several ranges" if card.value_range is None else "")
    raise BandError(
        f"{scene.path}: pixels are {scene.dtype}, the model learned {learned}: "
        + value_range_remedy(scene.dtype)
    )


def _kinds(card: ModelCard, options: PredictOptions) -> list[str]:
    kinds: list[str] = [task.name for task in card.tasks]
    return [*kinds, CONFIDENCE] if options.confidence and SEGMENTATION in kinds else kinds


@dataclass(frozen=True, slots=True)
class _ScenePrediction:
    """One scene on its way through one network."""

    scene: Scene
    forward: Forward
    card: ModelCard
    options: PredictOptions

    def write(self, paths: Mapping[str, Path], track: Track) -> None:
        """Predict and write every output; each appears when all rows are done, or not at all."""
        grid = model_grid(self.scene.grid, self.card.gsd_m)
        layout = TileLayout(grid.shape, self.card.tile_px, self.card.overlap_px)
        target = self.scene.grid if self.options.grid == "scene" else grid
        with ExitStack() as stack:
            image, mask = (
                stack.enter_context(
                    read_on_grid(self.scene, to, image_filter(self.scene.grid, to), self.card.bands)
                )
                for to in (grid, target)
            )
            writers = {
                kind: stack.enter_context(cog_writer(path, target, *_raster_kind(kind, self.card)))
                for kind, path in paths.items()
            }
            windows = track(layout.tiles(), f"predicting {self.scene.path.name}", len(layout))
            tiles = self._run(self._read(image, windows))
            channels = sum(task.channels for task in self.card.tasks) + 1
            strips = blended_strips(layout, channels, tiles, self.options.window)
            resampler = StripResampler(grid.shape, target.shape, _step(grid, target))
            for _, strip in strips:
                row, values = resampler.feed(strip, strip[-1] > 0.5)
                if values.shape[1]:
                    self._write_rows(row, values, mask, writers)

    def _read(
        self, image: GridReader, windows: Iterable[tuple[int, int, Window]]
    ) -> Iterator[tuple[int, int, NDArray[np.float32], NDArray[np.bool_]]]:
        """Yield the tiles that hold a valid pixel, in [0, 1]."""
        value_range = scene_value_range(self.scene, self.card, self.options.value_range)
        for i, j, window in windows:
            pixels, observed = image.read(window)
            if observed.any():
                yield i, j, np.where(observed, unit_values(pixels, value_range), 0), observed

    def _run(
        self, tiles: Iterator[tuple[int, int, NDArray[np.float32], NDArray[np.bool_]]]
    ) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Yield each tile's probabilities and metres, and last where it was observed."""
        while group := list(islice(tiles, self.options.batch)):
            # always the same shape: sums in float32 may differ with the size of a batch
            padded = group + group[-1:] * (self.options.batch - len(group))
            out = self.forward(
                np.stack([pixels for _, _, pixels, _ in padded]),
                np.stack([seen for *_, seen in padded]),
            )
            for (i, j, _, _), values in zip(group, out, strict=False):
                if not np.isfinite(values).all():
                    raise ModelFileError(
                        f"{self.scene.path}: the model gives no numbers for it; train it again"
                    )
                yield i, j, values

    def _write_rows(
        self,
        row: int,
        values: NDArray[np.float32],
        mask: GridReader,
        writers: Mapping[str, StripWriter],
    ) -> None:
        """Decide classes and write full rows; pixels masked or not predicted become nodata."""
        rows, cols = values.shape[1:]
        _, seen = mask.read(Window(0, row, cols, rows))
        valid = seen & (values[-1] > 0)
        first = 0
        for task in self.card.tasks:
            part = values[first : first + task.channels]
            first += task.channels
            if isinstance(task, Segmentation):
                classes = part.argmax(axis=0).astype(np.uint8)
                writers[SEGMENTATION].write(row, np.where(valid, classes, IGNORE)[None])
                if CONFIDENCE in writers:
                    percent = np.rint(part.max(axis=0) * 100).astype(np.uint8)
                    writers[CONFIDENCE].write(row, np.where(valid, percent, IGNORE)[None])
            else:
                metres = np.where(valid, part[0], HEIGHT_NODATA).astype(np.float32)
                writers[HEIGHT].write(row, metres[None])


def _step(grid: PixelGrid, target: PixelGrid) -> tuple[float, float]:
    """Return the (row, column) size of a target pixel in pixels of the model's grid."""
    scale = ~grid.transform @ target.transform
    return float(scale.e), float(scale.a)


def _raster_kind(kind: str, card: ModelCard) -> tuple[RasterKind, dict[str, str]]:
    """Return what an output holds, and its style."""
    tags = {"GEOSEMIMTL_MODEL": card.name}
    task = next((task for task in card.tasks if task.name == kind), None)
    match task:
        case Segmentation():
            raster = RasterKind(
                "uint8", IGNORE, ("classes",), classes=task.classes, overviews="MODE", tags=tags
            )
            style = classes_style(task.classes)
        case Height():
            raster = RasterKind("float32", HEIGHT_NODATA, ("height above ground",), "m", tags=tags)
            style = height_style(task.scale_m)
        case None:
            raster = RasterKind("uint8", IGNORE, ("confidence",), "%", tags=tags)
            style = confidence_style()
    return raster, {".qml": style}
