"""What KITTI's stereo benchmarks of 2012 and 2015 have in common.

Disparities are 16-bit PNGs of 256 times the pixels of the full image, 0 where nothing was
measured (the development kits of both years). Depth follows from the calibration of the same
image, as focal length and baseline differ from one recording day to the next.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.sets.benchmark import Key, Kind
from geosemimtl.data.sets.listing import read_text
from geosemimtl.errors import SceneError
from geosemimtl.raster.arrays import read_png16

REQUEST = "https://www.cvlibs.net/datasets/kitti/eval_stereo.php"
LICENCE = "CC BY-NC-SA 3.0: name it, not for commerce, hand it on alike"
#: Targets of what the right image shows, too, instead of all that was measured.
NON_OCCLUDED = "non-occluded"
#: Near the sizes that the images have, of some 375 x 1242 px, and what strides divide.
RESIZE = (384, 1280)

_STEPS_A_PIXEL: Final = 256
_NUMBERS: Final = 12


def frames(name: str, folder: str, parts: str, source: str) -> Kind:
    """Return a kind of file of the reference frames, number 10, of the folders named."""
    return Kind(name, rf"(?:.*/)?({parts})/{folder}/(\d{{6}})_10\.png", source)


def split_of(key: Key) -> str:
    """Return ``train`` for what is annotated, ``test`` for the rest: there is no other split."""
    return "train" if key[0] == "training" else "test"


def read_disparity(path: Path) -> NDArray[np.float32]:
    """Read disparities in pixels of the full image.

    Args:
        path: A 16-bit PNG of a folder such as ``disp_occ``.

    Returns:
        (rows, cols), NaN where there is none.

    Raises:
        SceneError: It is missing, damaged or not of 16 bits.
    """
    stored = read_png16(path)
    return np.where(stored > 0, stored / np.float32(_STEPS_A_PIXEL), np.float32(np.nan))


def depth_m_of(
    disparity_px: NDArray[np.float32], focal_px: float, baseline_m: float
) -> NDArray[np.float32]:
    """Return metres along the optical axis: focal length x baseline / disparity."""
    return (np.float32(focal_px * baseline_m) / disparity_px).astype(np.float32)


def camera_of(path: Path, left: str, right: str) -> tuple[float, float]:
    """Read focal length in pixels and baseline in metres of a rectified pair.

    A projection matrix P = K [I | t] holds the focal length f in its first place and f times the
    camera's place in the fourth, so the baseline is (P_left - P_right) / f there.

    Args:
        path: A calibration file.
        left: The key of the left camera's matrix, such as ``P_rect_02``.
        right: That of the right one.

    Raises:
        SceneError: It is missing, has no such matrix, or one that makes no pair.
    """
    matrices = {
        key.strip(): values for key, _, values in (line.partition(":") for line in _lines(path))
    }
    focal_px, left_shift = _matrix(matrices, left, path)
    _, right_shift = _matrix(matrices, right, path)
    baseline_m = (left_shift - right_shift) / focal_px if focal_px > 0 else 0.0
    if not baseline_m > 0:
        raise SceneError(
            f"{path}: {left} and {right} have the focal length {focal_px:g} px and the baseline "
            f"{baseline_m:g} m, which must be above 0; unpack the calibration again"
        )
    return focal_px, baseline_m


def _lines(path: Path) -> list[str]:
    try:
        return read_text(path).splitlines()
    except (FileNotFoundError, KeyError) as error:  # KeyError: of a zip
        raise SceneError(
            f"{path}: no such file, and depth needs the calibration; unpack the benchmark's zip "
            "of calibration files beside its images, or choose disparity"
        ) from error
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise SceneError(f"{path}: cannot be read as text ({error}); copy it again") from error


def _matrix(matrices: dict[str, str], key: str, path: Path) -> tuple[float, float]:
    """Return the first and the fourth number of a matrix of twelve."""
    try:
        numbers = [float(number) for number in matrices[key].split()]
    except (KeyError, ValueError):
        numbers = []
    if len(numbers) != _NUMBERS:
        raise SceneError(
            f"{path}: has no matrix {key} of {_NUMBERS} numbers; unpack the calibration again"
        )
    return numbers[0], numbers[3]
