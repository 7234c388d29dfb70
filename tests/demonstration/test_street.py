"""The demo on streets: a tiny one end to end, and what its plan promises."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from geosemimtl.demonstration.street import (
    FULL,
    QUICK,
    SUPERVISES,
    StreetDemo,
    StreetPlan,
    street_config,
    street_demo,
)
from geosemimtl.errors import OutputError
from geosemimtl.tiling.tileset import read_tileset
from geosemimtl.training.model_file import read_card

TINY = StreetPlan(
    shape=(64, 128),
    train=2,
    val=2,
    shown=1,
    overrides=("iterations=2", "batch=2", "crop_px=32", "method.width=4"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> StreetDemo:
    return street_demo(tmp_path_factory.mktemp("home") / "streets", plan=TINY)


def test_everything_it_names_is_there(made: StreetDemo) -> None:
    for path in (made.model, made.picture, made.folder / "scores.md"):
        assert path.stat().st_size > 0
    rasters = sorted(path.name for path in made.folder.glob("*.tif"))
    assert len(rasters) == 2 * 3
    assert sum(name.endswith("_disparity.tif") for name in rasters) == 2


def test_each_look_teaches_one_task_and_is_scored_in_both(made: StreetDemo) -> None:
    card = read_card(made.model)
    assert {domain.name: domain.supervises for domain in card.domains} == {
        look: (task,) for look, task in SUPERVISES.items()
    }
    scores = json.loads((made.folder / "scores.json").read_text())
    for look in SUPERVISES:
        assert set(read_tileset(made.folder / "tiles" / look).tasks) == set(SUPERVISES.values())
        assert set(scores[look]["tasks"]) == set(SUPERVISES.values())
        assert (scores[look]["split"], scores[look]["tiles"]) == ("val", 2)
    classes, numbers = made.tables
    assert [row[:2] for row in classes.rows] == [("camera", "yes"), ("rendered", "no")]
    assert [row[:2] for row in numbers.rows] == [("camera", "no"), ("rendered", "yes")]
    for table in made.tables:
        assert all(math.isfinite(float(cell)) for row in table.rows for cell in row[2:])


def test_its_rasters_lie_nowhere(made: StreetDemo) -> None:
    for path in made.folder.glob("*.tif"):
        with pytest.warns(NotGeoreferencedWarning):
            source = rasterio.open(path)
        with source:
            assert source.crs is None
            assert source.shape == (64, 128)


def test_what_is_there_is_not_replaced_unasked(made: StreetDemo, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--overwrite"):
        street_demo(made.folder, plan=TINY)
    (tmp_path / "mine").mkdir()
    with pytest.raises(OutputError, match="is no demo's folder"):
        street_demo(tmp_path / "mine", plan=TINY, overwrite=True)


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_its_plans_can_be_trained(plan: StreetPlan, tmp_path: Path) -> None:
    config = street_config(tmp_path, plan)
    assert config.crop_px <= min(plan.shape)
    assert plan.shown <= plan.val
    assert all(domain.dataset and domain.dataset.resize == plan.shape for domain in config.domains)
