"""One way to count predictions of any task: main scores, skills and names, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geosemimtl.classes import HUMAN_PARTS_CLASSES, Classes, LandClass
from geosemimtl.metrics.task_scores import prefixed, scores_of
from geosemimtl.tasks import TASK_NAMES, UNITS, Binary, Normals, Quantity, Segmentation, Task

CLASSES = Classes(entries=tuple(LandClass(name=name, color="#00ff00") for name in ("a", "b", "c")))
LAND = Segmentation(classes=CLASSES)
EVERY: tuple[Task, ...] = (
    LAND,
    Segmentation(name="human_parts", classes=HUMAN_PARTS_CLASSES),
    *(Quantity.model_validate({"name": name, "scale": 10}) for name in UNITS),
    Normals(),
    Binary(name="saliency"),
    Binary(name="edges"),
)


def scored(task: Task, said: Any, truth: Any, valid: Any = None) -> Any:
    """Count one batch, all of it by default."""
    scores = scores_of(task)
    said, truth = np.asarray(said), np.asarray(truth)
    if valid is None:
        valid = np.ones((truth.shape[0], *truth.shape[-2:]), bool)
    scores.update(said, truth, np.asarray(valid))
    return scores


def test_classes() -> None:
    """Of class a one of two is found, of b both and one too many; c is nowhere."""
    truth = np.array([[[0, 0, 1, 1]]])
    scores = scored(LAND, [[[0, 1, 1, 1]]], truth)
    assert scores.n == 4
    assert scores.main == ("mean_iou", pytest.approx((1 / 2 + 2 / 3) / 2))
    assert scores.skill == scores.main[1]
    named = scores.named()
    assert list(named) == ["mean_iou", "pixel_accuracy", "iou_a", "iou_b", "iou_c"]
    assert named["pixel_accuracy"] == 0.75
    assert (named["iou_a"], named["iou_b"]) == pytest.approx((1 / 2, 2 / 3))
    assert math.isnan(named["iou_c"])
    fewer = scored(LAND, [[[0, 1, 1, 1]]], truth, [[[True, False, True, True]]])
    assert (fewer.n, fewer.skill) == (3, 1)


@pytest.mark.parametrize(("name", "unit"), [("height", "m"), ("depth", "m"), ("disparity", "px")])
def test_numbers(name: str, unit: str) -> None:
    task = Quantity.model_validate({"name": name, "scale": 10})
    scores = scored(task, [[[1, 2, 3, 8]]], [[[1.0, 2.0, 3.0, 6.0]]])
    assert scores.main == (f"rmse_{unit}", pytest.approx(1.0))
    # who always says the mean, 3, has an error of the root of (4 + 1 + 0 + 9) / 4
    assert scores.skill == pytest.approx(1 - 1 / math.sqrt(3.5))
    named = scores.named()
    assert next(iter(named)) == f"rmse_{unit}"
    assert named[f"mae_{unit}"] == named[f"abs_error_{unit}"] == 0.5
    assert named["abs_rel"] == pytest.approx(2 / 6 / 4)
    assert (named["delta1"], named["delta2"]) == (0.75, 1)


def test_inverse_depths_are_in_parts_of_metres() -> None:
    scores = scored(Quantity(name="inverse_depth", scale=1), [[[0.2, 0.4]]], [[[0.1, 0.3]]])
    assert scores.main == ("rmse_per_m", pytest.approx(0.1))
    assert {"mae_per_m", "abs_error_per_m"} <= set(scores.named())


def test_a_depth_of_0_is_unknown_to_mtpsl() -> None:
    """Whose aErr counts what is above 0 alone."""
    scores = scored(Quantity(name="depth", scale=10), [[[1.0, 3.0]]], [[[0.0, 2.0]]])
    named = scores.named()
    assert (named["mae_m"], named["abs_error_m"]) == (1.0, 1.0)
    near = scored(Quantity(name="depth", scale=10), [[[5.0, 3.0]]], [[[0.0, 2.0]]]).named()
    assert (near["mae_m"], near["abs_error_m"]) == (3.0, 1.0)


def test_depths_are_averaged_over_images_too() -> None:
    """As AT/DT does, which only depths have: RMSE 1 and 3, not the root of 5."""
    truth = np.full((2, 1, 2), 10.0)
    said = truth + np.array([1.0, 3.0])[:, None, None]
    named = scored(Quantity(name="depth", scale=80), said, truth).named()
    assert named["rmse_m"] == pytest.approx(math.sqrt(5))
    assert named["images_rmse"] == pytest.approx(2)
    assert named["images_abs_rel"] == pytest.approx(0.2)
    for other in ("height", "disparity"):
        task = Quantity.model_validate({"name": other, "scale": 80})
        assert not [name for name in scored(task, said, truth).named() if "images" in name]


def test_numbers_that_are_all_alike_tell_nothing() -> None:
    """But for rounding: float32 keeps seven digits."""
    scores = scored(Quantity(name="height", scale=10), [[[4.0, 7.0]]], [[[5.0, 5.0 + 1e-6]]])
    assert scores.n == 2
    assert scores.skill is None
    assert scores.main[1] == pytest.approx(math.sqrt(2.5))


def turned(degrees: float) -> NDArray[np.float64]:
    """Return a vector that faces the camera, turned so far to the right."""
    angle = math.radians(degrees)
    return np.array([math.sin(angle), 0, -math.cos(angle)])


def test_normals() -> None:
    said = np.stack([turned(each) for each in (0, 10, 20, 90)], axis=-1)[None, :, None]
    truth = np.broadcast_to(turned(0)[None, :, None, None], said.shape)
    scores = scored(Normals(), said, truth)
    assert scores.n == 4
    assert scores.main == ("mean_error_deg", pytest.approx(30))
    assert scores.skill == pytest.approx(1 - 30 / 90)
    named = scores.named()
    assert list(named) == [
        "mean_error_deg",
        "median_error_deg",
        "within_11.25_deg",
        "within_22.5_deg",
        "within_30_deg",
    ]
    assert [named[f"within_{limit}_deg"] for limit in ("11.25", "22.5", "30")] == [0.5, 0.75, 0.75]
    fewer = scored(Normals(), said, truth, [[[True, True, False, False]]])
    assert (fewer.n, fewer.main[1]) == (2, pytest.approx(5))
    assert scored(Normals(), -truth, truth).skill == pytest.approx(-1)


def test_saliency_is_an_image_s() -> None:
    """Of a small thing and of a large one: each image counts alike, whatever its pixels."""
    truth = np.zeros((2, 1, 8), int)
    truth[0, 0, :1], truth[1, 0, :4] = 1, 1
    said = np.zeros((2, 1, 8))
    said[0, 0, :2], said[1, 0, :4] = 0.95, 0.95  # IoU 1 / 2 and 1
    scores = scored(Binary(name="saliency"), said, truth)
    assert scores.n == 16
    assert scores.main == ("max_iou", pytest.approx(0.75))
    assert scores.skill == scores.main[1]
    named = scores.named()
    assert list(named) == ["max_iou", "max_f", "pooled_max_f"]
    precision, recall = 5 / 6, 1
    pooled = 1.3 * precision * recall / (0.3 * precision + recall)
    assert named["pooled_max_f"] == pytest.approx(pooled)


def test_edges_are_pooled() -> None:
    """At the best of all thresholds: here two of three pixels said are edges, one is missed."""
    truth = np.array([[[1, 1, 0, 0]], [[1, 0, 0, 0]]])
    said = np.array([[[0.97, 0.97, 0.97, 0.1]], [[0.01, 0.1, 0.1, 0.1]]])
    scores = scored(Binary(name="edges"), said, truth)
    assert scores.main == ("pixel_f", pytest.approx(2 / 3))
    assert scores.named() == {"pixel_f": scores.main[1]}


def test_edges_where_there_are_none() -> None:
    scores = scored(Binary(name="edges"), np.full((1, 1, 4), 0.01), np.zeros((1, 1, 4)))
    assert scores.n == 4
    assert scores.skill is None


def example(task: Task, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Draw what is said, what is true and where that is known, of three images."""
    random, shape = np.random.default_rng(seed), (3, 5, 6)
    valid = random.random(shape) < 0.8
    if isinstance(task, Segmentation):
        count = len(task.classes)
        return random.integers(0, count, shape), random.integers(0, count, shape), valid
    if isinstance(task, Binary):
        return random.random(shape), random.integers(0, 2, shape), valid
    if isinstance(task, Normals):
        vectors = random.normal(size=(2, 3, 3, 5, 6))
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        return vectors[0], vectors[1], valid
    return random.uniform(1, 9, shape), random.uniform(1, 9, shape), valid


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_batches_and_tensors_change_nothing(task: Task) -> None:
    said, truth, valid = example(task, 0)
    whole = scored(task, said, truth, valid)
    parts = scores_of(task)
    for part in (slice(0, 1), slice(1, 3)):
        parts.update(*(torch.from_numpy(each[part]) for each in (said, truth, valid)))
    assert parts.n == whole.n == np.count_nonzero(valid)
    assert parts.named() == pytest.approx(whole.named(), nan_ok=True)
    assert parts.main[0] == next(iter(parts.named()))
    assert parts.skill == pytest.approx(whole.skill)


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_the_truth_has_a_skill_of_1(task: Task) -> None:
    _, truth, valid = example(task, 1)
    assert (
        scored(task, truth.astype(float) if truth.dtype.kind == "i" else truth, truth, valid).skill
        == 1
    )


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_what_is_not_valid_does_not_count(task: Task) -> None:
    said, truth, valid = example(task, 2)
    spoilt = truth.astype(float) if truth.dtype.kind == "f" else truth.copy()
    hidden = ~valid[:, None].repeat(3, 1) if isinstance(task, Normals) else ~valid
    spoilt[hidden] = np.nan if truth.dtype.kind == "f" else 255
    one, other = scored(task, said, truth, valid), scored(task, said, spoilt, valid)
    assert one.named() == pytest.approx(other.named(), nan_ok=True)
    nothing = scored(task, said, spoilt, np.zeros_like(valid))
    assert nothing.n == 0


def test_every_task_has_scores() -> None:
    assert {task.name for task in EVERY} == set(TASK_NAMES)


def test_names_of_scores_that_stand_together() -> None:
    assert prefixed("segmentation", "mean_iou") == "mean_iou"
    assert prefixed("height", "rmse_m") == "rmse_m"
    assert prefixed("depth", "rmse_m") == "depth_rmse_m"
    assert prefixed("human_parts", "mean_iou") == "human_parts_mean_iou"
