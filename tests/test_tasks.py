"""Tasks: each name has a kind, of which all else follows; and what older files say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from geosemimtl.classes import HUMAN_PARTS_CLASSES, IGNORE, ISPRS_CLASSES
from geosemimtl.tasks import (
    FORMS,
    NODATA,
    TASK_NAMES,
    UNITS,
    Binary,
    Form,
    Kind,
    Normals,
    Quantity,
    Segmentation,
    Task,
    form_of,
    kind_of,
)

TASK: TypeAdapter[Task] = TypeAdapter(Task)
KINDS = {
    "segmentation": Kind.CLASSES,
    "human_parts": Kind.CLASSES,
    "height": Kind.QUANTITY,
    "depth": Kind.QUANTITY,
    "inverse_depth": Kind.QUANTITY,
    "disparity": Kind.QUANTITY,
    "normals": Kind.DIRECTION,
    "saliency": Kind.BINARY,
    "edges": Kind.BINARY,
}


def test_every_name_has_a_kind() -> None:
    assert {name: kind_of(name) for name in TASK_NAMES} == KINDS
    assert set(UNITS) == {name for name, kind in KINDS.items() if kind is Kind.QUANTITY}


def test_how_labels_of_a_kind_are_kept() -> None:
    assert set(FORMS) == set(Kind)
    assert form_of("human_parts") == form_of("edges") == Form("uint8", IGNORE, 1)
    assert form_of("disparity") == Form("float32", NODATA, 1)
    assert form_of("normals") == Form("float32", NODATA, 3)
    for form in FORMS.values():
        # nodata is a value of its type, to the bit
        assert np.dtype(form.dtype).type(form.nodata) == form.nodata


@pytest.mark.parametrize(
    ("task", "channels"),
    [
        (Segmentation(classes=ISPRS_CLASSES), 6),
        (Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES), 7),
        (Quantity(name="depth", scale=80), 1),
        (Normals(), 3),
        (Binary(name="edges"), 1),
    ],
)
def test_tasks_come_back_from_json(task: Task, channels: int) -> None:
    assert task.channels == channels
    assert TASK.validate_json(TASK.dump_json(task)) == task


@pytest.mark.parametrize(
    ("name", "unit"),
    [("height", "m"), ("depth", "m"), ("inverse_depth", "1/m"), ("disparity", "px")],
)
def test_units(name: str, unit: str) -> None:
    task = Quantity.model_validate({"name": name, "scale": 2})
    assert (task.unit, task.scale) == (unit, 2)


def test_heights_of_older_files() -> None:
    """They had metres in their key, as there were no other numbers."""
    assert TASK.validate_python({"name": "height", "scale_m": 11}) == Quantity(
        name="height", scale=11
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "depth"},
        {"name": "depth", "scale": 0},
        {"name": "depth", "scale_px": 1},
        {"name": "normals", "scale": 1},
        {"name": "segmentation"},
        {"name": "saliency", "classes": ISPRS_CLASSES},
        {"name": "flow", "scale": 1},
    ],
)
def test_what_is_no_task(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TASK.validate_python(fields)
