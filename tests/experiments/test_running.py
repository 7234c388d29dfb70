"""A tiny experiment, from cities to tables: stopped, gone on with, added to."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from geosemimtl.config import load_yaml
from geosemimtl.errors import ConfigError
from geosemimtl.experiments.config import ExperimentConfig, slug
from geosemimtl.experiments.running import Outcome, experiment
from geosemimtl.publish.experiment_picture import draw_experiment
from geosemimtl.publish.outcome_tables import experiment_document, experiment_tables, outcomes_csv
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.trainer import train

SHIPPED = sorted(
    file.name
    for file in (importlib.resources.files("geosemimtl.configs") / "experiments").iterdir()
    if file.name.endswith(".yaml") and "height" in file.read_text()  # streets: test_streets.py
)
SCENES = [
    {
        "name": name,
        "image": f"{{data}}/scenes/{name}_test.tif",
        "labels": f"{{data}}/scenes/{name}_test_labels.tif",
        "height": f"{{data}}/scenes/{name}_test_ndsm.tif",
    }
    for name in ("potsdam", "vaihingen")
]
SMALL = {"name": "upsampling", "channels": 8}
TINY: dict[str, Any] = {
    "name": "tiny",
    "seeds": [0],
    "city": {"train_m": 60, "train_scenes": 1, "test_m": 40, "gsd_m": 0.5, "tile_px": 64},
    "training": {
        "domains": [
            {"name": "potsdam", "tiles": "{data}/tiles/potsdam"},
            {"name": "vaihingen", "tiles": "{data}/tiles/vaihingen"},
        ],
        "network": {
            "encoder": "resnet18",
            "weights": None,
            "output_stride": 32,
            "segmentation": SMALL,
            "height": SMALL,
        },
        "method": {"name": "jtl"},
        "iterations": 3,
        "batch": 2,
        "crop_px": 64,
    },
    "scenes": SCENES,
    "single": {"segmentation": "STL land cover", "height": "STL height"},
    "rows": [
        {
            "name": "STL land cover",
            "domains": ["potsdam"],
            "changes": {"tasks": ["segmentation"], "method": {"name": "stl"}},
        },
        {
            "name": "STL height",
            "domains": ["vaihingen"],
            "changes": {"tasks": ["height"], "method": {"name": "stl"}, "iterations": 4},
        },
        {"name": "JTL", "paper": {"vaihingen": {"mean_iou": 62.2, "gain": 22.1}}},
    ],
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


class Counting:
    """A tracker that notes what it shows, and may stop a training."""

    def __init__(self, stop_in: str = "") -> None:
        self.labels: list[str] = []
        self._stop_in = stop_in

    def __call__(self, items: Iterable[Any], label: str, total: int) -> Iterator[Any]:  # noqa: ARG002  (a tracker's signature)
        """Pass the items on."""
        self.labels.append(label)
        for index, item in enumerate(items):
            if self._stop_in and self._stop_in in label and index == 1:
                raise KeyboardInterrupt
            yield item

    @property
    def trained(self) -> list[str]:
        """Which trainings there were."""
        return [label.partition(" ")[2] for label in self.labels if label.endswith("training")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny experiment, which was stopped once and went on."""
    output = tmp_path_factory.mktemp("experiment") / "tiny"
    config = ExperimentConfig.model_validate(TINY)
    with pytest.raises(KeyboardInterrupt):
        experiment(config, output, track=Counting("STL height, seed 0: training"))
    tracker = Counting()
    experiment(config, output, track=tracker)
    assert tracker.trained == ["STL height, seed 0: training", "JTL, seed 0: training"]
    return output


def _again(folder: Path, **changes: Any) -> tuple[list[Outcome], Counting]:
    tracker = Counting()
    config = ExperimentConfig.model_validate(TINY | changes)
    return experiment(config, folder, track=tracker), tracker


def test_what_is_done_is_not_done_again(folder: Path) -> None:
    outcomes, tracker = _again(folder)
    assert tracker.labels == []
    assert [each.row for each in outcomes] == ["STL land cover", "STL height", "JTL"]
    assert [(each.iterations, each.steps) for each in outcomes] == [(3, 3), (4, 4), (3, 6)]
    assert all(each.seconds > 0 for each in outcomes)
    land, height, both = (each.scores["vaihingen"]["learned"] for each in outcomes)
    assert set(land) == {"pixel_accuracy", "mean_iou"}
    assert set(height) == {"abs_rel", "rmse", "mae", "delta1", "delta2", "delta3"}
    assert set(both) == set(land) | set(height)
    learned, adapted = (outcomes[2].scores["potsdam"][kind] for kind in ("learned", "adapted"))
    assert learned != adapted


def test_tables_and_gains(folder: Path, tmp_path: Path) -> None:
    outcomes, _ = _again(folder)
    config = ExperimentConfig.model_validate(TINY)
    tables = experiment_tables(config, outcomes)
    assert [each.title for each in tables][:2] == [
        "potsdam, equal iterations, statistics as learned",
        "potsdam, equal iterations, statistics re-estimated on the scene",
    ]
    learned = tables[2]
    assert learned.head[-4:] == ("paper's mIoU %", "paper's gain %", "iterations", "s")
    assert [row[0] for row in learned.rows] == ["STL land cover", "STL height", "JTL"]
    jtl = outcomes[2].scores["vaihingen"]["learned"]
    single = {
        "mean_iou": outcomes[0].scores["vaihingen"]["learned"]["mean_iou"],
        "rmse": outcomes[1].scores["vaihingen"]["learned"]["rmse"],
    }
    gain = 50 * (jtl["mean_iou"] / single["mean_iou"] - jtl["rmse"] / single["rmse"])
    assert learned.rows[2][8] == f"{gain:.1f}"
    assert learned.rows[2][9:-1] == ("62.2", "22.1", "3")
    assert [row[-2] for row in learned.rows] == ["3", "4", "3"]
    text = experiment_document(config, outcomes)
    assert text.startswith("# tiny\n\nSeeds 0; ")
    assert text.count("| STL height |") == 4
    assert set(learned.rows[0][3:-2]) == {"-"}
    short = experiment_tables(config, outcomes, short=True)[2]
    assert short.head == ("method", "mIoU %", "RMSE m", "gain %")
    assert short.rows[2] == tuple(learned.rows[2][k] for k in (0, 2, 3, 8))
    rows = outcomes_csv(outcomes).splitlines()
    assert rows[0].startswith("row,seed,budget,iterations")
    assert len(rows) == 1 + 2 * 2 * (2 + 6 + 8)
    draw_experiment(tmp_path / "a.png", config, outcomes)
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_seeds_rows_and_scenes_may_be_added(folder: Path) -> None:
    outcomes, tracker = _again(folder, seeds=[0, 1], rows=TINY["rows"][2:], single={})
    assert tracker.trained == ["JTL, seed 1: training"]
    assert outcomes[0].scores != outcomes[1].scores  # its cities are others
    (table, *_) = experiment_tables(
        ExperimentConfig.model_validate(TINY | {"seeds": [0, 1]}), outcomes
    )
    assert "±" in table.rows[0][2]
    said = "city.test_m 40.0 (now 50.0); training.iterations 3 (now 9)"
    with pytest.raises(ConfigError, match=re.escape(said)):
        _again(
            folder,
            city=TINY["city"] | {"test_m": 50},
            training=TINY["training"] | {"iterations": 9},
        )


def test_the_same_time_as_another_row(folder: Path) -> None:
    outcomes, tracker = _again(folder, same_time_as="JTL")
    assert len(tracker.trained) == 2
    lengths = json.loads((folder / "same_time.json").read_text())["iterations"]
    assert lengths["JTL"] == 3
    timed = {each.row: each for each in outcomes if each.same_time}
    assert {name: each.iterations for name, each in timed.items()} == {
        name: lengths[name] for name in ("STL land cover", "STL height")
    }
    config = ExperimentConfig.model_validate(TINY | {"same_time_as": "JTL"})
    tables = experiment_tables(config, outcomes)
    assert len(tables) == 8
    (second,) = [
        each
        for each in tables
        if each.title.startswith("vaihingen, equal training time, statistics as")
    ]
    (first,) = [
        each
        for each in tables
        if each.title.startswith("vaihingen, equal iterations, statistics as")
    ]
    assert second.rows[2][:8] == first.rows[2][:8]  # it is the same run
    again, tracker = _again(folder, same_time_as="JTL")
    assert tracker.labels == []
    assert again == outcomes
    with pytest.raises(ConfigError, match="has the time of JTL, not of STL height"):
        _again(folder, same_time_as="STL height")


def test_another_place_or_scene(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same folder by another path is the same experiment; a scene is what it names."""
    monkeypatch.chdir(folder.parent)
    _, tracker = _again(Path(folder.name))
    assert tracker.labels == []
    outcomes, tracker = _again(folder, scenes=[SCENES[0] | {"height": []}, SCENES[1]])
    assert tracker.trained == []
    assert any("potsdam_test" in label for label in tracker.labels)
    assert "rmse" not in outcomes[2].scores["potsdam"]["learned"]


def test_a_row_that_was_another_is_refused(folder: Path) -> None:
    rows = [TINY["rows"][0], TINY["rows"][1] | {"changes": TINY["rows"][0]["changes"]}]
    with pytest.raises(ConfigError, match=r"was trained with .*tasks \['height'\] .*: remove it"):
        _again(folder, rows=rows, single={})


def test_a_default_that_was_another_is_refused(folder: Path) -> None:
    """Another version may have trained otherwise."""
    path = folder / "runs" / "jtl_0" / "outcome.json"
    kept = path.read_text()
    try:
        known = json.loads(kept)
        assert known["training"]["optimiser"]["idle"] == "moves"
        known["training"]["optimiser"]["idle"] = "rests"
        path.write_text(json.dumps(known))
        with pytest.raises(ConfigError, match=r"was trained with .*idle rests .*remove it"):
            _again(folder)
    finally:
        path.write_text(kept)


def test_several_scenes_add_up(folder: Path) -> None:
    both = {key: [SCENES[0][key], SCENES[1][key]] for key in ("image", "labels", "height")}
    (_, _, jtl), tracker = _again(folder, scenes=[*SCENES, {"name": "both", **both}])
    assert tracker.trained == []
    scores = {name: kinds["learned"]["mae"] for name, kinds in jtl.scores.items()}
    low, high = sorted([scores["potsdam"], scores["vaihingen"]])
    assert low < scores["both"] < high


def test_a_data_set_by_name(folder: Path, make_isprs: Callable[..., Path]) -> None:
    """Its images do not say where they lie; labels lie on them."""
    root = make_isprs("vaihingen", [(2, 0), (4, 1), (11, 1)])
    scene = {"name": "vaihingen", "dataset": "vaihingen", "root": str(root)}
    (land_cover, *_), _ = _again(folder, scenes=[scene])
    assert set(land_cover.scores["vaihingen"]["learned"]) == {"pixel_accuracy", "mean_iou"}


@pytest.mark.parametrize("shipped", SHIPPED)
def test_every_row_of_shipped_experiments_trains_one_step(
    folder: Path, shipped: str, tmp_path: Path
) -> None:
    source = importlib.resources.files("geosemimtl.configs") / "experiments" / shipped
    with importlib.resources.as_file(source) as path:
        config = load_yaml(ExperimentConfig, path)
    tiles = folder / "data" / "0" / "tiles"
    for row in config.rows:
        whole = config.training_of(row, 0, tmp_path)
        domains = [
            domain.model_copy(
                update={
                    "tiles": tiles
                    / ("vaihingen" if domain.supervises == ("height",) else "potsdam")
                }
            )
            for domain in whole.domains
        ]
        network = {**TINY["training"]["network"], "norm": whole.network.norm}
        changes = {"iterations": 1, "batch": 2, "crop_px": 32, "domains": domains}
        small = TrainConfig.model_validate(whole.model_dump() | changes | {"network": network})
        assert train(small, tmp_path / slug(row.name)).is_file()
