"""Faces become polygons that tile the raster: nothing lost, nothing twice, nothing cut."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from geosemimtl.vectors.rings import polygon_of
from geosemimtl.vectors.tracing import Face, Strip, faces

Codes = NDArray[np.uint8]
#: Small rasters of few classes: all that can meet at a vertex, and blobs that are worth smoothing.
CLASSES = st.integers(1, 3).flatmap(
    lambda classes: st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
        lambda shape: arrays(np.uint8, shape, elements=st.integers(0, classes))
    )
)
BLOBS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 40), st.floats(0.5, 3)
).map(lambda known: blobs(*known))


def blobs(seed: int, rows: int, cols: int, width: float) -> Codes:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((rows, cols)), width)
    codes: Codes = np.digitize(noise, np.quantile(noise, [0.3, 0.6])).astype(np.uint8)
    return codes


def traced(codes: Codes, tolerance_m: float = 0, rows: int = 256) -> list[Face]:
    strips = [Strip(codes[top : top + rows]) for top in range(0, len(codes), rows)]
    return list(faces(strips, tolerance_m=tolerance_m, pixel_m=(1.0, 1.0)))


def polygons(codes: Codes, tolerance_m: float = 0, rows: int = 256) -> list[shapely.Polygon]:
    return [polygon_of(face.sides) for face in traced(codes, tolerance_m, rows)]


def pieces(codes: Codes) -> int:
    return sum(ndimage.label(codes == code)[1] for code in np.unique(codes[codes > 0]))


@given(codes=CLASSES | BLOBS, rows=st.integers(1, 20))
def test_every_corner_of_every_pixel_is_kept_without_simplification(
    codes: Codes, rows: int
) -> None:
    found = traced(codes, rows=rows)
    assert len(found) == pieces(codes)
    shapes = [polygon_of(face.sides) for face in found]
    for face, shape in zip(found, shapes, strict=True):
        assert shapely.is_valid(shape), shapely.is_valid_reason(shape)
        assert shape.area == face.pixels
        inside = shape.representative_point()
        assert codes[int(inside.y), int(inside.x)] == face.code
    assert shapely.union_all(shapes).area == (codes > 0).sum()


@settings(max_examples=200)
@given(codes=CLASSES | BLOBS, rows=st.integers(1, 20), tolerance_m=st.sampled_from([0.8, 1.5, 6]))
def test_simplified_borders_are_shared_and_nothing_changes_sides(
    codes: Codes, rows: int, tolerance_m: float
) -> None:
    plain, simple = polygons(codes, rows=rows), polygons(codes, tolerance_m, rows)
    assert all(shapely.is_valid(simple))
    assert [len(shape.interiors) for shape in simple] == [len(shape.interiors) for shape in plain]
    together = sum(shape.area for shape in simple)
    assert shapely.union_all(simple).area == pytest.approx(together, abs=1e-6)
    if (codes > 0).all():  # the outer border is straight
        assert together == pytest.approx(codes.size)
    for exact, shape in zip(plain, simple, strict=True):
        assert shapely.hausdorff_distance(exact.boundary, shape.boundary) <= tolerance_m + 1e-9


@given(codes=CLASSES | BLOBS)
def test_strips_only_add_vertices(codes: Codes) -> None:
    whole, strips = polygons(codes), polygons(codes, rows=3)
    key = shapely.to_wkt
    assert sorted(key(shapely.normalize(shapely.simplify(each, 0))) for each in strips) == sorted(
        key(shapely.normalize(shapely.simplify(each, 0))) for each in whole
    )


def test_a_face_that_meets_itself_at_a_corner_has_a_hole_there() -> None:
    codes = np.ones((4, 4), np.uint8)
    codes[0, 0] = codes[1, 1] = 0
    (shape,) = polygons(codes)
    assert shapely.is_valid(shape)
    assert [hole.length for hole in shape.interiors] == [4]
    assert shape.area == 14


def test_faces_that_touch_at_a_corner_stay_apart() -> None:
    shapes = polygons(np.eye(3, dtype=np.uint8))
    assert [shape.area for shape in shapes] == [1, 1, 1]


def test_a_slope_becomes_straight() -> None:
    codes = np.tri(40, dtype=np.uint8)
    (shape,) = polygons(codes, 1.5)
    assert len(shape.exterior.coords) <= 8
    assert shape.area == pytest.approx(codes.sum(), rel=0.05)


def test_an_island_in_a_bay_stays_outside() -> None:
    """The bay is shallower than the tolerance; closing it would swallow the island."""
    codes = np.ones((8, 9), np.uint8)
    codes[:4, 2:7] = 0
    codes[1:3, 4] = 2
    coast, island = sorted(polygons(codes, 5.0), key=lambda shape: -shape.area)
    assert coast.disjoint(island)


def test_sums_of_a_face_that_strips_cut() -> None:
    codes = np.array([[1, 0, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
    heights = np.array([[1, 9, 2], [3, 9, np.nan], [4, 5, 6]], np.float32)
    confidences = np.full((3, 3), 50, np.float32)
    confidences[0, 0] = 100
    strips = [
        Strip(codes[row : row + 1], heights[row : row + 1], confidences[row : row + 1])
        for row in range(3)
    ]
    (face,) = faces(strips, tolerance_m=0, pixel_m=(1.0, 1.0))
    assert face.pixels == 7
    assert face.heights is not None
    assert (face.heights.count, face.heights.total_m, face.heights.most_m) == (6, 21, 6)
    assert face.heights.percentile_m(0.5) == 3
    assert face.heights.percentile_m(0.9) == 6
    assert face.confidence is not None
    assert face.confidence.mean == pytest.approx(400 / 7)


def test_faces_without_heights_have_none() -> None:
    strip = Strip(np.ones((1, 2), np.uint8), np.full((1, 2), np.nan, np.float32))
    (face,) = faces([strip], tolerance_m=0, pixel_m=(1.0, 1.0))
    assert face.heights is None
    assert face.confidence is None
