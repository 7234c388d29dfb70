"""A folder of scores: JSON, Markdown, CSV and a picture of the confusions."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

from geosemimtl.files import folder_writer, require_replaceable, write_text
from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.publish.confusion_picture import draw_confusion
from geosemimtl.publish.score_document import document_of, flattened
from geosemimtl.publish.score_tables import counted_how, score_summaries

#: By this file a folder is known to be one of scores.
MARKER = "scores.json"


def require_score_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that scores cannot be written to, before work begins.

    Raises:
        OutputError: It exists and may not be replaced, or its parent cannot be made.
    """
    require_replaceable(folder, MARKER, overwrite=overwrite)


def write_scores(folder: Path, evaluation: Evaluation) -> None:
    """Write ``scores.json``, ``scores.md``, ``scores.csv`` and, of classes, ``confusion.png``.

    The CSV has a row for each figure of the JSON, its keys joined by dots.

    Raises:
        OutputError: The folder cannot be written.
    """
    document = document_of(evaluation)
    tables = [table.markdown() for table in score_summaries(evaluation)]
    with folder_writer(folder) as part:
        write_text(part / MARKER, json.dumps(document, indent=1) + "\n")
        write_text(part / "scores.md", "\n".join([counted_how(evaluation) + "\n", *tables]))
        rows = StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(("score", "value"))
        writer.writerows(flattened(document).items())
        write_text(part / "scores.csv", rows.getvalue())
        if evaluation.segmentation:
            draw_confusion(part / "confusion.png", evaluation.segmentation)
