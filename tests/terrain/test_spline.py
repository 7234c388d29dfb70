"""The thin plate."""

from __future__ import annotations

import numpy as np
import pytest

from geosemimtl.terrain.spline import thin_plate


def test_a_plane_is_its_own_plate_across_gaps_and_edges() -> None:
    y, x = np.mgrid[0:70, 0:90]
    plane = 0.3 * x - 0.2 * y + 5
    weight = np.zeros(plane.shape)
    weight[10:20, 5:60] = weight[50:60, 30:80] = 1
    assert thin_plate(plane * weight, weight, (1, 1), 5) == pytest.approx(plane, abs=0.05)


def test_it_is_the_minimum() -> None:
    """On a small grid the equations are solved directly, term by term."""
    random = np.random.default_rng(0)
    rows, cols, cell, length = 9, 12, (1.0, 2.0), 3.0
    level = random.normal(size=(rows, cols))
    weight = (random.uniform(size=level.shape) < 0.5).astype(float)
    stiff = [(length / size) ** 2 for size in cell]
    unit = np.eye(rows * cols).reshape(-1, rows, cols)
    bends = (
        stiff[0] * np.diff(unit, 2, axis=1),
        stiff[1] * np.diff(unit, 2, axis=2),
        np.sqrt(2 * stiff[0] * stiff[1]) * np.diff(np.diff(unit, axis=1), axis=2),
    )
    system = np.diag(weight.ravel())
    for bend in bends:
        flat = bend.reshape(rows * cols, -1)
        system = system + flat @ flat.T
    exact = np.linalg.solve(system, (weight * level).ravel()).reshape(rows, cols)
    assert thin_plate(level, weight, cell, length) == pytest.approx(exact, abs=0.01)


def test_it_continues_a_crest_over_a_gap() -> None:
    y, _ = np.mgrid[0:120, 0:120]
    crest = 5 - ((y - 60) / 20.0) ** 2
    weight = np.ones(crest.shape)
    weight[45:75, 45:75] = 0
    found = thin_plate(crest * weight, weight, (1, 1), 3)
    flat = np.abs(crest[45:75, 45:75] - crest[45, 60]).mean()
    assert np.abs(found - crest)[45:75, 45:75].mean() < 0.25 * flat
