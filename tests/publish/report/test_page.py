"""The page of a report, taken apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from geosemimtl.errors import OutputError
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.publish.report.page import page_of, require_report, write_report
from geosemimtl.publish.report.sources import ReportSources
from geosemimtl.training.model_file import ModelCard

Read = Callable[[str], Any]
LOSSES = {"sky/segmentation": ((9.0, 1.0), (19.0, 0.5)), "sky/height/inter": ((9.0, 1e-4),)}


@pytest.fixture
def sources(card: ModelCard) -> ReportSources:
    """Return all that a report can show beside scores, but for images."""
    return ReportSources("geosemimtl evaluate 'a<b_classes.tif'", (None,), card, LOSSES)


def sections_of(page: Any) -> list[str]:
    return [a["id"] for tag, a in page.elements if tag == "section"]


def test_every_section(drawn: Evaluation, sources: ReportSources, read_page: Read) -> None:
    page = read_page(page_of(drawn, sources))
    assert sections_of(page) == [
        "maps",
        "land-cover",
        "calibration",
        "heights",
        "training",
        "data",
        "model",
        "missing",
        "made",
    ]
    (missing,) = page.texts["li"][-1:]
    assert missing.startswith("Images: --image")
    assert page.texts["h1"] == ["Evaluation of a<b"]
    assert page.texts["code"] == ["geosemimtl evaluate 'a<b_classes.tif'"]
    assert "3,000,000 (0.75 km²)" in page.texts["td"]


def test_scores_have_curves_of_their_own(
    drawn: Evaluation, sources: ReportSources, read_page: Read
) -> None:
    scores = {
        "validation/score": ((9.0, 0.1), (19.0, 0.2)),
        "validation/sky/mean_iou": ((9.0, 0.1), (19.0, 0.2)),
    }
    page = read_page(page_of(drawn, replace(sources, losses={**LOSSES, **scores})))
    start = page.texts["h3"].index("Scores of validation tiles")
    assert page.texts["h3"][start : start + 3] == [
        "Scores of validation tiles",
        "Losses by labels",
        "Losses of the method",
    ]
    captions = page.texts["figcaption"]
    start = captions.index("validation · score")
    assert captions[start : start + 4] == [
        "validation · score",
        "validation · sky · mean_iou",
        "sky · segmentation",
        "sky · height · inter",
    ]


def test_it_needs_nothing_else(drawn: Evaluation, sources: ReportSources, read_page: Read) -> None:
    """Addresses are data or places on the page; what one element says of another is there."""
    text = page_of(drawn, sources)
    page = read_page(text)
    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    for address in (*page.all("src"), *page.all("href")):
        assert address.startswith(("data:", "#"))
        assert not address.startswith("#") or address[1:] in ids
    for name in ("aria-labelledby", "for"):
        assert set(page.all(name)) <= set(ids)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in text
    assert "@import" not in text


def test_all_can_be_read_without_seeing(
    drawn: Evaluation, sources: ReportSources, read_page: Read
) -> None:
    page = read_page(page_of(drawn, sources))
    for tag, attributes in page.elements:
        if tag == "img":
            assert len(attributes["alt"] or "") > 10
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
        if tag in ("input", "select"):
            assert attributes["id"] in page.all("for")
        if tag == "section":
            assert attributes["aria-labelledby"]
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert max(after - before for before, after in pairwise(levels)) == 1
    assert dict(page.elements[0][1]) == {"lang": "en"}


def test_what_is_not_there_is_said(evaluation: Evaluation, read_page: Read) -> None:
    """A bare evaluation without maps, calibration, model or command."""
    page = read_page(page_of(evaluation, ReportSources()))
    assert sections_of(page) == ["land-cover", "heights", "missing", "made"]
    said = " ".join(page.texts["li"])
    for word in ("Calibration:", "Images:", "Model and data:"):
        assert word in said
    assert page.texts["h1"] == ["Evaluation"]


@pytest.mark.parametrize("task", ["segmentation", "height"])
def test_one_task_is_left_out(
    drawn: Evaluation, sources: ReportSources, read_page: Read, task: str
) -> None:
    without = replace(drawn, height=None)
    if task == "segmentation":
        without = replace(drawn, segmentation=None)
    page = read_page(page_of(without, sources))
    there = sections_of(page)
    assert ("heights" in there) == (task == "segmentation")
    assert ("land-cover" in there) == (task == "height")
    said = " ".join(page.texts["li"])
    assert ("Land cover: " if task == "segmentation" else "Heights: ") in said
    options = [a for tag, a in page.elements if tag == "option"]
    assert [a["value"] for a in options if "selected" in a] == ["0", "1"]
    assert len(options) == 6


def test_tiles_have_no_maps(drawn: Evaluation, read_page: Read) -> None:
    assert drawn.segmentation is not None
    land = replace(drawn.segmentation, views=())
    tiles = Evaluation(land, None, per_tile=True)
    page = read_page(page_of(tiles, ReportSources()))
    assert "maps" not in sections_of(page)
    assert any("without --per-tile" in each for each in page.texts["li"])


def test_an_older_model_does_not_say_its_pixels(
    drawn: Evaluation, sources: ReportSources, read_page: Read
) -> None:
    assert sources.card is not None
    domains = tuple(each.model_copy(update={"pixels": None}) for each in sources.card.domains)
    old = replace(sources, card=sources.card.model_copy(update={"domains": domains}))
    page = read_page(page_of(drawn, old))
    assert any(each.startswith("Labelled pixels:") for each in page.texts["li"])
    assert "data" in sections_of(page)


def test_the_same_bytes_again(drawn: Evaluation, sources: ReportSources, tmp_path: Path) -> None:
    paths = [tmp_path / "a.html", tmp_path / "b.html"]
    for path in paths:
        write_report(path, drawn, sources)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == paths
    assert str(tmp_path) not in paths[0].read_text(encoding="utf-8")


def test_a_file_that_cannot_be(tmp_path: Path, one_line: Callable[[BaseException], str]) -> None:
    there = tmp_path / "there.html"
    there.touch()
    folder = tmp_path / "folder.html"
    folder.mkdir()
    for path, words in (
        (tmp_path / "report.pdf", "call it report.html"),
        (there, "--overwrite"),
        (folder, "is a folder"),
        (there / "report.html", "cannot be made"),
    ):
        with pytest.raises(OutputError) as error:
            require_report(path, overwrite=False)
        assert words in one_line(error.value)
    require_report(there, overwrite=True)
    require_report(tmp_path / "new.HTM", overwrite=False)
