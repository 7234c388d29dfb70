"""What a model card says in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from geosemimtl.publish.card_facts import model_facts, score_words, scores_in_words
from geosemimtl.tasks import Binary, Normals, Quantity
from geosemimtl.training.model_file import ModelCard, ValidationCard

NAMED = {"a/b/mean_iou": 0.4119, "b/rmse_m": 2.306}


def test_scores() -> None:
    assert scores_in_words(NAMED, 0.3541) == "a/b mIoU 41.2 %, b RMSE 2.31 m; score 0.354"
    assert scores_in_words({}, None) == "no labelled pixel"


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("mean_iou", 0.5, ("mIoU", " %", "50.0")),
        ("human_parts_mean_iou", 0.5, ("human parts mIoU", " %", "50.0")),
        ("rmse_m", 2.306, ("RMSE", " m", "2.31")),
        ("depth_rmse_m", 2.306, ("depth RMSE", " m", "2.31")),
        ("disparity_rmse_px", 3.0, ("disparity RMSE", " px", "3.00")),
        ("inverse_depth_rmse_per_m", 0.01234, ("inverse depth RMSE", " / m", "0.0123")),
        ("normals_mean_error_deg", 24.5, ("normals error", " degrees", "24.50")),
        ("saliency_max_iou", 0.65, ("saliency best IoU", " %", "65.0")),
        ("edges_pixel_f", 0.4, ("edges pixel F", " %", "40.0")),
        ("something_new", 0.12345, ("something_new", "", "0.123")),
    ],
)
def test_scores_of_every_task(kind: str, value: float, words: tuple[str, str, str]) -> None:
    assert score_words(kind, value) == words


def test_a_model_of_images_without_ground(make_card: Callable[..., ModelCard]) -> None:
    tasks = (
        Quantity(name="disparity", scale=120),
        Quantity(name="depth", scale=80),
        Normals(),
        Binary(name="edges"),
    )
    said = dict(model_facts(make_card(tasks=tasks, gsd_m=None, tile_px=(128, 256))))
    assert said["images"] == "resized to 256 x 128 px"
    assert not {"GSD", "tiles"} & set(said)
    assert said["disparity"] == "px, scale 120 px"
    assert said["depth"] == "metres, scale 80 m"
    assert said["normals"] == "unit vectors"
    assert said["edges"] == "yes or no"
    assert "psp (normals)" in said["network"]


def test_which_weights_they_are(card: ModelCard) -> None:
    assert "weights" not in dict(model_facts(card))
    chosen = ValidationCard(
        taken="best",
        iteration=3,
        scores=NAMED,
        score=0.3541,
        rule="any",
        validations=4,
        iterations=8,
    )
    said = dict(model_facts(card.model_copy(update={"validation": chosen})))["weights"]
    assert said == (
        "best of 4 validations, after 3 of 8 iterations: "
        "a/b mIoU 41.2 %, b RMSE 2.31 m; score 0.354"
    )
    last = chosen.model_copy(update={"taken": "last", "iteration": 8})
    said = dict(model_facts(card.model_copy(update={"validation": last})))["weights"]
    assert said.startswith("the last, after 8 of 8 iterations")
