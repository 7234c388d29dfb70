"""Which files a call of evaluate names: rasters or scenes, and the truth that goes with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.errors import LabelError
from geosemimtl.inference.outputs import SUFFIXES
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.scenes import gather_scenes

#: Rasters of predict that hold no prediction to compare.
_TRUTH = (SEGMENTATION, HEIGHT)
_BESIDE = tuple(end for kind, end in SUFFIXES.items() if kind not in _TRUTH)


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """Files by what they are; truth in the order of what it is the truth of.

    Attributes:
        scenes: To predict first; empty where rasters are named.
        classes: Predicted class rasters.
        heights: Predicted height rasters.
        labels: True labels.
        true_heights: True heights.
    """

    scenes: tuple[Path, ...]
    classes: tuple[Path, ...]
    heights: tuple[Path, ...]
    labels: tuple[Path, ...]
    true_heights: tuple[Path, ...]


def named_files(
    predictions: Sequence[Path],
    labels: Sequence[Path],
    true_heights: Sequence[Path],
    *,
    are_scenes: bool,
) -> NamedFiles:
    """Sort what was named, and look into folders.

    Args:
        predictions: ``*_classes.tif``, ``*_height.tif``, other rasters of predict, which are
            passed over, and folders of those; or scenes.
        labels: One each in their order, or folders, whose files are matched by name.
        true_heights: Likewise.
        are_scenes: Whether scenes are named, which a model is to predict.

    Raises:
        LabelError: A folder holds no such raster.
        TileSetError: It is not clear which file of a folder belongs to what.
    """
    if are_scenes:
        scenes = tuple(predictions)
        known = (_beside(scenes, labels, ()), _beside(scenes, (), true_heights))
        return NamedFiles(scenes, (), (), *known)
    rasters = [raster for path in predictions for raster in _rasters(path)]
    heights = tuple(path for path in rasters if path.name.endswith(SUFFIXES[HEIGHT]))
    classes = tuple(path for path in rasters if path not in heights)
    return NamedFiles(
        (),
        classes,
        heights,
        _beside(classes or heights, labels, ()),
        _beside(heights, (), true_heights),
    )


def _rasters(path: Path) -> list[Path]:
    if not path.is_dir():
        return [] if path.name.endswith(_BESIDE) else [path]
    ends = (SUFFIXES[SEGMENTATION], SUFFIXES[HEIGHT])
    found = sorted(file for file in path.iterdir() if file.name.endswith(ends))
    if not found:
        raise LabelError(f"{path}: holds no *{ends[0]} or *{ends[1]}; name a folder of predict's")
    return found


def _beside(
    predicted: Sequence[Path], labels: Sequence[Path], heights: Sequence[Path]
) -> tuple[Path, ...]:
    """Return the truth in the order of what is predicted; as it is unless folders are named."""
    named = (*labels, *heights)
    if not predicted or not any(path.is_dir() for path in named):
        return named
    found = gather_scenes(predicted, labels, heights)
    return tuple(file for each in found for task in _TRUTH for file in each.of(task))
