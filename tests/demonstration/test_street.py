"""Both sizes of the street demo hang together."""

from __future__ import annotations

from pathlib import Path

import pytest

from geosemimtl.demonstration.street import FULL, QUICK, StreetPlan, street_config


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_crops_fit_into_the_images(plan: StreetPlan) -> None:
    assert street_config(Path("demo"), plan).crop_px <= min(plan.shape)
