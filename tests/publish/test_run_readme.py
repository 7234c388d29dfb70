"""The page by which a training's folder explains itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from geosemimtl.cli.main import cli
from geosemimtl.errors import OutputError
from geosemimtl.publish.run_readme import (
    README,
    RunState,
    command_as_given,
    readme_of,
    require_own_readme,
)
from geosemimtl.training.model_file import ModelCard, ValidationCard

BEST = ValidationCard(
    taken="best",
    iteration=30,
    scores={"sky|high/mean_iou": 0.4119, "ground/rmse_m": 2.306},
    score=0.3541,
    rule="what is said",
    validations=4,
    iterations=40,
)
LAST = BEST.model_copy(update={"taken": "last", "iteration": 40, "score": None})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["train", "a.yaml"], "geosemimtl train a.yaml"),
        (["train", "configs/a.yaml", "-o", "../x"], "geosemimtl train configs/a.yaml -o ../x"),
        (["train", "/home/me/a.yaml", "--init=/m/b.st"], "geosemimtl train a.yaml --init=b.st"),
        (["-s", "domains.0.tiles=/data/tiles/a"], "geosemimtl -s domains.0.tiles=a"),
        (
            ["-s", "domains=[{name: a, tiles: /d/a}, {tiles: '/d/b'}]"],
            "geosemimtl -s " + shlex.quote("domains=[{name: a, tiles: a}, {tiles: 'b'}]"),
        ),
        ([r"C:\me\a.yaml", "/"], "geosemimtl a.yaml /"),
    ],
)
def test_commands_name_no_folder_of_the_machine(given: list[str], said: str) -> None:
    assert command_as_given(given) == said


def test_it_begins(card: ModelCard) -> None:
    text = readme_of(card, RunState("geosemimtl train a.yaml", 40, validates=True))
    assert f"\n# {card.name}\n" in text
    assert "has not come to its end" in text
    assert "\n    geosemimtl train a.yaml\n" in text
    assert "None yet: see `metrics.csv`." in text
    for domain in card.domains:
        assert f"\n| {domain.name} | " in text
    assert "{" not in text


def test_it_ends(card: ModelCard) -> None:
    text = readme_of(card, RunState("", 40, 40, validates=True, best=BEST, last=LAST))
    assert "came to its end after 40 iterations" in text
    lines = text.splitlines()
    start = lines.index(
        "| weights | after iterations | sky\\|high mIoU % | ground RMSE m | score |"
    )
    assert lines[start + 2 : start + 4] == [
        "| best | 30 | 41.2 | 2.31 | 0.354 |",
        "| last | 40 | 41.2 | 2.31 | - |",
    ]
    assert "The score is what is said. Of 4 validations" in text
    assert f"| `{card.name}_last.safetensors` | the model as the training ended |" in lines


def test_it_ended_early(card: ModelCard) -> None:
    text = readme_of(card, RunState("", 99, 40, validates=True, best=BEST, last=LAST))
    assert "ended after 40 of 99 iterations" in text
    assert "`validation.patience`" in text


def test_nothing_was_validated(card: ModelCard) -> None:
    text = readme_of(card, RunState("", 40, 40))
    assert "Nothing is validated" in text
    assert "_last.safetensors" not in text
    assert "pictures/" not in text
    assert "the model, as the training ended" in text


def test_its_commands_are_known(card: ModelCard) -> None:
    text = readme_of(card, RunState("", 40, 40))
    commands = [
        shlex.split(line) for line in text.splitlines() if line.startswith("    geosemimtl")
    ]
    assert [words[1] for words in commands] == ["predict", "evaluate", "info"]
    for words in commands:
        command = cli.get_command(None, words[1])  # type: ignore[arg-type]  # which it does not ask
        assert command is not None
        known = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_a_readme_of_somebody_else(
    tmp_path: Path, card: ModelCard, one_line: Callable[[BaseException], str]
) -> None:
    require_own_readme(tmp_path)
    (tmp_path / README).write_text(readme_of(card, RunState("", 40)))
    require_own_readme(tmp_path)
    (tmp_path / README).write_text("# My notes")
    with pytest.raises(OutputError, match="is not of a training, so it is never replaced") as error:
        require_own_readme(tmp_path)
    assert str(tmp_path / README) in one_line(error.value)
