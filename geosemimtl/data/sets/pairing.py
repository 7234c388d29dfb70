"""Which files belong together: those whose names give the same key."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Variant
from geosemimtl.data.sets.listing import Listing, read_text
from geosemimtl.errors import TileSetError

#: The files of each kind by key.
Found = Mapping[Kind, Mapping[Key, Path]]


def match_files(kinds: Iterable[Kind], listing: Listing) -> Found:
    """Return the files of each kind by key; of several of one key the first."""
    found: dict[Kind, dict[Key, Path]] = {}
    for kind in kinds:
        match, files = re.compile(kind.pattern).fullmatch, dict[Key, Path]()
        for below, path in listing.paths.items():
            if fits := match(below):
                files.setdefault(fits.groups(), path)
        found[kind] = files
    return found


def scene_keys(known: Benchmark, variant: Variant, found: Found) -> tuple[Key, ...]:
    """Return the keys of the scenes that have an image: in the known order, or in natural order."""
    images = found[variant.images]
    if known.scenes is not None:
        return tuple(key for key in known.scenes if key in images)
    return tuple(sorted((key for key in images if key not in known.skipped), key=natural_order))


def natural_order(key: Key) -> list[tuple[int, int, str]]:
    """Return what keys are sorted by: numbers in them as numbers, 9 before 10."""
    pieces = (piece for part in key for piece in (*re.split(r"(\d+)", part), ""))
    return [(1, int(piece), piece) if piece.isdecimal() else (0, 0, piece) for piece in pieces]


def read_lists(known: Benchmark, listing: Listing) -> tuple[dict[Key, str], list[str]]:
    """Return the split of each listed scene, and which lists are missing.

    Raises:
        TileSetError: A list cannot be read, or a scene is in two.
    """
    found = match_files(known.lists.values(), listing)
    splits: dict[Key, str] = {}
    missing = []
    for split, kind in known.lists.items():
        if not found[kind]:
            missing.append(
                f"{listing.root}: has no {kind.name} ({kind.source}), which names the scenes of "
                f"the split {split}; get it at {known.request}"
            )
        for path in found[kind].values():
            for key in _listed(known, path):
                if splits.setdefault(key, split) != split:
                    raise TileSetError(
                        f"{path}: {known.called(key)} is in the list of {splits[key]}, too; "
                        "leave it in one"
                    )
    return splits, missing


def _listed(known: Benchmark, path: Path) -> list[Key]:
    try:
        lines = read_text(path).splitlines()
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise TileSetError(f"{path}: is no list of scenes ({error}); copy it again") from error
    return [known.listed(line) for line in lines if line.strip()]
