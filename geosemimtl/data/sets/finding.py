"""Finding a data set's files below a folder, in folders and in zips."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from affine import Affine
from rasterio.crs import CRS

from geosemimtl.classes import ISPRS_CLASS_MAP
from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Variant, Wanted
from geosemimtl.data.sets.registry import benchmark_of
from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.files import inside, on_disk
from geosemimtl.raster.scene import Georeference
from geosemimtl.tiling.data_set import DataSet, Stock
from geosemimtl.tiling.scenes import SceneFiles, targets_of

#: Where images that do not say so are laid, one beside the other, and how far apart.
_EAST_M, _NORTH_M, _APART_M = 480_000.0, 5_500_000.0, 1_000.0

Files = Mapping[Key, Path]
#: The files of each kind; there are none of a kind that a data set does not know.
Found = Mapping[Kind | None, Files]


def find_data_set(name: str, root: Path, wanted: Wanted | None = None) -> DataSet:
    """Find a data set's files below a folder, in any folders and zips.

    Args:
        name: A key of ``geosemimtl.data.sets.registry.DATA_SETS``.
        root: The folder.
        wanted: Which of its files; the data set's usual ones by default.

    Returns:
        The scenes that have an image. Where none has, and where something is damaged, its
        ``problems`` say so.

    Raises:
        ConfigError: The name, or what is wanted, is unknown.
        TileSetError: There is no such folder, or a world file is none.
    """
    known, wanted = benchmark_of(name), wanted or Wanted()
    variant = _variant(known, wanted.variant)
    if wanted.no_boundary and known.labels_no_boundary is None:
        raise ConfigError(f"--no-boundary: {known.name} has no such labels; leave it out")
    paths, problems, nested = _listed(root)
    kinds = known.kinds
    found: Found = {None: {}} | {kind: _of(kind, paths, known) for kind in kinds}
    labels = known.labels_no_boundary if wanted.no_boundary else known.labels
    heights = known.heights if wanted.height_scale_m is None else known.greys or known.heights
    images = found[variant.images]
    if not images and not problems:
        problems += nested or [_no_image(known, root, variant, found)]
    if images and wanted.no_boundary and labels is not None and not found[labels]:
        problems.append(
            f"{root}: has no {labels.name} ({labels.source}); leave --no-boundary out, or ask for "
            f"them at {known.request}"
        )
    scenes = tuple(
        SceneFiles(
            name,
            (images[key],),
            targets_of(_only(found[labels].get(key)), _only(found[heights].get(key))),
            split=known.splits.get(key),
            georeference=_place(known, key, found),
        )
        for key, name in known.scenes.items()
        if key in images
    )
    options = replace(
        known.options,
        bands=variant.bands,
        height_scale_m=wanted.height_scale_m,
        # without labels as where no class map is named
        classes=known.options.classes if found[labels] else ISPRS_CLASS_MAP,
    )
    stocks = tuple(_stock(kind, found[kind], known) for kind in kinds)
    used = (variant.images, labels, heights)
    remarks = _remarks(known, used, found) if scenes else ()
    return DataSet(scenes, options, stocks=stocks, remarks=remarks, problems=tuple(problems))


def _only(file: Path | None) -> tuple[Path, ...]:
    return () if file is None else (file,)


def _variant(known: Benchmark, name: str | None) -> Variant:
    usual = next(iter(known.variants))
    if (name or usual) not in known.variants:
        raise ConfigError(
            f"--variant {name}: {known.name} comes as {', '.join(known.variants)}; choose of these"
        )
    return known.variants[name or usual]


def _listed(root: Path) -> tuple[dict[str, Path], list[str], list[str]]:
    """Return all files by their path below the root in lower case, and which zips are of no use.

    The second are damaged, the third hold zips themselves.
    """
    if not root.is_dir():
        raise TileSetError(f"{root}: is no folder; name the one that holds the data set")
    paths: dict[str, Path] = {}
    zips: list[Path] = []
    damaged: list[str] = []
    nested: list[str] = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix.lower() == ".zip" and not name.startswith("."):
                zips.append(path)
            elif not name.startswith("."):
                paths.setdefault(path.relative_to(root).as_posix().lower(), path)
    for archive in zips:
        try:
            members = dict(_members(archive))
        except (OSError, zipfile.BadZipFile) as error:
            damaged.append(f"{archive}: is damaged or incomplete ({error}); copy it again")
            continue
        below = archive.relative_to(root).as_posix().lower()
        for member, path in members.items():
            paths.setdefault(f"{below}/{member}", path)
        if any(member.endswith(".zip") for member in members):
            nested.append(f"{archive}: holds zips itself; unpack it, not those")
    return paths, damaged, nested


def _members(archive: Path) -> Iterator[tuple[str, Path]]:
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            if not (name.endswith("/") or Path(name).name.startswith(".")):
                yield name.lower(), inside(archive, name)


def _of(kind: Kind, paths: Mapping[str, Path], known: Benchmark) -> Files:
    """Return the files of a kind; of several for a scene the first, files before those in zips."""
    pattern, found = re.compile(kind.pattern), dict[Key, Path]()
    for below, path in paths.items():
        if match := pattern.fullmatch(below):
            key = tuple(map(int, match.groups()))
            if key in known.scenes:
                found.setdefault(key, path)
    return found


def _place(known: Benchmark, key: Key, found: Found) -> Georeference:
    crs = CRS.from_user_input(known.crs)
    if file := found[known.places].get(key):
        return Georeference(crs, _world(file))
    if known.gsd_m is None:
        return Georeference(crs)
    east_m = _EAST_M + _APART_M * list(known.scenes).index(key)
    return Georeference(crs, Affine(known.gsd_m, 0, east_m, 0, -known.gsd_m, _NORTH_M))


def _world(path: Path) -> Affine:
    """Return what a world file says: four numbers of a pixel, and its first pixel's centre."""
    file, member = on_disk(path)
    try:
        if member:
            with zipfile.ZipFile(file) as archive:
                text = archive.read(member).decode("ascii")
        else:
            text = file.read_text(encoding="ascii")
        a, d, b, e, x, y = map(float, text.split())
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise TileSetError(f"{path}: is no world file of six numbers; copy it again") from error
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def _stock(kind: Kind, files: Files, known: Benchmark) -> Stock:
    missing = tuple(name for key, name in known.scenes.items() if key not in files)
    return Stock(kind.name, kind.source, len(files), missing)


def _no_image(known: Benchmark, root: Path, variant: Variant, found: Found) -> str:
    others = [name for name, each in known.variants.items() if found[each.images]]
    if others:
        return (
            f"{root}: has no {variant.images.name} ({variant.images.source}); it has "
            f"{', '.join(others)}: pass --variant {others[0]}"
        )
    return (
        f"{root}: has no {variant.images.name} of {known.name} ({variant.images.source}); check "
        f"the folder, or ask for the data at {known.request}"
    )


def _remarks(
    known: Benchmark, used: tuple[Kind, Kind | None, Kind | None], found: Found
) -> tuple[str, ...]:
    """Return what is left out, and why."""
    images, *layers = used
    left_out = len(known.scenes) - len(found[images])
    remarks = [_lacking(images, left_out, len(known.scenes), "left out")] if left_out else []
    for kind in layers:
        without = sum(key not in found[kind] for key in found[images])
        if kind is not None and without and (found[kind] or kind != known.heights):
            remarks.append(_lacking(kind, without, len(found[images]), "cut without"))
    if remarks:
        remarks.append(f"ask for what is missing at {known.request}")
    if known.heights in layers and not found[known.heights]:
        remarks += _no_heights(known, found)
    if known.places is not None and len(found[known.places]) < len(found[images]):
        remarks.append(
            f"{known.places.name} ({known.places.source}): some are missing; images that do not "
            "say where they lie are laid side by side, not where they are"
        )
    return tuple(remarks)


def _lacking(kind: Kind, count: int, of: int, what: str) -> str:
    return f"{kind.name} ({kind.source}): {count} of {of} scenes have none and are {what}"


def _no_heights(known: Benchmark, found: Found) -> list[str]:
    """Return where heights could come from."""
    ways = []
    if found[known.greys]:
        ways.append(
            "those found are grey levels, no metres: say how many metres one is with "
            "--height-scale METRES"
        )
    if known.surface is not None:
        ways.append(
            f"make each surface model's ({known.surface.source}) with geosemimtl ndsm, under its "
            "own name in a folder ndsm"
        )
    return [f"no heights: {'; or '.join(ways)}"] if ways else []
