"""What a report shows beside scores: scenes, model card, losses, and how it was asked for."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geosemimtl.errors import GeoSemiMTLError, LabelError, ModelFileError
from geosemimtl.inference.outputs import scene_name
from geosemimtl.raster.declared import predicted_by
from geosemimtl.raster.scene import Georeference, Scene, open_scene, overlap
from geosemimtl.tiling.scenes import raster_called
from geosemimtl.training.model_file import ModelCard, read_card

#: Beside a model: its training's losses.
LOSSES = "metrics.csv"
#: Columns of it that are no losses.
_COUNTERS = ("step", "epoch")

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ReportSources:
    """What a report shows beside scores.

    Attributes:
        command: By which it was made, files by their names only.
        images: What the scenes look like, in their order; ``None`` where nobody knows.
        card: Of the model.
        losses: Of its training by name: (iteration, value).
    """

    command: str = ""
    images: tuple[Scene | None, ...] = ()
    card: ModelCard | None = None
    losses: Mapping[str, Curve] = field(default_factory=dict)


def command_of(arguments: Sequence[str]) -> str:
    """Return a call of the program on one line, without the folders of files."""
    words = []
    for each in arguments:
        option, equals, value = each.partition("=")
        if each.startswith("-") and equals:
            words.append(f"{option}={_file_name(value)}")
        else:
            words.append(_file_name(each))
    return shlex.join(("geosemimtl", *words))


def _file_name(text: str) -> str:
    is_path = "/" in text or "\\" in text
    return Path(text.replace("\\", "/")).name or text if is_path else text


def model_sources(
    model: Path | None, rasters: Sequence[Path] = ()
) -> tuple[ModelCard | None, dict[str, Curve]]:
    """Read a model's card and the losses beside it.

    Args:
        model: The model file, if it is known.
        rasters: What it should have predicted.

    Raises:
        ModelFileError: It cannot be read, or it is not the model that the rasters name.
    """
    if model is None:
        return None, {}
    card = read_card(model)
    for raster in rasters:
        name = predicted_by(raster)
        if name not in {None, card.name}:
            raise ModelFileError(
                f"{raster}: was predicted by the model {name}, not by {card.name} of {model}; "
                "name the right --card"
            )
    losses = model.with_name(LOSSES)
    return card, read_losses(losses) if losses.is_file() else {}


def read_losses(path: Path) -> dict[str, Curve]:
    """Read a training's losses by name: (iteration, value).

    Raises:
        ModelFileError: The file is no table of losses.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for name, value in row.items():
                    if name not in _COUNTERS and value:
                        found.setdefault(name, []).append((float(row["step"]), float(value)))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise ModelFileError(
            f"{path}: is no table of losses that geosemimtl train writes; move it away"
        ) from error
    return {name: tuple(values) for name, values in found.items()}


def opened_images(
    images: Sequence[Sequence[Path]],
    *,
    bands: Sequence[str] | None = None,
    alpha: int | str = "auto",
    assume_crs: str | None = None,
) -> tuple[Scene, ...]:
    """Look at scenes, each of one file or of several; see ``images_beside``.

    Raises:
        GeoSemiMTLError: One cannot be read.
    """
    return tuple(open_scene(files, bands, alpha=alpha, assume_crs=assume_crs) for files in images)


def images_beside(
    rasters: Sequence[Path],
    named: Sequence[Path],
    *,
    bands: Sequence[str] | None = None,
    alpha: int | str = "auto",
    assume_crs: str | None = None,
) -> tuple[Scene | None, ...]:
    """Look at the scenes that predicted rasters are of.

    Args:
        rasters: One a scene.
        named: The scenes in the same order; if none is, those that lie beside the rasters under
            the scene's name, as far as they can be read.
        bands: As for ``geosemimtl.raster.scene.open_scene``.
        alpha: Likewise.
        assume_crs: Likewise.

    Raises:
        LabelError: There is not one for each raster, or one lies elsewhere.
        GeoSemiMTLError: One that was named cannot be read.
    """
    if named and len(named) != len(rasters):
        raise LabelError(
            f"{len(rasters)} predicted scene(s) but {len(named)} --image: name one for each, in "
            "order"
        )
    files: Sequence[Path | None] = named or [
        raster_called(raster.parent, scene_name(raster)) for raster in rasters
    ]
    found: list[Scene | None] = []
    for raster, file in zip(rasters, files, strict=True):
        if file is None or file == raster:
            found.append(None)
            continue
        try:
            grid = open_scene(raster, assume_crs=assume_crs).grid
            place = Georeference.of(grid)
            scene = open_scene(file, bands, alpha=alpha, assume_crs=assume_crs, fallback=place)
            if not overlap(scene.grid, grid):
                raise LabelError(
                    f"{file}: lies elsewhere than {raster}; check the order of --image"
                )
        except GeoSemiMTLError:
            if named:
                raise
            scene = None
        found.append(scene)
    return tuple(found)
