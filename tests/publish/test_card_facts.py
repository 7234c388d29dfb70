"""What a model card says in words."""

from __future__ import annotations

from geosemimtl.publish.card_facts import model_facts, scores_in_words
from geosemimtl.training.model_file import ModelCard, ValidationCard

NAMED = {"a/b/mean_iou": 0.4119, "b/rmse_m": 2.306}


def test_scores() -> None:
    assert scores_in_words(NAMED, 0.3541) == "a/b mIoU 41.2 %, b RMSE 2.31 m; score 0.354"
    assert scores_in_words({}, None) == "no labelled pixel"


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
