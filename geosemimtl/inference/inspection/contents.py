"""What a tile set or a model says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geosemimtl.errors import ModelFileError, TileSetError
from geosemimtl.tasks import HEIGHT, SEGMENTATION, TASK_NAMES
from geosemimtl.tiling.tileset import MANIFEST, TileSet, read_tileset
from geosemimtl.training import onnx_file

if TYPE_CHECKING:  # loads torch, which check needs for nothing
    from geosemimtl.training.model_file import ModelCard

#: Of model files; as in training/model_file.py, which loads torch, and of exported ones.
_MODEL_SUFFIXES = (".safetensors", onnx_file.SUFFIX)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which sensor supervises which task, and how much of it.

    Attributes:
        sensor: The tile set's name.
        pixels: By task, each pixel once; 0 without labels.
        km2: The same on the ground; 0 of images that lie nowhere on it.
    """

    sensor: str
    pixels: Mapping[str, int]
    km2: Mapping[str, float]


def coverage(tilesets: Sequence[TileSet]) -> tuple[Coverage, ...]:
    """Return which tile set supervises which task, in their order."""
    rows = []
    known = {task for tileset in tilesets for task in tileset.tasks}
    tasks = [str(task) for task in TASK_NAMES if task in {SEGMENTATION, HEIGHT} | known]
    if all(tileset.gsd_m is None for tileset in tilesets):
        tasks = [task for task in tasks if task in known]
    for tileset in tilesets:
        pixels = {task: tileset.labelled_pixels().get(task, 0) for task in tasks}
        square_km = ((tileset.gsd_m or 0) / 1000) ** 2
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
    if path.suffix in _MODEL_SUFFIXES:
        from geosemimtl.training.model_file import read_card  # noqa: PLC0415  (loads torch)

        return read_card(path)
    if (path / MANIFEST).exists():
        return read_tileset(path)
    if path.is_dir():
        raise TileSetError(f"{path}: is no tile set (no {MANIFEST}); name its folder")
    raise ModelFileError(
        f"{path}: is neither a model file ({', '.join(_MODEL_SUFFIXES)}) nor a tile set's folder; "
        "check the path"
    )
