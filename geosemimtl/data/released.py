"""The split files that MTPSL's authors released: which image keeps the labels of which tasks.

Two formats, both written by ``torch.save``. NYUv2 and Cityscapes: a mapping whose
``labels_weights`` is a tensor (images, tasks) of zeros and ones; row n is the image that their code
reads from ``n.npy``. PASCAL-Context: its file's own format could not be looked at; another public
project reads it as a mapping from an image's name to a row of zeros and ones, and so it is read
here. The columns have no names in either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.errors import ConfigError

_KEY = "labels_weights"
_REMEDY = f"a released split has a tensor of zeros and ones under {_KEY}"
#: What ``torch.load`` raises of a file that is none of its own, or holds more than tensors.
_NOT_ITS_OWN = (RuntimeError, EOFError, UnpicklingError, ValueError, KeyError, IndexError)


def read_marks(path: Path, images: Sequence[str], tasks: Sequence[str]) -> NDArray[np.bool_]:
    """Return (images, tasks), whether a released split lets an image keep a task.

    Images are numbers from 0, the rows of the file, written with or without leading zeros; or they
    end in such numbers behind the same letters, and are as many as the rows; or they are names that
    the file has. ``10`` so comes after ``9``, whatever the order of the names.

    Args:
        path: The file.
        images: Their names.
        tasks: The columns in order.

    Raises:
        ConfigError: The file is missing, holds something else, or has other columns or images.
    """
    content = _load(path)
    if isinstance(content, Mapping) and _KEY in content:
        content = content[_KEY]
    if isinstance(content, Mapping):
        if missing := [image for image in images if image not in content]:
            raise ConfigError(
                f"{path}: has no image {missing[0]}, nor {len(missing) - 1} others of "
                f"{len(images)}; is it of this data set?"
            )
        return _marks(path, [_listed(content[image]) for image in images], tasks)
    marks = _marks(path, _listed(content), tasks)
    return marks[_rows(path, images, len(marks))]


def _load(path: Path) -> Any:
    import torch  # noqa: PLC0415  (a second of loading that drawing regimes does not need)

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read; check the path") from error
    except _NOT_ITS_OWN as error:
        raise ConfigError(f"{path}: is no file of tensors; {_REMEDY}") from error


def _listed(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else values


def _marks(path: Path, rows: Any, tasks: Sequence[str]) -> NDArray[np.bool_]:
    try:
        marks = np.asarray(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: holds no table of numbers; {_REMEDY}") from error
    if marks.ndim != 2 or not np.isin(marks, (0, 1)).all():
        raise ConfigError(f"{path}: holds other things than rows of zeros and ones; {_REMEDY}")
    if marks.shape[1] != len(tasks):
        raise ConfigError(
            f"{path}: is for {marks.shape[1]} tasks, not for {len(tasks)} "
            f"({', '.join(tasks)}); name as many, in its order"
        )
    return np.asarray(marks == 1)


def _rows(path: Path, images: Sequence[str], count: int) -> list[int]:
    """Return the row of each image, by the number in its name."""
    parts = [re.fullmatch(r"(.*?)(\d+)", image) for image in images]
    rows = [int(part[2]) for part in parts if part]
    fronts = {part[1] for part in parts if part}
    known = len(rows) == len(images) and len(set(rows)) == len(rows) and max(rows) < count
    # behind other letters, a few numbers may be anything: those of all rows are the rows
    if known and (fronts == {""} or (len(fronts) == 1 and len(rows) == count)):
        return rows
    raise ConfigError(
        f"{path}: its {count} rows have no names, and {images[0]} is no number of one; name the "
        f"images 0 to {count - 1}, as the authors' data set does"
    )
