"""The folder of scores: whole or not at all, the same bytes each time."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread

from geosemimtl.errors import OutputError
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.publish import score_folder
from geosemimtl.publish.score_document import document_of, flattened
from geosemimtl.publish.score_folder import require_score_folder, write_scores


def test_what_is_written(evaluation: Evaluation, tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    write_scores(folder, evaluation)
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["confusion.png", "scores.csv", "scores.json", "scores.md"]
    document = document_of(evaluation)
    assert json.loads((folder / "scores.json").read_text("utf-8")) == document
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["score"]: row["value"] for row in rows} == {
        key: "" if value is None else str(value) for key, value in flattened(document).items()
    }
    text = (folder / "scores.md").read_text("utf-8")
    assert text.startswith("Whole rasters: each pixel counts once.\n\nLand cover")
    assert "| low vegetation | 75.0 | 85.7 |" in text
    assert imread(folder / "confusion.png").shape[1] > 600


def test_heights_alone_have_no_confusions(evaluation: Evaluation, tmp_path: Path) -> None:
    write_scores(tmp_path / "scores", replace(evaluation, segmentation=None))
    assert not (tmp_path / "scores" / "confusion.png").exists()


def test_the_same_scores_give_the_same_bytes(evaluation: Evaluation, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_scores(tmp_path / name, evaluation)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_earlier_folder_stays_where_writing_fails(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scores"
    write_scores(folder, evaluation)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(path: Path, _: object) -> None:
        raise OutputError(f"{path}: the disk is full")

    monkeypatch.setattr(score_folder, "draw_confusion", full)
    with pytest.raises(OutputError):
        write_scores(folder, replace(evaluation, height=None))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_only_folders_of_scores_are_replaced(evaluation: Evaluation, tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    require_score_folder(folder, overwrite=False)
    write_scores(folder, evaluation)
    require_score_folder(folder, overwrite=True)
    with pytest.raises(OutputError, match="--overwrite"):
        require_score_folder(folder, overwrite=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(OutputError, match="never replaced"):
        require_score_folder(tmp_path / "mine", overwrite=True)
