"""Every command that the documentation shows exists, with its options and arguments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from geosemimtl.cli.main import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands_of(text: str) -> list[list[str]]:
    """Return the commands of a page's shell blocks and indented lines, split into words."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    shown = [block for language, block in fenced if language in ("sh", "bash", "console", "")]
    plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    shown += re.findall(r"^    (.*(?:\\\n.*)*)$", plain, re.MULTILINE)
    lines = "\n".join(shown).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


EVERY = [(page.name, words) for page in PAGES for words in commands_of(page.read_text("utf-8"))]
OURS = [(page, words) for page, words in EVERY if words[0] == "geosemimtl"]


def test_the_pages_show_commands() -> None:
    assert {"README.md", "predicting.md", "tiling.md"} <= {page for page, _ in OURS}


@pytest.mark.parametrize(("page", "words"), OURS, ids=lambda part: " ".join(part) if part else "")
def test_the_command_exists(page: str, words: list[str]) -> None:
    assert page
    with cli.make_context("geosemimtl", words[1:]) as context:
        name, command, arguments = cli.resolve_command(context, words[1:])
        assert command is not None, name
        with command.make_context(name, arguments, parent=context):
            pass  # parsed: every option exists and every argument is there


@pytest.mark.parametrize("wrong", ["geosemimtl tile a.tif --hight b.tif -o c", "geosemimtl fly"])
def test_a_wrong_command_would_be_found(wrong: str) -> None:
    with pytest.raises(click.UsageError):
        test_the_command_exists("page", shlex.split(wrong))


def test_make_has_the_targets_shown() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [words[1] for _, words in EVERY if words[0] == "make"]
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []
