"""KITTI 2012 and 2015: disparities and the depths that follow, by the benchmark's own numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from geosemimtl.data.sets import kitti2012, kitti2015
from geosemimtl.data.sets.kitti import camera_of, depth_m_of, read_disparity
from geosemimtl.errors import SceneError

Write = Callable[[Path, NDArray[Any]], Path]

#: 256 is one pixel; 0 is nothing.
STORED = np.array([[0, 256, 384], [1, 65535, 10240]], np.uint16)
DISPARITY_PX = [[np.nan, 1, 1.5], [1 / 256, 65535 / 256, 40]]

#: A calibration of 2012 and one of 2015 (2011-09-26); only what counts of the matrices is kept.
GREY = """\
P0: 7.070493e+02 0 6.040814e+02 0.000000e+00 0 7.070493e+02 1.805066e+02 0 0 0 1 0
P1: 7.070493e+02 0 6.040814e+02 -3.797842e+02 0 7.070493e+02 1.805066e+02 0 0 0 1 0
"""
COLOUR = """\
calib_time: 09-Jan-2012 13:57:47
P_rect_02: 7.215377e+02 0 6.095593e+02 4.485728e+01 0 7.215377e+02 1.728540e+02 0.2 0 0 1 0.003
P_rect_03: 7.215377e+02 0 6.095593e+02 -3.395242e+02 0 7.215377e+02 1.728540e+02 2.2 0 0 1 0.003
"""


def lay(root: Path, png: Write, folder: str, calibration: str, text: str) -> Path:
    """Write a disparity map and its calibration, and return the former."""
    (root / calibration).mkdir(parents=True)
    (root / calibration / "000003.txt").write_text(text, encoding="ascii")
    return png(root / folder / "000003_10.png", STORED)


def test_disparities_are_256ths_of_a_pixel(tmp_path: Path, png: Write) -> None:
    found = read_disparity(png(tmp_path / "a.png", STORED))
    assert found.dtype == np.float32
    assert_allclose(found, DISPARITY_PX, rtol=1e-6)


def test_disparities_of_8_bit_are_refused(tmp_path: Path, png: Write) -> None:
    path = png(tmp_path / "a.png", STORED.astype(np.uint8))
    with pytest.raises(SceneError, match=r"a\.png: has 1 band\(s\) of uint8, not 1 of uint16"):
        read_disparity(path)


def test_depth_is_focal_length_times_baseline_by_disparity() -> None:
    """721.5377 px x 0.54 m / 40 px = 9.7408 m."""
    assert_allclose(
        depth_m_of(np.full((1, 1), 40, np.float32), 721.5377, 0.54), [[9.7407589]], rtol=1e-6
    )


def test_depth_2012_by_its_images_own_calibration(tmp_path: Path, png: Write) -> None:
    """379.7842 / 707.0493 = 0.5371396 m; one pixel is 379.7842 m, 40 are 9.494605 m."""
    path = lay(tmp_path, png, "disp_occ", "calib", GREY)
    assert_allclose(camera_of(tmp_path / "calib" / "000003.txt", "P0", "P1"), (707.0493, 0.5371396))
    found = kitti2012.read_depth(path)
    assert_allclose(found[0], [np.nan, 379.7842, 253.189467], rtol=1e-6)
    assert_allclose(found[1, 2], 9.494605, rtol=1e-6)


def test_depth_2015_by_its_images_own_calibration(tmp_path: Path, png: Write) -> None:
    """(44.85728 + 339.5242) / 721.5377 = 0.5327254 m; 40 px are 384.38148 / 40 m."""
    path = lay(tmp_path, png, "disp_occ_0", "calib_cam_to_cam", COLOUR)
    calibration = tmp_path / "calib_cam_to_cam" / "000003.txt"
    camera = camera_of(calibration, "P_rect_02", "P_rect_03")
    assert_allclose(camera, (721.5377, 0.5327254), rtol=1e-6)
    assert_allclose(kitti2015.read_depth(path)[1, 2], 9.609537, rtol=1e-6)


def test_both_years_have_the_same_disparities() -> None:
    assert kitti2012.read_disparity is kitti2015.read_disparity is read_disparity


def test_depth_needs_the_calibration(tmp_path: Path, png: Write) -> None:
    path = png(tmp_path / "disp_occ" / "000003_10.png", STORED)
    with pytest.raises(SceneError, match=r"calib/000003\.txt: no such file.*choose disparity$"):
        kitti2012.read_depth(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no matrix P0 of 12 numbers"),
        (GREY.replace("P1:", "P2:"), "has no matrix P1 of 12 numbers"),
        (GREY.replace(" 0 0 1 0\n", "\n"), "has no matrix P0 of 12 numbers"),
        (GREY.replace("-3.797842e+02", "3.797842e+02"), r"the baseline -0\.53714 m, which must"),
        (GREY.replace("7.070493e+02", "0"), "the focal length 0 px"),
        ("P0: \u00fc", "has no matrix P0"),
    ],
)
def test_calibrations_that_are_none_are_refused(
    tmp_path: Path, png: Write, text: str, says: str
) -> None:
    path = lay(tmp_path, png, "disp_occ", "calib", GREY)
    (tmp_path / "calib" / "000003.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SceneError, match=says):
        kitti2012.read_depth(path)


def test_calibrations_that_are_no_text_are_refused(tmp_path: Path, png: Write) -> None:
    path = lay(tmp_path, png, "disp_occ", "calib", GREY)
    (tmp_path / "calib" / "000003.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(SceneError, match=r"000003\.txt: cannot be read as text"):
        kitti2012.read_depth(path)


def test_nothing_is_known_where_nothing_was_measured(tmp_path: Path, png: Write) -> None:
    path = lay(tmp_path, png, "disp_occ", "calib", GREY)
    assert_array_equal(np.isnan(kitti2012.read_depth(path)), STORED == 0)
