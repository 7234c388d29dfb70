"""Small maps of blocks, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.classes import IGNORE, Classes, LandClass
from geosemimtl.inference.evaluation import drawing
from geosemimtl.inference.evaluation.counting import ClassBlock, HeightBlock
from geosemimtl.inference.evaluation.drawing import ClassCanvas, HeightCanvas
from geosemimtl.inference.evaluation.views import ClassView, HeightView
from geosemimtl.raster.grid import PixelGrid

CLASSES = Classes(
    entries=(LandClass(name="black", color="#000000"), LandClass(name="red", color="#ff0000"))
)
N = IGNORE
TRUE = np.array([[0, 1, 1], [1, N, 1], [0, 0, N]], np.uint8)
GUESS = np.array([[0, 0, 1], [1, 1, N], [1, 0, 1]], np.uint8)


def grid_of(shape: tuple[int, int]) -> PixelGrid:
    return PixelGrid(Affine(0.5, 0, 300000, 0, -0.5, 5000000), shape, CRS.from_epsg(25832))


def blocks(
    true: NDArray[np.uint8], guess: NDArray[np.uint8], ends: list[int]
) -> Iterator[ClassBlock]:
    for top, end in zip([0, *ends], [*ends, len(true)], strict=True):
        t, g = true[top:end], guess[top:end]
        yield ClassBlock(g, t, (t != N) & (g != N), None)


def class_view(ends: list[int]) -> ClassView:
    canvas = ClassCanvas("a", grid_of(TRUE.shape), CLASSES)
    assert len(list(canvas.watching(blocks(TRUE, GUESS, ends)))) == len(ends) + 1
    return canvas.view()


@pytest.mark.parametrize("ends", [[], [1], [2], [1, 2]])
def test_classes_by_hand(monkeypatch: pytest.MonkeyPatch, ends: list[int]) -> None:
    """Three by three pixels on two by two of the map, however the rows come."""
    monkeypatch.setattr(drawing, "SIDE_PX", 2)
    view = class_view(ends)
    assert (view.name, view.step, view.grid.shape) == ("a", 2, (2, 2))
    assert view.grid.gsd_m == pytest.approx((1, 1))
    assert view.grid.corners[0] == (300000, 5000000)
    # upper left: black, red, red and unlabelled; upper right: two red
    red, alpha = view.true[..., 0], view.true[..., 3]
    assert red.tolist() == [[170, 255], [0, 0]]
    assert alpha.tolist() == [[round(255 * 3 / 4), 255], [255, 0]]
    assert view.predicted[..., 3].tolist() == [[255, 128], [255, 255]]
    # upper left one of three, upper right none of one, lower left one of two, lower right nobody
    np.testing.assert_allclose(view.wrong, [[1 / 3, 0], [1 / 2, np.nan]], rtol=1e-6)


def test_a_small_scene_is_drawn_as_it_is() -> None:
    view = class_view([1])
    assert view.step == 1
    np.testing.assert_array_equal(view.true[..., 0], np.where(TRUE == 1, 255, 0))
    np.testing.assert_array_equal(view.true[..., 3], np.where(TRUE == N, 0, 255))


def height_view(true: NDArray[np.float64], guess: NDArray[np.float64], end: int) -> HeightView:
    canvas = HeightCanvas("b", grid_of((len(true), true.shape[1])))
    parts = []
    for rows in (slice(0, end), slice(end, None)):
        t, g = true[rows], guess[rows]
        parts.append(HeightBlock(g, t, np.isfinite(t) & np.isfinite(g), None))
    list(canvas.watching(each for each in parts if len(each.valid)))
    return canvas.view()


def test_heights_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "SIDE_PX", 2)
    nan = np.nan
    true = np.array([[0, 2, 8], [4, nan, nan], [1, 1, nan]])
    guess = np.array([[3, nan, 8], [5, 100, 6], [1, 0, nan]])
    view = height_view(true, guess, 2)
    np.testing.assert_array_equal(view.true, [[2, 8], [1, nan]])
    np.testing.assert_array_equal(view.predicted, [[36, 7], [0.5, nan]])
    # where both are known: +3 and +1; 0; 0 and -1
    np.testing.assert_array_equal(view.error, [[2, 0], [-0.5, nan]])


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    side=st.integers(1, 9),
    end=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_strips_draw_what_the_whole_draws(
    rows: int, columns: int, side: int, end: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    true, guess = random.integers(0, 99, (2, rows, columns)).astype(np.float64)
    true[random.random(true.shape) < 0.3] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "SIDE_PX", side)
        whole, parts = (height_view(true, guess, each) for each in (rows, min(end, rows)))
    assert max(whole.grid.shape) <= side
    for name in ("true", "predicted", "error"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
