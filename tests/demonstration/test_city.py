"""The demo: a tiny one end to end, and what its plan promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geosemimtl.data.city.dataset import SENSORS
from geosemimtl.demonstration.city import FULL, QUICK, Demo, Plan, demo, demo_config
from geosemimtl.demonstration.recipes import departures
from geosemimtl.errors import OutputError
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.tileset import read_tileset
from geosemimtl.training.config import TrainConfig

TINY = Plan(
    tile_px=128,
    train_m=90.0,
    train_seeds=(1,),
    test_m=60.0,
    overrides=("iterations=2", "batch=2", "crop_px=64", "method.width=4"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return demo(tmp_path_factory.mktemp("home") / "demo", plan=TINY)


def rasters(made: Demo) -> list[Path]:
    return sorted(made.folder.glob("*_unseen_*.tif"))


def test_everything_it_names_is_there(made: Demo) -> None:
    for path in (made.model, made.picture, *made.projects, made.folder / "scores.md"):
        assert path.stat().st_size > 0
    assert len(made.projects) == 2
    assert len(rasters(made)) == 6


def test_each_sensor_gives_only_its_own_labels(made: Demo) -> None:
    for sensor in SENSORS:
        folder = made.folder / "tiles" / sensor.name
        assert read_tileset(folder).tasks == sensor.supervises
        assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == sorted(
            ["image", *sensor.supervises]
        )


def test_unseen_scenes_are_other_cities(made: Demo) -> None:
    for sensor in SENSORS:
        scenes = made.folder / "scenes"
        with rasterio.open(scenes / f"{sensor.name}_unseen_labels.tif") as source:
            unseen = source.read(1)
        with rasterio.open(scenes / f"{sensor.name}_1_labels.tif") as source:
            rows, cols = unseen.shape
            trained = source.read(1)[:rows, :cols]
        assert np.mean(trained == unseen) < 0.6


def test_rasters_overlay_their_scenes(made: Demo) -> None:
    for path in rasters(made):
        sensor = path.name.split("_")[0]
        image = made.folder / "scenes" / f"{sensor}_unseen.tif"
        with rasterio.open(path) as raster, rasterio.open(image) as scene:
            assert raster.transform == scene.transform
            assert raster.shape == scene.shape
            assert raster.crs == scene.crs


def test_scores_carry_their_reference_lines(made: Demo) -> None:
    scores = json.loads((made.folder / "scores.json").read_text(encoding="utf-8"))
    assert set(scores) == {sensor.name for sensor in SENSORS}
    for score in scores.values():
        assert score[SEGMENTATION]["most_common_class_miou"] > 0
        assert score[HEIGHT]["zero_height"]["mae_m"] < score[HEIGHT]["mean_height"]["mae_m"]
    head = made.tables[1].head
    assert "zero: RMSE" in head
    assert "mean: RMSE" in head


def test_an_existing_folder_is_kept(made: Demo, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--overwrite"):
        demo(made.folder, plan=TINY)
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputError, match="no demo's folder"):
        demo(tmp_path, plan=TINY, overwrite=True)
    assert (tmp_path / "mine.txt").exists()


def test_the_recipe_is_semimtl_and_says_where_it_departs() -> None:
    for plan in (FULL, QUICK):
        config = demo_config(Path("demo"), plan)
        assert config.method.name == "semimtl"
        assert [domain.supervises for domain in config.domains] == [s.supervises for s in SENSORS]
    lines = departures(demo_config(Path("demo")))
    named = {line.partition(":")[0] for line in lines}
    assert {"network.encoder", "network.segmentation.name", "method.width"} <= named
    assert {"optimiser.name", "optimiser.lr", "weights.height", "crop_px", "batch"} <= named
    assert "network.encoder: tu-tf_efficientnet_lite0 (paper: resnet101)" in lines
    assert any(line.endswith("(paper: 120 epochs)") for line in lines)
    assert not departures(TrainConfig(domains=demo_config(Path("demo")).domains))
