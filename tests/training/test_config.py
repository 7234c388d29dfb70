"""Configurations: what is read, and what is said of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geosemimtl.config import load_class_map
from geosemimtl.errors import ConfigError
from geosemimtl.methods.semimtl import SemiMTLConfig
from geosemimtl.methods.supervised import JTLConfig
from geosemimtl.tasks import TASK_NAMES
from geosemimtl.training.config import TrainConfig, load_config

OneLine = Callable[[BaseException], str]
DOMAINS = "domains:\n  - {name: a, tiles: tiles/a, supervises: [segmentation]}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a configuration and returns its path."""

    def to_file(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


@pytest.fixture
def refused(write: Callable[[str], Path], one_line: OneLine) -> Callable[..., str]:
    """Return a function that gives the message on which a configuration fails."""

    def message(text: str, *overrides: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load_config(write(text), overrides)
        return one_line(caught.value)

    return message


def test_defaults_are_the_papers(write: Callable[[str], Path]) -> None:
    config = load_config(write(DOMAINS))
    assert config.tasks == ("segmentation", "height")
    assert (config.weights["segmentation"], config.weights["height"]) == (1.0, 0.01)
    assert set(config.weights) == set(TASK_NAMES)
    assert config.method == SemiMTLConfig(mode="M2", lambda_intra=0.001, lambda_inter=0.0001)
    assert (config.batch, config.epochs, config.optimiser.name) == (24, 120, "sgd")
    assert config.domains[0].tiles == Path("tiles/a")
    assert config.domains[0].supervises == ("segmentation",)
    assert config.network.decoder("height").name == "upsampling"
    assert TrainConfig.model_validate(config.model_dump()) == config


def test_overrides(write: Callable[[str], Path]) -> None:
    path = write(DOMAINS + "method: {name: jtl}\naugmentation:\n")
    config = load_config(
        path,
        [
            "optimiser.lr=0.5",
            "domains.0.tiles=other=place",
            "method.name=jtl",
            "weights={segmentation: 2, height: 3}",
            "augmentation.scale=[1, 1]",
            "network.weights=null",
        ],
    )
    assert config.optimiser.lr == 0.5
    assert config.domains[0].tiles == Path("other=place")
    assert config.method == JTLConfig()
    assert config.weights["height"] == 3
    assert config.augmentation.scale == (1, 1)
    assert config.network.weights is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("itterations: 3", "unknown key itterations: did you mean iterations?"),
        ("optimiser: {lrr: 1}", "unknown key optimiser.lrr: did you mean lr?"),
        ("method: {name: semimtl, lambda_inner: 1}", "lambda_inner: did you mean lambda_inter?"),
        (
            "method: {name: jtl, lambda_inter: 1}",
            "lambda_inter belongs to semisd and semimtl, not to jtl",
        ),
        ("network: {segmentation: {name: psp, chanels: 8}}", "did you mean channels?"),
        ("zzz: 1", "unknown key zzz: known keys: accumulate, augmentation,"),
        (
            "method: {name: jtl, mode: M2}",
            "method.mode belongs to semimtl, not to jtl: write method={name: jtl}",
        ),
    ],
)
def test_an_unknown_key_names_the_nearest(
    refused: Callable[..., str], text: str, said: str
) -> None:
    assert said in refused(DOMAINS + text)


def test_an_unknown_key_in_a_list(refused: Callable[..., str]) -> None:
    said = refused("domains: [{name: a, tile: b}]")
    assert "unknown key domains.0.tile: did you mean tiles?" in said
    assert "domains.0.tiles is missing" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch: 0", "batch = 0: Input should be greater than or equal to 1"),
        ("precision: half", "precision = 'half': Input should be 'auto', 'float32' or 'bfloat16'"),
        (
            "method: {name: magic}",
            "method.name = 'magic': choose one of 'stl', 'jtl', 'da', 'semisd', 'semimtl'",
        ),
        ("method: jtl", "method = 'jtl': is a section: give its keys, such as {name: ...}"),
        ("method: {mode: M1}", "method: give its name, such as {name: ...}"),
        (
            "weights: {heigth: 1}",
            "unknown key weights.heigth: choose 'segmentation', 'human_parts', 'height',",
        ),
        ("weights: {segmentation: 0, height: 0}", "teach nothing: raise one"),
        ("augmentation: {scale: [2, 1]}", "scale is the smallest zoom, then the largest"),
        ("weights: {depth: -1}", "weights.depth = -1: Input should be greater"),
        ("losses: {height: cosine}", "losses.height: cosine does not suit it; choose of berhu, l1"),
        ("losses: {heights: l1}", "unknown key losses.heights: choose 'segmentation',"),
        ("losses: {height: huber}", "losses.height = 'huber'"),
        ("tasks: []", "tasks: give at least one"),
        ("tasks: [height, height]", "a task is named twice"),
        ("seed: |\n  two\n  lines", "seed"),
        (
            "validation: {every: 0, patience: 3}",
            "patience 3 counts validations, and every 0 has none: leave one out",
        ),
        ("validation: {patience: 0}", "validation.patience = 0: Input should be greater"),
        ("validation: {often: 3}", "unknown key validation.often: known keys: every, patience"),
        ("validation: 3", "validation = 3: is a section: give its keys"),
    ],
)
def test_bad_values(refused: Callable[..., str], text: str, said: str) -> None:
    message = refused(DOMAINS + text)
    assert said in message
    assert "config.yaml: " in message


def test_two_domains_of_one_name(refused: Callable[..., str]) -> None:
    twice = "domains: [{name: a, tiles: b}, {name: a, tiles: c}]"
    assert "two domains have the same name" in refused(twice)


def test_a_domain_called_as_scores_are(refused: Callable[..., str]) -> None:
    said = refused("domains: [{name: validation, tiles: b}]")
    assert "a domain is called validation, as scores are in logs: rename it" in said


def test_no_domain(refused: Callable[..., str]) -> None:
    assert "domains is missing" in refused("name: x")
    assert "domains" in refused("domains: []")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optimiser.lr", "write key=value"),
        ("optimizer.lr=1", "unknown key optimizer: did you mean optimiser?"),
        ("domains.7.tiles=a", "there is no domains.7.tiles to set"),
        ("domains.first.tiles=a", "there is no domains.first.tiles to set"),
        ("domains.0.name.x=a", "there is no domains.0.name.x to set"),
        ("batch=[1", "[1 is no YAML value; quote it"),
        ("batch=many", "batch = 'many'"),
    ],
)
def test_bad_overrides(refused: Callable[..., str], override: str, said: str) -> None:
    assert said in refused(DOMAINS, override)


@pytest.mark.parametrize("text", ["a: [1", "\ta: 1", "a: 1\na: b: c"])
def test_no_yaml(refused: Callable[..., str], text: str) -> None:
    assert "is not YAML" in refused(text)


@pytest.mark.parametrize("text", ["", "- 1", "word"])
def test_no_keys(refused: Callable[..., str], text: str) -> None:
    assert "holds no keys" in refused(text)


def test_no_file(tmp_path: Path, one_line: OneLine) -> None:
    with pytest.raises(ConfigError, match="No such file or directory") as caught:
        load_config(tmp_path / "no.yaml")
    assert str(tmp_path / "no.yaml") in one_line(caught.value)


def test_no_text(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="is not YAML") as caught:
        load_config(path)
    one_line(caught.value)


def test_a_class_map(write: Callable[[str], Path]) -> None:
    made = load_class_map(
        write(
            "entries:\n- {name: building, color: '#aa0000', from: [2, 17, house, '#0000ff']}\n"
            "- {name: ground, color: '#cccccc', from: [1]}\n"
            "ignore: [0, '#000000', unknown]\nbackground: ground\n"
        )
    )
    assert made.classes.names == ("building", "ground")
    assert made.numbers == {2: 0, 17: 0, 1: 1, 0: 255}
    assert made.colours == {(0, 0, 255): 0, (204, 204, 204): 1, (0, 0, 0): 255}
    assert made.texts == {"building": 0, "house": 0, "ground": 1, "unknown": 255}
    assert made.background_index == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "entries: [{name: a, color: red}, {name: b, color: '#000000'}]",
            "entries.0.color = 'red'",
        ),
        ("entries: [{name: a, color: '#000000'}]", "entries"),
        (
            "entries: [{name: a, color: '#000000'}, {name: a, color: '#000000'}]",
            "two classes have the same name",
        ),
        (
            "entries: [{name: a, color: '#000000'}, {name: b, color: '#000001'}]\nignore: [1]",
            "1 stands for two: b and ignored",
        ),
        ("entries: [{nme: a, color: '#000000'}]", "did you mean name?"),
        ("entries: [{name: a, color: '#000000', form: [1]}]", "did you mean from?"),
        ("entries: [{name: a, color: '#000000', from: ['#00f']}]", "is no colour; write #rrggbb"),
        ("entries: [{name: a, color: '#000000', from: [1.5]}]", "= 1.5"),
        ("entries: [{name: a, color: '#000000', value: 1}]", "unknown key entries.0.value"),
    ],
)
def test_bad_classes(write: Callable[[str], Path], one_line: OneLine, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_class_map(write(text))
    assert said in one_line(caught.value)
