"""Finding a data set's files below a folder, in folders and in zips."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from affine import Affine
from rasterio.crs import CRS

from geosemimtl.classes import ISPRS_CLASS_MAP, ClassMap
from geosemimtl.data.sets.benchmark import GREYS, Benchmark, Key, Target, Variant, Wanted
from geosemimtl.data.sets.listing import list_files, read_text
from geosemimtl.data.sets.pairing import Found, match_files, read_lists, scene_keys
from geosemimtl.data.sets.registry import benchmark_of
from geosemimtl.data.sets.remarks import Choice, no_alternative, no_image, remarks_of, stocks_of
from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.raster.scene import Georeference, Reader
from geosemimtl.tasks import SEGMENTATION
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles

#: Where images that do not say so are laid, one beside the other, and how far apart.
_EAST_M, _NORTH_M, _APART_M = 480_000.0, 5_500_000.0, 1_000.0

_Chosen = TypeVar("_Chosen")


def find_data_set(name: str, root: Path, wanted: Wanted | None = None) -> DataSet:
    """Find a data set's files below a folder, in any folders and zips. No image is opened.

    Args:
        name: A key of ``geosemimtl.data.sets.registry.DATA_SETS``.
        root: The folder.
        wanted: Which of its files; the data set's usual ones by default.

    Returns:
        The scenes that have an image. Where none has, and where something is damaged, its
        ``problems`` say so.

    Raises:
        ConfigError: The name, or what is wanted, is unknown.
        TileSetError: There is no such folder, or a world file or a list of scenes is none.
    """
    known, wanted = benchmark_of(name), wanted or Wanted()
    variant = _chosen(known, "--variant", known.variants, wanted.variant)
    targets = _targets(known, wanted)
    classes = _classes(known, wanted)
    listing = list_files(root)
    found = match_files(known.kinds, listing)
    keys = scene_keys(known, variant, found)
    listed, missing = read_lists(known, listing)
    unlisted = [key for key in keys if key not in listed] if known.lists else []
    if known.lists:
        keys = tuple(key for key in keys if key in listed)
    splits = {key: listed.get(key) or known.split_of(key) for key in keys}
    choice = Choice(known, variant, targets, found, keys, splits)
    problems = list(listing.damaged)
    if found[variant.images]:
        problems += missing
        for each in wanted.alternatives:
            problems += no_alternative(listing, choice, each)
    elif not problems:
        problems += listing.nested or [no_image(listing, known, variant, found)]
    return DataSet(
        tuple(_scene(choice, key) for key in keys),
        _options(choice, classes, wanted),
        readers=_readers(variant, targets),
        stocks=stocks_of(choice),
        remarks=remarks_of(choice, unlisted) if keys else (),
        problems=tuple(problems),
    )


def _targets(known: Benchmark, wanted: Wanted) -> dict[str, Target]:
    """Return the wanted targets by task."""
    targets = dict(known.targets) | dict(known.by_classes.get(wanted.classes or "", {}))
    for name in wanted.alternatives:
        if name not in known.alternatives:
            others = [f"--{each}" for each in known.alternatives if each != GREYS]
            choice = f", or choose of {', '.join(others)}" if others else ""
            raise ConfigError(f"--{name}: {known.name} has no such targets; leave it out{choice}")
        targets |= known.alternatives[name]
    if wanted.height_scale_m is not None:
        targets |= known.alternatives.get(GREYS, {})
    tasks = known.usual_tasks if wanted.tasks is None else wanted.tasks
    for task in tasks:
        if task not in targets:
            raise ConfigError(
                f"--tasks {task}: {known.name} has {', '.join(targets) or 'none'}; choose of these"
            )
    return {task: targets[task] for task in tasks}


def _classes(known: Benchmark, wanted: Wanted) -> ClassMap:
    if wanted.classes is None and not known.class_maps:
        return known.options.classes
    return _chosen(known, "--classes", known.class_maps, wanted.classes)


def _chosen(
    known: Benchmark, flag: str, choices: Mapping[str, _Chosen], name: str | None
) -> _Chosen:
    """Return the choice of a name, the first without one."""
    wanted = next(iter(choices), "") if name is None else name
    if wanted not in choices:
        raise ConfigError(
            f"{flag} {wanted}: {known.name} comes as {', '.join(choices) or 'nothing such'}; "
            "choose of these"
        )
    return choices[wanted]


def _readers(variant: Variant, targets: Mapping[str, Target]) -> dict[str, Reader]:
    readers = {"image": variant.read} | {task: target.read for task, target in targets.items()}
    return {layer: read for layer, read in readers.items() if read is not None}


def _options(choice: Choice, classes: ClassMap, wanted: Wanted) -> TileOptions:
    labels = choice.targets.get(SEGMENTATION)
    labelled = labels is not None and bool(choice.found[labels.kind])
    return replace(
        choice.known.options,
        bands=choice.variant.bands,
        height_scale_m=wanted.height_scale_m,
        # without labels as where no class map is named
        classes=classes if labelled else ISPRS_CLASS_MAP,
    )


def _scene(choice: Choice, key: Key) -> SceneFiles:
    known, found = choice.known, choice.found
    due = {
        task: target
        for task, target in choice.targets.items()
        if target.splits is None or choice.splits[key] in target.splits
    }
    return SceneFiles(
        known.called(key),
        (found[choice.variant.images][key],),
        targets={
            task: (found[target.kind][key],)
            for task, target in due.items()
            if key in found[target.kind]
        },
        split=choice.splits[key],
        georeference=_place(known, key, found),
    )


def _place(known: Benchmark, key: Key, found: Found) -> Georeference | None:
    ground = known.ground
    if ground is None:
        return None
    crs = CRS.from_user_input(ground.crs)
    if ground.places is not None and key in found[ground.places]:
        return Georeference(crs, _world(found[ground.places][key]))
    if ground.gsd_m is None or known.scenes is None:
        return Georeference(crs)
    east_m = _EAST_M + _APART_M * list(known.scenes).index(key)
    return Georeference(crs, Affine(ground.gsd_m, 0, east_m, 0, -ground.gsd_m, _NORTH_M))


def _world(path: Path) -> Affine:
    """Return what a world file says: four numbers of a pixel, and its first pixel's centre."""
    try:
        a, d, b, e, x, y = map(float, read_text(path).split())
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise TileSetError(f"{path}: is no world file of six numbers; copy it again") from error
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)
