"""The colours of faces: what is drawn where, and that far away its mean is left."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geosemimtl.data.street.materials import PARAMS, Material
from geosemimtl.data.street.patterns import PATTERNS, Spots

WHITE, GREY = (0.9, 0.9, 0.9), (0.1, 0.1, 0.1)
#: Params with which each pattern is drawn.
TYPICAL = {
    Material.ROAD: (6.0, 3.0, 0.0, 40.0, 43.5),
    Material.PAVING: (0.6,),
    Material.FACADE: (3.0, 2.5, 0.5, 0.6, 15.6, 0.0),
    Material.BRICKS: (0.22,),
    Material.PLANKS: (0.14, 0.1),
    Material.CAR_GLASS: (2.0, 0.9, 1.4, 1.1),
    Material.CAR_END: (0.85, 0.6, 0.8),
    Material.WHEEL: (0.33,),
    Material.SIGN: (0.3, 0.7),
    Material.SIGNALS: (0.9, 2.0),
}


def spots(
    material: Material,
    u: NDArray[np.float64] | float,
    v: NDArray[np.float64] | float,
    size_m: float = 0.001,
    params: tuple[float, ...] | None = None,
) -> Spots:
    across, up = np.broadcast_arrays(np.asarray(u, np.float32), np.asarray(v, np.float32))
    count = across.size
    used = TYPICAL.get(material, ()) if params is None else params
    padded = np.array([*used, *(0.0,) * (PARAMS - len(used))], np.float32)
    return Spots(
        across.ravel(),
        up.ravel(),
        np.full(count, size_m, np.float32),
        np.tile(np.array(GREY, np.float32)[:, None], count),
        np.tile(np.array(WHITE, np.float32)[:, None], count),
        np.tile(padded[:, None], count),
        np.full(count, 3, np.int32),
    )


def colour(
    material: Material, u: float, v: float, params: tuple[float, ...] | None = None
) -> float:
    return float(PATTERNS[material](spots(material, u, v, params=params)).mean())


def test_every_material_has_a_pattern() -> None:
    assert set(PATTERNS) == set(Material)


@pytest.mark.parametrize("material", Material)
@pytest.mark.parametrize("size_m", [0.001, 5.0])
def test_colours_are_reflectances(material: Material, size_m: float) -> None:
    u, v = np.meshgrid(np.linspace(-8, 8, 60), np.linspace(-1, 50, 60))
    drawn = PATTERNS[material](spots(material, u, v, size_m))
    assert drawn.shape == (3, 3600)
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn.max() < 2.5  # a lamp shines, white leaves glitter


def test_one_face_counts_for_all_its_places() -> None:
    """Tables of one column stand for many: what the renderer hands over for the road."""
    many = spots(Material.ROAD, np.linspace(-5, 5, 50), 30.0)
    one = Spots(
        many.u,
        many.v,
        many.size_m,
        many.colour[:, :1],
        many.accent[:, :1],
        many.params[:, :1],
        many.seed[:1],
    )
    for material in Material:
        expected = PATTERNS[material](many)
        np.testing.assert_array_equal(PATTERNS[material](one), expected, material.name)


def test_lane_lines_are_dashes_where_lanes_meet() -> None:
    """Lanes of 3 m: lines at x 0 and 3; 3.6 m of each 9 m are painted; none on the lane."""
    assert colour(Material.ROAD, 0.0, 1.0) > 0.4
    assert colour(Material.ROAD, 3.0, 10.0) > 0.4
    assert colour(Material.ROAD, 0.0, 5.0) < 0.2
    assert colour(Material.ROAD, 1.5, 1.0) < 0.2
    assert colour(Material.ROAD, 8.0, 1.0) < 0.2


def test_the_zebra_crossing_has_stripes_of_half_a_metre() -> None:
    """From z 40 to 43.5; nothing is painted beyond."""
    inside = [colour(Material.ROAD, x, 42.0) > 0.4 for x in (0.25, 0.75, 1.25, 1.75)]
    assert inside == [True, False, True, False]
    assert colour(Material.ROAD, 0.25, 44.0) < 0.2


def test_windows_are_in_the_middle_of_bays() -> None:
    """A bay of 2.5 m and a storey of 3 m: the pane is dark, the wall and frame are not."""
    pane, frame = colour(Material.FACADE, 1.25 + 0.2, 7.6), colour(Material.FACADE, 1.85, 7.6)
    assert pane < 0.5
    assert frame == pytest.approx(0.9, abs=0.01)  # the accent
    assert colour(Material.FACADE, 0.1, 7.6) == pytest.approx(0.1, abs=0.05)  # the wall


def test_far_windows_are_as_bright_as_near_ones_in_the_mean() -> None:
    u, v = np.meshgrid(np.linspace(0, 25, 400), np.linspace(3, 15, 400))
    near, far = (PATTERNS[Material.FACADE](spots(Material.FACADE, u, v, s)) for s in (0.001, 5.0))
    assert far.std() < 0.5 * near.std()
    # Frames and ledges are lost far away: here they are white, on a dark wall.
    assert near.mean() - 0.15 < far.mean() < near.mean()


def test_the_lamp_that_is_on_shines() -> None:
    """Three lamps in 0.9 m: green below, red above, whose number is 2."""
    drawn = PATTERNS[Material.SIGNALS](spots(Material.SIGNALS, 0.0, np.array([-0.3, 0.0, 0.3])))
    assert drawn.max(axis=0).argmax() == 2
    assert drawn[:, 2].argmax() == 0
    green = spots(Material.SIGNALS, 0.0, np.array([-0.3, 0.0, 0.3]), params=(0.9, 0.0))
    lit = PATTERNS[Material.SIGNALS](green)
    assert lit.max(axis=0).argmax() == 0
    assert lit[:, 0].argmax() == 1


def test_a_sign_has_a_rim() -> None:
    assert colour(Material.SIGN, 0.28, 0.0) == pytest.approx(0.1)
    assert colour(Material.SIGN, 0.0, 0.15) == pytest.approx(0.9)


def test_noise_is_fixed_to_the_face() -> None:
    u, v = np.random.default_rng(0).uniform(-20, 20, (2, 100))
    one, again = (PATTERNS[Material.FOLIAGE](spots(Material.FOLIAGE, u, v)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert one.std() > 0.01
