"""Cutting scenes and their labels into a tile set."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from geosemimtl.classes import ISPRS_CLASS_MAP
from geosemimtl.errors import BandError, BatchError, GeoSemiMTLError, OutputError, TileSetError
from geosemimtl.files import folder_writer, on_disk, require_replaceable, write_text
from geosemimtl.progress import Track, silent
from geosemimtl.raster.environment import gdal_environment, gdal_threads
from geosemimtl.raster.scene import Scene
from geosemimtl.raster.values import value_range_remedy
from geosemimtl.tasks import SEGMENTATION, TASK_NAMES
from geosemimtl.tiling.assignment import split_tiles
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.index import write_index
from geosemimtl.tiling.journal import Journal, request_of
from geosemimtl.tiling.layers import Layers, check_layers, open_layers, require_alike, tile_grid
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.pieces import Inline, Settled, in_order
from geosemimtl.tiling.scene_cutting import (
    SceneCut,
    SceneCutter,
    Target,
)
from geosemimtl.tiling.scenes import gather_scenes
from geosemimtl.tiling.statistics import StatisticsSum
from geosemimtl.tiling.targets import classes_of
from geosemimtl.tiling.tile_facts import without_other_tasks
from geosemimtl.tiling.tileset import INDEX, MANIFEST, Source, TileSet

_LOG = logging.getLogger(__name__)
#: Somewhere in a scene the ground shows; heights above it begin near 0.
_GROUND_M = 3.0
#: GSDs that differ by a smaller share are the same.
_ALIKE_GSD = 0.01
#: Small scenes that are begun before they are needed, a thread.
_AHEAD = 4


def tile(
    scenes: Sequence[Path] | DataSet,
    output: Path,
    *,
    labels: Sequence[Path] = (),
    heights: Sequence[Path] = (),
    options: TileOptions | None = None,
    overwrite: bool = False,
    jobs: int | None = None,
    track: Track = silent,
) -> TileSet:
    """Cut the scenes of one sensor into overlapping tiles at one GSD.

    Killed or interrupted, the same call goes on where it was. Where some of several scenes fail,
    the others are done before the error comes.

    Args:
        scenes: Orthophotos of one sensor, the same bands and pixel type: files, folders, patterns
            or lists, see ``geosemimtl.tiling.scenes.gather_scenes``; or a data set, which
            brings labels, heights and options along.
        output: Folder of the tile set.
        labels: Label rasters or polygons, one a scene in the same order, or none at all.
        heights: nDSM rasters in metres, one a scene in the same order, or none at all.
        options: How to cut; as the data set says, else ``TileOptions``' own, by default.
        overwrite: Replace an existing tile set; a folder of anything else is never replaced.
        jobs: Threads that work at once; one a processor core by default. Changes no result.
        track: Shows progress.

    Returns:
        What was written to ``tileset.json``.

    Raises:
        SceneError: A raster cannot be read or lacks what is needed.
        LabelError: Labels or heights do not fit their scene, or hold undeclared values.
        TileSetError: Files do not pair, no tile is left, or the splits cannot be made.
        BatchError: Some of several scenes failed; the tile set holds the others.
        ConfigError: An option has a value that cannot be.
        OutputError: The output exists, cannot be written, or is being written by another run.
    """
    data = scenes
    if not isinstance(data, DataSet):
        options = options or TileOptions()
        data = DataSet(gather_scenes(data, labels, heights, mosaic=options.mosaic), options)
    elif labels or heights:
        raise TileSetError("a data set brings its labels and heights along; name no others")
    data.require_sound()
    options = options or data.options
    folder = output.resolve()  # "." has no name otherwise
    require_replaceable(folder, MANIFEST, overwrite=overwrite)
    workers = jobs or os.cpu_count() or 1
    with gdal_environment(), gdal_threads(workers) as pool:
        batch = _open_batch(data, options)
        with folder_writer(folder, request_of(options, batch.layers, data.readers)) as part:
            run = _Run(options, part, pool, workers, track)
            made = _cut_batch(batch, run, folder.name)
    if batch.failures:
        raise BatchError(
            f"{len(batch.failures)} of {len(data.scenes)} scenes failed; "
            f"{output} holds the others:",
            batch.failures,
        )
    return made


_T = TypeVar("_T")


class _Batch(NamedTuple):
    """Scenes that are well so far, and the errors of the others."""

    layers: list[Layers]
    failures: list[GeoSemiMTLError]

    def each(self, step: Callable[[Layers], _T]) -> Iterator[tuple[Layers, _T]]:
        """Do a step for each scene; one that fails leaves the batch.

        Raises:
            GeoSemiMTLError: No scene is left, or nothing can be written.
        """
        for layers in list(self.layers):
            try:
                yield layers, step(layers)
            except OutputError:
                raise
            except GeoSemiMTLError as error:
                self.layers.remove(layers)
                self.failures.append(error)
        self.require_some()

    def require_some(self) -> None:
        """Raise where every scene failed."""
        if self.layers:
            return
        if len(self.failures) == 1:
            raise self.failures[0]
        raise BatchError(f"all {len(self.failures)} scenes failed:", self.failures)


def value_range_of(scene: Scene, declared: tuple[float, float] | None) -> tuple[float, float]:
    """Return the pixel values that map to 0 and 1.

    Raises:
        BandError: The type is wider than 8 bit and nothing was declared.
    """
    if declared is not None:
        return declared
    if scene.dtype == "uint8":
        return 0.0, 255.0
    raise BandError(f"{scene.path}: pixels are {scene.dtype}; {value_range_remedy(scene.dtype)}")


def _open_batch(data: DataSet, options: TileOptions) -> _Batch:
    opened, failures = [], []
    for each in data.scenes:
        try:
            opened.append(open_layers(each, options, data.readers))
        except GeoSemiMTLError as error:
            failures.append(error)
    # a folder may hold something else beside its images, first by name even
    kinds = Counter((layers.image.bands, layers.image.dtype) for layers in opened)
    batch = _Batch(opened, failures)
    if kinds:
        ((usual, _),) = kinds.most_common(1)
        model = next(one for one in opened if (one.image.bands, one.image.dtype) == usual)
        for _ in batch.each(lambda own: require_alike(own, model)):
            pass
    batch.require_some()
    _warn(batch.layers, options)
    return batch


def _warn(batch: Sequence[Layers], options: TileOptions) -> None:
    """Say what may not be meant."""
    if options.classes is not ISPRS_CLASS_MAP and not any(
        SEGMENTATION in layers.targets for layers in batch
    ):
        _LOG.warning("--classes is not used: no scene has labels; name them with --labels")
    if options.gsd_m is None and options.resize is None:
        gsds_m = [max(layers.image.grid.gsd_m) for layers in batch]
        if max(gsds_m) > (1 + _ALIKE_GSD) * min(gsds_m):
            _LOG.warning(
                "scenes have GSDs from %.4g to %.4g m: all are cut at %.4g m, that of %s; else "
                "pass --gsd",
                *(min(gsds_m), max(gsds_m), gsds_m[0], batch[0].name),
            )
    if batch[0].image.named_by == "colour" and options.resize is None:
        _LOG.warning("bands are named by the files' colours, red, green, blue: else pass --bands")


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of ``tile``: how to cut, where to, and with what."""

    options: TileOptions
    folder: Path
    pool: ThreadPoolExecutor
    workers: int
    track: Track


def _cut_batch(batch: _Batch, run: _Run, name: str) -> TileSet:
    first, options = batch.layers[0].image, run.options
    value_range = value_range_of(first, options.value_range)
    gsd_m = None
    if options.resize is None:
        gsd_m = options.gsd_m or max(first.grid.gsd_m)
    sources = {layers.name: _source(layers) for layers in batch.layers}  # files may go meanwhile
    classes = {task: classes_of(task, options) for task in _tasks(batch.layers)}
    sums = StatisticsSum(len(first.bands), first.dtype, value_range, classes)
    cuts = _cut_scenes(batch, run, gsd_m, sums)
    tasks = _tasks(batch.layers)  # the only scene that had labels for one may have failed
    tried = cuts[0][0].tasks
    for task in set(tried) - set(tasks):
        shutil.rmtree(run.folder / task)
    rows = [without_other_tasks(row, tasks, tried) for _, cut in cuts for row in cut.rows]
    dropped: Counter[str] = Counter()
    for _, cut in cuts:
        dropped.update(cut.dropped)
    if not rows:
        raise TileSetError(_nothing_left(first.path, dropped))
    grids = [target.tile_grid(row) for target, cut in cuts for row in cut.rows]
    write_index(run.folder / INDEX, rows, grids)
    tileset = TileSet(
        name=options.name or name,
        gsd_m=gsd_m,
        size_px=options.tile_px,
        overlap_px=options.shared_px,
        edge=options.edge,
        bands=first.bands,
        dtype=first.dtype,
        value_range=value_range,
        tiles=len(rows),
        splits=dict(sorted(Counter(row["split"] for row in rows).items())),
        dropped=dict(sorted(dropped.items())),
        statistics=sums.bands(),
        targets=sums.targets(tasks),
        sources=tuple(sources[target.layers.name] for target, _ in cuts),
    )
    write_text(run.folder / MANIFEST, tileset.model_dump_json(indent=1) + "\n")
    Journal(run.folder).remove()
    _warn_of(tileset, rows)
    return tileset


def _warn_of(tileset: TileSet, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell what a training would stumble over."""
    if lacking := _not_in_training(tileset, rows):
        remedy = "choose smaller blocks with --block, or another draw with --seed"
        if tileset.gsd_m is None:
            remedy = "a model will not know them; another split may"
        _LOG.warning("no training tile has any %s, others have: %s", ", ".join(lacking), remedy)
    if tileset.heights is not None and tileset.heights.minimum > _GROUND_M:
        _LOG.warning(
            "no height is below %.0f m: if these are elevations, make heights above ground of them "
            "with geosemimtl ndsm",
            tileset.heights.minimum,
        )


def _not_in_training(tileset: TileSet, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the classes that tiles of other splits have, and those for training do not."""
    if tileset.classes is None or "train" not in tileset.splits:
        return []
    counts = zip(tileset.classes.names, tileset.class_pixels, strict=True)
    return [n for n, count in counts if not count and any(row[f"share_{n}"] for row in rows)]


def _cut_scenes(
    batch: _Batch, run: _Run, gsd_m: float | None, sums: StatisticsSum
) -> list[tuple[Target, SceneCut]]:
    """Cut the scenes and gather their statistics."""
    options = run.options
    layouts = {
        layers.name: (
            grid,
            TileLayout(grid.shape, options.tile_px, options.shared_px, options.edge),
        )
        for layers, grid in batch.each(lambda own: tile_grid(own.image, options, gsd_m))
    }
    splits = split_tiles(batch.layers, layouts, options)
    tasks = _tasks(batch.layers)
    for kind in ("image", *tasks):
        (run.folder / kind).mkdir(exist_ok=True)
    for torn in run.folder.glob("*/.*.part*"):  # by a kill; its scene may fail now
        torn.unlink()
    targets = {
        layers.name: Target(layers, *layouts[layers.name], splits[layers.name], options, tasks)
        for layers in batch.layers
    }
    whole_images = options.resize is not None
    cut = _cut_side_by_side if whole_images else _cut_one_by_one
    made = []
    for target, scene, own in cut(batch, targets, run, sums.empty):
        sums.add(own)
        made.append((target, scene))
    return made


#: A scene that was cut, as what, and what was counted of it.
_Cut = tuple[Target, SceneCut, StatisticsSum]


def _cut_one_by_one(
    batch: _Batch, targets: Mapping[str, Target], run: _Run, empty: Callable[[], StatisticsSum]
) -> Iterator[_Cut]:
    """Cut scene after scene, each by all threads."""

    def cut(layers: Layers) -> _Cut:
        return _cut(targets[layers.name], run, empty(), run.pool, run.workers, run.track)

    yield from (made for _, made in batch.each(cut))


def _cut_side_by_side(
    batch: _Batch, targets: Mapping[str, Target], run: _Run, empty: Callable[[], StatisticsSum]
) -> Iterator[_Cut]:
    """Cut many small scenes, each by a thread."""

    def cut(layers: Layers) -> _Cut:
        return _cut(targets[layers.name], run, empty(), Inline(), 1, silent)

    with Settled(run.pool) as pool:
        layers = list(batch.layers)
        ahead = in_order(pool, cut, layers, _AHEAD * run.workers)
        begun = iter(run.track(ahead, "images", len(layers)))
        yield from (made for _, made in batch.each(lambda _: next(begun).result()))
        next(begun, None)  # the bar ends


def _cut(
    target: Target, run: _Run, sums: StatisticsSum, pool: Executor, workers: int, track: Track
) -> _Cut:
    """Cut a scene, unless that has been done."""
    journal, layers = Journal(run.folder), target.layers
    made = journal.read(layers.name, sums)
    if made is None:
        cutter = SceneCutter(target, run.folder, pool, sums, workers)
        try:
            made = cutter.cut(track, check_layers(layers))
        except GeoSemiMTLError:
            cutter.remove()
            raise
        journal.write(layers.name, made, sums)
    return target, made, sums


def _tasks(batch: Sequence[Layers]) -> tuple[str, ...]:
    """Return the tasks that any scene has labels for."""
    found = {task for layers in batch for task in layers.targets}
    return tuple(task for task in TASK_NAMES if task in found)


def _nothing_left(path: Path, dropped: Counter[str]) -> str:
    if dropped["astride"]:
        return (
            f"{path}: no tile lies in one block of the split; give larger blocks with --block, or "
            "smaller tiles"
        )
    if not dropped:
        return f"{path}: is smaller than a tile; pass --edge pad, or a smaller --size"
    return (
        f"{path}: no tile has enough valid pixels; lower --min-valid, or check what the file says "
        "is missing with geosemimtl check"
    )


def _source(layers: Layers) -> Source:
    stats = [on_disk(file)[0].stat() for file in layers.files]
    return Source(
        name=layers.name,
        files=tuple(file.name for file in layers.files),
        sizes_bytes=tuple(stat.st_size for stat in stats),
        modified_s=tuple(int(stat.st_mtime) for stat in stats),
    )
