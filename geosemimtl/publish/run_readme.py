"""The page by which a training's folder explains itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.errors import OutputError
from geosemimtl.publish.card_facts import DOMAIN_HEAD, domain_rows, model_facts, score_words
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.training.model_file import ModelCard, ValidationCard

README = "README.md"
#: By which the program knows a page that it wrote itself.
_MARK = "<!-- Written by geosemimtl train, which replaces it: keep notes of your own elsewhere. -->"
#: A path that begins at the root, as a word or behind = : , or an opening bracket or quote.
_ABSOLUTE = re.compile(r"""(?<![^\s=:,|\[{("'])(?:[A-Za-z]:)?[/\\][^\s,|\]})"']*""")


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a training is.

    Attributes:
        command: By which it was called, if anybody knows.
        planned: Iterations that it was to have.
        done: After which it ended; ``None`` while it has not.
        validates: Whether it looks at validation tiles.
        best: Of the weights that were chosen, if they were.
        last: Of those that it ended with.
    """

    command: str
    planned: int
    done: int | None = None
    validates: bool = False
    best: ValidationCard | None = None
    last: ValidationCard | None = None


def command_as_given(arguments: Sequence[str]) -> str:
    """Return a call of the program on one line, absolute paths by their last names only."""

    def name(found: re.Match[str]) -> str:
        return Path(found[0].replace("\\", "/")).name or found[0]

    return shlex.join(("geosemimtl", *(_ABSOLUTE.sub(name, each) for each in arguments)))


def require_own_readme(folder: Path) -> None:
    """Refuse a folder whose README somebody else wrote.

    Raises:
        OutputError: It is there.
    """
    path = folder / README
    if path.exists() and not path.read_bytes().startswith(_MARK.encode()):
        raise OutputError(
            f"{path}: is not of a training, so it is never replaced; choose another folder with -o"
        )


def readme_of(card: ModelCard, state: RunState) -> str:
    """Return the page in Markdown: what was trained on what, how well, and what lies here.

    Args:
        card: Of the model.
        state: How far the training is.
    """
    parts = (
        _MARK,
        f"# {card.name}",
        _standing(state),
        *([f"    {state.command}"] if state.command else []),
        "## What it learns",
        _bullets(model_facts(card)),
        _table(DOMAIN_HEAD, domain_rows(card)),
        "## Scores",
        *_scores(state),
        "## What lies here",
        _table(("file", "what it is"), [(f"`{file}`", what) for file, what in _files(card, state)]),
        "## How to go on",
        *_next_steps(card),
    )
    return "\n\n".join(parts) + "\n"


def _standing(state: RunState) -> str:
    if state.done is None:
        return (
            f"A training of {state.planned} iterations that has not come to its end. If it does "
            "not run, it was stopped: the same command goes on from its last checkpoint."
        )
    if state.done < state.planned:
        return (
            f"A training that ended after {state.done} of {state.planned} iterations, for no score "
            "had been better for as long as `validation.patience` says."
        )
    return f"A training that came to its end after {state.planned} iterations."


def _scores(state: RunState) -> Iterator[str]:
    """Yield what is known of validation tiles, or what would bring it."""
    if not state.validates:
        yield (
            "Nothing is validated, so the model is the one that the training ends with: no tile "
            "set has labelled tiles of the split val, which `geosemimtl tile --split` cuts, or "
            "`validation.every` is 0."
        )
        return
    known = [(kind, each) for kind, each in (("best", state.best), ("last", state.last)) if each]
    if not known:
        yield "None yet: see `metrics.csv`."
        return
    names = list(known[0][1].scores)
    columns = [_column(name, known[0][1].scores[name]) for name in names]
    head = ("weights", "after iterations", *columns, "score")
    rows = [
        (
            kind,
            str(each.iteration),
            *(_figure(name, each.scores[name]) for name in names),
            "-" if each.score is None else f"{each.score:.3f}",
        )
        for kind, each in known
    ]
    yield _table(head, rows)
    yield (
        f"The score is {known[0][1].rule}. Of {known[0][1].validations} validations the best has "
        "the largest, the earliest of equals. Tiles of the split val were predicted each on its "
        "own, overlaps counting once a tile; nothing of the split test was looked at. "
        "`geosemimtl evaluate` scores whole scenes."
    )


def _column(name: str, value: float) -> str:
    domain, _, kind = name.rpartition("/")
    word, unit, _ = score_words(kind, value)
    return f"{domain} {word}{unit}"


def _figure(name: str, value: float) -> str:
    return score_words(name.rpartition("/")[2], value)[2]


def _files(card: ModelCard, state: RunState) -> Iterator[tuple[str, str]]:
    """Yield each file of the folder, once the training has ended, and what it is for."""
    chosen = (
        "with the best weights by the score above" if state.validates else "as the training ended"
    )
    yield f"{card.name}.safetensors", f"the model, {chosen}; all that `predict` needs"
    if state.validates:
        yield f"{card.name}_last.safetensors", "the model as the training ended"
    yield "config.yaml", "every key of the training, with what was left out filled in"
    for domain in card.domains:
        if domain.images is not None:
            yield f"regime_{domain.name}.json", "which of its images kept the labels of which tasks"
    what = "losses of every tenth iteration"
    yield "metrics.csv", f"{what}{', scores of each validation' * state.validates}"
    yield "tensorboard/", "the same, for TensorBoard"
    if state.validates and card.training.get("validation", {}).get("pictures"):
        yield "pictures/", "the same validation tiles at each validation: predicted and true"


def _next_steps(card: ModelCard) -> Iterator[str]:
    model = shlex.quote(f"{card.name}.safetensors")
    if card.gsd_m is None:
        yield "From this folder:"
        yield (
            f"    geosemimtl predict image.png --model {model}\n"
            f"    geosemimtl evaluate TILES --model {model}\n"
            f"    geosemimtl info {model}\n"
            "    tensorboard --logdir ."
        )
        yield _AGAIN.format(name=card.name)
        return
    tasks = [task.name for task in card.tasks]
    truth = " --labels labels.tif" * (SEGMENTATION in tasks) + " --height ndsm.tif" * (
        HEIGHT in tasks
    )
    yield "From this folder:"
    yield (
        f"    geosemimtl predict scene.tif --model {model}\n"
        f"    geosemimtl evaluate scene.tif --model {model}{truth} --report report.html\n"
        f"    geosemimtl info {model}\n"
        "    tensorboard --logdir ."
    )
    yield _AGAIN.format(name=card.name)


_AGAIN = (
    "`geosemimtl train` with this `config.yaml`, called where the first training was, trains the "
    "same again into the folder that `-o` names; with `--init` and `{name}.safetensors` it starts "
    "from this model."
)


def _bullets(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {what}" for name, what in facts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, in whose cells no bar ends a cell."""
    lines = (head, ["---"] * len(head), *rows)
    cells = [" | ".join(each.replace("|", r"\|") for each in line) for line in lines]
    return "\n".join(f"| {line} |" for line in cells)
