"""Numbers of what there is in arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from geosemimtl.vectors.ranges import between, by_column, places


def test_ranges_one_after_another() -> None:
    numbers, which = between(np.array([3, 7, 0]), np.array([5, 6, 0]))
    assert numbers.tolist() == [3, 4, 5, 0]  # the second is empty
    assert which.tolist() == [0, 0, 0, 2]


@given(mask=arrays(bool, array_shapes(min_dims=2, max_dims=2)))
def test_places_go_by_row_or_by_column(mask: NDArray[np.bool_]) -> None:
    found = places(mask)
    assert found.tolist() == np.column_stack(np.nonzero(mask)).tolist()
    assert found[by_column(found), ::-1].tolist() == np.column_stack(np.nonzero(mask.T)).tolist()
