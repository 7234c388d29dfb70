"""Runs become arcs: each is in one, and arcs end where not just two runs meet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.vectors.joining import joined

Runs = NDArray[np.int64]
Arc = list[tuple[int, int]]
#: Columns and rows of the grid that runs are drawn from.
SIDE = 6


def arcs_of(runs: Runs) -> list[Arc]:
    vertices, counts = joined(runs, runs[..., 0] * SIDE + runs[..., 1])
    parts = np.split(vertices, np.cumsum(counts)[:-1])
    return [[(int(col), int(row)) for col, row in part] for part in parts]


def steps_of(arc: Sequence[Sequence[float]]) -> frozenset[frozenset[tuple[float, ...]]]:
    return frozenset(frozenset((tuple(a), tuple(b))) for a, b in pairwise(arc))


@st.composite
def some_runs(draw: st.DrawFn) -> Runs:
    """Draw steps to the right and down, of which none is there twice."""
    steps = st.tuples(st.integers(0, SIDE - 2), st.integers(0, SIDE - 2), st.booleans())
    drawn = draw(st.lists(steps, min_size=1, max_size=60, unique=True))
    return np.array([[(x, y), (x + (not down), y + down)] for x, y, down in drawn], np.int64)


def test_a_ring_an_arm_and_a_fork() -> None:
    ring = [((0, 0), (1, 0)), ((0, 0), (0, 1)), ((1, 0), (1, 1)), ((0, 1), (1, 1))]
    arm = [((3, 0), (4, 0)), ((4, 0), (4, 1)), ((4, 1), (5, 1))]
    fork = [((2, 3), (3, 3)), ((3, 3), (4, 3)), ((3, 3), (3, 4))]
    assert arcs_of(np.array(ring + arm + fork)) == [
        [(2, 3), (3, 3)],
        [(3, 0), (4, 0), (4, 1), (5, 1)],
        [(3, 3), (4, 3)],
        [(3, 3), (3, 4)],
        [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)],
    ]


def test_an_arc_goes_as_most_of_its_runs() -> None:
    """It is begun in the lower left, and two of its three runs come from the right."""
    hook = [((0, 2), (1, 2)), ((1, 1), (1, 2)), ((1, 0), (1, 1))]
    assert arcs_of(np.array(hook)) == [[(1, 0), (1, 1), (1, 2), (0, 2)]]


@given(runs=some_runs())
def test_arcs_are_the_runs_joined_where_two_meet(runs: Runs) -> None:
    arcs = arcs_of(runs)
    steps = [step for arc in arcs for step in steps_of(arc)]
    wanted = [frozenset((tuple(start), tuple(stop))) for start, stop in runs.tolist()]
    assert sorted(steps, key=sorted) == sorted(wanted, key=sorted)
    ends, meeting = np.unique(runs.reshape(-1, 2), axis=0, return_counts=True)
    degree = {tuple(end): count for end, count in zip(ends.tolist(), meeting.tolist(), strict=True)}
    for arc in arcs:
        assert all(degree[vertex] == 2 for vertex in arc[1:-1])
        assert arc[0] == arc[-1] or degree[arc[0]] != 2 != degree[arc[-1]]
    closed = [all(degree[vertex] == 2 for vertex in arc) for arc in arcs]
    assert closed == sorted(closed)  # after the open ones


@given(runs=some_runs())
def test_the_same_arcs_as_geos(runs: Runs) -> None:
    lines: Any = shapely.linestrings(runs)
    merged: Any = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    theirs = {steps_of(shapely.get_coordinates(part).tolist()) for part in merged}
    assert {steps_of(arc) for arc in arcs_of(runs)} == theirs
