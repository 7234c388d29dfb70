"""The learning rate by iteration: checked values."""

from __future__ import annotations

import pytest

from geosemimtl.training.schedule import poly_decay, warm_up


@pytest.mark.parametrize(
    ("iteration", "rate"),
    [
        (0, 0.01),
        (1, 0.0099991935),
        (2790, 0.0077188951),
        (5580, 0.0053588673),
        (11159, 2.2756330e-6),
    ],
)
def test_v4(iteration: int, rate: float) -> None:
    assert 0.01 * poly_decay(iteration, 11160) == pytest.approx(rate, rel=1e-7)


def test_power_0_keeps_the_rate() -> None:
    assert [poly_decay(i, 5, power=0) for i in range(5)] == [1] * 5


def test_warm_up_rises_linearly() -> None:
    assert [warm_up(i, 4) for i in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_a_step_beyond_the_end() -> None:
    assert poly_decay(5, 5) == 0
    with pytest.raises(ValueError, match="step 6 of 5: give 0 to 5"):
        poly_decay(6, 5)
    with pytest.raises(ValueError, match="0 iterations has no schedule"):
        poly_decay(0, 0)
