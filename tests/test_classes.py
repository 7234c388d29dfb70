"""Classes, and how label data write them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from geosemimtl.classes import (
    IGNORE,
    ISPRS_CLASS_MAP,
    ISPRS_CLASSES,
    Classes,
    ClassMap,
    MappedClass,
    class_map_of,
)

N = IGNORE


def mapped(name: str, color: str, *written: int | str) -> MappedClass:
    return MappedClass(name=name, color=color, written=written)


def test_what_a_class_is_written_as_by_default() -> None:
    made = ClassMap(entries=(mapped("ground", "#CCcccc"), mapped("tree", "#00ff00", "wood")))
    assert made.numbers == {0: 0, 1: 1}
    assert made.colours == {(204, 204, 204): 0, (0, 255, 0): 1}
    assert made.texts == {"ground": 0, "tree": 1, "wood": 1}
    assert made.background_index == N


def test_what_is_named_replaces_the_default() -> None:
    entries = (
        mapped("building", "#aa0000", 2, 17, "house", "#0000FF"),
        mapped("ground", "#cccccc"),
    )
    made = ClassMap(entries=entries, ignore=(0, "#000000", "unknown"), background="ground")
    assert made.numbers == {2: 0, 17: 0, 0: N}  # one class names numbers: the other has none
    assert made.colours == {(0, 0, 255): 0, (204, 204, 204): 1, (0, 0, 0): N}
    assert made.texts == {"building": 0, "house": 0, "ground": 1, "unknown": N}
    assert made.background_index == 1
    assert made.classes == Classes.model_validate(
        {
            "entries": [
                {"name": "building", "color": "#aa0000"},
                {"name": "ground", "color": "#cccccc"},
            ]
        }
    )


def test_isprs() -> None:
    assert ISPRS_CLASS_MAP.numbers == {**{index: index for index in range(6)}, 255: N}
    assert ISPRS_CLASS_MAP.colours[255, 255, 0] == ISPRS_CLASSES.names.index("car")
    assert ISPRS_CLASS_MAP.colours[0, 0, 0] == N
    assert class_map_of(ISPRS_CLASSES).numbers == ISPRS_CLASS_MAP.numbers


A, B = mapped("a", "#000001", 1, "x", "#00000a"), mapped("b", "#000002", 2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"entries": (A, mapped("b", "#000002", 1))}, "1 stands for two: a and b"),
        ({"entries": (A, mapped("b", "#000002", "#00000A"))}, "#00000a stands for two: a and b"),
        ({"entries": (A, mapped("b", "#00000a"))}, "#00000a stands for two: a and b"),
        ({"entries": (A, mapped("b", "#000002", "x"))}, "x stands for two: a and b"),
        ({"entries": (A, mapped("x", "#000002"))}, "x stands for two: a and x"),
        ({"entries": (A, A)}, "two classes have the same name, a"),
        ({"entries": (A, B), "ignore": (2,)}, "2 stands for two: b and ignored"),
        ({"entries": (A, B), "background": "c"}, "background c is none of a, b"),
        ({"entries": (A,)}, "at least two"),
        ({"entries": (A, B), "round_colours": True}, "round_colours needs colours whose values"),
    ],
)
def test_ambiguous_maps(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ClassMap(**fields)


@pytest.mark.parametrize("kind", [ClassMap, Classes])
def test_classes_beyond_254(kind: type[ClassMap | Classes]) -> None:
    entries = [{"name": f"c{k}", "color": f"#0000{k % 256:02x}"} for k in range(255)]
    assert len(kind.model_validate({"entries": entries[:254]}).entries) == 254
    with pytest.raises(ValidationError, match="255 classes: classes beyond 254 do not fit"):
        kind.model_validate({"entries": entries})


def test_classes_of_older_files_are_read() -> None:
    """They also said how the labels were written."""
    entries = [
        {"name": entry.name, "color": entry.color, "value": index}
        for index, entry in enumerate(ISPRS_CLASSES.entries)
    ]
    assert Classes.model_validate({"entries": entries, "ignore": [255]}) == ISPRS_CLASSES
