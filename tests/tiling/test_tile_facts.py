"""What the index says of a tile's labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import LandClass
from geosemimtl.tasks import NODATA, TASK_NAMES
from geosemimtl.tiling.tile_facts import facts_of, without_other_tasks

CLASSES = tuple(LandClass(name=name, color="#00ff00") for name in ("road", "car"))
INDICES = np.array([[0, 1, 1, 255]], np.uint8)
NUMBERS = np.array([[0.5, 2, -1, NODATA]], np.float32)
VECTORS = np.array([[[0, 0, 1, NODATA]]] * 3, np.float32)
TARGETS: dict[str, NDArray[Any]] = {
    "segmentation": INDICES,
    "human_parts": INDICES,
    "height": NUMBERS,
    "depth": NUMBERS,
    "inverse_depth": NUMBERS,
    "disparity": NUMBERS,
    "normals": VECTORS,
    "saliency": INDICES,
    "edges": INDICES,
}
FACTS = {
    "share_road": 0.25,
    "share_car": 0.5,
    "human_parts_share_road": 0.25,
    "human_parts_share_car": 0.5,
    "height_min_m": -1,
    "height_max_m": 2,
    "depth_min_m": -1,
    "depth_max_m": 2,
    "inverse_depth_min_per_m": -1,
    "inverse_depth_max_per_m": 2,
    "disparity_min_px": -1,
    "disparity_max_px": 2,
    "normals_share": 0.75,
    "saliency_share": 0.5,
    "edges_share": 0.5,
}


def classes(*tasks: str) -> dict[str, tuple[LandClass, ...]]:
    """Return the classes of some tasks, none where they have none."""
    return {task: CLASSES if task in ("segmentation", "human_parts") else () for task in tasks}


def test_facts_of_every_kind() -> None:
    assert set(TARGETS) == set(TASK_NAMES)
    assert facts_of(TARGETS, classes(*TASK_NAMES)) == FACTS


def test_shares_are_of_all_pixels() -> None:
    """A tile of which a pixel in four is yes, and the others are unknown, has a quarter."""
    labels = np.array([[1, 255, 255, 255]], np.uint8)
    assert facts_of({"edges": labels}, classes("edges")) == {"edges_share": 0.25}


def test_numbers_that_are_unknown() -> None:
    facts = facts_of({"depth": np.full((2, 2), NODATA, np.float32)}, classes("depth"))
    assert facts == {"depth_min_m": None, "depth_max_m": None}


def test_what_is_said_of_other_tasks_is_left_out() -> None:
    """Names that begin alike are told apart."""
    row = {"tile": "a.tif", "valid_share": 1.0, **FACTS}
    kept = without_other_tasks(row, ["depth", "human_parts"], TASK_NAMES)
    assert set(kept) == {
        "tile",
        "valid_share",
        "depth_min_m",
        "depth_max_m",
        "human_parts_share_road",
        "human_parts_share_car",
    }
    assert without_other_tasks(row, TASK_NAMES, TASK_NAMES) == row
