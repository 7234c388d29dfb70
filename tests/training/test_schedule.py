"""The learning rate by iteration: checked values."""

from __future__ import annotations

import pytest

from geosemimtl.training.schedule import poly_factor


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
    assert 0.01 * poly_factor(iteration, 11160) == pytest.approx(rate, rel=1e-7)


def test_power_0_keeps_the_rate() -> None:
    assert [poly_factor(i, 5, power=0) for i in range(5)] == [1] * 5


def test_warm_up_rises_linearly_to_the_schedule() -> None:
    rates = [poly_factor(i, 100, warmup=4) for i in range(6)]
    plain = [poly_factor(i, 100) for i in range(6)]
    shares = [rate / full for rate, full in zip(rates, plain, strict=True)]
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
