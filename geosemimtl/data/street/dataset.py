"""Synthetic streets as two data sets, written as Cityscapes and Synscapes are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from geosemimtl.data.street.layouts import LAST_TRAIN, LAST_VAL, write_cityscapes, write_synscapes
from geosemimtl.data.street.view import street_view
from geosemimtl.errors import ConfigError
from geosemimtl.files import folder_writer, require_replaceable, write_text
from geosemimtl.progress import Track, silent

#: In a folder of streets: what it was asked to hold.
MARKER = "street.json"
#: The data sets' folders, called like their looks.
CAMERA, RENDERED = "camera", "rendered"
#: Seeds a split: no street is in two, and none of one seed is another's.
_SPLIT_SEEDS = 1_000_000
_SPLITS = ("train", "val", "train_extra")


@dataclass(frozen=True, slots=True)
class StreetFolders:
    """Two data sets of streets.

    Attributes:
        camera: As Cityscapes is laid out.
        rendered: As Synscapes is laid out.
    """

    camera: Path
    rendered: Path


def write_street(
    folder: Path,
    *,
    seed: int,
    train: int,
    val: int,
    shape: tuple[int, int] = (256, 512),
    extra: int = 0,
    overwrite: bool = False,
    track: Track = silent,
) -> StreetFolders:
    """Draw streets and write them as two data sets, the whole folder or nothing.

    ``camera/`` is a Cityscapes of the look ``camera``, ``rendered/`` a Synscapes of the look
    ``rendered``; its images to train with are numbered from 1, the others from 20001, as they are
    told apart there. Both hold all classes and depths: who wants less takes less.

    Args:
        folder: Where both go.
        seed: Names all streets; another seed gives none of the same.
        train: Views to train with, of each data set.
        val: Views to validate with, of each.
        shape: Rows and columns of images.
        extra: Views of ``camera`` that have disparities and no labels, the split ``train_extra``.
        overwrite: Replace what an earlier call wrote.
        track: Shows progress.

    Raises:
        ConfigError: A count is not possible.
        OutputError: The folder holds something that is not to be replaced, or cannot be written.
    """
    counts = {"train": train, "val": val, "train_extra": extra}
    _check(seed, counts)
    require_replaceable(folder, MARKER, overwrite=overwrite)
    total = 2 * (train + val) + extra
    with folder_writer(folder) as part:
        work = chain(_camera_views(counts), _rendered_views(counts))
        for look, split, index in track(work, "drawing streets", total):
            view = street_view(look, _seed(seed, split, index), shape)
            if look == CAMERA:
                write_cityscapes(part / CAMERA, view, split, index)
            else:
                start = 1 if split == "train" else LAST_TRAIN + 1
                write_synscapes(part / RENDERED, view, start + index)
        content = {"seed": seed, "shape": list(shape), **counts}
        write_text(part / MARKER, json.dumps(content, indent=2) + "\n")
    return StreetFolders(folder / CAMERA, folder / RENDERED)


def _check(seed: int, counts: dict[str, int]) -> None:
    most = {"train": LAST_TRAIN, "val": LAST_VAL - LAST_TRAIN, "train_extra": _SPLIT_SEEDS}
    if seed < 0:
        raise ConfigError(f"the seed of synthetic streets is {seed}: it must not be below 0")
    for split, count in counts.items():
        if not 0 <= count <= most[split]:
            raise ConfigError(
                f"{count} synthetic streets of the split {split}: choose 0 to {most[split]}"
            )
    if not any(counts.values()):
        raise ConfigError("no synthetic streets are asked for: choose a count above 0")


def _camera_views(counts: dict[str, int]) -> Iterator[tuple[str, str, int]]:
    return ((CAMERA, split, index) for split in _SPLITS for index in range(counts[split]))


def _rendered_views(counts: dict[str, int]) -> Iterator[tuple[str, str, int]]:
    return ((RENDERED, split, index) for split in _SPLITS[:2] for index in range(counts[split]))


def _seed(seed: int, split: str, index: int) -> int:
    return (seed * len(_SPLITS) + _SPLITS.index(split)) * _SPLIT_SEEDS + index
