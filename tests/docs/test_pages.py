"""Every command that the documentation shows is run, and every link leads somewhere.

The commands of a section (what stands below one ``##``) are run in order, in a copy of the small
world of conftest.py. A YAML block with a title, such as ``yaml title="classes.yaml"``, is a file of
that world; where a section shows one again, that is what its commands find.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from geosemimtl.cli.main import COMMANDS, cli
from geosemimtl.config import load_class_map, load_yaml
from geosemimtl.data.sets.listed import ScenesFile
from geosemimtl.training.config import TrainConfig

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: Programs that the pages name and that are not run here, each with the reason.
NOT_RUN = {
    "make": "its targets are looked up below; the session that runs this is one",
    "pip": "needs the package index",
    "python": "benchmarks take minutes; that they exist is looked up below",
    "qgis": "opens a window; tests/judges shows the same rasters to QGIS without one",
    "tensorboard": "serves a page until it is stopped",
    "source": "leads into an environment, in which this runs",
}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\s*$")
#: A line that only a shell can run.
_SHELL = re.compile(r"^(cd|for|if|while|mkdir|export) |[|;]|&&|\$\(")


@dataclass(frozen=True)
class Step:
    """One thing that a reader does: run a command, a script of several, or keep a file."""

    kind: str
    text: str


@dataclass(frozen=True)
class Section:
    """What stands below one heading of a page."""

    page: str
    title: str
    steps: tuple[Step, ...]

    @property
    def commands(self) -> list[list[str]]:
        """The commands that are lines of their own, in words."""
        return [shlex.split(step.text) for step in self.steps if step.kind == "command"]


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (language, title, content) of each block of code, fenced or indented."""
    lines = iter([*text.splitlines(), ""])
    for line in lines:
        opening = _FENCE.match(line)
        if opening:
            indent, inner = len(opening["indent"]), []
            for each in lines:
                if each.strip() == "```":
                    break
                inner.append(each[indent:])
            yield opening["language"], opening["title"] or "", "\n".join(inner)
        elif re.match(r"^ {4,}(geosemimtl|pip|make) ", line):
            whole = line
            while whole.endswith("\\"):
                whole = f"{whole}\n{next(lines)}"
            yield "sh", "", whole.strip()


def _steps(text: str) -> Iterator[Step]:
    for language, title, content in _blocks(text):
        if title:
            yield Step(f"file {title}", content)
        elif language in ("sh", "bash", "console", ""):
            lines = content.replace("\\\n", " ").splitlines()
            if any(_SHELL.search(line) for line in lines):
                yield Step("script", content)
                continue
            for line in lines:
                if words := shlex.split(line, comments=True):
                    yield Step("command", shlex.join(words))


def sections_of(page: str, text: str) -> list[Section]:
    """Return the sections of a page that show anything to do."""
    parts = re.split(r"^## (.*)$", f"## \n{text}", flags=re.MULTILINE)[1:]
    made = [
        Section(page, title.strip(), tuple(_steps(body)))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [section for section in made if section.steps]


SECTIONS = [
    section
    for page in PAGES
    for section in sections_of(page.relative_to(ROOT).as_posix(), page.read_text("utf-8"))
]
RUN = [
    section
    for section in SECTIONS
    if any(words[0] == "geosemimtl" for words in section.commands)
    or any(step.kind == "script" for step in section.steps)
]
EVERY = [words for section in SECTIONS for words in section.commands]
FILES = {
    step.kind.removeprefix("file "): step.text
    for section in SECTIONS
    for step in section.steps
    if step.kind.startswith("file ")
}


@pytest.fixture(scope="session")
def world(make_world: Callable[..., Any]) -> Any:
    return make_world(FILES)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a folder to put before the PATH: this checkout's program, for scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "geosemimtl"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m geosemimtl.cli.main "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize("section", RUN, ids=lambda each: f"{each.page}: {each.title}")
def test_the_commands_run(
    section: Section,
    world: Any,
    program: Path,
    run_here: Callable[[Sequence[str]], object],
    lay_file: Callable[[Path, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = tmp_path / "here"
    world.copy_to(here, section.commands)
    monkeypatch.chdir(here)
    for step in section.steps:
        if step.kind.startswith("file "):
            lay_file(here / step.kind.removeprefix("file "), step.text)
        elif step.kind == "script":
            path = os.pathsep.join((str(program), os.environ["PATH"]))
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", step.text],
                check=True,
                env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
            )
        else:
            name, *arguments = shlex.split(step.text)
            if name == "geosemimtl":
                capfd.readouterr()
                assert run_here(arguments) == 0, f"{step.text}\n{capfd.readouterr().err}"
    shutil.rmtree(here)


def test_the_python_of_the_reference_runs(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.copy_to(tmp_path, [])
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    (shown,) = [content for language, _, content in _blocks(text) if language == "python"]
    exec(compile(shown, "api.md", "exec"), {})  # noqa: S102  (this project's own page)
    assert capsys.readouterr().out.startswith("predicted/scene_height.tif ")


def test_every_command_of_the_program_is_shown() -> None:
    ours = {words[1] for words in EVERY if words[0] == "geosemimtl"}
    assert set(COMMANDS) - ours == set()


def test_other_programs_have_a_reason_not_to_be_run() -> None:
    assert {words[0] for words in EVERY} - {"geosemimtl"} <= set(NOT_RUN)


@pytest.mark.parametrize(
    "words",
    [words for words in EVERY if words[0] == "geosemimtl"],
    ids=" ".join,
)
def test_the_command_exists(words: list[str]) -> None:
    with cli.make_context("geosemimtl", words[1:]) as context:
        name, command, arguments = cli.resolve_command(context, words[1:])
        assert command is not None, name
        with command.make_context(name, arguments, parent=context):
            pass  # parsed: every option exists and every argument is there


@pytest.mark.parametrize("wrong", ["geosemimtl tile a.tif --hight b.tif -o c", "geosemimtl fly"])
def test_a_wrong_command_would_be_found(wrong: str) -> None:
    with pytest.raises(click.UsageError):
        test_the_command_exists(shlex.split(wrong))


def test_what_a_page_shows_is_found() -> None:
    text = """
# Page

    geosemimtl info a \\
        b

1. A list:

    ```sh
    geosemimtl tile 'a b.tif'  # why
    qgis a.tif
    ```

## Section

```yaml title="x.yaml"
a: 1
```
```sh
for a in *; do
  geosemimtl info "$a"
done
```
```python
geosemimtl.info("a")
```
"""
    first, second = sections_of("page", text)
    assert first.commands == [
        ["geosemimtl", "info", "a", "b"],
        ["geosemimtl", "tile", "a b.tif"],
        ["qgis", "a.tif"],
    ]
    assert (first.title, second.title) == ("", "Section")
    assert [step.kind for step in second.steps] == ["file x.yaml", "script"]


def test_make_has_the_targets_shown() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [words[1] for words in EVERY if words[0] == "make"]
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_named_exist(page: Path) -> None:
    named = re.findall(r"python ((?:benchmarks|docs)/\w+\.py)", page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_shown_is_valid_as_it_stands(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(FILES[name], "utf-8")
    document = yaml.safe_load(FILES[name])
    if "domains" in document:
        assert load_yaml(TrainConfig, path).domains
    elif "entries" in document:
        assert load_class_map(path).classes.entries
    else:
        assert load_yaml(ScenesFile, path).images


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []
