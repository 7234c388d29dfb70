"""The experiments on streets: on synthetic ones, and the paper's on stand-ins for its data sets."""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from geosemimtl.config import load_yaml
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.data.street.dataset import write_street
from geosemimtl.errors import ConfigError
from geosemimtl.experiments.config import ExperimentConfig
from geosemimtl.experiments.running import experiment
from geosemimtl.publish.outcome_tables import experiment_document
from geosemimtl.tiling.cutting import tile

DECODERS = "segmentation: {name: unet, channels: 16}, disparity: {name: unet, channels: 16}"
SMALL = (
    "seeds=[0]",
    "statistics=[learned]",
    f"training.network={{encoder: resnet18, weights: null, output_stride: 32, {DECODERS}}}",
    "training.iterations=1",
    "training.batch=2",
    "training.crop_px=32",
)
#: Of which look the stand-in of each data set is.
LOOKS = {"cityscapes": "camera", "cityscapes_extra": "camera", "synscapes": "rendered"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tile_sets(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return tile sets of streets, by look."""
    folder = tmp_path_factory.mktemp("streets")
    drawn = write_street(folder / "street", seed=0, train=2, val=1, shape=(64, 128))
    roots = {"cityscapes": drawn.camera, "synscapes": drawn.rendered}
    for name, root in roots.items():
        data = find_data_set(name, root)
        options = replace(data.options, resize=(64, 128))
        tile(replace(data, options=options), folder / LOOKS[name])
    return {look: folder / look for look in LOOKS.values()}


def load(name: str, *overrides: str) -> ExperimentConfig:
    source = importlib.resources.files("geosemimtl.configs") / "experiments" / name
    with importlib.resources.as_file(source) as path:
        return load_yaml(ExperimentConfig, path, (*SMALL, *overrides))


def test_the_twin_of_table_3_on_synthetic_streets(tmp_path: Path) -> None:
    config = load("street_table3.yaml", "street={train: 2, val: 1, shape: [64, 128]}")
    sizes = [d["dataset"].update(resize=[64, 128]) for d in config.training["domains"]]
    assert len(sizes) == 2
    singles = [
        r.model_copy(update={"changes": r.changes | {"iterations": 1}}) for r in config.rows[:2]
    ]
    config = config.model_copy(update={"rows": (*singles, *config.rows[2:])})
    outcomes = experiment(config, tmp_path / "run")
    assert [each.row for each in outcomes] == [row.name for row in config.rows]
    for each in outcomes:
        assert set(each.scores) == {"camera", "rendered"}
        for kinds in each.scores.values():
            figures = kinds["learned"]
            assert figures
            assert all(math.isfinite(value) for value in figures.values())
            if each.row == "STL classes":
                assert set(figures) == {"pixel_accuracy", "mean_iou"}
            if each.row == "STL disparity":
                assert {"rmse", "mae", "abs_rel", "delta1"} <= set(figures)
                assert "mean_iou" not in figures
    page = experiment_document(config, outcomes)
    assert "RMSE px" in page
    assert "true values above 0." in page
    again = experiment(config, tmp_path / "run")  # nothing is done twice
    assert [each.scores for each in again] == [each.scores for each in outcomes]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("cross_city_table1.yaml", 4),
        ("cross_domain_table3.yaml", 7),
        ("cross_city_sensitivity.yaml", 9),
    ],
)
def test_every_row_of_the_papers_street_settings_trains_a_step(
    tmp_path: Path, tile_sets: Mapping[str, Path], name: str, rows: int
) -> None:
    whole = load(name)
    assert len(whole.rows) == rows
    tiles = {d["name"]: tile_sets[LOOKS[d["name"]]] for d in whole.training["domains"]}
    config = load(
        name,
        *(f"training.domains.{k}.tiles={folder}" for k, folder in enumerate(tiles.values())),
        *(f"scenes.{k}.tiles={tiles[scene.name]}" for k, scene in enumerate(whole.scenes)),
    )
    outcomes = experiment(config, tmp_path / "run")
    joint = [each for each in outcomes if not each.row.startswith("STL")]
    assert len(joint) == rows - 2
    for each in joint:
        for kinds in each.scores.values():
            assert {"mean_iou", "pixel_accuracy", "rmse", "abs_rel", "delta3"} <= set(
                kinds["learned"]
            )
    settings = {each["name"]: each for each in whole.training["domains"]}
    assert settings["cityscapes"]["supervises"] == ["segmentation"]


def test_the_papers_settings_are_the_papers() -> None:
    """Crops, batches, rotation (supplement 2), and the weights that its tables vary."""
    source = importlib.resources.files("geosemimtl.configs") / "experiments"
    for name, crop_px, batch in (
        ("cross_city_table1.yaml", 256, 32),
        ("cross_city_sensitivity.yaml", 256, 32),
        ("cross_domain_table3.yaml", 384, 24),
    ):
        with importlib.resources.as_file(source / name) as path:
            config = load_yaml(ExperimentConfig, path)
        for row in config.rows:
            training = config.training_of(row, 0, Path())
            assert (training.crop_px, training.batch) == (crop_px, batch)
            assert training.augmentation.rotate == 10
            assert training.augmentation.flip == "horizontal"
            assert training.augmentation.scale == (0.75, 1.5)
            assert training.weights["disparity"] == (0.001 if "0.001" in row.name else 0.01)


def test_data_sets_that_nobody_named_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--dataset cityscapes FOLDER"):
        experiment(load("cross_city_table1.yaml"), tmp_path / "run")
