"""What a model card says, in words: for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from geosemimtl.tasks import Segmentation

if TYPE_CHECKING:  # loads torch, which info of tile sets needs for nothing
    from geosemimtl.training.model_file import ModelCard, ValidationCard

#: Columns of ``domain_rows``.
DOMAIN_HEAD = ("domain", "scenes", "tiles", "labels used")


def model_facts(card: ModelCard) -> tuple[tuple[str, str], ...]:
    """Return what a model is and what it predicts, as names and what they are."""
    decoders = {"segmentation": card.network.segmentation.name, "height": card.network.height.name}
    shown = {"segmentation": "classes", "height": "height"}
    parts = [f"{decoders[task.name]} ({shown[task.name]})" for task in card.tasks]
    return (
        ("network", " + ".join([card.network.encoder, *parts])),
        ("method", card.training.get("method", {}).get("name", "unknown")),
        ("bands", ", ".join(card.bands)),
        ("GSD", f"{card.gsd_m:g} m"),
        ("tiles", f"{card.tile_px} px, {card.overlap_px} px shared"),
        *(
            (task.name, ", ".join(task.classes.names))
            if isinstance(task, Segmentation)
            else (task.name, f"metres, scale {task.scale_m:g} m")
            for task in card.tasks
        ),
        *([("weights", _weights(card.validation))] if card.validation else []),
        ("versions", ", ".join(f"{name} {number}" for name, number in card.versions.items())),
    )


def _weights(known: ValidationCard) -> str:
    said = "the last" if known.taken == "last" else f"best of {known.validations} validations"
    scores = scores_in_words(known.scores, known.score)
    return f"{said}, after {known.iteration} of {known.iterations} iterations: {scores}"


def scores_in_words(named: Mapping[str, float], score: float | None) -> str:
    """Return scores on a line: ``potsdam mIoU 41.2 %, vaihingen RMSE 2.31 m; score 0.354``.

    Args:
        named: ``DOMAIN/mean_iou`` and ``DOMAIN/rmse_m``.
        score: By the rule that chooses weights.
    """
    parts = [f"{domain} {said}" for domain, said in map(_in_words, named.items())]
    said = ", ".join(parts) or "no labelled pixel"
    return said if score is None else f"{said}; score {score:.3f}"


def _in_words(item: tuple[str, float]) -> tuple[str, str]:
    (domain, _, kind), value = item[0].rpartition("/"), item[1]
    return domain, f"mIoU {100 * value:.1f} %" if kind == "mean_iou" else f"RMSE {value:.2f} m"


def domain_rows(card: ModelCard) -> list[tuple[str, str, str, str]]:
    """Return for each domain that a model learned from what it had."""
    return [
        (d.name, str(len(d.scenes)), str(d.tiles), ", ".join(d.supervises) or "none")
        for d in card.domains
    ]
