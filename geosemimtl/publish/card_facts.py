"""What a model card says, in words: for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from geosemimtl.tasks import (
    SEGMENTATION,
    Normals,
    Quantity,
    Segmentation,
    Task,
)

if TYPE_CHECKING:  # loads torch, which info of tile sets needs for nothing
    from geosemimtl.training.model_file import ModelCard, ValidationCard

#: Columns of ``domain_rows``.
#: Scores by how their names end: in words, times what, and the unit.
_WORDS = {
    "mean_iou": ("mIoU", 100, " %"),
    "rmse_m": ("RMSE", 1, " m"),
    "rmse_px": ("RMSE", 1, " px"),
    "rmse_per_m": ("RMSE", 1, " / m"),
    "mean_error_deg": ("error", 1, " degrees"),
    "max_iou": ("best IoU", 100, " %"),
    "pixel_f": ("pixel F", 100, " %"),
}
DOMAIN_HEAD = ("domain", "scenes", "tiles", "labels used")


def model_facts(card: ModelCard) -> tuple[tuple[str, str], ...]:
    """Return what a model is and what it predicts, as names and what they are."""
    parts = [f"{card.network.decoder(task.name).name} ({_shown(task)})" for task in card.tasks]
    height, width = card.tile_px
    side = f"{height}" if height == width else f"{width} x {height}"
    sizes = [("images", f"resized to {side} px")]
    if card.gsd_m is not None:
        tiles = f"{side} px, {card.overlap_px} px shared"
        sizes = [("GSD", f"{card.gsd_m:g} m"), ("tiles", tiles)]
    return (
        ("network", " + ".join([card.network.encoder, *parts])),
        ("method", card.training.get("method", {}).get("name", "unknown")),
        ("bands", ", ".join(card.bands)),
        *sizes,
        *((task.name, _unit_of(task)) for task in card.tasks),
        *([("weights", _weights(card.validation))] if card.validation else []),
        ("versions", ", ".join(f"{name} {number}" for name, number in card.versions.items())),
    )


def _shown(task: Task) -> str:
    return "classes" if task.name == SEGMENTATION else task.name.replace("_", " ")


def _unit_of(task: Task) -> str:
    if isinstance(task, Segmentation):
        return ", ".join(task.classes.names)
    if isinstance(task, Quantity):
        unit = "metres" if task.unit == "m" else task.unit
        return f"{unit}, scale {task.scale:g} {task.unit}"
    return "unit vectors" if isinstance(task, Normals) else "yes or no"


def _weights(known: ValidationCard) -> str:
    said = "the last" if known.taken == "last" else f"best of {known.validations} validations"
    scores = scores_in_words(known.scores, known.score)
    return f"{said}, after {known.iteration} of {known.iterations} iterations: {scores}"


def scores_in_words(named: Mapping[str, float], score: float | None) -> str:
    """Return scores on a line: ``potsdam mIoU 41.2 %, vaihingen RMSE 2.31 m; score 0.354``.

    Args:
        named: ``DOMAIN/mean_iou``, ``DOMAIN/rmse_m`` and so on, see
            ``geosemimtl.training.validation.Scores``.
        score: By the rule that chooses weights.
    """
    parts = [f"{domain} {said}" for domain, said in map(_in_words, named.items())]
    said = ", ".join(parts) or "no labelled pixel"
    return said if score is None else f"{said}; score {score:.3f}"


def _in_words(item: tuple[str, float]) -> tuple[str, str]:
    (domain, _, kind), value = item[0].rpartition("/"), item[1]
    word, unit, figure = score_words(kind, value)
    return domain, f"{word} {figure}{unit}"


def score_words(kind: str, value: float) -> tuple[str, str, str]:
    """Return a score's name in words, its unit and its figure.

    Args:
        kind: As in ``DOMAIN/KIND``: ``mean_iou``, ``depth_rmse_m`` and so on.
        value: A share from 0 to 1, or of its unit.
    """
    for ending, (word, factor, unit) in _WORDS.items():
        if kind == ending or kind.endswith(f"_{ending}"):
            task = kind.removesuffix(ending).replace("_", " ")
            places = 4 if unit == " / m" else 1 if unit == " %" else 2
            return f"{task}{word}", unit, f"{factor * value:.{places}f}"
    return kind, "", f"{value:.3g}"


def domain_rows(card: ModelCard) -> list[tuple[str, str, str, str]]:
    """Return for each domain that a model learned from what it had."""
    return [
        (d.name, str(len(d.scenes)), str(d.tiles), ", ".join(d.supervises) or "none")
        for d in card.domains
    ]
