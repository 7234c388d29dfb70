"""The site: it builds without a warning, shows every page, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import geosemimtl
from geosemimtl.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
#: What the builder prints where it only warns: of docstrings it does not abort, even when strict.
WARNINGS = re.compile(r"^(griffe|mkdocstrings|\S*Warning):", re.MULTILINE)


def build(folder: Path, docs: Path = ROOT / "docs") -> subprocess.CompletedProcess[str]:
    """Build the site of this checkout in a folder of its own, as ``make docs`` does."""
    shutil.copytree(docs, folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    (folder / "geosemimtl").symlink_to(ROOT / "geosemimtl")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "built"
    done = build(folder)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert not WARNINGS.search(said), said
    return folder / str(CONFIG["site_dir"])


def pages_of(entries: list[Any]) -> list[str]:
    """Return the files that the navigation names."""
    pages: list[str] = []
    for entry in entries:
        (value,) = entry.values()
        pages += pages_of(value) if isinstance(value, list) else [value]
    return pages


def test_the_navigation_leads_to_every_page(site: Path) -> None:
    docs = ROOT / "docs"
    written = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    named = pages_of(CONFIG["nav"])
    assert sorted(named) == sorted(written)
    assert all((site / page).with_suffix(".html").is_file() for page in named)


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loads = re.compile(
        r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc=["']?(?:https?:)?//[^>]*>"""
        r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*href=["']?(?:https?:)?//[^>]*>"""
    )
    for page in site.rglob("*.html"):
        assert loads.findall(page.read_text("utf-8")) == [], page
    styles = [*site.rglob("*.css"), *site.rglob("*.svg")]
    assert styles
    for style in styles:
        text = style.read_text("utf-8")
        assert re.findall(r"""(?:url\(|@import\s+)["']?(?:https?:)?//[^)]*""", text) == [], style


def test_every_public_function_has_its_reference(site: Path) -> None:
    page = (site / "api.html").read_text("utf-8")
    missing = [name for name in geosemimtl.__all__ if f'id="geosemimtl.{name}"' not in page]
    assert missing == []
    assert "How to predict." in page
    assert "<p>Predict classes and heights of whole scenes.</p>" in page
    assert re.findall(r":(?:func|class|meth|mod|data|attr):", page) == []  # Sphinx's, not Markdown


def test_every_command_has_its_picture() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    assert [name for name in COMMANDS if "![" not in sections.get(name, "")] == []


def test_pictures_are_small_and_shown() -> None:
    docs = ROOT / "docs"
    pictures = [path for path in docs.rglob("*") if path.suffix in (".png", ".svg", ".jpg")]
    assert sum(path.stat().st_size for path in pictures) < 4e6
    text = "".join(page.read_text("utf-8") for page in [ROOT / "README.md", *docs.rglob("*.md")])
    assert [path.name for path in pictures if path.name not in text] == []


@pytest.mark.parametrize(
    "text",
    ["[gone](gone.md)", "[no such place](index.md#nowhere)", "::: geosemimtl.nothing"],
    ids=["page", "anchor", "reference"],
)
def test_what_is_wrong_ends_the_build(text: str, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for page in pages_of(CONFIG["nav"]):
        (docs / page).parent.mkdir(exist_ok=True)
        (docs / page).write_text("# Page\n", "utf-8")
    (docs / "index.md").write_text(f"# Home\n\n{text}\n", "utf-8")
    assert build(tmp_path / "built", docs).returncode != 0
