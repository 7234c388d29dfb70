"""Experiments' files: what becomes of a row, and what is said of mistakes."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from geosemimtl.config import load_yaml
from geosemimtl.errors import ConfigError
from geosemimtl.experiments.config import ExperimentConfig, slug
from geosemimtl.methods.semimtl import SemiMTLConfig

OneLine = Callable[[BaseException], str]
SHIPPED = sorted(
    file.name
    for file in (importlib.resources.files("geosemimtl.configs") / "experiments").iterdir()
    if file.name.endswith(".yaml")
)


def _document(**changes: Any) -> dict[str, Any]:
    domains = [
        {"name": "a", "tiles": "{data}/tiles/a", "supervises": ["segmentation"]},
        {"name": "b", "tiles": "b"},
    ]
    return {
        "name": "x",
        "training": {
            "domains": domains,
            "method": {"name": "semimtl", "mode": "M1"},
            "optimiser": {"lr": 0.5},
        },
        "rows": [{"name": "one"}],
        "scenes": [{"name": "a", "image": "{data}/a.tif"}],
    } | changes


def _training(**row: Any) -> Any:
    config = ExperimentConfig.model_validate(_document(rows=[{"name": "one", **row}]))
    return config.training_of(config.rows[0], 3, Path("here"))


def test_a_row_is_the_training_with_its_changes() -> None:
    plain = _training()
    assert plain.seed == 3
    assert [domain.tiles for domain in plain.domains] == [Path("here/tiles/a"), Path("b")]
    assert plain.method == SemiMTLConfig(mode="M1")
    changed = _training(changes={"optimiser": {"momentum": 0.1}, "batch": 2})
    assert (changed.optimiser.lr, changed.optimiser.momentum, changed.batch) == (0.5, 0.1, 2)


def test_no_row_is_chosen_by_validation() -> None:
    assert _training().validation.every == 0


def test_a_method_is_replaced_and_not_mixed() -> None:
    assert _training(changes={"method": {"lambda_inter": 0}}).method.mode == "M1"
    assert _training(changes={"method": {"name": "semimtl"}}).method.mode == "M2"
    assert _training(changes={"method": {"name": "jtl"}}).method.name == "jtl"


def test_domains_are_chosen_by_name() -> None:
    assert [domain.name for domain in _training(domains=["b"]).domains] == ["b"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": [{"name": "A b"}, {"name": "a-b"}]}, "two rows have the same name"),
        ({"single": {"height": "two"}}, "two is none of the rows one"),
        ({"same_time_as": "two"}, "two is none of the rows one"),
        (
            {"rows": [{"name": "one", "domains": ["a", "c"]}]},
            "row one: c is none of the domains a, b",
        ),
        ({"rows": [{"name": "one", "changes": {"method": {"name": "stl"}}}]}, "trains one task"),
        (
            {"rows": [{"name": "one", "changes": {"bach": 3}}]},
            "row one: unknown key bach: did you mean batch",
        ),
        ({"rows": [{"name": "one", "changes": {"seed": 3}}]}, "row one: seed is the experiment's"),
        (
            {"rows": [{"name": "one", "changes": {"validation": {"every": 9}}}]},
            "row one: validation is the experiment's: leave it out",
        ),
        (
            {"rows": [{"name": "one", "paper": {"x": {"rmse": 1}}}]},
            "row one: paper.x is none of the scenes",
        ),
        ({"seeds": [1, 0, 1]}, "seeds 1, 0, 1: one is named twice"),
    ],
)
def test_mistakes(changes: dict[str, Any], said: str, tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(ValidationError, match=said):
        ExperimentConfig.model_validate(_document(**changes))
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(_document(**changes)))
    with pytest.raises(ConfigError) as caught:
        load_yaml(ExperimentConfig, path)
    assert said in one_line(caught.value)


def test_names_as_folders() -> None:
    assert slug("SemiMTL (M1), no scale") == "semimtl_m1_no_scale"


@pytest.mark.parametrize("shipped", SHIPPED)
def test_shipped_experiments(shipped: str) -> None:
    source = importlib.resources.files("geosemimtl.configs") / "experiments" / shipped
    with importlib.resources.as_file(source) as path:
        config = load_yaml(ExperimentConfig, path)
    assert len(config.seeds) >= 3
    assert config.name == Path(shipped).stem
